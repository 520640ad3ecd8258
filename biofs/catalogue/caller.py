"""Who reads the catalogue: how a call waits, what it may fetch, and what it looked at.

Whoever reads the catalogue hands a Caller down to everything that may fetch. A dry run is a caller
that may not fetch; a refresh at the user's wish is one that wants fresh answers. Nothing about a
call is kept anywhere else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from biofs.catalogue.fetches import Fetch


T = TypeVar("T")


class WouldFetch(Exception):  # noqa: N818 - it is an answer, not an error
    """In a dry run: what is read is not known. `key` is that of the fetch it would take."""

    def __init__(self, key: Hashable) -> None:
        super().__init__(key)
        self.key = key


class WouldWait(Exception):  # noqa: N818 - it is an answer, not an error
    """The caller does not wait for what it has started."""


class Caller(ABC):
    """One call: the process behind a FUSE request, a request at the control socket, a command.

    With `wants_fresh` each answer is fetched again, once.
    """

    may_fetch: bool = True

    def __init__(self, *, wants_fresh: bool = False) -> None:
        self.wants_fresh: Final = wants_fresh

    # Made when they are first needed: most requests of the kernel need none of them.

    @cached_property
    def used_answers(self) -> set[str]:
        """The keys of the answers that the call looked at, so that whatever shows them can be
        invalidated when they change."""
        return set()

    @property
    def has_used_answers(self) -> bool:
        """Whether there are `used_answers`, without making them."""
        return "used_answers" in self.__dict__

    @cached_property
    def fetched_fresh(self) -> set[str]:
        """The keys of the answers that were fetched because the caller wants fresh ones."""
        return set()

    @cached_property
    def would_refresh(self) -> list[Hashable]:
        """The keys of what would be refreshed in the background if the caller might fetch."""
        return []

    @abstractmethod
    async def wait(self, fetch: Fetch) -> None:
        """Return at the fetch's next progress or end, at once if it has ended.

        Raises what ends the wait early. The fetch goes on either way.
        """

    async def result(self, fetch: Fetch) -> None:
        """Wait until the fetch is done. Raises its ApiError, and what `wait` raises."""
        while not fetch.done:
            await self.wait(fetch)
        fetch.raise_error()

    async def within(self, work: Callable[[], Awaitable[T]]) -> T:
        """Wait for work that may be cancelled, as long as the caller waits for anything.

        Raises what ends the wait early; the work is cancelled then.
        """
        return await work()

    def must_fetch(self, key: str) -> bool:
        """Whether the answer under `key` has to be fetched even if it is known."""
        return self.wants_fresh and key not in self.fetched_fresh


class DryRun(Caller):
    """A caller that may not fetch: what would have to be fetched raises WouldFetch.

    Refreshes in the background are not started either; `would_refresh` has their keys.
    """

    may_fetch = False

    async def wait(self, fetch: Fetch) -> None:
        """See Caller. Also what is being fetched for somebody else is not known yet."""
        raise WouldFetch(fetch.key)


class NoWait(Caller):
    """A caller that starts fetches and does not wait for them: raises WouldWait."""

    async def wait(self, fetch: Fetch) -> None:
        raise WouldWait


class Background(Caller):
    """A caller that waits as long as it takes, and whose waiting gives a fetch no precedence."""

    async def wait(self, fetch: Fetch) -> None:
        if not fetch.done:
            await fetch.changed.wait()

"""Pieces of one file that the engine was asked for: each is verified as soon as it is there.

A task waits for the engine and verifies, for all who read the file, and goes on a little ahead of
them: so the next piece comes and is hashed while the one before is read. It asks the engine for
nothing and waits by one message at a time, which the engine answers when a piece is there. It ends
when nothing more is to come, or nobody has read for a while. There is more than one only if
somebody needs a piece while it waits for others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Final

import trio

from biofs.contents.engines.engine import EngineError

WAIT_SECONDS: Final = 1.0
"""For so long the engine is asked to wait for pieces before it says that there are none."""
IDLE_SECONDS: Final = 5.0
"""After which nothing is verified any more ahead of a reader who does not go on."""
MOST_WRONG: Final = 40
"""So often a piece that the engine has is hashed before it is taken as wrong for good."""
_AGAIN_SECONDS: Final = 0.03


class NeverRight(Exception):  # noqa: N818 - says what the piece is
    """The engine says that a piece is there, and its hash is another one."""


class Arrivals:
    """See the module. `start` runs a task that does not raise.

    `wait` returns those of the pieces that the engine has, once that is at least one, or none after
    `WAIT_SECONDS`; `verify` says whether a piece is right. Both may raise EngineError and OSError.
    """

    def __init__(
        self,
        start: Callable[[Callable[[], Awaitable[None]]], None],
        wait: Callable[[Sequence[int]], Awaitable[Collection[int]]],
        verify: Callable[[int], Awaitable[bool]],
    ) -> None:
        self._start: Final = start
        self._wait: Final = wait
        self._verify: Final = verify
        self._expected: Final[set[int]] = set()
        self._needed: Final[Counter[int]] = Counter()
        self._wrong: Final[Counter[int]] = Counter()
        self._never: Final[set[int]] = set()
        self._right: Final[set[int]] = set()
        """What was verified, and need not be again because it was asked for with others."""
        self._ahead = range(0)
        self._read_at = float("-inf")
        self._changed = trio.Event()
        self._covered: Final[set[int]] = set()
        """What a task waits for, or verifies."""
        self._failures: Final[dict[int, Exception]] = {}
        self._scopes: Final[set[trio.CancelScope]] = set()
        self._closed = False

    def expects(self, pieces: Iterable[int]) -> bool:
        """Whether one of them was asked for, and was not verified since."""
        return not self._expected.isdisjoint(pieces)

    def verified(self, pieces: Iterable[int]) -> bool:
        """Whether all of them have come and were right."""
        return self._right.issuperset(pieces)

    def asked(self, pieces: Iterable[int], needed: Collection[int]) -> None:
        """The engine was asked for these: what is `needed` is not here, whatever was verified."""
        self._right.difference_update(needed)
        self._expected.update(piece for piece in pieces if piece not in self._right)
        self._never.difference_update(self._expected)

    def reads(self, ahead: range) -> None:
        """Somebody reads; these are to be verified before that one gets there."""
        self._ahead, self._read_at = ahead, trio.current_time()
        if not self._scopes and self._targets():
            self._run_on()

    async def wait(self, piece: int, seconds: float) -> bool:
        """Whether a piece that was asked for was verified, at the latest after so long.

        Raises what the engine or the disk raises, and NeverRight.
        """
        self._needed[piece] += 1
        try:
            if piece not in self._covered:  # by who waits for something else, which may not come
                self._run_on()
            with trio.move_on_after(seconds):
                while piece in self._expected:
                    if piece in self._failures:
                        raise self._failures[piece]
                    await self._changed.wait()
        finally:
            self._needed[piece] -= 1
            if not self._needed[piece]:
                del self._needed[piece]
        if piece in self._never:
            raise NeverRight
        return piece not in self._expected

    def close(self) -> None:
        """Nobody reads any more."""
        self._closed = True
        for scope in self._scopes:
            scope.cancel()

    def _run_on(self) -> None:
        pieces = self._targets()
        if pieces and not self._closed:
            scope = trio.CancelScope()
            self._scopes.add(scope)
            self._cover(pieces)
            self._start(partial(self._run, scope, pieces))

    def _cover(self, pieces: Iterable[int]) -> None:
        self._covered.update(pieces)
        for piece in pieces:
            self._failures.pop(piece, None)

    async def _run(self, scope: trio.CancelScope, pieces: Sequence[int]) -> None:
        try:
            with scope:
                while pieces:
                    for piece in sorted(await self._wait(pieces)):
                        await self._arrived(piece)
                    self._covered.difference_update(pieces)
                    pieces = self._targets()
                    self._cover(pieces)
        except (EngineError, OSError) as error:
            self._failures.update(dict.fromkeys(pieces, error))
        finally:
            self._scopes.discard(scope)
            self._covered.difference_update(pieces)
            self._tell()

    def _targets(self) -> list[int]:
        """What no task waits for yet: what somebody needs, then what will be read."""
        needed = sorted(self._expected.intersection(self._needed))
        pieces = needed + [piece for piece in self._soon() if piece not in self._needed]
        return [piece for piece in pieces if piece not in self._covered]

    def _soon(self) -> list[int]:
        if trio.current_time() >= self._read_at + IDLE_SECONDS:
            return []
        return [each for each in self._ahead if each in self._expected and not self._wrong[each]]

    async def _arrived(self, piece: int) -> None:
        if piece not in self._expected:
            return
        if not await self._verify(piece):
            self._wrong[piece] += 1
            if self._wrong[piece] <= MOST_WRONG:
                await trio.sleep(_AGAIN_SECONDS)
                return
            self._never.add(piece)
        else:
            self._right.add(piece)
        self._expected.discard(piece)
        del self._wrong[piece]
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

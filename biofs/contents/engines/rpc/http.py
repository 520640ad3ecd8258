"""The way to a client that is reached over HTTP, for both libraries: they use requests.

`Calls` turns all that the libraries raise into an `EngineError`. Their exceptions hold the request:
its URL with the password in it, or the .torrent with the passkey. So none of them is kept, not even
as the context of another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

import requests

from biofs.api.server import is_loopback, normalise_base_url
from biofs.contents.engines.engine import EngineError
from biofs.contents.engines.rpc.bounded import Garbled, Redirected, TooLong

Result = TypeVar("Result")


class Address(NamedTuple):
    """Where a client is."""

    scheme: str
    host: str
    port: int
    path: str
    """Without a slash at the end; empty if the URL has none."""

    @property
    def shown(self) -> str:
        """For messages: without user and password, which a URL here cannot have."""
        return f"{self.scheme}://{self.host}:{self.port}{self.path}"


def address(url: str, *, port: int, insecure: bool) -> Address:
    """Take a client's URL apart; `port` is the one without any in the URL.

    Plain http to another machine would show everybody on the way the password, and the passkey in
    each .torrent. It is refused unless `insecure`.

    Raises:
        EngineError: The URL is none, has a password in it, or is refused.
    """
    problem = ""
    try:
        url = normalise_base_url(url)
    except ValueError as error:
        problem = str(error).replace("https://torrents.bio", "http://127.0.0.1:9091")
    if problem:
        raise EngineError(f"the engine's address is not usable: {problem}")
    parts = urlsplit(url)
    if parts.scheme == "http" and not (insecure or is_loopback(url)):
        raise EngineError(
            "plain http would show the client's password and your passkey to everybody on the way: "
            "use https://, or allow it with `insecure = true`"
        )
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return Address(parts.scheme, host, parts.port or port, parts.path)


class GoneError(EngineError):
    """A client does not have the torrent, or no longer."""


class Calls:
    """Calls a library, one call at a time, and raises nothing but `EngineError`.

    Neither library says that threads may share a connection, and a wrong password that several
    send at once would count several times.

    Args:
        name: The client, as users know it.
        where: Its address, as in `Address.shown`.
        explain: What an exception of the library means, in words that quote nothing of it; None if
            it is not one that the library documents.
        gone: The exceptions that say that it does not have a torrent.
        timeout: In seconds, for the calls of others to end.
    """

    def __init__(
        self,
        name: str,
        where: str,
        explain: Callable[[Exception], str | None],
        gone: tuple[type[Exception], ...] = (),
        timeout: float = 30.0,
    ) -> None:
        self._name = name
        self._where = where
        self._explain = explain
        self._gone = gone
        self._timeout = timeout
        self._turn = threading.RLock()

    def __call__(self, function: Callable[..., Result], *args: Any, **options: Any) -> Result:
        """Call a function of the library."""
        if not self._turn.acquire(timeout=self._timeout):
            raise EngineError(self._said(_LATE))
        try:
            return function(*args, **options)
        except EngineError:
            raise
        except Exception as error:
            kind = GoneError if isinstance(error, self._gone) else EngineError
            problem = self._said(self._explain(error) or _origin(error) or _STRANGE)
        finally:
            self._turn.release()
        # Outside the handler, so that the library's exception is not this one's context.
        raise kind(problem)

    def _said(self, problem: str) -> str:
        return f"{self._name} at {self._where}: {problem}"


_LATE: Final = "it does not answer in time: is it busy? try again, or start it again"
_STRANGE: Final = "it answered with something that is none of its answers: is this its address?"


_MEANINGS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (TooLong, "its answer is too long: is this its address?"),
    (Redirected, "it sends elsewhere: give the address at which it answers itself"),
    (Garbled, "its answer breaks off: is it being stopped, or something between here and it?"),
    (
        requests.exceptions.SSLError,
        "its certificate is not trusted: give it one that this machine trusts",
    ),
    (requests.Timeout, _LATE),
    (
        requests.ConnectionError,
        "it cannot be reached: is it running, and may it be controlled from here?",
    ),
)


def _origin(error: BaseException) -> str | None:
    """What the exception of requests that a library has wrapped means."""
    current: BaseException | None = error
    for _ in range(10):
        if current is None:
            break
        for kind, said in _MEANINGS:
            if isinstance(current, kind):
                return said
        current = current.__cause__ or current.__context__
    return None

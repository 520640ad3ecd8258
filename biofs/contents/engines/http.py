"""The way to a client that is reached over HTTP, for both libraries: they use requests.

Both read an answer whole, however long it is, and follow redirects. `Adapter` does neither: it
takes an answer of at most `MOST_BYTES` within `timeout`, and a redirect is an error, because the
torrent sent and the password are for the host that the user has named.

`Calls` turns all that the libraries raise into an `EngineError`. Their exceptions hold the request:
its URL with the password in it, or the .torrent with the passkey. So none of them is kept, not even
as the context of another.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from biofs.api.server import is_loopback, normalise_base_url
from biofs.contents.engines.engine import EngineError

MOST_BYTES: Final = 64 << 20
"""Of an answer: it lists 300,000 files of a torrent."""

_PORTION: Final = 64 * 1024
_REDIRECTS: Final = range(300, 400)

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


class TooLong(requests.RequestException):
    """An answer is longer than any should be."""


class Redirected(requests.RequestException):
    """The client sends elsewhere."""


class _Body(io.BytesIO):
    """An answer that was read; requests finds cookies by `_original_response`."""

    def __init__(self, data: bytes, original: object) -> None:
        super().__init__(data)
        self._original_response = original


class Adapter(HTTPAdapter):
    """Sends a request once, and reads a bounded answer within a bounded time.

    Args:
        timeout: In seconds, for the answer as a whole and for each silence before it.
    """

    def __init__(self, timeout: float, most: int = MOST_BYTES) -> None:
        super().__init__(max_retries=0)
        self._timeout = timeout
        self._most = most

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """As the base class; raises `TooLong`, `Redirected` and what requests has."""
        end = time.monotonic() + self._timeout
        options |= {"stream": True, "timeout": self._timeout}
        response = super().send(request, **options)
        raw = response.raw
        try:
            if response.status_code in _REDIRECTS:
                raise Redirected
            data = self._read(raw, end)
        finally:
            raw.close()
        response.raw = _Body(data, getattr(raw, "_original_response", None))
        # Both speak UTF-8; guessing takes minutes for a long answer.
        response.encoding = "utf-8"
        return response

    def _read(self, raw: Any, end: float) -> bytes:
        data = bytearray()
        # read1 gives what has come: a server that sends a byte now and then ends by the clock.
        read = getattr(raw, "read1", raw.read)  # urllib3 has it from 2.1 on
        while portion := read(_PORTION, decode_content=True):
            data += portion
            if len(data) > self._most:
                raise TooLong
            if time.monotonic() > end:
                raise requests.ReadTimeout
        return bytes(data)


class Calls:
    """Calls a library, and raises nothing but `EngineError`.

    Args:
        name: The client, as users know it.
        where: Its address, as in `Address.shown`.
        explain: What an exception of the library means, in words that quote nothing of it; None if
            it is not one that the library documents.
    """

    def __init__(self, name: str, where: str, explain: Callable[[Exception], str | None]) -> None:
        self._name = name
        self._where = where
        self._explain = explain

    def __call__(self, function: Callable[..., Result], *args: Any, **options: Any) -> Result:
        """Call a function of the library."""
        try:
            return function(*args, **options)
        except EngineError:
            raise
        except Exception as error:
            problem = self._described(error)
        # Outside the handler, so that the library's exception is not this one's context.
        raise EngineError(problem)

    def _described(self, error: Exception) -> str:
        said = self._explain(error) or _origin(error)
        if said is None:
            said = (
                f"it answered with something that is none of its answers ({type(error).__name__})"
            )
        return f"{self._name} at {self._where}: {said}"


def _origin(error: BaseException) -> str | None:
    """What the exception of requests that a library has wrapped means."""
    current: BaseException | None = error
    for _ in range(10):
        if current is None:
            break
        if said := _of_requests(current):
            return said
        current = current.__cause__ or current.__context__
    return None


def _of_requests(error: BaseException) -> str | None:
    match error:
        case TooLong():
            return "its answer is too long"
        case Redirected():
            return "it sends elsewhere: give the address at which it answers itself"
        case requests.exceptions.SSLError():
            return "its certificate is not trusted"
        case requests.Timeout():
            return "it does not answer in time"
        case requests.ConnectionError():
            return "it cannot be reached: is it running, and may it be controlled from here?"
        case _:
            return None

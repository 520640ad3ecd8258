"""Fetching over HTTP: conditional requests, and files that continue where they broke off.

Everything here is called by the one task that owns the client: see `httpx` and cancelled requests
in `api/http.py`.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import httpx
import trio

from biofs.api.envelope import parse_retry_after
from biofs.api.http import BodyMalformed, BodyTooLarge, Clients, create_clients, read_body
from biofs.api.transport import reason_of
from biofs.catalogue.subscription.addresses import MOST_REDIRECTS, UpdateFailed, redirected

SMALL_SECONDS: Final = 60.0
"""How long a small answer may take altogether."""
SLOWEST: Final = 1024
"""Bytes a second: a file that comes more slowly is broken off, to be continued."""
_BLOCK: Final = 1 << 20
_ATTEMPTS: Final = 5
_PAUSE: Final = 1.0
_RANGE: Final = re.compile(r"bytes (\d{1,15})-\d{1,15}/(?:\d{1,15}|\*)", re.ASCII)
_ENDED: Final = ("closed connection", "disconnected")
"""What httpcore says when the connection ends before the answer does."""
_VALIDATOR: Final = 512  # characters of one that is worth keeping

Show = Callable[[int, int | None], None]
"""Told how many bytes are there, of how many if that is known."""


class Small(NamedTuple):
    """A small answer, and what a conditional request for it repeats."""

    body: bytes
    etag: str
    modified: str


class Wanted(NamedTuple):
    """A file to fetch. None: not known, then `most` bounds it."""

    size: int | None
    sha256: str | None
    most: int


class Fetched(NamedTuple):
    """A file that is there: its checksum, and what a conditional request for it repeats."""

    sha256: str
    etag: str
    modified: str


class _BrokenOff(Exception):  # noqa: N818 - says what became of it
    """The connection ended before the file did; the message says how."""


class Web:
    """One HTTP client. To be used within `async with web.running()`.

    It is made when it is first needed: a mount with a snapshot at hand starts without. Certificates
    or a proxy that cannot be used are UpdateFailed like all that stands in the way.
    """

    def __init__(self, url: str, *, timeout: float, ca_file: Path | None = None) -> None:
        self._create: Final = partial(
            create_clients,
            url,
            transport=None,
            connect_timeout=min(10.0, timeout),
            read_timeout=timeout,
            ca_file=ca_file,
        )
        self._open: AsyncExitStack | None = None
        self._clients: Clients | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The client can be used while the context is open."""
        async with AsyncExitStack() as self._open:
            try:
                yield
            finally:
                self._clients = None

    async def _client(self) -> httpx.AsyncClient:
        if self._clients is None:
            assert self._open is not None  # noqa: S101 - see the class
            try:
                clients = await trio.to_thread.run_sync(self._create)
            except ValueError as error:
                raise UpdateFailed(str(error), lasting=True) from None
            await self._open.enter_async_context(aclosing(clients))
            self._clients = clients
        return self._clients.anew

    @asynccontextmanager
    async def _answer(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """The answer, after redirects, up to its body. Raises UpdateFailed and httpx's errors."""
        client = await self._client()
        for _ in range(MOST_REDIRECTS + 1):
            request = client.build_request(
                "GET", url, headers={"Accept": "*/*", "Accept-Encoding": "identity", **headers}
            )
            response = await client.send(request, stream=True)
            if response.status_code not in (301, 302, 303, 307, 308):
                try:
                    yield response
                finally:
                    await response.aclose()
                return
            location = response.headers.get("location")
            await response.aclose()
            url = redirected(url, location)
        raise UpdateFailed("the server redirects without end")

    async def small(
        self, url: str, most: int, validators: Mapping[str, str], *, anew: bool = False
    ) -> Small | None:
        """A small answer; None if it is the one that `validators` are of.

        `anew` has caches on the way ask the server. Raises UpdateFailed.
        """
        headers = {**validators, **({"Cache-Control": "no-cache"} if anew else {})}
        found: Small | None = None
        try:
            with trio.fail_after(SMALL_SECONDS):
                async with self._answer(url, headers) as response:
                    if response.status_code == httpx.codes.NOT_MODIFIED and validators:
                        return None
                    _check(response, httpx.codes.OK)
                    encoding = response.headers.get("content-encoding", "")
                    body = await read_body(response.aiter_raw(), encoding, most, _nothing)
                    found = Small(body, *_validators(response))
        except BodyTooLarge:
            raise UpdateFailed(f"larger than {most:,} bytes: not a snapshot's") from None
        except BodyMalformed:
            raise UpdateFailed("the answer's compression is broken") from None
        except trio.TooSlowError:
            raise UpdateFailed("the server does not answer in time") from None
        except httpx.HTTPError as error:
            raise UpdateFailed(_in_words(error)) from None
        return found

    async def file(
        self, url: str, target: Path, wanted: Wanted, show: Show, validators: Mapping[str, str]
    ) -> Fetched | None:
        """Fetch a file to `target`, continuing what is there of it.

        None if it is the one that `validators` are of. Raises UpdateFailed, and OSError of the
        disk; what came so far stays, to be continued.
        """
        for attempt in range(_ATTEMPTS):
            before = _size(target)
            try:
                return await self._file(url, target, wanted, show, validators)
            except (_BrokenOff, httpx.HTTPError) as error:
                said = str(error) if isinstance(error, _BrokenOff) else _in_words(error)
                if _size(target) <= before or attempt == _ATTEMPTS - 1:
                    raise UpdateFailed(said) from None
            await trio.sleep(_PAUSE)
        raise AssertionError

    async def _file(
        self, url: str, target: Path, wanted: Wanted, show: Show, validators: Mapping[str, str]
    ) -> Fetched | None:
        part = await trio.to_thread.run_sync(_Part, target, wanted)
        try:
            if wanted.size is not None and part.size == wanted.size and part.sha256 is not None:
                return await trio.to_thread.run_sync(part.finish, wanted)  # killed just then
            headers = dict(validators) if not part.size else part.range()
            async with self._answer(url, headers) as response:
                if response.status_code == httpx.codes.NOT_MODIFIED and not part.size:
                    return None
                if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                    part.begin("", "")
                    raise _BrokenOff("the server has no more of the file than was fetched")
                _check(response, httpx.codes.OK, httpx.codes.PARTIAL_CONTENT)
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise UpdateFailed("the server sends the file in another encoding")
                if not _continues(response, part.size):
                    part.begin(*_validators(response))
                await self._body(response, part, wanted, show)
            return await trio.to_thread.run_sync(part.finish, wanted)
        finally:
            part.close()

    async def _body(
        self, response: httpx.Response, part: _Part, wanted: Wanted, show: Show
    ) -> None:
        length = response.headers.get("content-length", "")
        expected = part.size + int(length) if re.fullmatch(r"[0-9]{1,15}", length) else None
        if expected is not None and expected > wanted.most:
            raise UpdateFailed(f"the file is larger than was said ({expected:,} bytes)")
        total = wanted.size if wanted.size is not None else expected
        block = bytearray()
        show(part.size, total)
        with trio.move_on_after(SMALL_SECONDS + (total or wanted.most) / SLOWEST) as slow:
            try:
                async for chunk in response.aiter_raw():
                    block += chunk
                    if part.size + len(block) > wanted.most:
                        raise UpdateFailed("the file is larger than was said")
                    if len(block) >= _BLOCK:
                        await trio.to_thread.run_sync(part.add, bytes(block))
                        block.clear()
                        show(part.size, total)
            finally:
                if block and part.size + len(block) <= wanted.most:
                    part.add(bytes(block))
        if slow.cancelled_caught:
            raise _BrokenOff("the file comes too slowly")
        if total is not None and part.size < total:
            raise _BrokenOff("the connection broke off")
        show(part.size, total)


class _Part:
    """A file as far as it is there, and beside it what If-Range repeats. For threads.

    Raises OSError.
    """

    def __init__(self, target: Path, wanted: Wanted) -> None:
        self._note: Final = target.with_name(f"{target.name}.of")
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._file: Final[BinaryIO] = os.fdopen(descriptor, "r+b")
        self._target: Final = target
        self.size = 0
        self.sha256: hashlib._Hash | None = hashlib.sha256()
        try:
            note = self._note.read_text("ascii").split("\n")
        except (OSError, ValueError):
            note = []
        self._etag, self._modified = (note[0], note[1]) if len(note) > 1 else ("", "")
        # What nothing names cannot be continued: it may be of another file.
        known = wanted.sha256 is not None or self._validator() != ""
        if known and _size(target) <= wanted.most:
            self._hash_what_is_there()
        else:
            self.begin("", "")

    def _hash_what_is_there(self) -> None:
        assert self.sha256 is not None  # noqa: S101 - as it was made
        while block := self._file.read(_BLOCK):
            self.sha256.update(block)
            self.size += len(block)

    def _validator(self) -> str:
        """What If-Range may hold: a strong entity tag, or a date (RFC 9110, section 13.1.5)."""
        strong = self._etag if not self._etag.startswith("W/") else ""
        return strong or self._modified

    def range(self) -> dict[str, str]:
        """The headers with which to ask for the rest."""
        validator = self._validator()
        return {"Range": f"bytes={self.size}-", **({"If-Range": validator} if validator else {})}

    def begin(self, etag: str, modified: str) -> None:
        """Start again from nothing."""
        self._file.seek(0)
        self._file.truncate()
        self.size, self.sha256 = 0, hashlib.sha256()
        self._etag, self._modified = etag, modified
        self._note.write_text(f"{etag}\n{modified}\n", "ascii")

    def add(self, block: bytes) -> None:
        """Take up what comes next."""
        assert self.sha256 is not None  # noqa: S101 - as it was made
        self._file.write(block)
        self.sha256.update(block)
        self.size += len(block)

    def finish(self, wanted: Wanted) -> Fetched:
        """It is whole: have it on the disk. Raises UpdateFailed if it is another file."""
        assert self.sha256 is not None  # noqa: S101 - as it was made
        self._file.flush()
        os.fsync(self._file.fileno())
        digest = self.sha256.hexdigest()
        if wanted.size not in (None, self.size) or wanted.sha256 not in (None, digest):
            discard(self._target)
            raise UpdateFailed("the file's checksum is not the one that was said", lasting=True)
        return Fetched(digest, self._etag, self._modified)

    def close(self) -> None:
        self._file.close()


def discard(target: Path) -> None:
    """Remove a file that `Web.file` began, and what is kept beside it."""
    target.unlink(missing_ok=True)
    target.with_name(f"{target.name}.of").unlink(missing_ok=True)


async def _nothing(_size: int) -> None:
    """Nobody waits for a turn."""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _continues(response: httpx.Response, offset: int) -> bool:
    """Whether the body is what follows `offset`; a whole file is not, whatever was asked for."""
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        return False
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    if found is None or int(found[1]) != offset:
        raise UpdateFailed("the server sends another part of the file than was asked for")
    return True


def _check(response: httpx.Response, *right: int) -> None:
    status = response.status_code
    if status in right:
        return
    headers = response.headers
    wait = parse_retry_after(headers.get("retry-after"), headers.get("date"))
    raise UpdateFailed(f"the server answers HTTP {status}", retry_after=wait)


def _validators(response: httpx.Response) -> tuple[str, str]:
    etag, modified = response.headers.get("etag", ""), response.headers.get("last-modified", "")
    return _kept(etag), _kept(modified)


def _kept(text: str) -> str:
    fits = len(text) <= _VALIDATOR and text.isascii() and text.isprintable()
    return text if fits else ""


def _in_words(error: httpx.HTTPError) -> str:
    reason = reason_of(error)
    if reason is not None:
        return reason
    if isinstance(error, httpx.TimeoutException):
        return "the server does not answer in time"
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return "the server cannot be reached"
    if isinstance(error, httpx.NetworkError) or any(words in str(error) for words in _ENDED):
        return "the connection broke off"
    return "the server does not speak HTTP"

"""Reading an answer's body without taking more than its share of memory."""

import zlib
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator

import trio

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_STEP = 2**20


class BodyTooLarge(Exception):  # noqa: N818 - never leaves this room
    """More bytes than allowed, counted after decompression."""


class BodyMalformed(Exception):  # noqa: N818 - never leaves this room
    """Compressed in a way not asked for, or broken."""


class LargeBodies:
    """Lets one large body at a time be read and interpreted, so that memory holds no two.

    One for each answer; `turns` is common to all. To be used by one task, in a with statement.
    """

    FROM = 8 * 2**20
    """Bytes; smaller bodies wait for nobody."""

    def __init__(self, turns: trio.Lock) -> None:
        self._turns = turns
        self._mine = False

    async def grown(self, size: int) -> None:
        """The body has `size` bytes now: wait for its turn if it has become large."""
        if size > self.FROM and not self._mine:
            await self._turns.acquire()
            self._mine = True

    def __enter__(self) -> "LargeBodies":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._mine:
            self._turns.release()


async def read_body(
    chunks: AsyncIterable[bytes],
    encoding: str,
    limit: int,
    grown: Callable[[int], Awaitable[None]],
) -> bytes:
    """All of a body, decompressed; `encoding` is the Content-Encoding header.

    Reading and decompressing stop at `limit` bytes, however much would follow. `grown` is awaited
    with the size reached before more is read. Raises BodyTooLarge and BodyMalformed, and whatever
    `chunks` raises.
    """
    body = _body(encoding.strip().lower(), limit)
    failure: Exception | None = None
    with trio.CancelScope() as reading:
        async for chunk in chunks:
            if failure is None:
                try:
                    for size in body.add(chunk):
                        await grown(size)
                except (BodyTooLarge, BodyMalformed) as error:
                    failure = error
                    # Leaving would abandon generators half-way, to be closed by the garbage
                    # collector; cancelled, they end here and close the connection.
                    reading.cancel()
    if failure is not None:
        raise failure
    return body.finish()


class _Plain:
    def __init__(self, limit: int) -> None:
        self._bytes = bytearray()
        self._limit = limit

    def add(self, chunk: bytes) -> Iterator[int]:
        """Take up a chunk, step by step; gives the size after each."""
        self._take(chunk)
        yield len(self._bytes)

    def _take(self, chunk: bytes) -> None:
        if len(self._bytes) + len(chunk) > self._limit:
            # The error's traceback leads here, and may live until garbage is collected.
            self._bytes.clear()
            raise BodyTooLarge
        self._bytes += chunk

    def finish(self) -> bytes:
        return bytes(self._bytes)


class _Compressed(_Plain):
    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._anything = False

    def add(self, chunk: bytes) -> Iterator[int]:
        self._anything = self._anything or bool(chunk)
        try:
            while chunk and not self._inflater.eof:
                self._take(self._inflater.decompress(chunk, _STEP))
                chunk = self._inflater.unconsumed_tail
                yield len(self._bytes)
        except zlib.error:
            raise BodyMalformed from None

    def finish(self) -> bytes:
        self._take(self._inflater.flush())
        if self._anything and not self._inflater.eof:
            raise BodyMalformed
        return super().finish()


def _body(encoding: str, limit: int) -> _Plain:
    if encoding in ("", "identity"):
        return _Plain(limit)
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _Compressed(limit)
    raise BodyMalformed

"""Reading an answer's body without taking more than its share of memory."""

import zlib
from collections.abc import AsyncIterable

import trio

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_STEP = 2**20


class BodyTooLarge(Exception):  # noqa: N818 - never leaves this room
    """More bytes than allowed, counted after decompression."""


class BodyMalformed(Exception):  # noqa: N818 - never leaves this room
    """Compressed in a way not asked for, or broken."""


async def read_body(chunks: AsyncIterable[bytes], encoding: str, limit: int) -> bytes:
    """All of a body, decompressed; `encoding` is the Content-Encoding header.

    Reading and decompressing stop at `limit` bytes, however much would follow. Raises BodyTooLarge
    and BodyMalformed, and whatever `chunks` raises.
    """
    body = _body(encoding.strip().lower(), limit)
    failure: Exception | None = None
    with trio.CancelScope() as reading:
        async for chunk in chunks:
            if failure is None:
                try:
                    body.add(chunk)
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

    def add(self, chunk: bytes) -> None:
        if len(self._bytes) + len(chunk) > self._limit:
            raise BodyTooLarge
        self._bytes += chunk

    def finish(self) -> bytes:
        return bytes(self._bytes)


class _Compressed(_Plain):
    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._anything = False

    def add(self, chunk: bytes) -> None:
        self._anything = self._anything or bool(chunk)
        try:
            while chunk and not self._inflater.eof:
                super().add(self._inflater.decompress(chunk, _STEP))
                chunk = self._inflater.unconsumed_tail
        except zlib.error:
            raise BodyMalformed from None

    def finish(self) -> bytes:
        super().add(self._inflater.flush())
        if self._anything and not self._inflater.eof:
            raise BodyMalformed
        return super().finish()


def _body(encoding: str, limit: int) -> _Plain:
    if encoding in ("", "identity"):
        return _Plain(limit)
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _Compressed(limit)
    raise BodyMalformed

"""Reading an answer's body without taking more than its share of memory."""

import zlib
from collections.abc import AsyncIterable

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_STEP = 2**20


class BodyTooLarge(Exception):  # noqa: N818 - never leaves this room
    """More bytes than allowed, counted after decompression."""


class BodyMalformed(Exception):  # noqa: N818 - never leaves this room
    """Compressed in a way not asked for, or broken."""


async def read_body(chunks: AsyncIterable[bytes], encoding: str, limit: int) -> bytes:
    """All of a body, decompressed; `encoding` is the Content-Encoding header.

    Decompression stops at `limit` bytes, however well the rest would have been compressed. Raises
    BodyTooLarge and BodyMalformed, and whatever `chunks` raises.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return await _read_plain(chunks, limit)
    if encoding in ("gzip", "x-gzip", "deflate"):
        return await _read_compressed(chunks, limit)
    raise BodyMalformed


async def _read_plain(chunks: AsyncIterable[bytes], limit: int) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        if len(body) + len(chunk) > limit:
            raise BodyTooLarge
        body += chunk
    return bytes(body)


async def _read_compressed(chunks: AsyncIterable[bytes], limit: int) -> bytes:
    body = bytearray()
    inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
    anything = False
    try:
        async for chunk in chunks:
            anything = anything or bool(chunk)
            pending = chunk
            while pending and not inflater.eof:
                body += inflater.decompress(pending, _STEP)
                if len(body) > limit:
                    raise BodyTooLarge
                pending = inflater.unconsumed_tail
        body += inflater.flush()
    except zlib.error:
        raise BodyMalformed from None
    if anything and not inflater.eof:
        raise BodyMalformed
    if len(body) > limit:
        raise BodyTooLarge
    return bytes(body)

"""An answer that makes a directory: its documents, and what its links lead to, in one body.

A body begins with a line of JSON, the header, so that a directory can be listed without reading
the documents behind it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

MOST_LINKS: Final = 50_000
"""Of one directory. What is beyond stands in its document only."""


class Link(msgspec.Struct, frozen=True, array_like=True):
    """A link in the directory: its name, and the id of what it leads to.

    An empty name says that the answer has none; `text` is what an id cannot say, such as a tag.
    """

    name: str
    ident: int
    text: str = ""


class _Header(msgspec.Struct, frozen=True):
    lengths: list[int]
    newest: int
    incomplete: str
    links: list[Link]


class LinkDocument(NamedTuple):
    """An answer that makes a directory: its documents, and its links in their order.

    `newest` is the mtime of all (epoch seconds), `incomplete` says why not all is there, or "".
    """

    documents: Sequence[bytes]
    links: Sequence[Link]
    newest: int = 0
    incomplete: str = ""


_decode_header: Final = msgspec.json.Decoder(_Header).decode


def encode(document: LinkDocument) -> bytes:
    """The body that holds all of it; links beyond MOST_LINKS are left out, which it then says."""
    links, incomplete = list(document.links[:MOST_LINKS]), document.incomplete
    if len(document.links) > MOST_LINKS and not incomplete:
        incomplete = f"Only the first {MOST_LINKS:,} of {len(document.links):,} have a link here."
    lengths = [len(each) for each in document.documents]
    header = _Header(lengths, document.newest, incomplete, links)
    return b"\n".join([msgspec.json.encode(header), b"".join(document.documents)])


def decode(body: bytes) -> LinkDocument:
    """What was encoded. Raises ValueError (msgspec's too) for what `encode` did not make."""
    line, _, rest = body.partition(b"\n")
    header = _decode_header(line)
    if min(header.lengths, default=0) < 0 or sum(header.lengths) != len(rest):
        raise ValueError("the documents are not as long as their header says")
    documents, start = [], 0
    for length in header.lengths:
        documents.append(rest[start : start + length])
        start += length
    return LinkDocument(documents, header.links, header.newest, header.incomplete)

"""What a document of a view is: an answer, how it is fetched, and how its pages are joined.

An answer can make a directory: its documents, and what its links lead to, in one body. Such a body
begins with a line of JSON, the header, so that a directory can be listed without reading the
documents behind it again.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, Protocol

import msgspec
import trio

from biofs.api.errors import BadAnswer
from biofs.api.requests import Request
from biofs.api.values import to_rows
from biofs.catalogue.answers import FetchBody
from biofs.catalogue.enumeration import Page, read_pages
from biofs.tree import render

MOST_PAGES: Final = 1000
"""Pages of one answer that are read; its `pages` tells how many there are."""

MOST_BYTES: Final = 64 << 20
"""Bytes of one answer, all its pages together."""

HTML: Final = frozenset({"body", "profileText", "userTitle"})
"""Fields that hold HTML, and keep it, as a group's `description` does; other texts are decoded."""

_TIME: Final = rb'"%b": "([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})"'


class Document(NamedTuple):
    """A document that is an answer: `key`, `ttl` in seconds, and `fetch` as in `Answers.get`.

    `time_field` names the field whose newest time is the document's mtime, "" for none. `needs` is
    a request that has to be possible with what there is to log in with, if not every way will do.
    """

    key: str
    ttl: float
    fetch: FetchBody
    time_field: str = ""
    needs: Request | None = None

    def mtime(self, body: bytes) -> int:
        """The newest time in a document (epoch seconds), 0 if it tells none."""
        if not self.time_field:
            return 0
        # A quote within a text is written \", so no text can look like a field.
        times = re.findall(_TIME % self.time_field.encode(), body)
        return render.api_time(max(times).decode()) or 0 if times else 0


async def written(action: str, value: object, keep: frozenset[str] = HTML) -> bytes:
    """An answer as a document, its texts decoded but for the fields in `keep`, in a thread.

    Raises BadAnswer for one that cannot be shown.
    """
    try:
        return await trio.to_thread.run_sync(partial(_written, value, keep))
    except (ValueError, TypeError):
        raise BadAnswer(action, "the answer cannot be shown") from None


def _written(value: object, keep: frozenset[str]) -> bytes:
    return render.document(render.decode_texts(value, keep))


class RawPage(Page, Protocol):
    """A page with its fields as they came."""

    @property
    def raw(self) -> Mapping[str, object]:
        """The answer's fields."""


class Joined:
    """Pages put together: the fields of the first, and the rows of all, each once.

    `rows` names the field that has the rows, `ident` the field of a row that is its id: while pages
    are read, what comes or goes moves rows from one page to the next.
    """

    def __init__(self, action: str, rows: str, ident: str) -> None:
        self._action: Final = action
        self._field: Final = rows
        self._ident: Final = ident
        self._fields: dict[str, object] = {}
        self._rows: dict[object, object] = {}
        self._bytes = 0

    def add(self, page: RawPage) -> bool:
        """Take up a page. Returns whether it brought anything new.

        Raises BadAnswer if all together are too large.
        """
        self._fields = self._fields or dict(page.raw)
        new = False
        for row in to_rows(page.raw.get(self._field)) or ():
            if not isinstance(row, Mapping):
                continue
            ident = str(row.get(self._ident))
            if ident not in self._rows:
                self._bytes += len(msgspec.json.encode(row))
                if self._bytes > MOST_BYTES:
                    raise BadAnswer(self._action, "the answer's pages are too large together")
                self._rows[ident] = row
                new = True
        return new

    def fields(self) -> dict[str, object]:
        """The whole."""
        return {**self._fields, self._field: list(self._rows.values())}


async def from_first(
    joined: Joined, ask: Callable[[int], Awaitable[RawPage]], most: int = MOST_PAGES
) -> dict[str, object]:
    """Read the pages from the first to the last, or to number `most`."""
    await read_pages(ask, joined.add, most)
    return joined.fields()


async def from_last(
    joined: Joined, last: RawPage, ask: Callable[[int], Awaitable[RawPage]]
) -> dict[str, object]:
    """Read the pages before `last`, which tells how many there are, and put it at their end."""
    await read_pages(ask, joined.add, min(last.pages, MOST_PAGES) - 1)
    joined.add(last)
    return joined.fields()


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

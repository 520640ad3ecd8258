"""What a document of a view is: an answer, how it is fetched, and how its pages are joined."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec
import trio

from biofs.api.errors import BadAnswer
from biofs.api.requests import Request
from biofs.api.values import to_rows
from biofs.catalogue.answers import FetchBody
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


class Page(Protocol):
    """A typed answer that is one page of several."""

    @property
    def pages(self) -> int:
        """How many there are."""


P = TypeVar("P", bound=Page)


async def read_pages(
    ask: Callable[[int], Awaitable[P]], take: Callable[[P], bool], most: int
) -> int:
    """Ask for page 1, 2 and so on, for as many as the last one counts and `most` at most, until
    `take` says that one brought nothing new. Returns how many there are.

    Raises what `ask` and `take` raise.
    """
    number, pages, new = 0, 1, True
    while new and number < min(pages, most):
        number += 1
        page = await ask(number)
        pages = page.pages
        new = take(page)
    return pages


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

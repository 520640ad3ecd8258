"""Searches: words and `field:value` as people write them, and what the server finds for them.

    kratom genome                     words, which must all occur
    "heat shock" year:2000-2005       a phrase, and a span of years; also 2005, 2000-, -2005
    tag:fungi tag:one.shot            both tags;  tag:fungi,virus  one of them
    author:Schild  file:genome.fa  title:ADH1
    format:FASTA   platform:Nanopore   category:"Machine Data"
    organism:"Saccharomyces cerevisiae"  strain:S288C  accession:YOL086C  lab:MassGIS

The server has no field for the last four: their values are searched for among the words. What is
found is results.jsonl, and links to the groups.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import orjson

from biofs.api.actions import Api
from biofs.api.errors import BadAnswer
from biofs.api.models import BrowsePage, GroupRow
from biofs.api.requests import PAGE_SIZE, WINDOW, WINDOW_PAGES
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.documents.document import (
    MOST_BYTES,
    Document,
    Link,
    LinkDocument,
    encode,
)
from biofs.catalogue.enumeration import read_pages
from biofs.store.groups import mtime_of
from biofs.tree import names, render

_TOKEN: Final = re.compile(r'(?:([A-Za-z]+):)?(?:"([^"]*)"?|(\S+))')
_FIELD_ALONE: Final = re.compile(r"[A-Za-z]+:")
_FIRST_YEAR: Final = 1
_LAST_YEAR: Final = 9999

_TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {"title": "groupname", "author": "artistname", "file": "filelist"}
)
_EXACT: Final[Mapping[str, str]] = MappingProxyType({"format": "format", "platform": "media"})
_AMONG_WORDS: Final = frozenset({"organism", "strain", "accession", "lab"})

FIELDS: Final = (*_TEXTS, "tag", "year", *_EXACT, "category", *sorted(_AMONG_WORDS))
"""What can stand before a colon."""


class InvalidSearch(ValueError):  # noqa: N818 - says what it is
    """The text is not a search; the message says why, in one line for people."""


class Search(NamedTuple):
    """One query to the server. Searches that mean the same are equal.

    `fields` are parameters of `browse` by the API's names, sorted; `category` is 1 to 12 or None.
    """

    fields: tuple[tuple[str, str], ...]
    category: int | None

    @property
    def key(self) -> str:
        """A text that only searches that mean the same have in common."""
        return orjson.dumps([self.category, self.fields]).decode()


def parse(text: str) -> Search:
    """Read a search.

    Case, the order of words and fields, repetition and white space make no difference, except in
    the case of `format` and `platform`, which the server compares as they are.

    Raises InvalidSearch for an unknown field, an invalid value, two of what can be
    there once, and a text that searches for nothing.
    """
    reading = _Reading()
    for match in _TOKEN.finditer(unicodedata.normalize("NFC", text)):
        name, phrase, bare = match.groups()
        if phrase is None and name is None:
            reading.word(bare)
        elif phrase is not None and name is None:
            reading.phrase(phrase)
        else:
            reading.field(name.lower(), bare if phrase is None else phrase)
    return reading.search()


class _Reading:
    """What was read of a search so far."""

    def __init__(self) -> None:
        self._words: set[str] = set()
        self._texts: dict[str, set[str]] = {}
        self._all_tags: set[str] = set()
        self._any_tag: set[str] = set()
        self._once: dict[str, str] = {}
        self._category: int | None = None

    def word(self, word: str) -> None:
        # A colon at its end, as in a title, makes no field of a word.
        plain = word[:-1] if _FIELD_ALONE.fullmatch(word) else word
        self._words.add(plain.replace('"', "").lower())

    def phrase(self, phrase: str) -> None:
        self._words.add(_quoted(phrase))

    def field(self, name: str, value: str) -> None:
        value = " ".join(value.split())
        if not value:
            raise InvalidSearch(f"{name}: has no value")
        if name in _TEXTS:
            self._texts.setdefault(_TEXTS[name], set()).add(_quoted(value))
        elif name in _AMONG_WORDS:
            self._words.add(_quoted(value))
        elif name in _EXACT:
            self._put(name, _EXACT[name], value)
        elif name == "year":
            self._put(name, "year", _years(value))
        elif name == "tag":
            self._tag(value)
        elif name == "category":
            self._set_category(value)
        else:
            known = ", ".join(FIELDS)
            raise InvalidSearch(f"{name}: no such field: there are {known}; quotes make it a text")

    def _put(self, name: str, parameter: str, value: str) -> None:
        if self._once.setdefault(parameter, value) != value:
            raise InvalidSearch(f"{name}: can be given once")

    def _tag(self, value: str) -> None:
        tags = {_tag(part) for part in value.split(",")}
        tags.discard("")
        if not tags:
            raise InvalidSearch("tag: has no value")
        if any(tag.startswith(("-", "!")) for tag in tags):
            raise InvalidSearch("tag: the server cannot leave tags out")
        if len(tags) == 1:
            self._all_tags |= tags
        elif self._any_tag and self._any_tag != tags:
            raise InvalidSearch("tag: one of several tags can be asked for once")
        else:
            self._any_tag = tags

    def _set_category(self, value: str) -> None:
        ident = _CATEGORIES.get(value.lower())
        if ident is None:
            known = ", ".join(names.category_dirname(known) for known in names.CATEGORIES)
            raise InvalidSearch(
                f"category: {names.clean(value)}: no such category; the categories are {known}"
            )
        if self._category not in (None, ident):
            raise InvalidSearch("category: can be given once")
        self._category = ident

    def search(self) -> Search:
        fields = dict(self._once)
        words = _joined(self._words)
        if words:
            fields["searchstr"] = words
        for parameter, texts in self._texts.items():
            value = _joined(texts)
            if not value:
                raise InvalidSearch(f"{_FIELD_OF[parameter]}: has no value")
            fields[parameter] = value
        if self._all_tags and self._any_tag:
            raise InvalidSearch("tag: either all of several tags or one of them")
        if self._all_tags:
            fields |= {"taglist": ",".join(sorted(self._all_tags)), "tags_type": "1"}
        elif self._any_tag:
            fields |= {"taglist": ",".join(sorted(self._any_tag)), "tags_type": "0"}
        if not fields and self._category is None:
            raise InvalidSearch("searches for nothing")
        return Search(tuple(sorted(fields.items())), self._category)


def _joined(texts: set[str]) -> str:
    return " ".join(sorted(texts - {""}))


def _quoted(text: str) -> str:
    """Several words as a phrase, one as itself."""
    words = text.replace('"', " ").lower().split()
    return f'"{" ".join(words)}"' if len(words) > 1 else "".join(words)


def _tag(text: str) -> str:
    """A tag as the API writes it, with dots."""
    return ".".join(text.lower().replace("_", " ").split())


def _years(text: str) -> str:
    try:
        low, high = names.years(text)
    except ValueError:
        raise InvalidSearch(
            f"year: {names.clean(text)}: write 2005, 2000-2005, 2000- or -2005"
        ) from None
    first = _FIRST_YEAR if low is None else low
    last = _LAST_YEAR if high is None else high
    if first > last:
        raise InvalidSearch(f"year: {text}: ends before it begins")
    return f"{first}-{last}" if first < last else str(first)


_FIELD_OF: Final = {parameter: name for name, parameter in _TEXTS.items()}
_CATEGORIES: Final = {
    spelling.lower(): ident
    for ident, name in names.CATEGORIES.items()
    for spelling in (name, names.category_dirname(ident), str(ident))
}


KEY: Final = "search "
"""What the keys of searches begin with; `Search.key` follows."""


def search(catalogue: Catalogue, searched: Search) -> Document:
    """All pages that the server shows of a search: results.jsonl, and a link to each group."""

    async def fetch(api: Api) -> bytes:
        found: dict[int, _Hit] = {}
        size = 0

        async def ask(number: int) -> BrowsePage:
            page = await api.browse(number, category=searched.category, **dict(searched.fields))
            if searched.category is not None:
                await _learn(catalogue, searched.category, page.rows)
            return page

        def take(page: BrowsePage) -> bool:
            nonlocal size
            before = len(found)
            for row in page.rows:
                if row.id not in found:
                    found[row.id] = _hit(row)
                    size += len(found[row.id].line)
            if size > MOST_BYTES:
                raise BadAnswer("browse", "the answer's pages are too large together")
            return len(found) > before

        pages = await read_pages(ask, take, WINDOW_PAGES)
        hits = found.values()
        incomplete = _beyond_the_window(pages) if pages > WINDOW_PAGES else ""
        return encode(
            LinkDocument(
                [b"".join(hit.line for hit in hits)],
                [hit.link for hit in hits],
                max((hit.mtime for hit in hits), default=0),
                incomplete,
            )
        )

    return Document(KEY + searched.key, catalogue.freshness.listing, fetch)


class _Hit(NamedTuple):
    """A group that was found: its line in results.jsonl, its link, and its mtime."""

    line: bytes
    link: Link
    mtime: int


def _hit(row: GroupRow) -> _Hit:
    try:
        line = render.index_line(row.raw)
    except (ValueError, TypeError):  # nested without end, say
        raise BadAnswer("browse", "a row of the answer cannot be shown") from None
    return _Hit(line, Link(names.group_dirname(row.name, row.id), row.id), mtime_of(row.time))


def _beyond_the_window(pages: int) -> str:
    return (
        f"The server counts about {pages * PAGE_SIZE:,} groups and shows the newest {WINDOW:,} of "
        "any search.\nNarrow it, for instance with category: or year:, to see the others."
    )


async def _learn(catalogue: Catalogue, category: int, rows: Sequence[GroupRow]) -> None:
    """Rows whose category is known are as good as those of its listing."""
    if not catalogue.store.read_only:
        await catalogue.listings.learn(category, rows)

"""`tags/`, `years/` and `formats/`: the records of these facet views."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.documents.facets import Query
from biofs.mount.views.document import id_in
from biofs.mount.views.facet import FacetRecord, Value
from biofs.mount.views.probed import is_probed
from biofs.tree import names

_ASKED_FOR: Final = 1 << 31
"""Added to the number of a text in `text_ids`, which was asked for before a group was known by it;
the others are those of the table `facets`."""

_TAG: Final = re.compile(r"[^\W_]+(?:[.-][^\W_]+)*")
_LAST_YEAR: Final = 9999


class TextNaming:
    """Values that are texts. A directory is named by its text, or where that cannot be a name, by
    what is left of it and the number."""

    def __init__(self, catalogue: Catalogue, facet: str, may_be: Callable[[str], bool]) -> None:
        self._browsing: Final = catalogue.browsing
        self._text_ids: Final = catalogue.text_ids
        self._kind: Final = facet
        self._may_be: Final = may_be

    def id_of(self, name: str) -> int | None:
        """That of the table `facets`, or one for a text that the server may know."""
        number = names.id_of(name)
        if number is not None:
            return self._numbered(number, name)
        facet = self._browsing.facet(self._kind, name)
        if facet is not None and names.is_plain(name):
            return facet.id
        if not self._may_be(name) or not self._browsing.gaps():
            return None
        number = self._text_ids.add(self._kind, name)
        return None if number is None or number >= _ASKED_FOR else number | _ASKED_FOR

    def _numbered(self, number: int, name: str) -> int | None:
        text = self._browsing.text_of(self._kind, number) if number < _ASKED_FOR else None
        if text is None or names.text_dirname(text, number) != name:
            return None
        return number

    def text_of(self, ident: int) -> str | None:
        """The text itself."""
        if ident & _ASKED_FOR:
            return self._text_ids.text(self._kind, ident ^ _ASKED_FOR)
        return self._browsing.text_of(self._kind, ident)

    def values_after(self, order: int) -> Iterator[Value]:
        """In the order of their numbers."""
        for facet in self._browsing.facets_after(self._kind, order):
            name = names.text_dirname(facet.text, facet.id)
            yield Value(facet.id, facet.id, name, facet.newest)


class YearNaming:
    """Values that are numbers themselves, and named by their digits."""

    def __init__(self, catalogue: Catalogue, facet: str, may_be: Callable[[str], bool]) -> None:
        self._browsing: Final = catalogue.browsing
        self._kind: Final = facet
        self._may_be: Final = may_be

    def id_of(self, name: str) -> int | None:
        """The year."""
        year = id_in(name.encode())
        if not year:
            return None
        known = self._browsing.facet(self._kind, name) is not None
        return year if known or (self._may_be(name) and self._browsing.gaps()) else None

    def text_of(self, ident: int) -> str | None:
        """The year in digits."""
        return str(ident) if ident else None

    def values_after(self, order: int) -> Iterator[Value]:
        """In the order of their numbers in the table `facets`."""
        for facet in self._browsing.facets_after(self._kind, order):
            yield Value(facet.id, int(facet.text), facet.text, facet.newest)


def _by_parameter(
    facet: str,
    parameter: str,
    may_be: Callable[[str], bool],
    naming: type[TextNaming | YearNaming] = TextNaming,
) -> FacetRecord:
    """A facet by whose values `browse` finds groups, with one parameter."""
    key = f"browse {facet} "

    def query_of(_catalogue: Catalogue, text: str) -> Query | None:
        return Query(key + text, ((parameter, text),)) if may_be(text) else None

    return FacetRecord(naming, may_be, query_of, key)


def _may_be_tag(text: str) -> bool:
    # As in the API: small letters, and dots between words.
    return text == text.lower() and _TAG.fullmatch(text) is not None and not is_probed(text)


def _may_be_format(text: str) -> bool:
    return names.is_plain(text) and not is_probed(text)


def _may_be_year(text: str) -> bool:
    return int(text) <= _LAST_YEAR


TAGS: Final = _by_parameter("tag", "taglist", _may_be_tag)
FORMATS: Final = _by_parameter("format", "format", _may_be_format)
YEARS: Final = _by_parameter("year", "year", _may_be_year, YearNaming)
"""Groups without a year are in none."""

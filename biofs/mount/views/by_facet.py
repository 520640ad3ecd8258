"""`tags/`, `formats/` and `years/`."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Final

from biofs.catalogue.documents.facets import Query
from biofs.mount.attributes import Stat
from biofs.mount.entries import Numbered
from biofs.mount.views.document import id_in
from biofs.mount.views.facet import MOST_ASKED, FacetView
from biofs.mount.views.probed import is_probed
from biofs.store import facets
from biofs.tree import names

_ASKED_FOR: Final = 1 << 31
"""Added to the number of a text in `words`, which was asked for before a group was known by it; the
others are those of the table `facets`."""

_TAG: Final = re.compile(r"[^\W_]+(?:[.-][^\W_]+)*")
_LAST_YEAR: Final = 9999


class _AskedView(FacetView):
    """A view whose entries the server is asked for by a parameter of `browse`."""

    parameter: ClassVar[str]

    def query(self, ident: int) -> Query | None:
        text = self.text_of(ident)
        if text is None or not self.can_be_asked(text):
            return None
        return Query(self._key + text, ((self.parameter, text),))

    @property
    def _key(self) -> str:
        return f"browse {self.kind} "

    @abstractmethod
    def can_be_asked(self, text: str) -> bool:
        """Whether the server may know this text; nothing is asked for names of another form."""

    def asked(self) -> Iterator[tuple[bytes, Stat]]:
        for key in self.catalogue.answers.keys(self._key)[:MOST_ASKED]:
            text = key.removeprefix(self._key)
            if self.browsing.facet(self.kind, text) is None:
                ident = self.ident_of(text)
                if ident is not None:
                    yield text.encode(), self.shown(ident, 0)._replace(keep=0.0)


class _TextView(_AskedView):
    """A view whose entries are named by texts."""

    def ident_of(self, name: str) -> int | None:
        number = names.id_of(name)
        if number is not None:
            return self._ident_numbered(number, name)
        facet = self.browsing.facet(self.kind, name)
        if facet is not None and names.is_plain(name):
            return facet.id
        if not self.can_be_asked(name) or not self.browsing.gaps():
            return None
        number = self.catalogue.text_ids.add(self.kind, name)
        return None if number is None or number >= _ASKED_FOR else number | _ASKED_FOR

    def _ident_numbered(self, number: int, name: str) -> int | None:
        text = self.browsing.text_of(self.kind, number) if number < _ASKED_FOR else None
        if text is None or names.text_dirname(text, number) != name:
            return None
        return number

    def text_of(self, ident: int) -> str | None:
        if ident & _ASKED_FOR:
            return self.catalogue.text_ids.text(self.kind, ident ^ _ASKED_FOR)
        return self.browsing.text_of(self.kind, ident)

    def entries_after(self, ident: int) -> Iterator[Numbered]:
        for facet in self.browsing.facets_after(self.kind, ident):
            yield Numbered(
                facet.id,
                names.text_dirname(facet.text, facet.id).encode(),
                self.shown(facet.id, facet.newest),
            )


class TagsView(_TextView):
    """`tags/`, spelled with dots as in the API."""

    kind: ClassVar[str] = facets.TAG
    parameter: ClassVar[str] = "taglist"

    def can_be_asked(self, text: str) -> bool:
        return text == text.lower() and _TAG.fullmatch(text) is not None and not is_probed(text)


class FormatsView(_TextView):
    """`formats/`: the formats of torrents."""

    kind: ClassVar[str] = facets.FORMAT
    parameter: ClassVar[str] = "format"

    def can_be_asked(self, text: str) -> bool:
        return names.is_plain(text) and not is_probed(text)


class YearsView(_AskedView):
    """`years/`. Groups without a year are in none."""

    kind: ClassVar[str] = facets.YEAR
    parameter: ClassVar[str] = "year"

    def ident_of(self, name: str) -> int | None:
        year = id_in(name.encode())
        if not year:
            return None
        known = self.browsing.facet(self.kind, name) is not None
        return year if known or (self.can_be_asked(name) and self.browsing.gaps()) else None

    def text_of(self, ident: int) -> str | None:
        return str(ident) if ident else None

    def can_be_asked(self, text: str) -> bool:
        return int(text) <= _LAST_YEAR

    def entries_after(self, ident: int) -> Iterator[Numbered]:
        for facet in self.browsing.facets_after(self.kind, ident):
            year = int(facet.text)
            yield Numbered(facet.id, facet.text.encode(), self.shown(year, facet.newest))

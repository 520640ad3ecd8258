"""Which rows of a table are wanted, and in which order; pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final, TypeVar

from biofs.store.rows import Entry, FacetCount
from biofs.tree import names

T = TypeVar("T", bound=Entry | FacetCount)

_ASCENDING: Final = {"name", "id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What was asked for; None and () stand for everything."""

    match: str | None = None
    years: tuple[int, int] | None = None
    tags: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    min_size: int | None = None
    max_size: int | None = None
    min_seeders: int | None = None
    order: str = "name"
    reverse: bool = False
    limit: int | None = None

    @property
    def of_entries_alone(self) -> bool:
        """Whether something is asked for that only groups and torrents have."""
        numbers = (self.years, self.min_size, self.max_size, self.min_seeders)
        return bool(self.tags or self.formats) or any(each is not None for each in numbers)

    def entries(self, rows: list[Entry]) -> list[Entry]:
        """The rows that pass, in order. A row that lacks a number passes no test of it."""
        chosen = [row for row in rows if self._has(row)]
        return self._ordered(chosen)

    def facets(self, rows: list[FacetCount]) -> list[FacetCount]:
        """The values of a facet that pass, in order."""
        chosen = [row for row in rows if self._named(row.name)]
        return self._ordered(chosen)

    def _ordered(self, rows: list[T]) -> list[T]:
        def value(row: T) -> tuple[str | int, int]:
            found = _value(row, self.order)
            assert found is not None  # noqa: S101 - the others are kept apart
            return found, row.id

        descending = (self.order not in _ASCENDING) != self.reverse
        known: list[T] = [row for row in rows if _value(row, self.order) is not None]
        unknown: list[T] = [row for row in rows if _value(row, self.order) is None]
        known.sort(key=value, reverse=descending)
        return [*known, *unknown][: self.limit]

    def _named(self, name: str) -> bool:
        return self.match is None or folded(self.match) in folded(name)

    def _has(self, row: Entry) -> bool:
        return (
            self._named(row.name)
            and _within(row.year, self.years or (None, None))
            and _within(row.size, (self.min_size, self.max_size))
            and _within(row.seeders, (self.min_seeders, None))
            and _all_in(self.tags, row.tags)
            and _all_in(self.formats, row.formats)
        )


def years(text: str) -> tuple[int, int]:
    """`2005`, `2000-2005`, `2000-` or `-2005`. Raises ValueError."""
    first, last = names.years(text.strip())
    return first or 0, 9999 if last is None else last


def folded(text: str) -> str:
    """For comparing: without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))


def _value(row: Entry | FacetCount, order: str) -> str | int | None:
    if order == "name":
        return folded(row.name)
    value: int | None = getattr(row, order)
    return value


def _within(value: int | None, span: tuple[int | None, int | None]) -> bool:
    least, most = span
    if least is None and most is None:
        return True
    return value is not None and (least or 0) <= value and (most is None or value <= most)


def _all_in(wanted: tuple[str, ...], there: tuple[str, ...]) -> bool:
    return {folded(text) for text in wanted} <= {folded(text) for text in there}

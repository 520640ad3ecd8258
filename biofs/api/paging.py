"""Pages of `browse`: how many groups one shows, narrower queries, what is remembered of a page."""

from __future__ import annotations

from typing import Final

import msgspec

PAGE_SIZE: Final = 50
"""Groups of a page (recording browse_filter_cat_1_1)."""

WINDOW_PAGES: Final = 20
"""Pages that one query shows: a later one is answered with the 20th again."""

WINDOW: Final = PAGE_SIZE * WINDOW_PAGES
FIRST_YEAR: Final = 0
LAST_YEAR: Final = 9999


class Slice(msgspec.Struct, frozen=True, array_like=True):
    """A narrower query within a category: years from-to, or a tag within them."""

    low: int = FIRST_YEAR
    high: int = LAST_YEAR
    tag: str = ""

    @property
    def whole(self) -> bool:
        """Whether this is the category itself."""
        return self == WHOLE

    def options(self) -> dict[str, str]:
        """The parameters of `browse` that make this slice."""
        options = {} if self.whole else {"year": f"{self.low}-{self.high}"}
        if self.low == self.high:
            options["year"] = str(self.low)
        if self.tag:
            options["taglist"] = self.tag
        return options


WHOLE: Final = Slice()


class PageRead(msgspec.Struct, array_like=True):
    """What is remembered of a page: which it was, what it said of the query, and of its rows."""

    slice: Slice
    order: str
    way: str
    number: int
    pages: int
    ids: list[int]
    years: list[int]

"""Answers that come in pages: the one loop that reads them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar


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

"""What `biofs ls` shows: which table a path stands for, and how it can be sorted; pure.

Completion and the command line need this before anything else is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from biofs.tree import names, views

ENTRY_ORDERS: Final = (
    "name",
    "time",
    "year",
    "size",
    "files",
    "seeders",
    "leechers",
    "snatches",
    "here",
    "id",
)
"""Keys by which groups and torrents can be sorted: fields of `biofs.store.rows.Entry`."""

FACET_ORDERS: Final = ("name", "time", "groups", "id")
"""Keys by which tags, years and the like can be sorted: fields of `FacetCount`."""

ORDERS: Final = tuple(dict.fromkeys((*ENTRY_ORDERS, *FACET_ORDERS)))


What = Literal["categories", "category", "group", "groups", "facets", "facet", "links"]

_WITH_LINKS: Final = {view.name: view.depth for view in views.with_table("links")}
"""Directories of links to groups, and how deep they stand."""


class Place(NamedTuple):
    """What to show. `ident` is a category's or group's, `of` the name of a view, `text` of an entry
    in it.
    """

    what: What
    ident: int = 0
    of: str = ""
    text: str = ""


def place_of(path: str) -> Place | None:
    """The table of a path from a mount's root, or of a category's name; None if there is none."""
    parts = _normal(path.split("/"))
    if parts is None:
        return None
    if parts in ([], ["categories"]):
        return Place("categories")
    head, rest = parts[0], parts[1:]
    if head in views.FACETS:
        return _in_facets(head, rest)
    if head in _WITH_LINKS:
        return _in_links(head, rest)
    return _in_groups(rest) if head == "groups" else _in_category(parts)


def _normal(parts: Sequence[str]) -> list[str] | None:
    found: list[str] = []
    for part in parts:
        if part in {"", "."}:
            continue
        if part != "..":
            found.append(part)
        elif found:
            found.pop()
        else:
            return None
    return found


def _in_category(parts: Sequence[str]) -> Place | None:
    parts = parts[1:] if parts[0] == "categories" else parts
    category = names.category_typed(parts[0])
    if category is None:
        return None
    return Place("category", category) if len(parts) == 1 else _group(parts[1:])


def _in_groups(parts: Sequence[str]) -> Place | None:
    if not parts:
        return Place("groups")
    if len(parts) == 1 and parts[0].isascii() and parts[0].isdigit() and len(parts[0]) < 12:
        return Place("group", int(parts[0]))
    return None


def _in_facets(view: str, parts: Sequence[str]) -> Place | None:
    if not parts:
        return Place("facets", of=view)
    return Place("facet", of=view, text=parts[0]) if len(parts) == 1 else _group(parts[1:])


def _in_links(view: str, parts: list[str]) -> Place | None:
    depth = _WITH_LINKS[view] - 1
    if view == "top" and parts[:1] != ["torrents"]:
        return None  # the other lists are of tags and of users
    if len(parts) == depth:
        return Place("links", of=view, text="/".join(parts))
    return _group(parts[depth:]) if len(parts) > depth else None


def _group(parts: Sequence[str]) -> Place | None:
    ident = names.id_of(parts[0]) if len(parts) == 1 else None
    return None if ident is None else Place("group", ident)

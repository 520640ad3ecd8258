"""What `biofs ls` shows, and where it gets it. The keys of --sort are listed here, once."""

from typing import Final

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

"""How long what was fetched counts as fresh. Older things are served all the same."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Freshness:
    """Times to live in seconds, by kind. File lists have none: they never change.

    A listing older than `listing` is checked by its first page; one not read whole for `walk` is
    read whole. A detail that its group's browse row shows unchanged is as fresh as that row.
    """

    listing: float = 15 * MINUTE
    walk: float = DAY
    detail: float = DAY
    absence: float = 10.0

    @classmethod
    def of(cls, ttl: float | None) -> Freshness:
        """The defaults, or one TTL in seconds for listings and details alike."""
        return cls() if ttl is None else cls(listing=ttl, walk=ttl, detail=ttl)

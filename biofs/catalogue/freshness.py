"""How long what was fetched counts as fresh. Older things are served all the same."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

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
    queries: float = HOUR
    author: float = HOUR
    collage: float = HOUR
    top: float = HOUR
    users: float = HOUR
    comments: float = 15 * MINUTE
    account: float = MINUTE

    @classmethod
    def of(cls, ttl: float | None) -> Freshness:
        """The defaults, or one TTL in seconds for all of them but absence."""
        if ttl is None:
            return cls()
        return cls(**{each.name: ttl for each in fields(cls) if each.name != "absence"})


def is_old(stamp: float, ttl: float, now: float) -> bool:
    """Whether what was right at `stamp` (epoch seconds) is to be asked for again at `now`.

    So it is after `ttl` seconds; and if its stamp lies in the future, because the clock was ahead
    then and has been put right since: how old it is nobody knows. Without end for infinity.
    """
    return ttl < math.inf and not 0 <= now - stamp <= ttl

"""Short ways to write the embedded catalogue's groups down."""

import re
import unicodedata
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import product
from typing import Any

from biofs.demo.escape import htmlentities
from biofs.demo.model import Author, Entry, Group, Torrent

_DOCUMENTED_AUTHORS: Mapping[str, int] = {
    "Robert K. Mortimer": 1,
    "David Schild": 2,
    "Janis Fricke": 56,
    "Felix Blei": 57,
    "Dirk Hoffmeister": 58,
    "Radiological Society of North America": 93,
    "Jackie Treehorn": 94,
    "Bruce Vendt": 124,
    "Marco Cantoni": 136,
    "Production Sanborn LLC": 152,
}
"""The ids that the API documents show."""

_FIRST_TIME = datetime(2019, 12, 10, 1, 48, 8, tzinfo=UTC)
_STEP = 439_620  # seconds between two torrents: the documents' last one is then of November 2020
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
_SIZE = re.compile(r"([0-9.]+)([KMG]?)")
_VARIABLE = re.compile(r"(\[\d+-\d+\]|\{[^{}]*\})")


def spread(text: str, low: int, high: int) -> int:
    """A number from low to high, both included, always the same for a text."""
    return low + (zlib.crc32(text.encode()) * (high - low + 1) >> 32)


def moment(text: str) -> int:
    """Seconds since the epoch of `YYYY-MM-DD HH:MM:SS` in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def files(listing: str) -> tuple[Entry, ...]:
    """Entries of a listing, one `PATH SIZE` a line.

    `[001-120]` in a path counts, `{a,b}` stands for either. A size is exact bytes (`5754`), about
    so much (`34M`, decimal, within a twentieth) or somewhere in a range (`2K-900K`).
    """
    return tuple(
        Entry(path, spread(path, low, high))
        for line in listing.strip().splitlines()
        for pattern, size in [line.strip().rsplit(maxsplit=1)]
        for low, high in [_limits(size)]
        for path in _expand(pattern)
    )


def _expand(pattern: str) -> Iterator[str]:
    return map("".join, product(*map(_alternatives, _VARIABLE.split(pattern))))


def _alternatives(part: str) -> Sequence[str]:
    if part.startswith("{"):
        return part[1:-1].split(",")
    if part.startswith("["):
        first, last = part[1:-1].split("-")
        return [f"{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]
    return (part,)


def _limits(size: str) -> tuple[int, int]:
    if size.isdecimal():
        return int(size), int(size)
    low, dash, high = size.partition("-")
    if dash:
        return _bytes(low), _bytes(high)
    about = _bytes(low)
    return about - about // 20, about + about // 20


def _bytes(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a size: {text}")
    return int(float(match[1]) * _UNITS[match[2]])


def author(name: str) -> Author:
    """An author, with the documented id or one made of the name."""
    return Author(_DOCUMENTED_AUTHORS.get(name) or 200 + zlib.crc32(name.encode()) % 90_000, name)


def torrent(
    torrent_id: int,
    directory: str,
    listing: str | Sequence[Entry],
    kind: str = "Other, Other, Unspecified, Other",
    **fields: Any,
) -> Torrent:
    """A torrent; `kind` is "platform, format, license, scope", the rest as in Torrent.

    What is not said is made up from the id: the time, and how many take part.
    """
    entries = files(listing) if isinstance(listing, str) else tuple(listing)
    platform, file_format, license_name, scope = kind.split(", ")
    made_up: dict[str, Any] = {
        "size": sum(entry.length for entry in entries),
        "file_count": len(entries),
        "time": int(_FIRST_TIME.timestamp()) + (torrent_id - 1) * _STEP,
        "seeders": spread(f"seeders {torrent_id}", 0, 14),
        "leechers": spread(f"leechers {torrent_id}", -6, 3),
        "snatched": spread(f"snatched {torrent_id}", 0, 60),
        "annotated": torrent_id % 3 == 0,
        "archive": ("", "None", "ZIP", "gzip", "", "tar")[torrent_id % 6],
    }
    made_up["leechers"] = max(0, made_up["leechers"])
    return Torrent(
        id=torrent_id,
        files=entries,
        file_path=directory,
        platform=platform,
        format=file_format,
        license=license_name,
        scope=scope,
        **(made_up | fields),
    )


def group(
    group_id: int,
    category: int,
    name: str,
    *torrents: Torrent,
    authors: str = "",
    tags: str = "",
    about: str = "",
    **fields: Any,
) -> Group:
    """A group; authors are separated by semicolons, tags by spaces, `about` is plain text."""
    people = [author(text.strip()) for text in authors.split(";") if text.strip()]
    summary = f"<strong>Summary.</strong> {htmlentities(about)}<br />" if about else ""
    made_up: dict[str, Any] = {
        "time": max((t.time for t in torrents), default=int(_FIRST_TIME.timestamp())),
        "description": summary,
    }
    return Group(
        id=group_id,
        name=name,
        category=category,
        torrents=torrents,
        authors=sorted(people, key=_collation),
        tags=tuple(sorted(tags.split())),
        **(made_up | fields),
    )


def _collation(person: Author) -> str:
    """The database's order: accents and case do not count."""
    decomposed = unicodedata.normalize("NFKD", person.name)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()

"""Release 0.1.3 of the server (2021-07-29), where it answers otherwise than the one before.

What it does with tokens is in `auth`. Held to its recorded answers by the contract test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import Response

from biofs.demo.actions import groups
from biofs.demo.actions.answers import crash, date, success
from biofs.demo.actions.call import Call
from biofs.demo.escape import htmlentities
from biofs.demo.model import CATEGORIES, Group, Torrent

_TORRENT_FIELDS = (
    *("id", "infoHash", "description", "platform", "format", "scope", "annotated", "license"),
    *("size", "archive", "fileCount", "filePath", "fileList", "seeders", "leechers", "snatched"),
    *("freeTorrent", "reported", "time", "userId", "username"),
)
"""Of a torrent in the answer `group`, in their order."""


def browse(call: Call) -> Response:
    """A page of groups without names, years and tags: it reads columns that have other names."""
    return groups.browse(call, _browse_row)


def group(call: Call) -> Response:
    """A group with all its torrents and their file lists."""
    found = groups.group_asked_for(call, by_torrent_id=False)
    if isinstance(found, Response):
        return found
    torrents = [_torrent(torrent) for torrent in groups.in_site_order(found.torrents)]
    return success({"group": _group(call, found), "torrents": torrents})


def torrent(call: Call) -> Response:
    """One torrent and its group, of which authors, year and tags are not told."""
    return groups.torrent(call, _group_of_torrent)


def artist(_call: Call) -> Response:
    """Always a failure: its query names a column that is gone."""
    return crash()


ACTIONS: Mapping[str, Callable[[Call], Response]] = {
    "browse": browse,
    "group": group,
    "torrent": torrent,
    "artist": artist,
}
"""What is answered otherwise; `torrentgroup` is gone."""


def _browse_row(call: Call, found: Group) -> dict[str, Any]:
    nothing = dict.fromkeys(("groupName", "picture", "accession", "lab", "location"))
    row = groups.browse_row(call, found)
    return row | nothing | {"groupYear": 0, "tags": [""]}


def _group(call: Call, found: Group) -> dict[str, Any]:
    tags = [{"id": str(number), "name": tag} for number, tag in enumerate(found.tags, 1)]
    return {
        "id": found.id,
        "identifier": htmlentities(found.accession),
        "categoryId": found.category,
        "categoryName": CATEGORIES.get(found.category, "Unknown"),
        "title": htmlentities(found.name),
        "subject": htmlentities(found.organism),
        "object": htmlentities(found.strain),
        "authors": groups.authors(found),
        "year": found.year,
        "workgroup": htmlentities(found.lab),
        "location": htmlentities(found.location),
        "citations": [],
        "mirrors": False,
        "description": found.description,
        "picture": htmlentities(found.picture),
        "tagList": tags or [{"id": "", "name": ""}],
        "bookmarked": groups.is_bookmarked(call, found),
        "timestamp": date(found.time),
    }


def _torrent(found: Torrent) -> dict[str, Any]:
    fields = groups.torrent_fields(found)
    return {name: fields[name] for name in _TORRENT_FIELDS}


def _group_of_torrent(call: Call, found: Group) -> dict[str, Any]:
    return {
        "description": found.description,
        "picture": htmlentities(found.picture),
        "id": found.id,
        "title": htmlentities(found.name),
        "subject": htmlentities(found.organism),
        "object": htmlentities(found.strain),
        "authors": None,
        "year": 0,
        "identifier": htmlentities(found.accession),
        "categoryId": found.category,
        "icategoryName": CATEGORIES.get(found.category, "Unknown"),
        "timestamp": date(found.time),
        "bookmarked": groups.is_bookmarked(call, found),
        "tagList": [""],
    }

"""browse, torrentgroup and torrent: the catalogue itself."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from starlette.responses import Response

from biofs.demo.actions.answers import date, failure, pages, success
from biofs.demo.actions.browse_query import browse_query
from biofs.demo.actions.call import Call
from biofs.demo.escape import file_list, htmlentities
from biofs.demo.model import CATEGORIES, Author, Group, Torrent

GroupFields = Callable[[Call, Group], dict[str, Any]]

PAGE = 50
_LAST_PAGE = 20
_HASH = re.compile(r"[0-9A-Fa-f]{40}")


def browse(call: Call, row: GroupFields | None = None) -> Response:
    """A page of groups. Past the 20th page the 20th is repeated: 1,000 groups at most.

    `row` makes a group's row, if another than `browse_row` does.
    """
    query = browse_query(call.params)
    count = call.source.count(query)
    if not count:
        return success({"results": []})
    page = call.page()
    offset = PAGE * (min(page, _LAST_PAGE) - 1)
    groups = call.source.page(query, offset, PAGE)
    results = [(row or browse_row)(call, group) for group in groups]
    return success({"currentPage": page, "pages": pages(count, PAGE), "results": results})


def torrentgroup(call: Call) -> Response:
    """A group with all its torrents and their file lists."""
    found = group_asked_for(call, by_torrent_id=False)
    if isinstance(found, Response):
        return found
    torrents = [torrent_fields(torrent) for torrent in in_site_order(found.torrents)]
    return success({"group": _group(call, found), "torrents": torrents})


def torrent(call: Call, group: GroupFields | None = None) -> Response:
    """One torrent and its group; `group` tells of the group, if another than the usual does."""
    found = group_asked_for(call, by_torrent_id=True)
    if isinstance(found, Response):
        return found
    wanted_id, wanted_hash = call.number("id"), call.text("hash").upper()
    chosen = next(t for t in found.torrents if wanted_id == t.id or wanted_hash == t.info_hash)
    return success({"group": (group or _group)(call, found), "torrent": torrent_fields(chosen)})


def group_asked_for(call: Call, *, by_torrent_id: bool) -> Group | Response:
    """The group that the parameters name; or the failure."""
    if call.text("id") and call.text("hash"):
        return failure("bad parameters")
    if call.text("hash"):
        info_hash = call.text("hash").upper()
        found = call.source.group_of_hash(info_hash) if _HASH.fullmatch(info_hash) else None
        return found or failure("bad hash parameter")
    wanted = call.number("id")
    if wanted is None:
        return failure("bad id parameter")
    source = call.source
    found = source.group_of_torrent(wanted) if by_torrent_id else source.group(wanted)
    return found or failure("bad id parameter")


def in_site_order(torrents: Sequence[Torrent]) -> list[Torrent]:
    """The order of a group's torrents on the site: by platform, then format."""
    return sorted(torrents, key=lambda torrent: (torrent.platform, torrent.format, torrent.id))


def authors(group: Group) -> list[dict[str, Any]]:
    """The authors of a group, whose names are not escaped."""
    return [{"id": author.id, "name": author.name} for author in group.authors]


def author_line(people: Sequence[Author]) -> str:
    """The `author` field: up to three names, last one first; more are "et al."."""
    if len(people) > 3:
        return f"{people[0].name} et al."
    return ", ".join(author.name for author in reversed(people))


def tags(group: Group) -> list[str]:
    """The tags; no tags are one empty tag, as the server has it."""
    return list(group.tags) or [""]


def is_bookmarked(call: Call, group: Group) -> bool:
    """Whether the asking account has bookmarked the group."""
    return group.id in call.belongings.bookmarked_groups


def _group(call: Call, group: Group) -> dict[str, Any]:
    return {
        "description": group.description,
        "picture": htmlentities(group.picture),
        "id": group.id,
        "name": htmlentities(group.name),
        "organism": htmlentities(group.organism),
        "strain": htmlentities(group.strain),
        "authors": authors(group),
        "year": group.year,
        "accession": htmlentities(group.accession),
        "categoryId": group.category,
        "categoryName": CATEGORIES.get(group.category, "Unknown"),
        "time": date(group.time),
        "isBookmarked": is_bookmarked(call, group),
        "tags": tags(group),
    }


def torrent_fields(torrent: Torrent) -> dict[str, Any]:
    """A torrent as `torrentgroup` and `torrent` tell it."""
    files = torrent.raw_file_list
    return {
        "id": torrent.id,
        "infoHash": torrent.info_hash,
        "platform": torrent.platform,
        "format": torrent.format,
        "license": torrent.license,
        "scope": torrent.scope,
        "annotated": torrent.annotated,
        "archive": torrent.archive,
        "fileCount": torrent.file_count,
        "size": torrent.size,
        "seeders": torrent.seeders,
        "leechers": torrent.leechers,
        "snatched": torrent.snatched,
        "freeTorrent": torrent.free,
        "reported": False,
        "time": date(torrent.time),
        "description": htmlentities(torrent.description),
        "fileList": file_list(torrent.files) if files is None else files,
        "filePath": htmlentities(torrent.file_path),
        "userId": torrent.user_id,
        "username": torrent.username,
    }


def browse_row(call: Call, group: Group) -> dict[str, Any]:
    """A group as `browse` tells it."""
    torrents = in_site_order(group.torrents)
    people = authors(group)
    return {
        "groupId": group.id,
        "groupName": htmlentities(group.name),
        "author": author_line(group.authors),
        "picture": htmlentities(group.picture),
        "tags": tags(group),
        "bookmarked": is_bookmarked(call, group),
        "groupYear": group.year,
        "groupTime": group.time,
        "accession": htmlentities(group.accession),
        "lab": htmlentities(group.lab),
        "location": htmlentities(group.location),
        "maxSize": max((torrent.size for torrent in torrents), default=0),
        "totalSnatched": sum(torrent.snatched for torrent in torrents),
        "totalSeeders": sum(torrent.seeders for torrent in torrents),
        "totalLeechers": sum(torrent.leechers for torrent in torrents),
        "torrents": [_browse_torrent(torrent, people) for torrent in torrents],
    }


def _browse_torrent(torrent: Torrent, people: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "torrentId": torrent.id,
        "authors": people,
        "platform": torrent.platform,
        "format": torrent.format,
        "license": torrent.license,
        "scope": torrent.scope,
        "annotated": int(torrent.annotated),
        "archive": torrent.archive,
        "fileCount": torrent.file_count,
        "time": date(torrent.time),
        "size": torrent.size,
        "snatches": torrent.snatched,
        "seeders": torrent.seeders,
        "leechers": torrent.leechers,
        "isFreeleech": torrent.free,
        "isNeutralLeech": False,
        "isPersonalFreeleech": False,
        "canUseToken": False,
        "hasSnatched": False,
    }

"""top10: the most active torrents, tags and users."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from starlette.responses import Response

from biofs.demo.actions.answers import crash, date, failure, success
from biofs.demo.actions.call import Call
from biofs.demo.actions.groups import author_line, tags
from biofs.demo.escape import htmlentities
from biofs.demo.model import Group, Torrent, User
from biofs.demo.query import Query, data_transferred, taking_part

_LIMITS = frozenset({10, 100, 250})
_DAY = 86_400

_RECENT = (
    ("Most Active Torrents Uploaded in the Past Day", "day", _DAY),
    ("Most Active Torrents Uploaded in the Past Week", "week", 7 * _DAY),
)
_TORRENT_LISTS: Sequence[tuple[str, str, Callable[[Torrent], int]]] = (
    ("Most Active Torrents of All Time", "overall", taking_part),
    ("Most Snatched Torrents", "snatched", lambda torrent: torrent.snatched),
    ("Most Data Transferred Torrents", "data", data_transferred),
    ("Best Seeded Torrents", "seeders", lambda torrent: torrent.seeders),
)
_USER_LISTS: Sequence[tuple[str, str, Callable[[User], float]]] = (
    ("Uploaders", "ul", lambda user: user.uploaded),
    ("Downloaders", "dl", lambda user: user.downloaded),
    ("Torrents Uploaded", "numul", lambda user: user.uploads),
    ("Fastest Uploaders", "uls", lambda user: _speed(user, user.uploaded)),
    ("Fastest Downloaders", "dls", lambda user: _speed(user, user.downloaded)),
)


def top10(call: Call) -> Response:
    """Top lists; a token crashes the server, as recorded."""
    if not call.by_cookie:
        return crash('{"status":"failure"}')
    asked = call.number("limit")
    limit = asked if asked in _LIMITS else 10
    match call.text("type"):
        case "" | "torrents":
            return success(_torrents(call, limit))
        case "tags":
            return success(_tags(call, limit), info=False)
        case "users":
            return success(_users(call, limit), info=False)
        case _:
            return failure("bad parameters")


def _list(caption: str, tag: str, limit: int, results: list[dict[str, Any]]) -> dict[str, Any]:
    return {"caption": caption, "tag": tag, "limit": limit, "results": results}


def _torrents(call: Call, limit: int) -> list[dict[str, Any]]:
    lists = []
    newest = call.source.page(Query(order_by="time"), 0, limit)
    for caption, tag, seconds in _RECENT:
        recent = [(g, t) for g in newest for t in g.torrents if t.time > call.now - seconds]
        lists.append(_list(caption, tag, limit, _best(recent, taking_part, limit)))
    for caption, order, value in _TORRENT_LISTS:
        # In the order of their best torrent, so that the first `limit` hold the best torrents.
        groups = call.source.page(Query(order_by=order), 0, limit)
        every = [(group, torrent) for group in groups for torrent in group.torrents]
        tag = "seeded" if order == "seeders" else order
        lists.append(_list(caption, tag, limit, _best(every, value, limit)))
    return lists


def _best(
    torrents: list[tuple[Group, Torrent]], value: Callable[[Torrent], int], limit: int
) -> list[dict[str, Any]]:
    best = sorted(torrents, key=lambda pair: value(pair[1]), reverse=True)[:limit]
    return [_torrent(group, torrent) for group, torrent in best]


def _torrent(group: Group, torrent: Torrent) -> dict[str, Any]:
    return {
        "torrentId": torrent.id,
        "groupId": group.id,
        "author": htmlentities(author_line(group.authors)),
        "groupName": htmlentities(group.name),
        "groupCategory": group.category,
        "groupYear": group.year,
        "platform": torrent.platform,
        "tags": tags(group),
        "snatched": torrent.snatched,
        "seeders": torrent.seeders,
        "leechers": torrent.leechers,
        "data": data_transferred(torrent),
        "size": torrent.size,
        "picture": htmlentities(group.picture),
    }


def _tags(call: Call, limit: int) -> list[dict[str, Any]]:
    requested = Counter(tag for request in call.source.community.requests for tag in request.tags)
    lists = (
        ("Most Used Torrent Tags", "ut", call.source.tag_uses(limit)),
        ("Most Used Request Tags", "ur", requested.most_common(limit)),
    )
    return [
        _list(caption, tag, limit, [{"name": name, "uses": uses} for name, uses in found])
        for caption, tag, found in lists
    ]


def _users(call: Call, limit: int) -> list[dict[str, Any]]:
    users = [user for user in call.source.community.users.values() if user.enabled]
    return [
        _list(caption, tag, limit, [_user(each) for each in ranked[:limit]])
        for caption, tag, value in _USER_LISTS
        for ranked in [sorted(users, key=value, reverse=True)]
    ]


def _user(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "username": user.name,
        "uploaded": user.uploaded,
        "upSpeed": _speed(user, user.uploaded),
        "downloaded": user.downloaded,
        "downSpeed": _speed(user, user.downloaded),
        "numUploads": user.uploads,
        "joinDate": date(user.joined),
    }


def _speed(user: User, amount: int) -> float:
    """Bytes a second from joining to when last seen."""
    return round(amount / max(user.seen - user.joined, 1), 4)

"""What an account is told: index, stats, notifications, announcements, bookmarks."""

from typing import Any

from starlette.responses import Response

from biofs.demo.actions.answers import date, empty, failure, pages, success, tag_list
from biofs.demo.actions.call import Call
from biofs.demo.actions.groups import in_site_order
from biofs.demo.actions.inbox import unread_messages
from biofs.demo.actions.users import ratio
from biofs.demo.escape import htmlentities
from biofs.demo.model import User

_NOTIFICATIONS = 50
_KINDS = frozenset(
    {"News", "Blog", "StaffPM", "Torrents", "Quotes", "Subscriptions", "Collages", "Global"}
)


def index(call: Call) -> Response:
    """Who one is; to a token most of it is null."""
    if not call.by_cookie:
        return success(_index_by_token(call))
    user = call.source.community.users.get(call.account.user_id, User(call.account.user_id, ""))
    return success(
        {
            "username": user.name,
            "id": user.id,
            "authkey": call.account.authkey,
            "passkey": call.account.passkey,
            "notifications": {
                "messages": unread_messages(call),
                "notifications": 0 if call.state.notifications_seen else _unseen(call),
                "newAnnouncement": False,
                "newBlog": False,
                "newSubscriptions": False,
            },
            "userstats": {
                "uploaded": user.uploaded,
                "downloaded": user.downloaded,
                "ratio": ratio(user, 2),
                "requiredratio": 0,
                "class": user.user_class,
            },
        }
    )


def _index_by_token(call: Call) -> dict[str, Any]:
    return {
        "username": None,
        "id": call.account.user_id,
        "authkey": None,
        "passkey": None,
        "notifications": {
            "messages": 0,
            "notifications": 0,
            "newAnnouncement": "News" not in call.state.cleared,
            "newBlog": "Blog" not in call.state.cleared,
            "newSubscriptions": False,
        },
        "userstats": {
            "uploaded": 0,
            "downloaded": 0,
            "ratio": 0,
            "requiredratio": 0,
            "class": None,
        },
    }


def stats(call: Call) -> Response:
    """The site's numbers."""
    totals = call.source.totals()
    community = call.source.community
    return success(
        {
            "maxUsers": 0,
            "enabledUsers": sum(user.enabled for user in community.users.values()),
            "usersActiveThisDay": 0,
            "usersActiveThisWeek": 0,
            "usersActiveThisMonth": 0,
            "torrentCount": totals.torrents,
            "groupCount": totals.groups,
            "artistCount": totals.authors,
            "requestCount": len(community.requests),
            "filledRequestCount": 0,
            "seederCount": totals.seeders,
            "leecherCount": totals.leechers,
        }
    )


def announcements(call: Call) -> Response:
    """News and blog. No recording shows this answer: its form is Gazelle's, the server's origin."""
    return success(
        {
            "announcements": [
                {
                    "newsId": news.id,
                    "title": htmlentities(news.title),
                    "bbBody": news.bb_body,
                    "body": news.body,
                    "newsTime": date(news.time),
                }
                for news in call.source.community.news
            ],
            "blogPosts": [
                {
                    "blogId": post.id,
                    "author": post.author,
                    "title": htmlentities(post.title),
                    "bbBody": post.bb_body,
                    "body": post.body,
                    "blogTime": date(post.time),
                    "threadId": 0,
                }
                for post in call.source.community.blog
            ],
        }
    )


def bookmarks(call: Call) -> Response:
    """The account's bookmarked groups or authors."""
    match call.text("type"):
        case "" | "torrents":
            return success({"bookmarks": _bookmarked_groups(call)}, info=False)
        case "artists":
            people = map(call.source.author, call.belongings.bookmarked_authors)
            artists = [{"artistId": a.id, "artistName": a.name} for a in people if a]
            return success({"artists": artists}, info=False)
        case _:
            return failure("bad parameters")


def _bookmarked_groups(call: Call) -> list[dict[str, Any]]:
    return [
        {
            "id": group.id,
            "name": htmlentities(group.name),
            "year": group.year,
            "accession": htmlentities(group.accession),
            "tagList": tag_list(group.tags),
            "vanityHouse": False,
            "picture": htmlentities(group.picture),
            "torrents": [
                {
                    "id": torrent.id,
                    "groupId": group.id,
                    "platform": torrent.platform,
                    "fileCount": torrent.file_count,
                    "freeTorrent": torrent.free,
                    "size": torrent.size,
                    "leechers": torrent.leechers,
                    "seeders": torrent.seeders,
                    "snatched": torrent.snatched,
                    "time": date(torrent.time),
                    "hasFile": torrent.id,
                }
                for torrent in in_site_order(group.torrents)
            ],
        }
        for group in map(call.source.group, call.belongings.bookmarked_groups)
        if group
    ]


def notifications(call: Call) -> Response:
    """What the account's upload filter caught; asking takes the "new" marks off."""
    if not call.by_cookie:
        return failure("bad parameters")
    page = call.page()
    caught = call.belongings.notified_torrents
    seen, call.state.notifications_seen = call.state.notifications_seen, True
    start = (page - 1) * _NOTIFICATIONS
    rows = enumerate(caught[start : start + _NOTIFICATIONS], start)
    results = [_notification(call, torrent_id, not seen and _is_new(at)) for at, torrent_id in rows]
    return success(
        {
            "currentPages": page,
            "pages": pages(len(caught), _NOTIFICATIONS),
            "numNew": 0 if seen else _unseen(call),
            "results": [row for row in results if row],
        }
    )


def _is_new(position: int) -> bool:
    return position % 3 != 0


def _unseen(call: Call) -> int:
    return sum(map(_is_new, range(len(call.belongings.notified_torrents))))


def _notification(call: Call, torrent_id: int, unread: bool) -> dict[str, Any] | None:
    group = call.source.group_of_torrent(torrent_id)
    if group is None:
        return None
    torrent = next(each for each in group.torrents if each.id == torrent_id)
    return {
        "torrentId": torrent.id,
        "groupId": group.id,
        "groupName": htmlentities(group.name),
        "groupCategoryId": group.category,
        "wikiImage": htmlentities(group.picture),
        "torrentTags": tag_list(group.tags),
        "size": torrent.size,
        "fileCount": torrent.file_count,
        "format": None,
        "encoding": None,
        "media": torrent.platform,
        "scene": False,
        "groupYear": group.year,
        "remasterYear": 0,
        "remasterTitle": None,
        "snatched": torrent.snatched,
        "seeders": torrent.seeders,
        "leechers": torrent.leechers,
        "notificationTime": date(torrent.time),
        "hasLog": False,
        "hasCue": False,
        "logScore": 0,
        "freeTorrent": torrent.free,
        "logInDb": False,
        "unread": unread,
    }


def get_user_notifications(call: Call) -> Response:
    """What is new, by kind; an empty list where nothing is.

    A browser session has seen the site's front page and with it all but the messages.
    """
    community = call.source.community
    new: dict[str, Any] = {}
    if not call.by_cookie:
        url = "https://docs.torrents.bio"
        new["Global"] = _item(0, "Global Notification", url)
        for news in community.news[:1]:
            new["News"] = _item(news.id, f"Announcement: {news.title}", f"index.php#news{news.id}")
        for post in community.blog[:1]:
            new["Blog"] = _item(post.id, f"Blog: {post.title}", f"blog.php#blog{post.id}")
    new = {kind: item for kind, item in new.items() if kind not in call.state.cleared}
    if count := unread_messages(call):
        text = "a new message" if count == 1 else f"{count} new messages"
        new["Inbox"] = _item(0, f"You have {text}", "inbox.php", "confirmation")
    return success(new or [])


def _item(item_id: int, message: str, url: str, importance: str = "information") -> dict[str, Any]:
    return {"id": item_id, "message": message, "url": url, "importance": importance}


def clear_user_notification(call: Call) -> Response:
    """Clear one kind of notification; `type` counts in a POST body alone."""
    kind = call.form.get("type", "")
    if kind == "Inbox":
        every = (conversation.id for conversation in call.belongings.conversations)
        call.state.read_conversations.update(every)
    elif kind in _KINDS:
        call.state.cleared.add(kind)
    return empty()

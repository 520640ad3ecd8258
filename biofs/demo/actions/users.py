"""user, usersearch, community_stats, user_recents and userhistory."""

from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from biofs.demo.actions.answers import date, failure, pages, success
from biofs.demo.actions.call import Call
from biofs.demo.actions.groups import authors
from biofs.demo.escape import htmlentities
from biofs.demo.model import Belongings, User

_USERS = 30
_POSTS = 25
_RECENTS = 15
_MOST_RECENTS = 50
_PLAIN = "text/plain; charset=utf-8"


def user(call: Call) -> Response:
    """A user's profile; the passkey only to the user's own browser session."""
    user_id = call.number("id")
    if user_id is None:
        return failure("bad id parameter")
    found = call.source.community.users.get(user_id)
    if found is None:
        return failure("no such user")
    return success(_profile(call, found), content_type=_PLAIN)


def _profile(call: Call, user: User) -> dict[str, Any]:
    community = call.source.community
    written = [c for comments in community.comments.values() for c in comments]
    posts = community.belongings.get(user.id, Belongings()).posts
    mine = call.by_cookie and user.id == call.account.user_id
    started = [c for c in community.collages.values() if c.creator_id == user.id]
    return {
        "username": user.name,
        "avatar": htmlentities(user.avatar),
        "isFriend": user.id in call.belongings.friends,
        "profileText": "",
        "stats": {
            "joinedDate": date(user.joined),
            "lastAccess": date(user.seen),
            "uploaded": user.uploaded,
            "downloaded": user.downloaded,
            "ratio": ratio(user, 5),
            "requiredRatio": 0,
        },
        "ranks": {
            "uploaded": 0,
            "downloaded": 0,
            "uploads": 0,
            "requests": 0,
            "bounty": 0,
            "posts": 0,
            "artists": 0,
            "overall": 0,
        },
        "personal": {
            "class": user.user_class,
            "paranoia": 0,
            "paranoiaText": "Off",
            "donor": False,
            "warned": False,
            "enabled": user.enabled,
            "passkey": call.account.passkey if mine else "",
        },
        "community": {
            "posts": len(posts),
            "torrentComments": sum(comment.user_id == user.id for comment in written),
            "artistComments": 0,
            "collageComments": 0,
            "requestComments": 0,
            "collagesStarted": len(started),
            "collagesContrib": len(started),
            "requestsFilled": 0,
            "bountyEarned": 0,
            "requestsVoted": 0,
            "bountySpent": 0,
            "uploaded": user.uploads,
            "groups": len(user.uploaded_groups),
            "seeding": user.seeding,
            "leeching": 0,
            "snatched": len(user.snatched),
            "invited": 0,
            "artistsAdded": 0,
        },
    }


def ratio(user: User, digits: int) -> float:
    """Uploaded by downloaded; 0 for who never downloaded."""
    return round(user.uploaded / user.downloaded, digits) if user.downloaded else 0


def usersearch(call: Call) -> Response:
    """The users whose names contain the term, thirty a page."""
    term = call.text("search").casefold()
    if not term:
        return failure("no search terms")
    users = [u for u in call.source.community.users.values() if term in u.name.casefold()]
    users.sort(key=lambda user: user.name.casefold())
    page = call.page()
    results = [
        {
            "userId": user.id,
            "username": user.name,
            "donor": user.user_class == "Donor",
            "warned": False,
            "enabled": user.enabled,
            "class": user.user_class,
            "avatar": htmlentities(user.avatar),
        }
        for user in users[(page - 1) * _USERS : page * _USERS]
    ]
    return success({"currentPage": page, "pages": pages(len(users), _USERS), "results": results})


def community_stats(call: Call) -> Response:
    """A user's numbers, some of them texts, as the server has them."""
    user_id = call.number("userid")
    if user_id is None:
        return failure("bad parameters")
    found = call.source.community.users.get(user_id, User(user_id, ""))
    return success(
        {
            "leeching": 0,
            "seeding": str(found.seeding),
            "snatched": str(len(found.snatched)),
            "usnatched": False,
            "downloaded": False,
            "udownloaded": False,
            "seedingperc": 100 if found.snatched else 0,
        }
    )


def user_recents(call: Call) -> Response:
    """A user's latest snatches and uploads; empty for a user that is not there."""
    user_id = call.number("userid")
    limit = call.number("limit") or _RECENTS
    if user_id is None or limit > _MOST_RECENTS:
        return failure("bad parameters")
    found = call.source.community.users.get(user_id, User(user_id, ""))
    return success(
        {
            "snatches": _recents(call, found.snatched[:limit]),
            "uploads": _recents(call, found.uploaded_groups[:limit]),
        }
    )


def _recents(call: Call, group_ids: Iterable[int]) -> list[dict[str, Any]]:
    return [
        {
            "ID": group.id,
            "Name": htmlentities(group.name),
            "WikiImage": group.picture,
            "artists": [authors(group)],
        }
        for group in map(call.source.group, group_ids)
        if group
    ]


def userhistory(call: Call) -> Response:
    """A user's last posts in each topic, for a browser session; a token gets none."""
    if call.text("type") != "posts":
        return failure("bad parameters")
    user_id = call.number("userid") or call.account.user_id
    users = call.source.community.users
    found = call.source.community.belongings.get(user_id, Belongings()).posts
    posts = found if call.by_cookie else ()
    page = call.page()
    threads = [
        {
            "postId": post.id,
            "topicId": post.topic_id,
            "threadTitle": htmlentities(post.title),
            "lastPostId": post.last_post_id,
            "lastRead": 0,
            "locked": post.locked,
            "sticky": False,
            "addedTime": date(post.time),
            "body": post.body,
            "bbbody": post.bb_body,
            "editedUserId": post.edited_by,
            "editedTime": date(post.edited_time),
            "editedUsername": users[post.edited_by].name if post.edited_by else "",
        }
        for post in posts[(page - 1) * _POSTS : page * _POSTS]
    ]
    response = {"currentPage": page, "pages": pages(len(posts), _POSTS), "threads": threads}
    return success(response, info=False)

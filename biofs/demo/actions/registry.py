"""All actions by name."""

from collections.abc import Callable, Mapping

from starlette.responses import Response

from biofs.demo.actions import account, community, groups, inbox, release_013, top10, users
from biofs.demo.actions.call import Call

Action = Callable[[Call], Response]


def actions(*, newer_server: bool, release: str = "0.1.2") -> Mapping[str, Action]:
    """The actions; a newer server calls `torrentgroup` `group`, and not the other way any more."""
    known: dict[str, Action] = {
        "browse": groups.browse,
        "group" if newer_server else "torrentgroup": groups.torrentgroup,
        "torrent": groups.torrent,
        "tcomments": community.tcomments,
        "collage": community.collage,
        "artist": community.artist,
        "top10": top10.top10,
        "user": users.user,
        "usersearch": users.usersearch,
        "community_stats": users.community_stats,
        "user_recents": users.user_recents,
        "userhistory": users.userhistory,
        "inbox": inbox.inbox,
        "bookmarks": account.bookmarks,
        "notifications": account.notifications,
        "get_user_notifications": account.get_user_notifications,
        "clear_user_notification": account.clear_user_notification,
        "index": account.index,
        "stats": account.stats,
        "announcements": account.announcements,
    }
    if release == "0.1.3":
        known.pop("torrentgroup", None)
        known |= release_013.ACTIONS
    return known

"""All actions by name."""

from collections.abc import Callable, Mapping

from starlette.responses import Response

from biofs.demo import (
    actions_account,
    actions_community,
    actions_groups,
    actions_inbox,
    actions_top10,
    actions_users,
    release_013,
)
from biofs.demo.call import Call

Action = Callable[[Call], Response]


def actions(*, newer_server: bool, release: str = "0.1.2") -> Mapping[str, Action]:
    """The actions; a newer server calls `torrentgroup` `group`, and not the other way any more."""
    known: dict[str, Action] = {
        "browse": actions_groups.browse,
        "group" if newer_server else "torrentgroup": actions_groups.torrentgroup,
        "torrent": actions_groups.torrent,
        "tcomments": actions_community.tcomments,
        "collage": actions_community.collage,
        "artist": actions_community.artist,
        "top10": actions_top10.top10,
        "user": actions_users.user,
        "usersearch": actions_users.usersearch,
        "community_stats": actions_users.community_stats,
        "user_recents": actions_users.user_recents,
        "userhistory": actions_users.userhistory,
        "inbox": actions_inbox.inbox,
        "bookmarks": actions_account.bookmarks,
        "notifications": actions_account.notifications,
        "get_user_notifications": actions_account.get_user_notifications,
        "clear_user_notification": actions_account.clear_user_notification,
        "index": actions_account.index,
        "stats": actions_account.stats,
        "announcements": actions_account.announcements,
    }
    if release == "0.1.3":
        known.pop("torrentgroup", None)
        known |= release_013.ACTIONS
    return known

"""Requests from arguments, and arguments no request is made from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.api import builders
from biofs.api.requests import Effect, Request
from biofs.api.secrets import Secret

HASH = "6A5413B9A0C5EF5B68BED6ABBB8112CBE3870647"
KEYS = Secret("auth"), Secret("pass")


@pytest.mark.parametrize(
    ("request_", "action", "params"),
    [
        (builders.browse_request(), "browse", {"page": "1"}),
        (
            builders.browse_request(3, category=8, order_by="time", order_way="asc", year=None),
            "browse",
            {"page": "3", "filter_cat[8]": "1", "order_by": "time", "order_way": "asc"},
        ),
        (builders.browse_request(tags_type=0), "browse", {"page": "1", "tags_type": "0"}),
        (builders.torrentgroup_request(id=0), "torrentgroup", {"id": "0"}),
        (builders.torrentgroup_request(hash=HASH.lower()), "torrentgroup", {"hash": HASH}),
        (builders.torrent_request(id=5), "torrent", {"id": "5"}),
        (builders.torrent_request(hash="ab" * 32), "torrent", {"hash": "AB" * 32}),
        (builders.tcomments_request(1), "tcomments", {"id": "1"}),
        (builders.tcomments_request(1, 2), "tcomments", {"id": "1", "page": "2"}),
        (builders.collage_request(3), "collage", {"id": "3"}),
        (builders.artist_request(id=2), "artist", {"id": "2"}),
        (
            builders.artist_request(artistname="Åsa", artistreleases=True),
            "artist",
            {"artistname": "Åsa", "artistreleases": "1"},
        ),
        (builders.top10_request("tags", 250), "top10", {"type": "tags", "limit": "250"}),
        (builders.user_request(2), "user", {"id": "2"}),
        (builders.usersearch_request("e", 2), "usersearch", {"search": "e", "page": "2"}),
        (builders.community_stats_request(3), "community_stats", {"userid": "3"}),
        (builders.user_recents_request(3), "user_recents", {"userid": "3"}),
        (builders.user_recents_request(3, 50), "user_recents", {"userid": "3", "limit": "50"}),
        (
            builders.userhistory_request(4, 2),
            "userhistory",
            {"type": "posts", "userid": "4", "page": "2"},
        ),
        (builders.inbox_request(), "inbox", {"page": "1", "type": "inbox"}),
        (
            builders.inbox_request(2, type="sentbox", search="x", searchtype="user", sort="unread"),
            "inbox",
            {
                "page": "2",
                "type": "sentbox",
                "search": "x",
                "searchtype": "user",
                "sort": "unread",
            },
        ),
        (builders.conversation_request(6), "inbox", {"type": "viewconv", "id": "6"}),
        (builders.bookmarks_request("artists"), "bookmarks", {"type": "artists"}),
        (builders.notifications_request(), "notifications", {"page": "1"}),
        (builders.get_user_notifications_request(), "get_user_notifications", {}),
        (
            builders.clear_user_notification_request("StaffPM"),
            "clear_user_notification",
            {"type": "StaffPM"},
        ),
        (builders.index_request(), "index", {}),
        (builders.stats_request(), "stats", {}),
        (builders.announcements_request(), "announcements", {}),
        (builders.download_request(1), "download", {"id": "1"}),
        (
            builders.download_request(1, *KEYS),
            "download",
            {"id": "1", "authkey": KEYS[0], "torrent_pass": KEYS[1]},
        ),
    ],
)
def test_requests(request_, action, params):
    assert request_.action == action
    assert dict(request_.params) == params
    assert (request_.kind == "download") is (action == "download")
    assert (request_.method == "POST") is (action == "clear_user_notification")


@pytest.mark.parametrize(
    "build",
    [
        lambda: builders.browse_request(0),
        lambda: builders.browse_request("1"),
        lambda: builders.browse_request(True),
        lambda: builders.browse_request(2**31),
        lambda: builders.browse_request(category=-1),
        lambda: builders.browse_request(colour="red"),
        lambda: builders.browse_request(order_way="up"),
        lambda: builders.browse_request(tags_type=2),
        lambda: builders.browse_request(searchstr="x" * 1001),
        lambda: builders.browse_request(searchstr="\udcff"),
        builders.torrentgroup_request,
        lambda: builders.torrentgroup_request(id=1, hash=HASH),
        lambda: builders.torrentgroup_request(id=-1),
        lambda: builders.torrentgroup_request(id=2**32),
        lambda: builders.torrentgroup_request(id="1"),
        lambda: builders.torrentgroup_request(id=True),
        lambda: builders.torrent_request(hash=HASH[:-1]),
        lambda: builders.torrent_request(hash=HASH + "\n"),
        lambda: builders.torrent_request(hash="G" * 40),
        lambda: builders.tcomments_request(1, 0),
        builders.artist_request,
        lambda: builders.artist_request(id=1, artistname="x"),
        lambda: builders.artist_request(artistname=" "),
        lambda: builders.top10_request("cats"),
        lambda: builders.top10_request("tags", 11),
        lambda: builders.usersearch_request(""),
        lambda: builders.usersearch_request(" "),
        lambda: builders.user_recents_request(1, 51),
        lambda: builders.user_recents_request(1, 0),
        lambda: builders.inbox_request(type="viewconv"),
        lambda: builders.inbox_request(search=""),
        lambda: builders.inbox_request(searchtype="body"),
        lambda: builders.inbox_request(sort="read"),
        lambda: builders.bookmarks_request("collages"),
        lambda: builders.clear_user_notification_request("inbox"),
        lambda: builders.download_request(1, KEYS[0]),
        lambda: Request("no action"),
        lambda: Request("a" * 65),
        lambda: Request("a&b"),
        lambda: Request("browse", (("searchstr", "\ud800"),)),
    ],
)
def test_arguments_that_make_no_sense_get_one_line(build):
    with pytest.raises(ValueError) as caught:
        build()
    assert str(caught.value).isprintable()


@given(st.text(max_size=50))
def test_any_search_is_a_request_or_refused(words):
    try:
        request = builders.browse_request(searchstr=words)
    except ValueError:
        assert any("\ud800" <= character <= "\udfff" for character in words)
    else:
        assert request.param("searchstr") == words


def test_identical_wants_are_one():
    fetches = {builders.browse_request(2, category=1), builders.browse_request(2, category=1)}
    fetches |= {builders.download_request(1, *KEYS), builders.download_request(1, *KEYS)}
    assert len(fetches) == 2
    assert builders.download_request(1, *KEYS) != builders.download_request(1, *reversed(KEYS))


@pytest.mark.parametrize(
    ("request_", "effect"),
    [
        (builders.browse_request(), Effect.NONE),
        (builders.inbox_request(), Effect.NONE),
        (builders.get_user_notifications_request(), Effect.NONE),
        (builders.conversation_request(1), Effect.MARKS_READ),
        (builders.notifications_request(), Effect.MARKS_READ),
        (builders.clear_user_notification_request("News"), Effect.CHANGES_ACCOUNT),
        (Request("clear_user_notification"), Effect.CHANGES_ACCOUNT),
        (Request("anything", method="POST"), Effect.CHANGES_ACCOUNT),
    ],
)
def test_what_a_request_does_besides(request_, effect):
    assert request_.effect is effect
    assert request_.changes_something is (effect is not Effect.NONE)

"""Requests from arguments, and arguments no request is made from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.api.actions import Api
from biofs.api.requests import Effect, Request
from biofs.api.secrets import Secret

HASH = "6A5413B9A0C5EF5B68BED6ABBB8112CBE3870647"
KEYS = Secret("auth"), Secret("pass")


@pytest.mark.parametrize(
    ("request_", "action", "params"),
    [
        (Api.browse.request(), "browse", {"page": "1"}),
        (
            Api.browse.request(3, category=8, order_by="time", order_way="asc", year=None),
            "browse",
            {"page": "3", "filter_cat[8]": "1", "order_by": "time", "order_way": "asc"},
        ),
        (Api.browse.request(tags_type=0), "browse", {"page": "1", "tags_type": "0"}),
        (Api.torrentgroup.request(id=0), "torrentgroup", {"id": "0"}),
        (Api.torrentgroup.request(hash=HASH.lower()), "torrentgroup", {"hash": HASH}),
        (Api.torrent.request(id=5), "torrent", {"id": "5"}),
        (Api.torrent.request(hash="ab" * 32), "torrent", {"hash": "AB" * 32}),
        (Api.tcomments.request(1), "tcomments", {"id": "1"}),
        (Api.tcomments.request(1, 2), "tcomments", {"id": "1", "page": "2"}),
        (Api.collage.request(3), "collage", {"id": "3"}),
        (Api.artist.request(id=2), "artist", {"id": "2"}),
        (
            Api.artist.request(artistname="Åsa", artistreleases=True),
            "artist",
            {"artistname": "Åsa", "artistreleases": "1"},
        ),
        (Api.top10.request("tags", 250), "top10", {"type": "tags", "limit": "250"}),
        (Api.user.request(2), "user", {"id": "2"}),
        (Api.usersearch.request("e", 2), "usersearch", {"search": "e", "page": "2"}),
        (Api.community_stats.request(3), "community_stats", {"userid": "3"}),
        (Api.user_recents.request(3), "user_recents", {"userid": "3"}),
        (Api.user_recents.request(3, 50), "user_recents", {"userid": "3", "limit": "50"}),
        (
            Api.userhistory.request(4, 2),
            "userhistory",
            {"type": "posts", "userid": "4", "page": "2"},
        ),
        (Api.inbox.request(), "inbox", {"page": "1", "type": "inbox"}),
        (
            Api.inbox.request(2, type="sentbox", search="x", searchtype="user", sort="unread"),
            "inbox",
            {
                "page": "2",
                "type": "sentbox",
                "search": "x",
                "searchtype": "user",
                "sort": "unread",
            },
        ),
        (Api.conversation.request(6), "inbox", {"type": "viewconv", "id": "6"}),
        (Api.bookmarks.request("artists"), "bookmarks", {"type": "artists"}),
        (Api.notifications.request(), "notifications", {"page": "1"}),
        (Api.get_user_notifications.request(), "get_user_notifications", {}),
        (
            Api.clear_user_notification.request("StaffPM"),
            "clear_user_notification",
            {"type": "StaffPM"},
        ),
        (Api.index.request(), "index", {}),
        (Api.stats.request(), "stats", {}),
        (Api.announcements.request(), "announcements", {}),
        (Api.download.request(1), "download", {"id": "1"}),
        (
            Api.download.request(1, *KEYS),
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
        lambda: Api.browse.request(0),
        lambda: Api.browse.request("1"),
        lambda: Api.browse.request(True),
        lambda: Api.browse.request(2**31),
        lambda: Api.browse.request(category=-1),
        lambda: Api.browse.request(colour="red"),
        lambda: Api.browse.request(order_way="up"),
        lambda: Api.browse.request(tags_type=2),
        lambda: Api.browse.request(searchstr="x" * 1001),
        lambda: Api.browse.request(searchstr="\udcff"),
        Api.torrentgroup.request,
        lambda: Api.torrentgroup.request(id=1, hash=HASH),
        lambda: Api.torrentgroup.request(id=-1),
        lambda: Api.torrentgroup.request(id=2**32),
        lambda: Api.torrentgroup.request(id="1"),
        lambda: Api.torrentgroup.request(id=True),
        lambda: Api.torrent.request(hash=HASH[:-1]),
        lambda: Api.torrent.request(hash=HASH + "\n"),
        lambda: Api.torrent.request(hash="G" * 40),
        lambda: Api.tcomments.request(1, 0),
        Api.artist.request,
        lambda: Api.artist.request(id=1, artistname="x"),
        lambda: Api.artist.request(artistname=" "),
        lambda: Api.top10.request("cats"),
        lambda: Api.top10.request("tags", 11),
        lambda: Api.usersearch.request(""),
        lambda: Api.usersearch.request(" "),
        lambda: Api.user_recents.request(1, 51),
        lambda: Api.user_recents.request(1, 0),
        lambda: Api.inbox.request(type="viewconv"),
        lambda: Api.inbox.request(search=""),
        lambda: Api.inbox.request(searchtype="body"),
        lambda: Api.inbox.request(sort="read"),
        lambda: Api.bookmarks.request("collages"),
        lambda: Api.clear_user_notification.request("inbox"),
        lambda: Api.download.request(1, KEYS[0]),
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
        request = Api.browse.request(searchstr=words)
    except ValueError:
        assert any("\ud800" <= character <= "\udfff" for character in words)
    else:
        assert request.param("searchstr") == words


def test_identical_wants_are_one():
    fetches = {Api.browse.request(2, category=1), Api.browse.request(2, category=1)}
    fetches |= {Api.download.request(1, *KEYS), Api.download.request(1, *KEYS)}
    assert len(fetches) == 2
    assert Api.download.request(1, *KEYS) != Api.download.request(1, *reversed(KEYS))


@pytest.mark.parametrize(
    ("request_", "effect"),
    [
        (Api.browse.request(), Effect.NONE),
        (Api.inbox.request(), Effect.NONE),
        (Api.get_user_notifications.request(), Effect.NONE),
        (Api.conversation.request(1), Effect.MARKS_READ),
        (Api.notifications.request(), Effect.MARKS_READ),
        (Api.clear_user_notification.request("News"), Effect.CHANGES_ACCOUNT),
        (Api.clear_user_notification.request("Inbox"), Effect.CHANGES_ACCOUNT),
        (Request("anything", method="POST"), Effect.CHANGES_ACCOUNT),
    ],
)
def test_what_a_request_does_besides(request_, effect):
    assert request_.effect is effect

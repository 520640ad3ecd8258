"""Every recorded answer of the real server, asked for and understood by the client.

A stand-in for the network answers one request each: the recorded one, with the recorded way of
logging in. Where the recorded parameter is the API's default, the client may name it. The scheme
`Basic` is one the client never sends; there a token stands in for it.
"""

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import trio

from biofs.api import errors, models
from biofs.api.actions import Api
from biofs.api.envelope import Reply, interpret
from biofs.api.pace import Pace
from biofs.api.requests import Request
from biofs.api.secrets import Secret
from biofs.api.server import Rate
from biofs.api.transport import Transport
from tests.support.pacing import PacedSender

BASE = "https://torrents.bio"
RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"
NAMES = sorted(path.stem for path in RECORDINGS.glob("*.json"))

HASH = "038C31760960CAAC882730FE0DEA50EC9F36AC1C"
KEYS = Secret("<donor-authkey>"), Secret("<donor-torrent_pass>")
DEFAULTS = {
    "page": {"1"},
    "type": {"inbox", "torrents"},
    "limit": {"10"},
}


@dataclass(frozen=True)
class Case:
    """A call, or a request that no coroutine makes, and the type of its result or exception.

    `unasked` names the exception where the client knows better than to ask; then `expected` is
    what the recorded answer to `request` would have been.
    """

    call: Callable[[Api], Awaitable[object]] | None
    expected: type
    unasked: type[errors.ApiError] | None = None
    request: Request | None = None


def case(call, expected):
    return Case(call, expected)


def raw(expected, action, kind="api", method="GET", **params):
    return Case(None, expected, request=Request(action, tuple(params.items()), method, kind))


def unasked(unasked, call, expected, action, kind="api", **params):
    request = Request(action, tuple(params.items()), "GET", kind)
    return Case(call, expected, unasked, request)


CASES = {
    "artist_id_2": case(lambda api: api.artist(id=2), models.Artist),
    "artist_id_99999": case(lambda api: api.artist(id=99999), errors.NotFound),
    "auth_altered": case(lambda api: api.torrent(id=1), errors.TokenRefused),
    "auth_basic": case(lambda api: api.torrent(id=1), errors.TokenRefused),
    "auth_cookie": case(lambda api: api.torrent(id=1), models.TorrentAnswer),
    "auth_garbage": case(lambda api: api.torrent(id=1), errors.TokenRefused),
    "auth_none": unasked(
        errors.TokenMissing, lambda api: api.torrent(id=1), errors.TokenMissing, "torrent", id="1"
    ),
    "auth_revoked": case(lambda api: api.torrent(id=1), errors.TokenRefused),
    "bookmarks_donor": case(lambda api: api.bookmarks(), models.Bookmarks),
    "bookmarks_type_artists_donor": case(lambda api: api.bookmarks("artists"), models.Bookmarks),
    "bookmarks_type_collages_donor": raw(errors.BadRequest, "bookmarks", type="collages"),
    "browse_filter_cat_1_1": case(lambda api: api.browse(category=1), models.BrowsePage),
    "browse_filter_cat_8_1": case(lambda api: api.browse(category=8), models.BrowsePage),
    "browse_page_21": case(lambda api: api.browse(21), models.BrowsePage),
    "browse_page_6": case(lambda api: api.browse(6), models.BrowsePage),
    "browse_page_7": case(lambda api: api.browse(7), models.BrowsePage),
    "clear_user_notification_GET_type": raw(object, "clear_user_notification", type="Inbox"),
    "clear_user_notification_POST_Inbox": case(
        lambda api: api.clear_user_notification("Inbox"), type(None)
    ),
    "collage_id_1": case(lambda api: api.collage(1), models.Collage),
    "collage_id_3": case(lambda api: api.collage(3), models.Collage),
    "collage_id_5": case(lambda api: api.collage(5), models.Collage),
    "collage_id_99": case(lambda api: api.collage(99), errors.NotFound),
    "community_stats_donor": raw(errors.BadRequest, "community_stats"),
    "community_stats_userid_3_donor": case(
        lambda api: api.community_stats(3), models.CommunityStats
    ),
    "download_bearer": unasked(
        errors.CookieNeeded,
        lambda api: api.download(1),
        errors.TokenMissing,
        "download",
        kind="download",
        id="1",
    ),
    "download_no_authkey": raw(
        errors.TokenMissing, "download", kind="download", id="1", torrent_pass=KEYS[1]
    ),
    "download_passkey": case(lambda api: api.download(1, *KEYS), bytes),
    "download_wrong_passkey": case(
        lambda api: api.download(1, Secret("x"), Secret("0" * 32)), errors.ServerFault
    ),
    "get_user_notifications_after_clear": case(
        lambda api: api.get_user_notifications(), models.UserNotifications
    ),
    "get_user_notifications_donor": case(
        lambda api: api.get_user_notifications(), models.UserNotifications
    ),
    "inbox_acceptance": case(lambda api: api.inbox(), models.Inbox),
    "inbox_page_2_acceptance": case(lambda api: api.inbox(2), models.Inbox),
    "inbox_type_viewconv_id_1": case(lambda api: api.conversation(1), errors.ServerFault),
    "inbox_type_viewconv_id_62": case(lambda api: api.conversation(62), models.Conversation),
    "index_cookie_donor": case(lambda api: api.index(), models.Index),
    "index_donor": case(lambda api: api.index(), models.Index),
    "no_action": raw(errors.BadRequest, ""),
    "notifications_cookie_donor": case(lambda api: api.notifications(), models.Notifications),
    "notifications_donor": unasked(
        errors.CookieNeeded, lambda api: api.notifications(), errors.BadRequest, "notifications"
    ),
    "ratelimit_request_3_in_a_burst": case(lambda api: api.torrent(id=1), errors.RateLimited),
    "stats_donor": case(lambda api: api.stats(), models.Stats),
    "tcomments": raw(errors.BadRequest, "tcomments"),
    "tcomments_id_1": case(lambda api: api.tcomments(1), models.Comments),
    "tcomments_id_1_page_1": case(lambda api: api.tcomments(1, 1), models.Comments),
    "tcomments_id_1_page_5": case(lambda api: api.tcomments(1, 5), models.Comments),
    "tcomments_id_1_page_abc": raw(errors.ServerFault, "tcomments", id="1", page="abc"),
    "tcomments_id_2": case(lambda api: api.tcomments(2), models.Comments),
    "top10_cookie_donor": case(lambda api: api.top10(), models.Top10),
    "top10_donor": unasked(
        errors.CookieNeeded, lambda api: api.top10(), errors.ServerFault, "top10"
    ),
    "top10_type_tags_cookie_donor": case(lambda api: api.top10("tags"), models.Top10),
    "top10_type_users_cookie_donor": case(lambda api: api.top10("users"), models.Top10),
    "torrent_deleted_group_lives": case(lambda api: api.torrent(id=23), errors.NotFound),
    "torrent_hash_and_id": raw(errors.BadRequest, "torrent", id="1", hash=HASH),
    "torrent_hash_lower": raw(object, "torrent", hash=HASH.lower()),
    "torrent_hash_unknown": case(lambda api: api.torrent(hash="0" * 40), errors.NotFound),
    "torrent_hash_upper": case(lambda api: api.torrent(hash=HASH), models.TorrentAnswer),
    "torrent_id_1": case(lambda api: api.torrent(id=1), models.TorrentAnswer),
    "torrent_id_6": case(lambda api: api.torrent(id=6), models.TorrentAnswer),
    "torrent_id_99999": case(lambda api: api.torrent(id=99999), errors.NotFound),
    "torrent_no_id": raw(errors.BadRequest, "torrent"),
    "torrentgroup_deleted": case(lambda api: api.torrentgroup(id=150), errors.NotFound),
    "torrentgroup_hash_upper": case(lambda api: api.torrentgroup(hash=HASH), models.GroupAnswer),
    "torrentgroup_id_1": case(lambda api: api.torrentgroup(id=1), models.GroupAnswer),
    "torrentgroup_id_3": case(lambda api: api.torrentgroup(id=3), models.GroupAnswer),
    "torrentgroup_id_99999": case(lambda api: api.torrentgroup(id=99999), errors.NotFound),
    "torrentgroup_odd_row_id_30": case(lambda api: api.torrentgroup(id=30), models.GroupAnswer),
    "torrentgroup_odd_row_id_32": case(lambda api: api.torrentgroup(id=32), models.GroupAnswer),
    "torrentgroup_odd_row_id_36": case(lambda api: api.torrentgroup(id=36), models.GroupAnswer),
    "unknown_action": raw(errors.BadRequest, "nope"),
    "user_cookie_donor": raw(errors.BadRequest, "user"),
    "user_id_2_donor": case(lambda api: api.user(2), models.User),
    "user_id_3_donor": case(lambda api: api.user(3), models.User),
    "user_id_99999_donor": case(lambda api: api.user(99999), errors.NotFound),
    "user_recents_userid_3": case(lambda api: api.user_recents(3), models.UserRecents),
    "user_recents_userid_99999": case(lambda api: api.user_recents(99999), models.UserRecents),
    "userhistory_type_posts_userid_4_cookie_donor": case(
        lambda api: api.userhistory(4), models.UserHistory
    ),
    "userhistory_type_posts_userid_4_donor": unasked(
        errors.CookieNeeded, lambda api: api.userhistory(4), object, "userhistory", userid="4"
    ),
    "usersearch": raw(errors.BadRequest, "usersearch"),
    "usersearch_search_e": case(lambda api: api.usersearch("e"), models.UserSearch),
    "usersearch_search_nobody_here": case(
        lambda api: api.usersearch("nobody_here"), models.UserSearch
    ),
}


def test_no_recording_is_left_out():
    assert len(NAMES) == 80
    assert sorted(CASES) == NAMES


def recording(name):
    return json.loads((RECORDINGS / f"{name}.json").read_text())


def body_of(response):
    if "json" in response:
        return json.dumps(response["json"], ensure_ascii=False).encode()
    if response.get("body_encoding") == "base64":
        return base64.b64decode(response["body"])
    return response["body"].encode()


def login(auth):
    """What the client is given, and what it must send."""
    if auth == "none":
        return {}, {}
    if auth.startswith("cookie:"):
        return {"cookie": Secret("session=abc; userid=3")}, {"cookie": "session=abc; userid=3"}
    token = auth.removeprefix("Bearer ").replace(" ", "-").strip("<>")
    return {"token": Secret(token)}, {"authorization": f"Bearer {token}"}


def parameters(*texts):
    pairs = {pair for text in texts for pair in parse_qsl(text, keep_blank_values=True)}
    return {(k, v) for k, v in pairs if v not in DEFAULTS.get(k, ())}


class RecordedServer:
    """Answers the recorded request; `wrong` collects what differs from it."""

    def __init__(self, record, headers):
        self.request, self.response, self.headers = record["request"], record["response"], headers
        self.asked, self.wrong = 0, []

    def __call__(self, request):
        self.asked += 1
        target = urlsplit(self.request["path"])
        form = "&".join(f"{k}={v}" for k, v in self.request.get("body", {}).items())
        secrets = {k: v for k, v in request.headers.items() if k in ("authorization", "cookie")}
        seen = parameters(request.url.query.decode(), request.content.decode())
        for what, was, due in (
            ("method", request.method, self.request["method"]),
            ("path", request.url.path, target.path),
            ("parameters", seen, parameters(target.query, form)),
            ("secrets", secrets, self.headers),
        ):
            if was != due:
                self.wrong.append((what, was, due))
        headers = {"content-type": self.response["content_type"]}
        if "location" in self.response:
            headers["location"] = self.response["location"]
        return httpx.Response(
            self.response["status"], content=body_of(self.response), headers=headers
        )


@pytest.mark.parametrize("name", NAMES)
async def test_recording(name, nursery):
    record, expected = recording(name), CASES[name]
    secrets, headers = login(record["request"]["auth"])
    server = RecordedServer(record, headers)
    transport = Transport(BASE, transport=httpx.MockTransport(server), **secrets)
    await nursery.start(transport.run)

    async def ask():
        if expected.call is None:
            return await transport.send(expected.request)
        return await expected.call(Api(transport.send))

    due = expected.unasked or expected.expected
    if issubclass(due, errors.ApiError):
        with pytest.raises(errors.ApiError) as caught:
            await ask()
        assert type(caught.value) is due
        assert str(caught.value).isprintable()
    else:
        result = await ask()
        assert isinstance(result, due)
        assert_nothing_lost(result, record["response"])
    assert server.asked == (0 if expected.unasked else 1)
    assert server.wrong == []


def assert_nothing_lost(result, response):
    if isinstance(result, bytes):
        assert result == body_of(response)
    elif isinstance(result, models.Top10):
        assert [row.raw for row in result.lists] == response["json"]["response"]
    elif hasattr(result, "raw"):
        # An empty object is recorded as [].
        assert result.raw == (response["json"]["response"] or {})
        assert getattr(result, "skipped", 0) == 0


@pytest.mark.parametrize("name", [name for name in NAMES if CASES[name].unasked])
def test_what_the_answer_would_have_meant(name):
    record, expected = recording(name)["response"], CASES[name]
    reply = Reply(
        BASE,
        record["status"],
        record["content_type"],
        body_of(record),
        record.get("location"),
    )
    assert expected.request is not None
    if issubclass(expected.expected, errors.ApiError):
        with pytest.raises(errors.ApiError) as caught:
            interpret(expected.request, reply)
        assert type(caught.value) is expected.expected
    else:
        # Nothing, where with a cookie there are ten posts: why a token is not even tried.
        assert models.UserHistory.from_json(interpret(expected.request, reply).response).rows == []


async def test_the_rate_limit_is_no_error_to_a_caller(nursery, autojump_clock):
    refusal = body_of(recording("ratelimit_request_3_in_a_burst")["response"])
    answer = body_of(recording("torrent_id_1")["response"])
    bodies = [refusal, refusal, answer]
    sent = []

    def serve(request):
        sent.append(trio.current_time())
        return httpx.Response(200, content=bodies.pop(0))

    transport = Transport(BASE, token=Secret("limited"), transport=httpx.MockTransport(serve))
    await nursery.start(transport.run)
    api = Api(PacedSender(transport, Pace(Rate(1, 6.0))))
    assert (await api.torrent(id=1)).torrent.id == 1
    assert sent == pytest.approx([0, 6, 18])


def test_details_of_the_recorded_answers():
    """What the recordings hold that a reader of types alone would miss."""

    def read(name, model):
        return model.from_json(recording(name)["response"]["json"]["response"])

    deleted = read("collage_id_1", models.Collage)
    assert {group.id for group in deleted.torrent_groups} <= set(deleted.torrent_group_ids)
    big = read("collage_id_5", models.Collage)
    assert len(big.torrent_groups) > 20
    beyond = read("browse_page_21", models.BrowsePage)
    assert (beyond.current_page, beyond.pages, beyond.rows) == (21, 6, [])
    last = read("tcomments_id_1", models.Comments)
    assert (last.raw["page"], last.pages) == (4, 4)
    no_authors = read("torrentgroup_odd_row_id_30", models.GroupAnswer)
    assert no_authors.group.authors == ()
    no_year = read("torrentgroup_odd_row_id_32", models.GroupAnswer)
    assert (no_year.group.year, no_year.group.description) == (0, "")
    assert read("torrent_id_1", models.TorrentAnswer).torrent.info_hash == HASH

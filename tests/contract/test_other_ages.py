"""Servers of other ages: their recorded answers, read by the client and given by the demo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from biofs.api import errors, models
from biofs.api.actions import Api
from biofs.api.envelope import Reply, interpret
from biofs.api.requests import Answer, Request
from biofs.api.secrets import Secret
from biofs.api.transport import Transport
from biofs.api.values import LARGEST_ID
from biofs.demo.accounts import DONOR_COOKIE, DONOR_TOKEN, MEMBER_COOKIE
from biofs.demo.server import json_api
from biofs.demo.server.serve import transport
from tests.contract.test_demo_like_server import shape
from tests.support.demo_client import app_of

AGES = Path(__file__).parent.parent / "data" / "ages"
NAMES = sorted(path.stem for path in AGES.glob("*.json"))

MEANT = {
    "prod_auth_garbage": errors.TokenRefused,
    "prod_groups_browse": errors.OtherApi,
    "prod_legacy_ajax": errors.BadAnswer,
    "prod_legacy_api_browse": errors.OtherApi,
    "prod_legacy_api_none": errors.OtherApi,
    "prod_unknown": errors.OtherApi,
    "t013_asis_token_group": errors.TokenMissing,
    "t013_cookie_action_browse": Answer,
    "t013_cookie_action_collage_id_1": errors.NotFound,
    "t013_cookie_action_group_id_1": Answer,
    "t013_cookie_action_torrent_id_1": Answer,
    "t013_cookie_action_user_id_3": errors.ServerFault,
    "t013_cookie_browse_filter_cat_1": Answer,
    "t013_fixedtoken_rate_3": errors.RateLimited,
}


def recorded(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((AGES / f"{name}.json").read_bytes())
    headers = [line.split(": ", 1) for line in loaded["headers"]]
    loaded["headers"] = {key.lower(): value for key, value in headers}
    loaded["code"] = int(loaded["status"].split()[1])
    return loaded


def body_of(record: dict[str, Any]) -> bytes:
    if "json" in record:
        return json.dumps(record["json"]).encode()
    return str(record["body"]).encode()


def reply_of(record: dict[str, Any], content_type: str | None = None) -> Reply:
    given = record["headers"].get("content-type", "")
    return Reply(
        "http://127.0.0.1:38084",
        record["code"],
        given if content_type is None else content_type,
        body_of(record),
        record["headers"].get("location"),
    )


def request_of(record: dict[str, Any]) -> Request:
    params = dict(parse_qsl(urlsplit(record["request"]["path"]).query))
    action = params.pop("action", "browse")
    return Request(action, tuple(params.items()))


def response_of(name: str) -> Any:
    return recorded(name)["json"]["response"]


def test_no_answer_is_left_out() -> None:
    assert sorted(MEANT) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_what_each_answer_means(name: str) -> None:
    record = recorded(name)
    if MEANT[name] is Answer:
        assert interpret(request_of(record), reply_of(record)).response == response_of(name)
        return
    with pytest.raises(errors.ApiError) as caught:
        interpret(request_of(record), reply_of(record))
    assert type(caught.value) is MEANT[name]


@pytest.mark.parametrize("name", [n for n in NAMES if MEANT[n] is errors.OtherApi])
def test_json_api_is_known_by_its_body_alone(name: str) -> None:
    record = recorded(name)
    with pytest.raises(errors.OtherApi, match="JSON:API"):
        interpret(request_of(record), reply_of(record, "application/json"))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"errors": "rate limit exceeded", "meta": {"status": "failure"}}),
        (429, {"errors": ["too many requests"]}),
        (403, {"errors": "forbidden", "meta": {}}),
        (200, {"data": [], "meta": {"count": 0, "status": "success"}}),
        (200, {"data": None, "jsonapi": {"version": "1.1"}}),
    ],
)
def test_nothing_that_json_api_says_is_a_catalogue_or_worth_another_try(
    status: int, body: object
) -> None:
    reply = Reply("https://x.bio", status, "application/json", json.dumps(body).encode())
    with pytest.raises(errors.OtherApi):
        interpret(Request("browse"), reply)


@pytest.mark.parametrize("body", [b"", b"  \n", b'{"data":[]}', b"[]", b'{"status":"success"}'])
def test_an_empty_answer_is_no_empty_catalogue(body: bytes) -> None:
    with pytest.raises(errors.BadAnswer):
        answer = interpret(Request("browse"), Reply("https://x.bio", 200, "text/html", body))
        models.BrowsePage.from_json(answer.response)


def test_a_group_under_the_later_names() -> None:
    raw = response_of("t013_cookie_action_group_id_1")
    answer = models.GroupAnswer.from_json(raw)
    group = answer.group
    assert group.name == "Alcohol dehydrogenase ADH1 &amp; &eacute; &lt;b&gt;"
    assert (group.organism, group.strain) == ("Saccharomyces cerevisiae", "S288C")
    assert (group.accession, group.lab, group.year) == ("YOL086C", "Stanford", 1985)
    assert (group.category_id, group.category_name) == (1, "Sequences")
    assert (group.time, group.tags) == ("2026-11-26 11:06:08", ("coding", "fungi", "one.shot"))
    assert group.authors == (models.Author(1, "David Schild"),)
    assert group.raw is raw["group"]
    assert [torrent.id for torrent in answer.torrents] == [1, 2]
    assert answer.torrents[0].file_list.startswith("coding.fsa{{{1095}}}")


def test_a_torrents_group_under_the_later_names() -> None:
    answer = models.TorrentAnswer.from_json(response_of("t013_cookie_action_torrent_id_1"))
    assert answer.group.name.startswith("Alcohol dehydrogenase ADH1")
    assert (answer.group.category_name, answer.group.time) == ("Sequences", "2026-11-26 11:06:08")
    assert (answer.group.authors, answer.group.tags, answer.group.year) == ((), (), 0)
    assert not answer.group.tells_authors


def test_a_browse_page_without_names() -> None:
    page = models.BrowsePage.from_json(response_of("t013_cookie_action_browse"))
    assert (page.current_page, page.pages, page.skipped) == (1, 1, 0)
    assert [(row.id, row.name, row.year, row.tags) for row in page.rows] == [
        (3, "", 0, ()),
        (2, "", 0, ()),
        (1, "", 0, ()),
    ]
    assert [torrent.format for torrent in page.rows[2].torrents] == ["FASTA", "GFF"]


def test_the_older_name_counts_where_both_have_a_value() -> None:
    both = {"id": 1, "name": "old", "title": "new", "tags": ["a"], "tagList": [{"name": "b"}]}
    group = models.Group.from_json(both)
    assert (group.name, group.tags) == ("old", ("a",))
    assert models.Group.from_json(both | {"name": None}).name == "new"


@pytest.mark.parametrize("value", [None, 7, {}, [None, [], {"name": []}, {"id": 1}, ""], "one"])
def test_tags_of_any_shape(value: object) -> None:
    tags = models.Group.from_json({"id": 1, "tagList": value}).tags
    assert tags == (("one",) if value == "one" else ())


# Through the transport: which secret goes along, and which name is tried.


class Server:
    """Answers what is recorded for a path and a kind of log-in; counts."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        page = request.url.path.removeprefix("/").removesuffix(".php")
        kind = "token" if "authorization" in request.headers else "cookie"
        self.asked.append(f"{page} {kind}")
        record = recorded(self.answers.get(f"{page}_{kind}") or self.answers[page])
        headers = {
            name: record["headers"][name]
            for name in ("content-type", "location")
            if name in record["headers"]
        }
        return httpx.Response(record["code"], content=body_of(record), headers=headers)


async def asked(server: Server, nursery: trio.Nursery, times: int, **secrets: Secret) -> list[Any]:
    """What comes of asking for a group so many times."""
    client = Transport("https://torrents.bio", transport=httpx.MockTransport(server), **secrets)
    await nursery.start(client.run)
    outcomes: list[Any] = []
    for _ in range(times):
        try:
            outcomes.append((await Api(client.send).torrentgroup(id=1)).group.id)
        except errors.ApiError as error:
            outcomes.append(error)
    return outcomes


OLD = {"api_token": "t013_asis_token_group", "api": "t013_cookie_action_group_id_1"}
TOKEN, COOKIE = Secret("tok-3f9a8b7c6d5e"), Secret("session=s3ss10n0f; userid=3")


async def test_a_server_without_tokens_says_so(nursery: trio.Nursery) -> None:
    server = Server(**OLD)
    outcomes = await asked(server, nursery, 2, token=TOKEN)
    assert [type(outcome) for outcome in outcomes] == [errors.TokensRefused] * 2
    assert "BIOFS_COOKIE" in str(outcomes[0])
    assert server.asked == ["api token"] * 2


async def test_the_cookie_is_used_where_tokens_are_not_taken(nursery: trio.Nursery) -> None:
    server = Server(**OLD)
    outcomes = await asked(server, nursery, 3, token=TOKEN, cookie=COOKIE)
    assert type(outcomes[0]) is errors.DialectChanged
    assert outcomes[1:] == [1, 1]
    assert server.asked == ["api token", "api cookie", "api cookie"]


async def test_an_expired_cookie_is_not_taken_for_a_token(nursery: trio.Nursery) -> None:
    server = Server(api="t013_asis_token_group")
    (outcome,) = await asked(server, nursery, 1, cookie=COOKIE)
    assert type(outcome) is errors.TokenMissing


async def test_a_json_api_server_is_asked_once_for_one_request(nursery: trio.Nursery) -> None:
    server = Server(api="prod_legacy_api_browse", ajax="prod_legacy_ajax")
    outcomes = await asked(server, nursery, 3, token=TOKEN)
    assert [type(outcome) for outcome in outcomes] == [errors.OtherApi] * 3
    assert server.asked == ["api token"] * 3


async def test_a_web_page_under_the_other_name_is_no_api(nursery: trio.Nursery) -> None:
    """Release 0.2.0: api.php is not there, and ajax.php the login page, with 200."""
    asked_for: list[str] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked_for.append(request.url.path)
        if request.url.path == "/api.php":
            return httpx.Response(404)
        return httpx.Response(200, html="<!doctype html><title>Log in</title>")

    client = Transport("https://torrents.bio", token=TOKEN, transport=httpx.MockTransport(serve))
    await nursery.start(client.run)
    with pytest.raises(errors.DialectChanged):
        await client.send(Request("browse"))
    with pytest.raises(errors.ServerFault, match="no API at this URL"):
        await client.send(Request("browse"))
    with pytest.raises(errors.DialectChanged):
        await client.send(Request("browse"))
    assert asked_for == ["/api.php", "/ajax.php", "/api.php"]


# The demo's server answers like these.


async def demo(name: str) -> httpx.Response:
    """The demo's answer to a recorded request."""
    record = recorded(name)
    asked_for = record["request"]
    login = asked_for.get("auth") or asked_for["token"].split()[0]
    headers = {
        "token": {"authorization": f"Bearer {DONOR_TOKEN}"},
        "donor": {"authorization": f"Bearer {DONOR_TOKEN}"},
        "cookie": {"cookie": DONOR_COOKIE},
        "rtoken": {"cookie": MEMBER_COOKIE},
        "x": {"authorization": "Bearer x"},
        "none": {},
    }[login]
    app = json_api.create_app() if name.startswith("prod") else app_of(release="0.1.3")
    path = asked_for["path"].replace("collage&id=1", "collage&id=99")  # no such collage
    async with httpx.AsyncClient(
        transport=transport(app), base_url="http://demo", headers=headers
    ) as client:
        for _ in range(2 if login == "rtoken" else 0):
            await client.get(path)
        return await client.request(asked_for["method"], path, content=asked_for.get("body"))


SHOWN = [name for name in NAMES if name != "t013_cookie_action_user_id_3"]  # PHP 8's own failure


@pytest.mark.parametrize("name", SHOWN)
async def test_the_demo_answers_with_the_same_status_and_headers(name: str) -> None:
    found, record = await demo(name), recorded(name)
    assert found.status_code == record["code"]
    assert found.headers["content-type"] == record["headers"]["content-type"]
    assert found.headers.get("location") == record["headers"].get("location")


@pytest.mark.parametrize("name", [name for name in SHOWN if "json" in recorded(name)])
async def test_the_demo_answers_in_the_same_shape(name: str) -> None:
    found, expected = (await demo(name)).json(), recorded(name)["json"]
    # Where the recorded catalogue has nothing, the demo's may have something.
    open_places = {".response.results[].torrents[].authors[]", ".response.group.citations[]"}
    kinds = {place for place, _ in shape(found)} ^ {place for place, _ in shape(expected)}
    assert not {place for place in kinds if place not in open_places}
    assert set(shape(found)) <= set(shape(expected))


@pytest.mark.parametrize(
    "name", [n for n in SHOWN if n.startswith("prod") and n != "prod_legacy_ajax"]
)
async def test_the_demos_json_api_says_the_same(name: str) -> None:
    found, expected = (await demo(name)).json(), recorded(name)["json"]
    found["meta"]["id"] = expected["meta"]["id"]
    assert found == expected


# Ids: the server's databases can hold 64 bits, an inode number 32.


@given(st.lists(st.integers(0, 2**64) | st.integers(2**32 - 2, 2**32 + 1), max_size=9))
def test_an_id_that_fits_no_inode_is_left_out_alone(ids: list[int]) -> None:
    rows = [{"groupId": ident, "torrents": [{"torrentId": ident + 1}]} for ident in ids]
    page = models.BrowsePage.from_json({"results": rows, "pages": 1})
    fitting = [ident for ident in ids if ident <= LARGEST_ID]
    assert [row.id for row in page.rows] == fitting
    torrents = [torrent.id for row in page.rows for torrent in row.torrents]
    assert torrents == [ident + 1 for ident in fitting if ident < LARGEST_ID]
    left_out = len(ids) - len(fitting) + fitting.count(LARGEST_ID)
    assert page.skipped == left_out


def test_an_id_that_fits_no_inode_is_named() -> None:
    with pytest.raises(errors.BadAnswer, match="its id is above 4294967295"):
        models.Group.from_json({"id": 2**63 - 1})
    with pytest.raises(errors.BadAnswer, match="has no id"):
        models.Group.from_json({"id": "x"})

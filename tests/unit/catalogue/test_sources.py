"""Answers of several pages become one document, at a request a page, whatever the pages are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from biofs.api.errors import ApiError, BadAnswer, NotFound, ServerFault
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.changes import HOUR, MINUTE, Freshness
from biofs.catalogue.documents import document, users
from biofs.catalogue.documents import users as user_documents
from biofs.catalogue.documents.document import Document, Joined, from_first, from_last
from biofs.demo.accounts import MEMBER_TOKEN, ServerOptions
from biofs.demo.server.app import create_app
from biofs.demo.server.requestlog import RequestLog
from biofs.demo.written.embedded import embedded
from tests.support.catalogues import Patient, running
from tests.support.faulty import Holding, Saying

READER = Patient()
FRESHNESS = Freshness()


class Part(NamedTuple):
    """A page as the server answers it."""

    pages: int
    raw: Mapping[str, object]


class Pages:
    """A server with numbered rows, and what it was asked."""

    def __init__(self, rows: int, per_page: int) -> None:
        self.rows = [{"id": number} for number in range(rows)]
        self.per_page = per_page
        self.asked: list[int] = []

    def page(self, number: int) -> Part:
        start = (number - 1) * self.per_page
        rows = self.rows[start : start + self.per_page]
        return Part(-(-len(self.rows) // self.per_page), {"page": number, "rows": rows})

    async def ask(self, number: int) -> Part:
        self.asked.append(number)
        return self.page(number)


def ids(whole: Mapping[str, Any]) -> list[int]:
    return [row["id"] for row in whole["rows"]]


@given(rows=st.integers(0, 40), per_page=st.integers(1, 12))
def test_every_page_is_read_once_and_in_order(rows: int, per_page: int) -> None:
    pages = Pages(rows, per_page)
    whole = trio.run(from_first, Joined("x", "rows", "id"), pages.ask)
    assert ids(whole) == list(range(rows))
    assert pages.asked == list(range(1, max(-(-rows // per_page), 1) + 1))
    assert whole["page"] == 1


@given(rows=st.integers(0, 40), per_page=st.integers(1, 12))
def test_read_from_the_last_page_it_takes_no_more(rows: int, per_page: int) -> None:
    pages = Pages(rows, per_page)
    count = max(-(-rows // per_page), 1)
    whole = trio.run(from_last, Joined("x", "rows", "id"), pages.page(count), pages.ask)
    assert ids(whole) == list(range(rows))
    assert pages.asked == list(range(1, count))


def test_rows_that_move_to_another_page_meanwhile_come_once() -> None:
    pages = Pages(20, 10)

    async def ask(number: int) -> Part:
        part = await pages.ask(number)
        pages.rows.insert(0, {"id": 100 + number})
        return part

    whole = trio.run(from_first, Joined("x", "rows", "id"), ask)
    assert ids(whole) == list(range(20))


def test_a_server_that_gives_the_same_page_for_ever_is_left() -> None:
    asked = []

    async def ask(number: int) -> Part:
        asked.append(number)
        return Part(10**18, {"rows": [{"id": 1}]})

    assert ids(trio.run(from_first, Joined("x", "rows", "id"), ask)) == [1]
    assert asked == [1, 2]


def test_there_is_a_last_page_and_a_most_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Pages(100_000, 1)
    whole = trio.run(from_first, Joined("x", "rows", "id"), pages.ask, 7)
    assert len(ids(whole)) == 7
    monkeypatch.setattr(document, "MOST_BYTES", 1000)
    with pytest.raises(BadAnswer, match="too large together"):
        trio.run(from_first, Joined("x", "rows", "id"), pages.ask)


def test_rows_that_are_no_objects_are_left_out() -> None:
    joined = Joined("x", "rows", "id")
    assert not joined.add(Part(1, {"rows": [1, None, "x", [2]]}))
    assert not joined.add(Part(1, {"rows": None}))
    assert joined.fields() == {"rows": []}


async def read(catalogue: Catalogue, source: Document) -> Any:
    answers = catalogue.answers
    return json.loads(await answers.get(source.key, source.ttl, source.fetch, READER))


async def test_comments_are_whole_oldest_first_and_decoded(autojump_clock: object) -> None:
    app = create_app(embedded())
    log: RequestLog = app.state.log
    async with running(app) as catalogue:
        answer = await read(catalogue, user_documents.comments(FRESHNESS, 1))
        assert [entry.params.get("page") for entry in log.entries("tcomments")] == [
            *(None, "1", "2", "3")
        ]
        times = [comment["addedTime"] for comment in answer["comments"]]
        assert times == sorted(times)
        assert len(times) == 37
        assert answer["comments"][1]["bbBody"] == (
            'Works fine for me, the checksum of "reads_001" matches & everything is <OK>. #1'
        )
        assert "&amp; everything" in answer["comments"][1]["body"]
        known = catalogue.answers.known(f"{user_documents.COMMENTS}1", READER)
        assert known is not None
        source = user_documents.comments(FRESHNESS, 1)
        assert source.mtime(known.body) == 1_581_053_460  # 2020-02-07 05:31:00, the last one's


async def test_a_group_without_comments_and_none_at_all_have_none(autojump_clock: object) -> None:
    async with running(create_app(embedded())) as catalogue:
        for group_id in (2, 99_999):
            answer = await read(catalogue, user_documents.comments(FRESHNESS, group_id))
            assert answer == {"page": 1, "pages": 0, "comments": []}


async def test_a_long_answer_is_progress_page_by_page(autojump_clock: object) -> None:
    async with running(create_app(embedded()), rate="1/6") as catalogue:
        source = user_documents.comments(FRESHNESS, 1)
        fetch = catalogue.answers.start(source.key, source.fetch, READER)
        steps = []
        while not fetch.done:
            await fetch.changed.wait()
            steps.append(fetch.steps)
        assert steps == [1, 2, 3, 4, 5]  # four pages and the end


async def test_nobody_s_page_holds_a_passkey(autojump_clock: object) -> None:
    app = Saying(create_app(embedded()))
    body = {"username": "x", "personal": {"passkey": "f74baa78137725ed"}, "x": "f74baa78137725ed"}
    app.say(200, json.dumps({"status": "success", "response": body}).encode())
    async with running(app) as catalogue:  # type: ignore[arg-type]
        answer = await read(catalogue, user_documents.user(FRESHNESS, 3))
        assert answer == {"username": "x", "personal": {"passkey": ""}, "x": ""}


async def test_the_index_holds_no_keys(autojump_clock: object) -> None:
    app = Saying(create_app(embedded()))
    body = {"id": 3, "username": "x", "authkey": "8" * 32, "passkey": "9" * 32, "rss": "9" * 32}
    app.say(200, json.dumps({"status": "success", "response": body}).encode())
    async with running(app) as catalogue:  # type: ignore[arg-type]
        answer = await read(catalogue, users.index(FRESHNESS))
        assert answer == {"id": 3, "username": "x", "rss": ""}


async def test_all_pages_of_the_inbox_and_no_conversation(autojump_clock: object) -> None:
    app = create_app(embedded(), options=ServerOptions(rate_limit=False))
    log: RequestLog = app.state.log
    async with running(app, token=MEMBER_TOKEN) as catalogue:
        answer = await read(catalogue, users.messages(FRESHNESS, "inbox"))
        assert len(answer["messages"]) == 61
        assert [entry.params["page"] for entry in log.entries("inbox")] == ["1", "2", "3"]
        assert not log.count("inbox", type="viewconv")
        assert sum(row["unread"] for row in answer["messages"]) == 3


async def test_a_conversation_s_bbcode_stays_as_typed(autojump_clock: object) -> None:
    async with running(create_app(embedded())) as catalogue:
        answer = await read(catalogue, users.conversation(FRESHNESS, 62))
        assert answer["subject"] == 'Re: "α" & <β> – subject 日本'  # noqa: RUF001
        assert "[b]BB[/b] & <html> and é" in answer["messages"][0]["bbBody"]
        assert "&lt;html&gt;" in answer["messages"][0]["body"]


ALL = [
    user_documents.user(FRESHNESS, 2),
    user_documents.stats(FRESHNESS, 2),
    user_documents.recents(FRESHNESS, 2),
    user_documents.search(FRESHNESS, "x"),
    user_documents.comments(FRESHNESS, 1),
    user_documents.site_stats(FRESHNESS),
    user_documents.announcements(FRESHNESS),
    users.index(FRESHNESS),
    users.messages(FRESHNESS, "inbox"),
    users.conversation(FRESHNESS, 1),
    users.bookmarks(FRESHNESS, "torrents"),
    users.site_notifications(FRESHNESS),
]
BODIES = [
    b"",
    b"null",
    b"[]",
    b"{",
    b'{"status":"success"}',
    b'{"status":"success","response":[]}',
    b'{"status":"success","response":{}}',
    b'{"status":"success","response":[[[]]]}',
    b'{"status":"success","response":"x"}',
    b'{"status":"success","response":{"id":-1,"pages":"99","comments":{"a":{"postId":{}}}}}',
    b'{"status":"success","response":{"id":1,"convId":1,"messages":[{"convId":1e99}],"results":5}}',
    b'{"status":"failure"}<html><body>Internal error</body></html>',
    b"<!doctype html><html></html>",
    b'{"status":"success","response":' + b"[" * 60 + b"]" * 60 + b"}",
]


@pytest.mark.parametrize("source", ALL, ids=lambda source: source.key)
async def test_whatever_comes_is_a_document_or_an_api_error(
    source: Document, autojump_clock: object
) -> None:
    app = Saying(create_app(embedded()))
    async with running(app) as catalogue:  # type: ignore[arg-type]
        for body in BODIES:
            for status in (200, 500):
                app.say(status, body, content_type="application/json; charset=utf-8")
                fetched = catalogue.answers.start(source.key, source.fetch, READER)
                while not fetched.done:
                    await fetched.changed.wait()
                assert status == 200 or isinstance(fetched.error, ApiError)
                if fetched.error is None:
                    known = catalogue.answers.known(source.key, READER)
                    assert known is not None
                    json.loads(known.body)
                    source.mtime(known.body)


async def test_an_empty_list_where_an_object_was_due_is_honestly_empty(
    autojump_clock: object,
) -> None:
    app = Saying(create_app(embedded()))
    app.say(200, b'{"status":"success","response":[]}')
    async with running(app) as catalogue:  # type: ignore[arg-type]
        assert await read(catalogue, users.site_notifications(FRESHNESS)) == {}


async def test_html_after_http_500_is_no_document_and_no_absence(autojump_clock: object) -> None:
    app = Saying(create_app(embedded()))
    app.say(500, b'{"status":"failure"}<html></html>')
    async with running(app) as catalogue:  # type: ignore[arg-type]
        source = user_documents.user(FRESHNESS, 2)
        with pytest.raises(ServerFault):
            await read(catalogue, source)
        app.body = None
        assert (await read(catalogue, source))["username"] == "eva"


async def test_an_unknown_user_is_not_found_and_not_asked_for_again_at_once(
    autojump_clock: object,
) -> None:
    app = create_app(embedded())
    log: RequestLog = app.state.log
    async with running(app) as catalogue:
        for _ in range(3):
            with pytest.raises(NotFound):
                await read(catalogue, user_documents.user(FRESHNESS, 99_999))
        assert log.count("user") == 1


async def test_fresh_for_as_long_as_is_promised(autojump_clock: object) -> None:
    assert user_documents.user(FRESHNESS, 1).ttl == HOUR
    assert user_documents.comments(FRESHNESS, 1).ttl == 15 * MINUTE
    assert users.index(FRESHNESS).ttl == MINUTE
    app = create_app(embedded())
    log: RequestLog = app.state.log
    async with running(app) as catalogue:
        source = users.site_notifications(FRESHNESS)
        for wait, requests in ((0, 1), (59, 1), (2, 2), (0, 2)):
            await trio.sleep(wait)
            await read(catalogue, source)
            while len(catalogue.fetches):
                await trio.sleep(0.01)
            assert log.count("get_user_notifications") == requests


async def read_new(catalogue: Catalogue, source: Document) -> Any:
    answers = catalogue.answers
    return json.loads(await answers.get_new(source.key, source.ttl, source.fetch, READER))


async def test_what_takes_marks_away_is_never_asked_for_behind_the_back(
    autojump_clock: object,
) -> None:
    app = Holding(create_app(embedded()))
    log: RequestLog = app.state.log
    async with running(app) as catalogue:  # type: ignore[arg-type]
        source = users.conversation(FRESHNESS, 62)
        await read_new(catalogue, source)
        await read_new(catalogue, source)
        assert log.count("inbox", type="viewconv") == 1
        await trio.sleep(MINUTE + 1)
        app.hold.set()
        with trio.move_on_after(0.2) as scope:
            await read_new(catalogue, source)
        assert scope.cancelled_caught, "it waits for the new answer"
        app.hold.clear()
        await read_new(catalogue, source)
        assert log.count("inbox", type="viewconv") == 2

"""Answers are bounded in the store, and their changes are passed on."""

from __future__ import annotations

from biofs.api.actions import Api
from biofs.api.errors import NotFound
from biofs.catalogue.answers import FetchBody
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.support.catalogues import Patient, Recorder, running


def answering(body: bytes) -> FetchBody:
    async def fetch(api: Api) -> bytes:
        del api
        return body

    return fetch


async def test_the_oldest_answers_give_way_to_new_ones_by_their_bytes(
    autojump_clock: object,
) -> None:
    async with running(create_app(embedded()), cache_size=4000) as catalogue:
        answers = catalogue.answers
        for number in range(10):
            await answers.get(f"key {number}", 60, answering(b"x" * 300), Patient())
        kept = answers.keys("key ")
        assert kept == ["key 7", "key 8", "key 9"]
        # One that alone is larger stays all the same: somebody waits for it.
        assert await answers.get("key A", 60, answering(b"x" * 5000), Patient())
        assert answers.keys("key ") == ["key A"]


async def test_a_change_is_passed_on_and_so_is_an_end(autojump_clock: object) -> None:
    async with running(create_app(embedded())) as catalogue:
        answers, observer = catalogue.answers, Recorder()
        catalogue.changes.subscribe(observer)
        for body in (b"one", b"one", b"two"):
            fetch = answers.start("key", answering(body), Patient())
            await Patient().wait(fetch)
        assert observer.answers == ["key"]

        async def gone(api: Api) -> bytes:
            raise NotFound("collage", "gone")

        await Patient().wait(answers.start("key", gone, Patient()))
        assert observer.answers == ["key", "key"]
        assert answers.known("key", Patient()) is None


async def test_who_reads_answers_is_known_by_their_keys(autojump_clock: object) -> None:
    async with running(create_app(embedded())) as catalogue:
        caller = Patient()
        catalogue.answers.known("a", caller)
        await catalogue.answers.get("b", 60, answering(b"body"), caller)
        catalogue.answers.known("c", Patient())
        assert caller.used_answers == {"a", "b"}


async def test_who_wants_fresh_answers_has_each_fetched_once(autojump_clock: object) -> None:
    async with running(create_app(embedded())) as catalogue:
        answers, fetched = catalogue.answers, list[str]()

        async def fetch(api: Api) -> bytes:
            del api
            fetched.append("key")
            return b"%d" % len(fetched)

        assert await answers.get("key", 60, fetch, Patient()) == b"1"
        caller = Patient(wants_fresh=True)
        assert await answers.get("key", 60, fetch, caller) == b"2"
        assert await answers.get("key", 60, fetch, caller) == b"2"
        assert caller.fetched_fresh == {"key"}
        assert await answers.get("key", 60, fetch, Patient()) == b"2"

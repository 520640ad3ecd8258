"""Answers are bounded in the store, and tell who looked at them when they change."""

from __future__ import annotations

from biofs.api.actions import Api
from biofs.api.errors import NotFound
from biofs.catalogue.answers import Fetch
from biofs.catalogue.caller import looked_at
from biofs.demo.app import create_app
from biofs.demo.embedded import embedded
from tests.support.catalogues import Patient, running


def answering(body: bytes) -> Fetch:
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


async def test_a_change_is_told_and_so_is_an_end(autojump_clock: object) -> None:
    async with running(create_app(embedded())) as catalogue:
        answers, told = catalogue.answers, list[str]()
        answers.when_changed = told.append
        for body in (b"one", b"one", b"two"):
            want = answers.want("key", answering(body))
            await Patient().wait(want)
        assert told == ["key"]

        async def gone(api: Api) -> bytes:
            raise NotFound("collage", "gone")

        await Patient().wait(answers.want("key", gone))
        assert told == ["key", "key"]
        assert answers.known("key") is None


async def test_who_reads_answers_is_known_by_their_keys(autojump_clock: object) -> None:
    async with running(create_app(embedded())) as catalogue:
        with looked_at.collecting() as keys:
            catalogue.answers.known("a")
            await catalogue.answers.get("b", 60, answering(b"body"), Patient())
        catalogue.answers.known("c")
        assert keys == {"a", "b"}

"""Which details stay in memory: those that are read again, and few of those that are passed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from biofs.catalogue import groups
from biofs.catalogue.catalogue import Catalogue
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.store import details
from biofs.store.detail_rows import StoredAnswer, decode
from tests.support.catalogues import Patient, running

GROUPS = range(1, 9)


class Walks:
    """Walks over the details of all groups."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.decoded = 0

    def decode(self, answer: bytes) -> StoredAnswer:
        self.decoded += 1
        return decode(answer)

    def walk(self) -> int:
        """How many answers are decoded for it."""
        before = self.decoded
        for group in GROUPS:
            assert self.catalogue.groups.known(group, Patient()) is not None
        return self.decoded - before


@asynccontextmanager
async def walks(monkeypatch: pytest.MonkeyPatch, *, kept: int) -> AsyncIterator[Walks]:
    """There is room for so many details, and for two that are passed."""
    async with running(create_app(Generated(len(GROUPS), 1, 1, categories=(1,)))) as catalogue:
        for group in GROUPS:
            await catalogue.groups.get(group, Patient())
        found = [catalogue.groups.at_hand(group) for group in GROUPS]
        largest = max(detail.nbytes() for detail in found if detail)
        monkeypatch.setattr(groups, "PASSING_BYTES", 2 * largest)
        monkeypatch.setattr(groups, "CACHE_BYTES", kept * largest)
        fresh = Catalogue(catalogue.store, catalogue.queue, clock=catalogue.clock)
        made = Walks(fresh)
        monkeypatch.setattr(details, "decode", made.decode)
        yield made


async def test_what_is_read_again_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    async with walks(monkeypatch, kept=len(GROUPS)) as made:
        every = len(GROUPS)
        assert [made.walk() for _ in range(4)] == [every, every - 2, 0, 0]


async def test_a_walk_that_is_longer_than_memory_leaves_little_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with walks(monkeypatch, kept=len(GROUPS) - 2) as made:
        every = len(GROUPS)
        assert [made.walk() for _ in range(3)] == [every, every, every]
        assert not made.catalogue.groups._recent._held


async def test_nothing_stays_that_was_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    async with walks(monkeypatch, kept=len(GROUPS)) as made:
        for _ in range(2):
            made.walk()
        made.catalogue.groups.forget_all()
        assert [made.walk(), made.walk()] == [len(GROUPS), len(GROUPS) - 2]


async def test_long_ones_stay_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "_LONG", 1)
    async with walks(monkeypatch, kept=len(GROUPS)) as made:
        assert [made.walk(), made.walk()] == [len(GROUPS), 0]

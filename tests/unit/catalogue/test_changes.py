"""Changes reach every observer but who brought them, and memory before all others."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest
import trio

from biofs.catalogue.changes import Changes, Stage
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.store.database.change_log import POLL_SECONDS
from biofs.store.groups import Before, KnownGroup
from tests.support.catalogues import Patient, Recorder, running
from tests.support.overlay import Overlay

READER = Patient()
BEFORE = Before(KnownGroup(7, "Name [7]", 1, 0), [])


class Named(Recorder):
    """Writes in a list when it hears of something."""

    def __init__(self, name: str, heard: list[str]) -> None:
        super().__init__()
        self._name = name
        self._heard = heard

    def group_changed(self, before: Before, *, gone: bool) -> None:
        self._heard.append(self._name)

    def listing_changed(self, category: int) -> None:
        self._heard.append(self._name)

    def answer_changed(self, key: str) -> None:
        self._heard.append(self._name)


@pytest.mark.parametrize("order", list(permutations(["memory", "kernel", "log"])))
@pytest.mark.parametrize(
    "change",
    [
        lambda changes: changes.group_changed(BEFORE, gone=False),
        lambda changes: changes.listing_changed(1),
        lambda changes: changes.answer_changed("key"),
    ],
    ids=["group", "listing", "answer"],
)
def test_memory_is_dropped_first_whoever_subscribes_first(
    order: tuple[str, ...], change: Callable[[Changes], None]
) -> None:
    changes, heard = Changes(), list[str]()
    for name in order:
        stage = Stage.MEMORY if name == "memory" else Stage.OTHERS
        changes.subscribe(Named(name, heard), stage)
    change(changes)
    assert heard[0] == "memory"
    assert sorted(heard) == ["kernel", "log", "memory"]


def test_who_brings_a_change_does_not_hear_of_it() -> None:
    changes, bringer, other = Changes(), Recorder(), Recorder()
    for observer in (bringer, other):
        changes.subscribe(observer)
    changes.group_changed(BEFORE, gone=True, source=bringer)
    changes.listing_changed(1, source=bringer)
    assert (bringer.groups, bringer.listings) == ([], [])
    assert (other.groups, other.listings) == ([(7, True)], [1])


async def test_the_log_does_not_return_what_it_received(
    autojump_clock: object, tmp_path: Path
) -> None:
    source = Overlay(Generated(30, 1, 1, categories=(1,)))
    app, path = create_app(source), tmp_path / "store.sqlite"
    async with running(app, path) as one, running(app, path) as other:
        await one.listings.listed(1, READER)
        await one.groups.get(7, READER)
        await trio.sleep(2 * POLL_SECONDS)
        old = other.groups.known(7, READER)
        assert old is not None
        heard, own = Recorder(), Recorder()
        other.changes.subscribe(heard)
        one.changes.subscribe(own)
        source.bump(7, name="Renamed")
        await one.listings.start(1, READER, walk=True).changed.wait()
        await trio.sleep(5 * POLL_SECONDS)
        assert heard.groups == own.groups == [(7, False)], "once each, and back to nobody"
        assert heard.listings
        assert other.groups.known(7, READER) is not old, "its memory was dropped"

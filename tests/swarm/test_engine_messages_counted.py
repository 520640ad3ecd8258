"""What is said to the engine's process, how often, and that it answers when something happens."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from biofs.contents.engines.daemon import connection, messages
from biofs.contents.engines.engine import State
from tests.support.swarm import GENEROUS
from tests.swarm.test_libtorrent_engine import PIECE, Swarm, found, process_of, swarm

__all__ = ["swarm"]

HOLDS_ALL = 3600.0
"""Seconds to wait. A test that waited so long would not end."""


class Said:
    """Counts the messages of this process, and the bytes of them."""

    def __init__(self, patched: pytest.MonkeyPatch) -> None:
        self.messages = Counter[str]()
        self.bytes = Counter[str]()
        asked = connection.Connection.ask

        def ask(
            self_: connection.Connection, request: messages.Request, patience: float = 0.0
        ) -> messages.Answer:
            name = type(request).__name__
            self.messages[name] += 1
            self.bytes[name] += len(messages.line(request))
            return asked(self_, request, patience)

        patched.setattr(connection.Connection, "ask", ask)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    return Said(monkeypatch)


def test_the_end_of_a_fetch_is_said_by_the_process(swarm: Swarm, said: Said) -> None:
    engine = swarm.engine()
    with swarm.seeder():
        engine.fetch(swarm.torrent, [3, 4])
        engine.wait_for_all(swarm.hash, HOLDS_ALL)
        progress = found(engine, swarm.hash)
        assert progress.state == State.FINISHED
        assert progress.done == [100_000, 100_000]
        assert swarm.right(engine, swarm.files[3:5])
        engine.wait_for_all(swarm.hash, HOLDS_ALL)  # it is there already
        engine.wait_for_all(bytes(20), HOLDS_ALL)  # it has no such torrent
    assert said.messages == {"Configure": 1, "Fetch": 1, "WaitForAll": 3, "Progress": 1}


def test_who_waits_for_all_is_not_told_of_a_part(swarm: Swarm) -> None:
    engine = swarm.engine()
    with swarm.seeder(rate=1) as seeder:
        engine.fetch_pieces(swarm.torrent, [0])
        engine.wait_for_all(swarm.hash, 0.2)
        assert found(engine, swarm.hash).state == State.FETCHING
        seeder.limit(0)
        engine.wait_for_all(swarm.hash, HOLDS_ALL)
        assert swarm.on_disk(engine, 0)


def test_a_torrent_is_sent_once_and_a_window_is_one_message(swarm: Swarm, said: Said) -> None:
    engine = swarm.engine()
    with swarm.seeder() as seeder:
        assert not engine.fetch_more(swarm.hash, range(4)), "it does not know the torrent"
        engine.fetch_pieces(swarm.torrent, range(4))
        assert engine.fetch_more(swarm.hash, range(4, 40))
        left = set(range(40))
        while left:
            left -= set(engine.wait_for_pieces(swarm.hash, sorted(left), GENEROUS))
        assert all(swarm.on_disk(engine, piece) for piece in range(40))
        assert seeder.pieces() == swarm.blocks(range(40))
    assert said.messages["Pieces"] == 3
    assert said.messages["Wait"] <= 40
    assert said.bytes["Pieces"] < 2 * len(swarm.torrent), "base64, once"


def test_what_is_read_comes_in_order(swarm: Swarm) -> None:
    engine = swarm.engine()
    wanted = range(10, 60)
    order: list[int] = []
    with swarm.seeder(rate=40 * PIECE):
        engine.fetch_pieces(swarm.torrent, wanted)
        while left := set(wanted) - set(order):
            order += sorted(engine.wait_for_pieces(swarm.hash, sorted(left), GENEROUS))
    # Some are under way at the same time, and end in another order: on average, fewer than eight
    # come before their turn or after it. In no order at all these are a third of them.
    late = [abs(place - piece) for place, piece in zip(wanted, order, strict=True)]
    assert sum(late) / len(late) < 8


def test_the_process_does_nothing_while_nothing_happens(swarm: Swarm) -> None:
    engine = swarm.engine()
    with swarm.seeder():
        engine.fetch(swarm.torrent, [3])
        engine.wait_for_all(swarm.hash, HOLDS_ALL)
    status = Path(f"/proc/{process_of(swarm.root / 'state')}/status")
    time.sleep(2)  # resume data are written
    before, began = _switches(status), time.monotonic()
    time.sleep(3)
    # It looks once a second whether it is idle for good.
    assert _switches(status) - before <= 4 * (time.monotonic() - began) + 4


def _switches(status: Path) -> int:
    """How often its main thread has waited (proc_pid_status(5))."""
    for line in status.read_text().splitlines():
        if line.startswith("voluntary_ctxt_switches:"):
            return int(line.split()[1])
    raise AssertionError("no such line")

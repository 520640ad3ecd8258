"""Who waits for pieces that the engine was asked for, and by how many messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

import pytest
import trio

from biofs.contents.engines.engine import EngineError
from biofs.mount.arriving import IDLE_SECONDS, MOST_WRONG, WAIT_SECONDS, Arrivals, NeverRight


class Engine:
    """Has pieces when it is told that they came."""

    def __init__(self, start: Callable[[Callable[[], Awaitable[None]]], None]) -> None:
        self.arrivals = Arrivals(start, self.wait, self.verify)
        self.came: set[int] = set()
        self.wrong: set[int] = set()
        self.waits = 0
        self.verified: Counter[int] = Counter()
        self.error: Exception | None = None
        self._news = trio.Event()

    def have(self, *pieces: int) -> None:
        self.came.update(pieces)
        self._news.set()
        self._news = trio.Event()

    async def wait(self, pieces: Sequence[int]) -> Collection[int]:
        self.waits += 1
        if self.error is not None:
            raise self.error
        with trio.move_on_after(WAIT_SECONDS):
            while not self.came.intersection(pieces):
                await self._news.wait()
        return self.came.intersection(pieces)

    async def verify(self, piece: int) -> bool:
        await trio.sleep(0)
        self.verified[piece] += 1
        return piece not in self.wrong


@pytest.fixture
async def engine(nursery: trio.Nursery) -> AsyncIterator[Engine]:
    found = Engine(nursery.start_soon)
    yield found
    found.arrivals.close()


async def test_all_who_wait_for_a_piece_share_a_message_and_a_hash(
    engine: Engine, autojump_clock: object
) -> None:
    engine.arrivals.asked([1, 2, 3], [1])
    found: list[bool] = []

    async def reader(piece: int) -> None:
        found.append(await engine.arrivals.wait(piece, 60))

    async with trio.open_nursery() as readers:
        for piece in (1, 1, 1, 2):
            readers.start_soon(reader, piece)
        await trio.sleep(0.1)
        assert engine.waits == 2
        engine.have(1, 2, 3)
    assert found == [True] * 4
    assert engine.verified == {1: 1, 2: 1}, "3 is nobody's wish"
    assert not engine.arrivals.expects([1, 2])
    assert engine.arrivals.expects([3])


async def test_what_will_be_read_is_verified_before_and_not_again(
    engine: Engine, autojump_clock: object
) -> None:
    engine.arrivals.asked(range(8), [0])
    engine.arrivals.reads(range(1, 4))
    engine.have(*range(8))
    await trio.sleep(0.1)
    assert engine.verified == {1: 1, 2: 1, 3: 1}
    engine.arrivals.asked(range(2, 10), [])
    engine.arrivals.reads(range(2, 4))
    await trio.sleep(0.1)
    assert engine.verified == {1: 1, 2: 1, 3: 1}
    # What a reader does not find to be right any more is another matter.
    engine.arrivals.asked(range(2, 10), [2])
    assert await engine.arrivals.wait(2, 1)
    assert engine.verified[2] == 2


async def test_nothing_is_asked_while_nobody_reads(engine: Engine, autojump_clock: object) -> None:
    engine.arrivals.asked(range(8), [0])
    engine.arrivals.reads(range(1, 4))
    await trio.sleep(60)
    assert engine.waits <= IDLE_SECONDS / WAIT_SECONDS + 1
    engine.have(1)
    await trio.sleep(60)
    assert not engine.verified
    # And after all has come, there is nothing to wait for at all.
    engine.arrivals.reads(range(1, 2))
    await trio.sleep(0.1)
    waits = engine.waits
    await trio.sleep(60)
    assert engine.waits == waits


async def test_a_reader_who_goes_away_stops_it(engine: Engine, autojump_clock: object) -> None:
    engine.arrivals.asked([5], [5])
    with trio.move_on_after(0.5):
        await engine.arrivals.wait(5, 60)
    await trio.sleep(2 * WAIT_SECONDS)
    waits = engine.waits
    assert waits <= 2
    await trio.sleep(60)
    assert engine.waits == waits
    assert not await engine.arrivals.wait(5, 3 * WAIT_SECONDS), "its time is over"


async def test_what_is_never_right_is_said(engine: Engine, autojump_clock: object) -> None:
    engine.wrong = {7}
    engine.arrivals.asked([7, 8], [7])
    engine.have(7, 8)
    with pytest.raises(NeverRight):
        await engine.arrivals.wait(7, 600)
    assert engine.verified[7] == MOST_WRONG + 1
    assert await engine.arrivals.wait(8, 1)
    # Asked again, it is looked at again.
    engine.wrong = set()
    engine.arrivals.asked([7], [7])
    assert await engine.arrivals.wait(7, 1)


async def test_a_seek_does_not_wait_for_what_was_to_be_read(
    engine: Engine, autojump_clock: object
) -> None:
    engine.arrivals.asked(range(4), [0])
    engine.arrivals.reads(range(1, 4))
    await trio.sleep(0.1)
    engine.arrivals.asked([40], [40])
    engine.have(40)
    began = trio.current_time()
    assert await engine.arrivals.wait(40, 60)
    assert trio.current_time() - began < WAIT_SECONDS / 2
    assert engine.waits == 2


async def test_what_is_wrong_ahead_disturbs_nobody(engine: Engine, autojump_clock: object) -> None:
    engine.wrong = {2}
    engine.arrivals.asked(range(4), [0])
    engine.have(*range(4))
    engine.arrivals.reads(range(1, 4))
    await trio.sleep(10)
    assert engine.verified == {1: 1, 2: 1, 3: 1}


async def test_an_error_is_said_and_not_for_good(engine: Engine, autojump_clock: object) -> None:
    engine.arrivals.asked([1], [1])
    engine.error = EngineError("it is gone")
    with pytest.raises(EngineError, match="it is gone"):
        await engine.arrivals.wait(1, 60)
    engine.error = None
    engine.have(1)
    assert await engine.arrivals.wait(1, 60)


async def test_closed_it_waits_for_nothing(engine: Engine, autojump_clock: object) -> None:
    engine.arrivals.asked([1], [1])
    engine.arrivals.reads(range(1, 2))
    await trio.sleep(0.1)
    engine.arrivals.close()
    await trio.sleep(0.1)
    waits = engine.waits
    engine.arrivals.reads(range(1, 2))
    await trio.sleep(10)
    assert engine.waits == waits

"""Bodies of answers: one large one at a time."""

from collections.abc import AsyncIterator

import pytest
import trio

from biofs.api.http import BodyTooLarge, LargeBodies, read_body

MIB = 2**20


async def test_of_large_bodies_one_at_a_time_is_held(autojump_clock):
    turns = trio.Lock()
    held = most = 0

    async def chunks(number: int) -> AsyncIterator[bytes]:
        nonlocal held, most
        for _ in range(number):
            await trio.sleep(1)
            held += 1
            most = max(most, held)
            yield b" " * MIB

    async def read(number: int) -> None:
        nonlocal held
        with LargeBodies(turns) as large:
            body = await read_body(chunks(number), "", 1 << 30, large.grown)
            assert len(body) == number * MIB
            held -= number

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(read, 32)
    # One to its end; the others up to the step that makes them large.
    assert most == 32 + 3 * (LargeBodies.FROM // MIB + 1)


async def test_small_bodies_wait_for_nobody(autojump_clock):
    turns = trio.Lock()

    async def one() -> AsyncIterator[bytes]:
        yield b" " * 1000

    async with turns:
        with LargeBodies(turns) as large:
            assert len(await read_body(one(), "", MIB, large.grown)) == 1000


async def test_one_that_is_too_large_makes_room_for_the_next(autojump_clock):
    turns = trio.Lock()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            await trio.lowlevel.checkpoint()
            yield b" " * MIB

    for _ in range(2):
        with pytest.raises(BodyTooLarge), LargeBodies(turns) as large:
            await read_body(endless(), "", 16 * MIB, large.grown)
    assert not turns.locked()

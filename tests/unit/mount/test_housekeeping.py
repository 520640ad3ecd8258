"""An idle mount gives its memory back, once, and a busy one does not."""

from __future__ import annotations

import trio
import trio.testing

from biofs.mount.process import memory
from biofs.mount.process.memory import IDLE_SECONDS, give_back


async def test_it_forgets_once_it_is_idle(autojump_clock: trio.testing.MockClock) -> None:
    served, forgotten = 0, 0

    def forget() -> None:
        nonlocal forgotten
        forgotten += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(give_back, lambda: served, forget)
        await trio.sleep(10 * IDLE_SECONDS)
        assert forgotten == 0, "nothing was ever served: there is nothing to forget"
        for _ in range(20):
            served += 1
            await trio.sleep(IDLE_SECONDS / 2)
        assert forgotten == 0
        await trio.sleep(3 * IDLE_SECONDS)
        assert forgotten == 1
        await trio.sleep(10 * IDLE_SECONDS)
        assert forgotten == 1
        served += 1
        await trio.sleep(3 * IDLE_SECONDS)
        assert forgotten == 2
        nursery.cancel_scope.cancel()


def test_the_c_library_gives_back() -> None:
    memory._trim()

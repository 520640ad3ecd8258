"""How the mount waits for requests: on a socket instead of the device, with a clock of our own."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pyfuse3
import pytest
import trio
import trio.testing

from biofs.mount.kernel import busy_poll
from biofs.mount.kernel.busy_poll import (
    CLOSE_SECONDS,
    LOOK_SECONDS,
    TURN_SECONDS,
    Lowlevel,
    Turn,
    look_closely,
)


class Clock:
    """Seconds that go on by `step` whenever somebody looks."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Passes(trio.abc.Instrument):
    """Counts how often trio's loop was gone through."""

    def __init__(self) -> None:
        self.count = 0

    def before_io_wait(self, timeout: float) -> None:
        self.count += 1


class Device:
    """What requests come from, one byte each."""

    def __init__(self) -> None:
        self._kernel, self._mount = socket.socketpair()
        self._mount.setblocking(False)
        self.clock = Clock()
        self.lowlevel = Lowlevel(self.clock)
        self.fd = self._mount.fileno()

    def ask(self) -> None:
        self._kernel.send(b"?")

    async def receive(self) -> None:
        await self.lowlevel.wait_readable(self.fd)
        assert self._mount.recv(1) == b"?"

    async def begin(self) -> None:
        """A first request, which follows closely on the start."""
        self.ask()
        await self.receive()

    def close(self) -> None:
        self._kernel.close()
        self._mount.close()


@pytest.fixture
def device() -> Iterator[Device]:
    device = Device()
    yield device
    device.close()


async def test_a_request_that_follows_at_once_takes_no_way_through_the_loop(device: Device) -> None:
    await device.begin()
    passes = Passes()
    trio.lowlevel.add_instrument(passes)
    for _ in range(100):
        device.ask()
        await device.receive()
    assert passes.count == 0


async def test_the_first_request_does(device: Device) -> None:
    passes = Passes()
    trio.lowlevel.add_instrument(passes)
    await device.begin()
    assert passes.count > 0


async def test_the_others_in_the_loop_have_their_turn(device: Device) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        await device.begin()
        before = turns
        device.clock.step = TURN_SECONDS / 100
        for _ in range(1000):
            device.ask()
            await device.receive()
        # Each request looks at the clock at least once, so the turns were over several times.
        assert turns >= before + 4
        nursery.cancel_scope.cancel()


async def test_looking_ends(device: Device) -> None:
    await device.begin()
    device.clock.step = LOOK_SECONDS / 10
    with trio.move_on_after(0.01) as scope:
        await device.receive()
    assert scope.cancelled_caught


async def test_who_asks_seldom_is_waited_for_in_the_loop(device: Device) -> None:
    await device.begin()
    async with trio.open_nursery() as nursery:
        device.clock.step = 2 * CLOSE_SECONDS
        nursery.start_soon(device.receive)
        await trio.testing.wait_all_tasks_blocked()
        device.ask()
    device.clock.step = 0.0
    passes = Passes()
    trio.lowlevel.add_instrument(passes)
    await device.begin()
    assert passes.count > 0
    before = passes.count
    await device.begin()
    assert passes.count == before, "that one followed closely again"


async def test_with_one_processor_whoever_asks_gets_it(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})
    device.lowlevel = Lowlevel(device.clock)
    await device.begin()
    with trio.move_on_after(0.01) as scope:
        # The clock stands still: looking twice would be looking for ever.
        await device.receive()
    assert scope.cancelled_caught
    await device.begin()


async def test_the_end_of_the_device_is_told(device: Device) -> None:
    await device.begin()
    device.clock.step = LOOK_SECONDS
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def receive() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await device.receive()

        await trio.testing.wait_all_tasks_blocked()
        trio.lowlevel.notify_closing(device.fd)


async def test_a_turn_is_for_one_task_at_a_time_and_may_be_taken_again_at_once() -> None:
    turn = Turn()
    order: list[str] = []

    async def task(name: str) -> None:
        for _ in range(3):
            async with turn:
                order.append(name)
                inside.append(name)
                assert inside == [name]
                inside.remove(name)
        # Only now it waits for something else, and the other has its turn.
        await trio.sleep(0)

    inside: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(task, "a")
        nursery.start_soon(task, "b")
    assert order in (["a"] * 3 + ["b"] * 3, ["b"] * 3 + ["a"] * 3)


async def test_a_turn_held_over_a_wait_is_waited_for() -> None:
    turn, done = Turn(), trio.Event()
    order: list[str] = []

    async def hold() -> None:
        async with turn:
            await done.wait()
            order.append("given back")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hold)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(3):
            nursery.start_soon(_append, turn, order)
        await trio.testing.wait_all_tasks_blocked()
        done.set()
    assert order == ["given back", *["taken"] * 3]


async def _append(turn: Turn, order: list[str]) -> None:
    async with turn:
        order.append("taken")


def test_pyfuse3_waits_like_this(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyfuse3, "trio", trio)
    look_closely()
    waits = pyfuse3.trio  # type: ignore[attr-defined]
    assert isinstance(waits, busy_poll.Trio)
    assert waits.open_nursery is trio.open_nursery
    assert waits.lowlevel.current_task is trio.lowlevel.current_task
    look_closely()
    assert pyfuse3.trio is waits, "once is enough"  # type: ignore[attr-defined]


def test_a_pyfuse3_that_waits_otherwise_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyfuse3, "trio", None)
    look_closely()
    assert pyfuse3.trio is None  # type: ignore[attr-defined]

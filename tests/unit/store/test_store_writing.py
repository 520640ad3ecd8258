"""Changes that are written together: one transaction, and each happens by itself or not."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from biofs.store.database.store import Store
from biofs.store.database.writing import MOST_TOGETHER


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store.sqlite")
    yield store
    store.close()


class Slow:
    """A change whose transaction lasts until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, connection: sqlite3.Connection) -> str:
        self.begun.set()
        assert self.let_go.wait(10)
        return "slow"

    async def wait_for_its_begin(self) -> None:
        assert await trio.to_thread.run_sync(self.begun.wait, 10)


def note(connection: sqlite3.Connection, value: int) -> int:
    connection.execute("INSERT INTO meta VALUES (?, ?)", (f"note {value}", value))
    return value


def fail(connection: sqlite3.Connection) -> None:
    note(connection, 99)
    raise ValueError("no")


def noted(store: Store) -> list[int]:
    return store.integers("SELECT value FROM meta WHERE key LIKE 'note %' ORDER BY value")


def transactions(store: Store) -> list[str]:
    said: list[str] = []
    store._writer.set_trace_callback(
        lambda statement: said.append(statement) if statement.startswith("BEGIN") else None
    )
    return said


async def test_what_comes_during_a_transaction_is_written_by_the_next_one(store: Store) -> None:
    begun, slow, results = transactions(store), Slow(), []

    async def write(value: int) -> None:
        results.append(await store.write(partial(note, value=value)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.write, slow)
        await slow.wait_for_its_begin()
        for value in range(5):
            nursery.start_soon(write, value)
            await trio.testing.wait_all_tasks_blocked()
        slow.let_go.set()
    assert sorted(results) == noted(store) == [0, 1, 2, 3, 4]
    assert len(begun) == 2


async def test_a_change_alone_is_written_at_once(store: Store) -> None:
    begun = transactions(store)
    for value in range(3):
        assert await store.write(partial(note, value=value)) == value
        assert noted(store)[-1] == value
    assert len(begun) == 3


async def test_no_more_than_so_many_together(store: Store) -> None:
    begun, slow = transactions(store), Slow()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.write, slow)
        await slow.wait_for_its_begin()
        for value in range(MOST_TOGETHER + 1):
            nursery.start_soon(store.write, partial(note, value=value))
        await trio.testing.wait_all_tasks_blocked()
        slow.let_go.set()
    assert noted(store) == list(range(MOST_TOGETHER + 1))
    assert len(begun) == 3


async def test_one_that_fails_takes_none_along(store: Store) -> None:
    slow, failed = Slow(), []

    async def write_badly() -> None:
        try:
            await store.write(fail)
        except ValueError as error:
            failed.append(str(error))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.write, slow)
        await slow.wait_for_its_begin()
        nursery.start_soon(store.write, partial(note, value=1))
        nursery.start_soon(write_badly)
        nursery.start_soon(store.write, partial(note, value=2))
        await trio.testing.wait_all_tasks_blocked()
        slow.let_go.set()
    assert failed == ["no"]
    assert noted(store) == [1, 2]


async def test_what_was_begun_is_written_although_its_task_is_cancelled(store: Store) -> None:
    slow, scopes = Slow(), []

    async def write(value: int) -> None:
        with trio.CancelScope() as scope:
            scopes.append(scope)
            await store.write(partial(note, value=value))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.write, slow)
        await slow.wait_for_its_begin()
        for value in range(2):
            nursery.start_soon(write, value)
        await trio.testing.wait_all_tasks_blocked()
        for scope in scopes:
            scope.cancel()
        slow.let_go.set()
    assert noted(store) == [0, 1]
    with trio.CancelScope() as scope:
        scope.cancel()
        await store.write(partial(note, value=7))
    assert 7 not in noted(store)


async def test_the_event_loop_goes_on_while_the_disk_is_slow(store: Store) -> None:
    slow = Slow()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.write, slow)
        await slow.wait_for_its_begin()
        nursery.start_soon(store.write, partial(note, value=1))
        with trio.fail_after(5):
            await trio.sleep(0.05)
            assert store.one("SELECT 1") == (1,)
        slow.let_go.set()
    assert noted(store) == [1]


async def test_without_a_thread_nobody_waits_for_ever(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(*_: object) -> None:
        await trio.lowlevel.checkpoint()
        raise RuntimeError("can't start new thread")

    failed = 0

    async def write() -> None:
        nonlocal failed
        with pytest.raises(RuntimeError, match="can't start"):
            await store.write(partial(note, value=1))
        failed += 1

    with monkeypatch.context() as patch:
        patch.setattr(trio.to_thread, "run_sync", none)
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(write)
    assert failed == 3
    assert await store.write(partial(note, value=2)) == 2

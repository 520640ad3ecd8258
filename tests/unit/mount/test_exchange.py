"""One snapshot takes the place of another: what is told, what is kept, and what does not grow."""

from __future__ import annotations

import gc
import os
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import trio

from biofs.api.server import Rate
from biofs.api.transport import Transport
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.queue import Queue
from biofs.mount.exchange import Exchanger
from biofs.store.database.files import StoreError
from biofs.store.database.pace_log import SharedPace
from biofs.store.database.snapshot import opened
from biofs.store.snapshots.difference import between
from biofs.store.snapshots.exchange import ENDING, Exchangeable
from tests.support.catalogues import Recorder
from tests.support.publisher import CATEGORY, Publisher, altered

TIMES = 1000


class Nothing:
    """Neither open files nor a kernel."""

    async def settle(self) -> None:
        """See Settling."""

    def forget_all(self) -> None:
        """See Settling."""

    async def flush(self) -> None:
        """See Flushing."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    publisher = Publisher(tmp_path_factory.mktemp("published"), groups=40)
    old = publisher.fresh()
    publisher.rename("Renamed", 5)
    publisher.source.remove(7)
    publisher.source.insert("Added")
    return old, publisher.fresh()


@asynccontextmanager
async def exchanging(file: Path) -> AsyncIterator[tuple[Exchanger, Exchangeable, Catalogue]]:
    store = Exchangeable(file)
    queue = Queue(Transport("http://x.invalid"), SharedPace(Rate.parse("1/6"), store), offline=True)
    catalogue = Catalogue(store, queue)
    try:
        yield Exchanger(store, catalogue, Nothing(), Nothing()), store, catalogue
    finally:
        catalogue.close()


def copies(files: tuple[Path, Path], base: Path) -> Iterator[Path]:
    """The two in turn, each time as a file of its own."""
    number = 0
    while True:
        number += 1
        yield Path(shutil.copy(files[number % 2], base / f"{number}.sqlite"))


async def test_what_is_different_is_told_and_nothing_else(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    each = copies((files[1], files[0]), tmp_path)
    async with exchanging(next(each)) as (exchanger, store, catalogue):
        heard = Recorder()
        catalogue.changes.subscribe(heard)
        assert catalogue.index.group(7) is not None
        found = await exchanger.exchange(next(each))
        assert (list(found.changed), list(found.gone), found.added) == ([5], [7], 1)
        assert found.categories == {CATEGORY}
        assert heard.groups == [(5, False), (7, True)]
        assert heard.listings == [CATEGORY]
        assert catalogue.index.group(7) is None
        group = catalogue.index.group(5)
        assert group is not None
        assert group.name == "Renamed [5]"
        removed()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["2.sqlite"]
        assert store.file.name == "2.sqlite"


def test_the_same_is_not_different(files: tuple[Path, Path], tmp_path: Path) -> None:
    same = shutil.copy(files[0], tmp_path / "same.sqlite")
    assert not between(files[0], Path(same))


async def test_numbers_of_texts_mean_what_they_meant(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    each = copies(files, tmp_path)
    async with exchanging(next(each)) as (exchanger, _, catalogue):
        number = catalogue.text_ids.add("search", "yeast")
        assert number is not None
        for _ in range(3):
            await exchanger.exchange(next(each))
            assert catalogue.text_ids.text("search", number) == "yeast"
            assert catalogue.text_ids.add("search", "yeast") == number


async def test_who_holds_the_old_one_reads_it_to_the_end(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    each = copies((files[1], files[0]), tmp_path)
    async with exchanging(first := next(each)) as (exchanger, store, catalogue):
        held = store.hold()
        before = store.changes
        await exchanger.exchange(next(each))
        assert store.changes == before + 1
        with held.reading():
            assert store.changes == before
            old = catalogue.index.group(5)
            count = await store.scan(lambda c: c.execute("SELECT count(*) FROM groups").fetchone())
        new = catalogue.index.group(5)
        assert old is not None
        assert new is not None
        assert (old.name == new.name, count) == (False, (40,))
        assert first.exists()
        held.let_go()
        removed()
        assert not first.exists()


async def test_the_event_loop_removes_no_file(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by: list[int] = []
    unlink = Path.unlink

    def noted(path: Path, missing_ok: bool = False) -> None:
        by.append(threading.get_ident())
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", noted)
    each = copies(files, tmp_path)
    async with exchanging(next(each)) as (exchanger, store, _):
        held = store.hold()
        await exchanger.exchange(next(each))
        held.let_go()
        await exchanger.exchange(next(each))
        removed()
    assert len(by) == 2
    assert threading.get_ident() not in by


async def test_a_file_of_another_catalogue_or_none_changes_nothing(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    other = altered(
        files[0],
        tmp_path / "other.sqlite",
        "UPDATE meta SET value = 'https://evil.example' WHERE key = 'snapshot of'",
    )
    hostile = altered(files[0], tmp_path / "hostile.sqlite", "CREATE VIEW v AS SELECT 1")
    none = tmp_path / "none.sqlite"
    none.write_bytes(b"nothing")
    async with exchanging(Path(shutil.copy(files[0], tmp_path / "0.sqlite"))) as (
        exchanger,
        store,
        _,
    ):
        before = store.changes
        for wrong in (other, hostile, none):
            with pytest.raises(StoreError):
                await exchanger.exchange(wrong)
        with pytest.raises(OSError, match="No such file"):
            await exchanger.exchange(tmp_path / "missing.sqlite")
        assert (store.changes, store.file.name) == (before, "0.sqlite")


def removed() -> None:
    """Wait until the files of old snapshots are gone."""
    for thread in threading.enumerate():
        if thread.name == ENDING:
            thread.join()


def _resources() -> tuple[int, int, int]:
    removed()
    gc.collect()
    descriptors = len(os.listdir("/proc/self/fd"))
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return descriptors, threading.active_count(), pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.long
async def test_nothing_grows_with_a_thousand_exchanges(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    each = copies(files, tmp_path)
    async with exchanging(next(each)) as (exchanger, _, catalogue):
        before: Any = None
        for number in range(TIMES):
            await exchanger.exchange(next(each))
            for group in range(1, 41):
                catalogue.groups.at_hand(group)
            if number == TIMES // 10:
                before = _resources(), trio.lowlevel.current_statistics().tasks_living
        after = _resources(), trio.lowlevel.current_statistics().tasks_living
        (descriptors, threads, memory), tasks = before
        assert after[0][0] <= descriptors
        assert after[0][1] <= threads + 1
        assert after[1] == tasks
        assert after[0][2] < memory + (8 << 20)
        removed()
        assert len(list(tmp_path.iterdir())) == 1


def test_a_stranger_s_ids_are_taken_as_they_are(files: tuple[Path, Path], tmp_path: Path) -> None:
    strange = altered(
        files[0],
        tmp_path / "strange.sqlite",
        "UPDATE groups SET id = -5 WHERE id = 5",
        "UPDATE groups SET id = 9223372036854775807, category = 'none' WHERE id = 6",
        "UPDATE groups SET name = x'ff00', line = 7 WHERE id = 8",
        "UPDATE torrents SET group_id = 'none' WHERE id = 9",
    )
    found = between(files[0], strange)
    assert {5, 6} == set(found.gone)
    assert 8 in found.changed
    with closing(opened(strange)[0]) as connection:
        assert connection.execute("SELECT count(*) FROM groups").fetchone() == (40,)

"""The names in a data directory are read once, and again only where something has changed."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.contents.disk.beneath import DataDirectory
from biofs.contents.disk.entries import Entries, Listing
from tests.unit.contents.contents_support import Clock, bind, make, promptly, silent_fuse, tmpfs


class Scans:
    """Which directories are read, and how often."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        self.fail: Callable[[str], None] = lambda _path: None
        real = os.scandir

        def counting(descriptor: int) -> Any:
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            self.paths.append(path)
            self.fail(path)
            return real(descriptor)

        monkeypatch.setattr(os, "scandir", counting)

    def take(self) -> list[str]:
        paths, self.paths = self.paths, []
        return [Path(path).name for path in paths]


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> Scans:
    return Scans(monkeypatch)


def entries_of(path: Path, clock: Clock, **more: int) -> Entries:
    return Entries(DataDirectory(path), clock=clock.monotonic, wall=clock.wall, **more)


def files(entries: Entries) -> set[str]:
    return {
        os.fsdecode(b"/".join([*path, name]))
        for path, listing in entries.walk()
        for name in listing.names()
    }


def test_all_files_are_known_and_nothing_else(tmp_path: Path, clock: Clock) -> None:
    make(tmp_path, "a", "b/c", "b/d/e", "b/d/\udcff")
    (tmp_path / "link").symlink_to("b")
    (tmp_path / "alink").symlink_to("a")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").mkdir()
    entries = entries_of(tmp_path, clock)
    entries.check()
    assert files(entries) == {"a", "b/c", "b/d/e", "b/d/\udcff"}
    assert [path for path, _ in entries.walk((b"b",))] == [(b"b",), (b"b", b"d")]
    assert list(entries.walk((b"b", b"missing"))) == []
    assert list(entries.walk((b"missing", b"b"))) == []


def test_an_unchanged_directory_is_not_read_again(
    tmp_path: Path, clock: Clock, scans: Scans
) -> None:
    make(tmp_path, *(f"many/{number}" for number in range(1000)), "other/x/y")
    entries = entries_of(tmp_path, clock)
    entries.check()
    assert sorted(scans.take()) == sorted([tmp_path.name, "many", "other", "x"])
    for seconds in (0.5, 1, 2, 30, 60, 100):
        clock.now = seconds
        entries.check()
    assert scans.take() == []
    assert entries.generation == 4  # each directory once; the names in `x` count too


def test_no_entry_costs_a_status(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, *(f"many/{number}" for number in range(1000)))
    calls: list[str] = []
    for name in ("stat", "lstat", "fstat", "open"):
        real = getattr(os, name)

        def counting(*args: Any, _real: Any = real, _name: str = name, **more: Any) -> Any:
            calls.append(_name)
            return _real(*args, **more)

        monkeypatch.setattr(os, name, counting)
    entries = entries_of(tmp_path, clock)
    entries.check()
    assert len(files(entries)) == 1000
    assert len(calls) <= 12, calls


def test_only_what_has_changed_is_read_again(tmp_path: Path, clock: Clock, scans: Scans) -> None:
    make(tmp_path, "a/b/c/file", "a/x", "d/y")
    entries = entries_of(tmp_path, clock)
    entries.check()
    scans.take()
    make(tmp_path, "a/b/c/new")
    clock.now = 30
    entries.check()
    assert scans.take() == ["c"]
    assert "a/b/c/new" in files(entries)
    (tmp_path / "d" / "y").unlink()
    clock.now = 60
    entries.check()
    assert scans.take() == ["d"]
    assert "d/y" not in files(entries)


def test_the_tops_are_looked_at_each_second_and_the_rest_each_half_minute(
    tmp_path: Path, clock: Clock, scans: Scans
) -> None:
    make(tmp_path, "category/torrent/file")
    entries = entries_of(tmp_path, clock)
    entries.check()
    make(tmp_path, "top", "category/second/file", "category/torrent/late")
    clock.now = 0.9
    scans.take()
    entries.check()
    assert scans.take() == []
    clock.now = 1
    entries.check()
    assert sorted(scans.take()) == sorted([tmp_path.name, "category", "second"])
    assert {"top", "category/second/file"} < files(entries)
    assert "category/torrent/late" not in files(entries)
    clock.now = 30
    entries.check()
    assert "category/torrent/late" in files(entries)


def test_what_changed_just_before_it_was_read_is_read_once_more(
    tmp_path: Path, clock: Clock, scans: Scans
) -> None:
    make(tmp_path, "old")
    seen = os.stat(tmp_path)
    clock.fixed = max(seen.st_mtime, seen.st_ctime) + 1.9
    entries = entries_of(tmp_path, clock)
    entries.check()
    clock.now = 1
    clock.fixed += 1
    entries.check()
    assert len(scans.take()) == 2
    clock.now = 2
    entries.check()
    assert scans.take() == []


def test_no_change_is_missed_however_soon_it_comes(tmp_path: Path, clock: Clock) -> None:
    clock.ahead = 0
    entries = entries_of(tmp_path, clock)
    for number in range(100):
        clock.now = 2.0 * number
        entries.check()
        make(tmp_path, str(number))
        clock.now += 1
        entries.check()
        assert str(number) in files(entries)


def test_a_time_that_was_set_back_hides_no_change(tmp_path: Path, clock: Clock) -> None:
    make(tmp_path, "old")
    os.utime(tmp_path, (1, 1))
    entries = entries_of(tmp_path, clock)
    entries.check()
    make(tmp_path, "new")
    os.utime(tmp_path, (1, 1))
    clock.now = 1
    entries.check()
    assert files(entries) == {"old", "new"}


def test_a_directory_that_took_anothers_place_is_read(tmp_path: Path, clock: Clock) -> None:
    make(tmp_path, "data/torrent/old", "new/x")
    os.utime(tmp_path / "data" / "torrent", (1, 1))
    os.utime(tmp_path / "new", (1, 1))
    entries = entries_of(tmp_path / "data", clock)
    entries.check()
    shutil.rmtree(tmp_path / "data" / "torrent")
    (tmp_path / "new").rename(tmp_path / "data" / "torrent")
    clock.now = 1
    entries.check()
    assert files(entries) == {"torrent/x"}


def test_the_generation_grows_when_names_come_or_go(tmp_path: Path, clock: Clock) -> None:
    make(tmp_path, "a/b")
    entries = entries_of(tmp_path, clock)
    entries.check()
    seen = [entries.generation]
    for number, change in enumerate(
        [lambda: make(tmp_path, "a/c"), (tmp_path / "a" / "b").unlink, (tmp_path / "d").mkdir]
    ):
        change()
        clock.now = 30.0 * (number + 1)
        entries.check()
        seen.append(entries.generation)
    (tmp_path / "a").chmod(0o700)  # no name has changed
    clock.now = 300
    entries.check()
    assert seen == sorted(set(seen))
    assert entries.generation == seen[-1]


def test_depth_and_number_are_limited_and_that_is_said_once(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path, "1/2/3/4/5/6/7/8/here", "1/2/3/4/5/6/7/8/9/not")
    entries = entries_of(tmp_path, clock)
    entries.check()
    assert files(entries) == {"1/2/3/4/5/6/7/8/here"}
    assert caplog.messages == []
    make(tmp_path, *(f"many/{number}" for number in range(50)))
    few = entries_of(tmp_path, clock, most=20)
    few.check()
    for number in range(5):
        make(tmp_path, f"many/again{number}")
        clock.now += 30
        few.check()
    assert sum(len(each.names()) + len(each.folders) for _, each in few.walk()) <= 20
    assert len(caplog.messages) == 1
    assert "more than 20 files" in caplog.text
    caplog.clear()
    make(tmp_path, *(f"folders/{number}/x" for number in range(50)))
    shallow = entries_of(tmp_path, clock, most_folders=12)
    shallow.check()
    assert len(list(shallow.walk())) <= 13
    assert len(caplog.messages) == 1


def test_room_is_given_back_when_files_go(tmp_path: Path, clock: Clock) -> None:
    make(tmp_path, *(f"old/sub/{number}" for number in range(30)))
    entries = entries_of(tmp_path, clock, most=40, most_folders=3)
    entries.check()
    for turn in range(4):
        shutil.rmtree(tmp_path / ("old" if turn == 0 else f"new{turn - 1}"))
        make(tmp_path, *(f"new{turn}/sub/{number}" for number in range(30)))
        clock.now += 30
        entries.check()
        assert len(files(entries)) == 30


def test_a_directory_that_vanishes_while_it_is_read_is_passed_over(
    tmp_path: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    make(tmp_path, "a/x", "b/y")

    real = Entries._scan

    def scan(self: Entries, *arguments: Any) -> None:
        real(self, *arguments)
        shutil.rmtree(tmp_path / "a", ignore_errors=True)

    entries = entries_of(tmp_path, clock)
    with monkeypatch.context() as patch:
        patch.setattr(Entries, "_scan", scan)
        entries.check()
    assert files(entries) == {"b/y"}
    assert caplog.messages == []
    make(tmp_path, "a/z")
    clock.now = 30
    entries.check()
    assert files(entries) == {"b/y", "a/z"}


def test_what_cannot_be_read_is_logged_once_and_the_rest_is_read(
    tmp_path: Path, clock: Clock, scans: Scans, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path, *(f"closed{number:02}/x" for number in range(40)), "open/y")

    def refuse(path: str) -> None:
        if "closed" in path:
            raise PermissionError(13, "Permission denied")

    scans.fail = refuse
    entries = entries_of(tmp_path, clock)
    for turn in range(5):
        clock.now = turn * 30
        make(tmp_path, f"closed00/{turn}")
        entries.check()
    assert files(entries) == {"open/y"}
    assert len(caplog.messages) == 20
    assert len(set(caplog.messages)) == 20
    assert caplog.messages[0].endswith("/closed00: cannot be read: Permission denied")
    scans.fail = lambda _path: None
    (tmp_path / "closed00").chmod(0o700)  # changes its time
    clock.now = 300
    entries.check()
    assert "closed00/x" in files(entries)


def test_a_name_is_logged_so_that_no_terminal_obeys_it(
    tmp_path: Path, clock: Clock, scans: Scans, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path, "\x1b[2J\n/x")

    def refuse(path: str) -> None:
        if path.startswith(f"{tmp_path}/"):
            raise PermissionError(13, "Permission denied")

    scans.fail = refuse
    entries_of(tmp_path, clock).check()
    assert len(caplog.messages) == 1
    assert caplog.messages[0].isprintable()


def test_a_data_directory_that_is_away_is_logged_once_and_kept(
    tmp_path: Path, clock: Clock, scans: Scans, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    data = tmp_path / "data"
    entries = entries_of(data, clock)
    for turn in range(3):
        clock.now = turn * 30
        entries.check()
    assert len(caplog.messages) == 1
    make(data, "a/b")
    clock.now += 30
    entries.check()
    data.rename(tmp_path / "away")
    for _ in range(3):
        clock.now += 30
        entries.check()
    assert len(caplog.messages) == 2
    assert files(entries) == {"a/b"}
    scans.take()
    (tmp_path / "away").rename(data)
    clock.now += 30
    entries.check()
    assert scans.take() in ([], ["data"])  # some file systems give a renamed directory a new time
    assert files(entries) == {"a/b"}


def test_other_mounts_are_entered_and_biofs_is_not_asked(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    data = tmp_path / "data"
    make(data, "bound/hidden", "memory/hidden", "mnt/hidden", "z/last")
    make(tmp_path, "outside/x")
    entries = entries_of(data, clock)
    with bind(tmp_path / "outside", data / "bound"), tmpfs(data / "memory"):
        make(data, "memory/y")
        with silent_fuse(data / "mnt"):
            promptly(entries.check)
    assert files(entries) == {"bound/x", "memory/y", "z/last"}
    assert caplog.messages == []


def test_several_threads_read_it_once(tmp_path: Path, clock: Clock, scans: Scans) -> None:
    make(tmp_path, *(f"{number}/x" for number in range(50)))
    entries = entries_of(tmp_path, clock)
    threads = [threading.Thread(target=entries.check) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(scans.take()) == 51
    assert len(files(entries)) == 50


def test_a_file_is_found_by_its_name_also_unfinished(tmp_path: Path, clock: Clock) -> None:
    make(tmp_path, "a/x.gz", "b/x.gz.part", "c/d/x.gz.!qB", "e/x.gz.bak", "f/ax.gz", "g/x.gz.!ut")
    make(tmp_path, "h/x.gz.bc!", "i/x.gz/inner")
    entries = entries_of(tmp_path, clock)
    entries.check()
    found = [(b"a",), (b"b",), (b"c", b"d"), (b"g",), (b"h",)]
    assert list(entries.holding([b"missing", b"x.gz"])) == [(1, path) for path in found]


NAMES = st.lists(st.binary(min_size=1, max_size=6).filter(lambda name: b"\0" not in name))


@given(names=NAMES, asked=st.binary(max_size=8))
def test_any_bytes_are_looked_for_exactly(names: list[bytes], asked: bytes) -> None:
    listing = Listing(b"")
    listing.files = b"\0".join([b"", *names, b""]) if names else b""
    suffixes = (b"", b".part", b".!qB", b".!ut", b".bc!")
    expected = bool(asked) and any(asked + suffix in names for suffix in suffixes)
    assert listing.holds(asked) == expected
    assert listing.names() == names
    assert all(listing.holds(name) for name in names)

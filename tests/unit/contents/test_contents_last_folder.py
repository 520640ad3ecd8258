"""Files opened closely after each other in one directory: how often it is walked to, and what is
noticed meanwhile."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.contents.disk import beneath
from biofs.contents.disk.beneath import DataDirectory
from biofs.contents.disk.last_folder import CLOSELY_SECONDS, KEPT_SECONDS, LastFolder
from tests.unit.contents.contents_support import promptly

COUNT = 20


class Opener:
    """Opens `top/in/NAME`, and counts walks from the data directory on."""

    def __init__(self, base: Path) -> None:
        self.now = 100.0
        self.base = base
        self.data = DataDirectory(base)
        self.folder = LastFolder(lambda _: self.local, lambda: self.now)
        self.local = True
        self.walks = 0

    def open(self, name: str, *above: str) -> bytes | None:
        """What is in the file; None if it does not open at once."""
        path = tuple(part.encode() for part in (*(above or ("top", "in")), name))
        if name.isdigit():  # the kernel may have forgotten the name
            self.base.joinpath(*map(os.fsdecode, path)).exists()
        opened = promptly(self.folder.open, self.data, path)
        if opened is None:
            return None
        try:
            return os.read(opened.descriptor, 100)
        finally:
            os.close(opened.descriptor)


@pytest.fixture
def opener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    for above in ("in", "other"):
        (tmp_path / "top" / above).mkdir(parents=True)
        for number in range(COUNT):
            (tmp_path / f"top/{above}/{number}").write_text(f"{above} {number}")
    found = Opener(tmp_path)
    real = beneath.open_cached

    def counted(path: bytes, flags: int) -> int:
        found.walks += 1
        return real(path, flags)

    monkeypatch.setattr(beneath, "open_cached", counted)
    yield found
    found.folder.let_go()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_closely_after_each_other_it_is_walked_to_twice(opener: Opener) -> None:
    before = descriptors()
    for number in range(COUNT):
        assert opener.open(str(number)) == b"in %d" % number
        opener.now += KEPT_SECONDS / COUNT / 2
    assert opener.walks == 2, "for the first, and for those that follow"
    assert opener.folder.is_open
    opener.now += KEPT_SECONDS
    opener.folder.let_go_if_idle()
    assert not opener.folder.is_open
    assert descriptors() == before


def test_who_takes_his_time_keeps_nothing_open(opener: Opener) -> None:
    for number in range(COUNT):
        assert opener.open(str(number)) == b"in %d" % number
        assert not opener.folder.is_open
        opener.now += 2 * CLOSELY_SECONDS
    assert opener.walks == COUNT


def test_it_is_walked_to_again_before_long(opener: Opener) -> None:
    end = opener.now + 4 * KEPT_SECONDS
    while opener.now < end:
        opener.open("1")
        opener.now += CLOSELY_SECONDS / 4
    assert opener.walks in {5, 6}


def test_a_directory_that_is_moved_away_is_missed_before_long(opener: Opener) -> None:
    opener.open("1")
    assert opener.open("2") == b"in 2"
    (opener.base / "top").rename(opener.base / "gone")
    opener.now += KEPT_SECONDS
    assert opener.open("3") is None


def test_a_file_that_goes_is_missed_at_once(opener: Opener) -> None:
    opener.open("1")
    opener.open("2")
    (opener.base / "top/in/3").unlink()
    assert opener.open("3") is None
    (opener.base / "top/in/3").write_text("another")
    assert opener.open("3") == b"another"
    assert opener.walks == 2


def test_another_directory_is_another_one(opener: Opener) -> None:
    for number in range(COUNT):
        for above in ("in", "other"):
            assert opener.open(str(number), "top", above) == b"%s %d" % (above.encode(), number)
    assert not opener.folder.is_open


def test_nothing_but_a_regular_file_is_opened(opener: Opener) -> None:
    folder = opener.base / "top/in"
    (folder / "link").symlink_to("1")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(folder / "socket"))
    opener.open("1")
    opener.open("2")
    assert opener.folder.is_open
    before = descriptors()
    for name in ("link", "folder", "pipe", "socket", "..", ".", "", "folder/..", "missing"):
        assert opener.open(name) is None
        assert opener.folder.is_open
    assert descriptors() == before
    assert opener.walks == 2


def test_of_another_machine_nothing_is_kept_open(opener: Opener) -> None:
    opener.local = False
    before = descriptors()
    for number in range(3):
        assert opener.open(str(number)) is None
    assert descriptors() == before
    assert not opener.folder.is_open

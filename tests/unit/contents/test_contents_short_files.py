"""Which files are brought into memory for who opens short ones in their order, counted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.contents.ledger import Ledger
from biofs.contents.library import Library
from biofs.contents.matching import Listed
from biofs.contents.soon.short_files import FOLLOWING, SHORT
from biofs.tree.filelist import Entry
from biofs.tree.layout import FileTree
from tests.support import torrents

COUNT = 60
LONG = 7
"""The number of the one that is too long."""


class Opener:
    """Opens files of a torrent as a thread does, and tells what else was begun to be read."""

    def __init__(self, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        sizes = [SHORT + 1 if number == LONG else 100 for number in range(COUNT)]
        files = [
            ((b"in", b"%03d" % number), torrents.bytes_of(str(number), size))
            for number, size in enumerate(sizes)
        ]
        files.append(((b"next", b"000"), torrents.bytes_of("other", 100)))
        made = torrents.make(b"top", files, piece_length=1 << 20)
        (base / "torrents").mkdir()
        (base / "torrents/some.torrent").write_bytes(made)
        self.top = torrents.lay_out(base / "data", made, files)
        info = torrents.bencode(torrents.bdecode(made)[b"info"])
        entries = [Entry(os.fsdecode(b"/".join(path)), len(data)) for path, data in files]
        self.listed = Listed(hashlib.sha1(info).hexdigest(), FileTree.build(entries, "top"))
        # What has just changed is not remembered, so the clock is ahead.
        self.library = Library(
            [base / "data"], [base / "torrents"], Ledger(None), wall=lambda: 2**33
        )
        self.open(COUNT - 1)  # with it all are verified
        self.begun: list[str] = []
        real = os.posix_fadvise

        def advise(descriptor: int, *about: int) -> None:
            self.begun.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
            real(descriptor, *about)

        monkeypatch.setattr(os, "posix_fadvise", advise)

    def open(self, number: int) -> None:
        tree = self.listed.tree
        wanted = b"top/in/%03d" % number
        node = next(each for each in range(len(tree)) if tree.path(each) == wanted)
        file = self.library.open_here(self.listed, node)
        assert file is not None
        assert file.is_verified
        file.close()


@pytest.fixture
def opener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    (tmp_path / "data").mkdir()
    made = Opener(tmp_path, monkeypatch)
    before = len(os.listdir("/proc/self/fd"))
    yield made
    assert len(os.listdir("/proc/self/fd")) == before
    made.library.close()


def names(numbers: range) -> list[str]:
    return [f"{number:03}" for number in numbers if number != LONG]


def test_in_their_order_the_next_ones_are_begun_once(opener: Opener) -> None:
    opener.open(0)
    assert opener.begun == [], "one alone tells nothing"
    for number in range(1, 2 + FOLLOWING):
        opener.open(number)
        assert opener.begun == names(range(2, 2 + FOLLOWING))
    opener.open(2 + FOLLOWING)
    second = range(3 + FOLLOWING, 3 + 2 * FOLLOWING)
    assert opener.begun == names(range(2, 2 + FOLLOWING)) + names(second)


def test_those_that_the_event_loop_opens_need_not_be_seen(opener: Opener) -> None:
    opener.open(10)
    opener.open(11)
    opener.begun.clear()
    opener.open(12 + FOLLOWING)
    assert opener.begun == names(range(13 + FOLLOWING, 13 + 2 * FOLLOWING))


def test_in_another_order_nothing_else_is_read(opener: Opener) -> None:
    for number in (0, 30, 29, 28, 50, 50, 20):
        opener.open(number)
    assert opener.begun == []


def test_it_ends_with_the_directory(opener: Opener) -> None:
    opener.open(COUNT - 4)
    opener.open(COUNT - 3)
    assert opener.begun == names(range(COUNT - 2, COUNT))


def test_what_is_missing_or_no_file_is_nobodys_affair(opener: Opener) -> None:
    (opener.top / "in/023").unlink()
    (opener.top / "in/022").unlink()
    (opener.top / "in/022").symlink_to("021")
    opener.open(20)
    opener.open(21)
    assert opener.begun == []

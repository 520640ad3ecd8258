"""A reader who goes on finds the next pieces verified, and nobody else has them verified."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.contents.ledger import Ledger
from biofs.contents.library import Library
from biofs.contents.matching import Listed
from biofs.contents.reading import OpenFile
from biofs.contents.rules import Unverified
from biofs.contents.soon import ahead
from biofs.tree.filelist import Entry
from biofs.tree.layout import FileTree
from tests.support import torrents

MIB = 1 << 20
REQUEST = MIB // 8
PIECES = 6


@pytest.fixture
def content() -> bytes:
    return torrents.bytes_of("ahead", PIECES * MIB - 5)


@pytest.fixture
def listed(tmp_path: Path, content: bytes) -> Listed:
    made = torrents.single(b"reads.bam", content, piece_length=MIB)
    (tmp_path / "torrents").mkdir()
    (tmp_path / "torrents/some.torrent").write_bytes(made)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/reads.bam").write_bytes(content)
    info = torrents.bencode(torrents.bdecode(made)[b"info"])
    tree = FileTree.build([Entry("reads.bam", len(content))], "")
    return Listed(hashlib.sha1(info).hexdigest(), tree)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    # What has just changed is not remembered, so the clock is ahead.
    made = Library([tmp_path / "data"], [tmp_path / "torrents"], Ledger(None), wall=lambda: 2**33)
    yield made
    made.close()


@pytest.fixture
def file(library: Library, listed: Listed) -> Iterator[OpenFile]:
    opened = library.open_here(listed, 1)
    assert opened is not None
    yield opened
    opened.close()


def verify_soon(file: OpenFile, numbers: range) -> None:
    file._ahead.add(numbers)
    file.verify_soon()


def test_who_reads_in_a_row_has_the_next_piece_verified_once(
    file: OpenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "_THREADS", 1)
    pieces: list[int] = []
    monkeypatch.setattr(file, "_piece", pieces.append)
    asked: list[list[int]] = []
    for place in range(PIECES * 8):
        if file.to_verify(place * REQUEST, REQUEST):
            file.verify_soon()
        asked.append(pieces.copy())
        pieces.clear()
    assert [number for numbers in asked for number in numbers] == list(range(1, PIECES))
    # In time: not later than with the first request of the piece before.
    for place, numbers in enumerate(asked):
        for number in numbers:
            assert place <= max(7, (number - 1) * 8)
            assert place >= min(7, (number - 5) * 8), "no more than is needed soon"


def test_one_thread_leaves_a_processor_to_the_reader(
    file: OpenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "_THREADS", 1)
    pieces: list[int] = []
    monkeypatch.setattr(file, "_piece", pieces.append)
    started = [file.to_verify(place * REQUEST, REQUEST) for place in range(16)]
    assert started.count(True) == 1, "it goes on with what comes to be needed"
    file.verify_soon()
    assert pieces == list(range(1, PIECES))
    assert file._ahead.add(range(5, 6)), "it has gone, so another may be started"


def test_without_a_thread_for_it_nothing_stays_to_be_done(file: OpenFile) -> None:
    assert file._ahead.add(range(1, 3))
    file.not_now()
    assert file._ahead.add(range(3, 4))
    assert [file._ahead.take(), file._ahead.take()] == [3, None]


@pytest.mark.parametrize("step", [0, 2, -1, 9])
def test_who_jumps_has_nothing_verified(file: OpenFile, step: int) -> None:
    places = [30 + place * step for place in range(20)]
    assert not any(file.to_verify(place * REQUEST, REQUEST) for place in places)


def test_what_was_verified_is_served_from_memory(file: OpenFile, content: bytes) -> None:
    verify_soon(file, range(1, 3))
    assert file.read_now(MIB, 2 * MIB) == content[MIB : 3 * MIB]
    assert file.read_now(3 * MIB, REQUEST) is None
    verify_soon(file, range(3, PIECES))
    assert not file.to_verify(0, 8 * REQUEST), "what follows is known already"


def test_a_wrong_piece_is_the_affair_of_who_reads_it(file: OpenFile, tmp_path: Path) -> None:
    with (tmp_path / "data/reads.bam").open("r+b") as data:
        data.seek(MIB + 17)
        data.write(b"wrong")
    verify_soon(file, range(1, 3))
    assert file.read_now(MIB, REQUEST) is None
    with pytest.raises(Unverified):
        file._read(MIB, MIB + REQUEST)


def test_a_file_that_is_closed_is_not_verified(file: OpenFile) -> None:
    before = len(os.listdir("/proc/self/fd"))
    file.close()
    verify_soon(file, range(1, 3))
    assert len(os.listdir("/proc/self/fd")) == before - 1


def test_closing_writes_nothing_down_itself(file: OpenFile) -> None:
    assert file.closes_at_once
    verify_soon(file, range(1, 2))
    ledger = file._shared.ledger
    with ledger._lock:  # as if another file were being written
        file.close()
    assert ledger.unwritten == 1
    ledger.flush()
    assert ledger.unwritten == 0

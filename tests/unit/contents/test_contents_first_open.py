"""The first file of a torrent of many small ones: what opening it takes, counted."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from biofs.contents import matching
from biofs.contents.disk.beneath import DataDirectory
from biofs.contents.ledger import Ledger
from biofs.contents.library import Library
from biofs.contents.matching import Listed
from biofs.contents.rules import Unverified
from biofs.tree.filelist import Entry
from biofs.tree.layout import FileTree
from tests.support import torrents

COUNT, SIZE = 100, 100
"""All in one piece."""


@pytest.fixture
def listed(tmp_path: Path) -> Listed:
    files = [((b"in", b"%03d" % n), torrents.bytes_of(str(n), SIZE)) for n in range(COUNT)]
    made = torrents.make(b"top", files)
    (tmp_path / "torrents").mkdir()
    (tmp_path / "torrents/some.torrent").write_bytes(made)
    (tmp_path / "data/top/in").mkdir(parents=True)
    for path, content in files:
        (tmp_path / "data/top" / os.fsdecode(b"/".join(path))).write_bytes(content)
    info = torrents.bencode(torrents.bdecode(made)[b"info"])
    entries = [Entry(os.fsdecode(b"/".join(path)), SIZE) for path, _ in files]
    return Listed(hashlib.sha1(info).hexdigest(), FileTree.build(entries, "top"))


@pytest.fixture
def library(tmp_path: Path, listed: Listed) -> Iterator[Library]:
    # What has just changed is not remembered, so the clock is ahead.
    made = Library([tmp_path / "data"], [tmp_path / "torrents"], Ledger(None), wall=lambda: 2**33)
    yield made
    made.close()


def counting(monkeypatch: pytest.MonkeyPatch, made: Counter[str], holder: Any, name: str) -> None:
    real: Callable[..., Any] = getattr(holder, name)

    def counted(*arguments: Any, **named: Any) -> Any:
        made[name] += 1
        return real(*arguments, **named)

    monkeypatch.setattr(holder, name, counted)


def node(listed: Listed, name: bytes) -> int:
    tree = listed.tree
    return next(each for each in range(len(tree)) if tree.name(each) == name)


def test_it_is_matched_alone_and_those_in_its_piece_are_opened_in_their_directory(
    library: Library, listed: Listed, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert library.place(listed) is not None
    made = Counter[str]()
    counting(monkeypatch, made, matching, "match")
    counting(monkeypatch, made, matching, "find")
    counting(monkeypatch, made, os, "posix_fadvise")
    before = len(os.listdir("/proc/self/fd"))
    file = library.open_here(listed, node(listed, b"050"))
    assert file is not None
    assert file.is_verified
    assert file.read_now(0, SIZE) == torrents.bytes_of("50", SIZE)
    file.close()
    assert made["match"] == 0
    assert made["find"] == 1
    assert made["posix_fadvise"] == COUNT - 1, "each that shares the piece, once"
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_directory_is_walked_to_once_for_a_piece(
    library: Library, listed: Listed, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = library.open_here(listed, node(listed, b"000"))
    assert file is not None
    made = Counter[str]()
    counting(monkeypatch, made, DataDirectory, "handle")
    assert file.verify(0)
    assert made["handle"] == 1
    file.close()


def test_the_others_need_neither_a_thread_nor_their_names(
    library: Library, listed: Listed, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = library.open_here(listed, node(listed, b"000"))
    assert file is not None
    file.close()
    monkeypatch.setattr(matching, "match", lambda *_: pytest.fail("all were matched"))
    for name in (b"001", b"050", b"099"):
        other = library.open_now(listed, node(listed, name))
        if other is None:  # the kernel may have forgotten a name
            other = library.open_here(listed, node(listed, name))
        assert other is not None
        assert other.is_verified
        other.close()


def test_one_that_is_missing_lacks_its_piece_and_leaves_nothing_open(
    library: Library, listed: Listed, tmp_path: Path
) -> None:
    (tmp_path / "data/top/in/077").unlink()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(Unverified):
        library.open_here(listed, node(listed, b"000"))
    assert len(os.listdir("/proc/self/fd")) == before


def test_reads_in_the_event_loop_share_a_buffer(library: Library, listed: Listed) -> None:
    file = library.open_here(listed, node(listed, b"000"))
    assert file is not None
    one, two = file.read_now(0, 10), file.read_now(50, 10)
    assert isinstance(one, memoryview)
    assert isinstance(two, memoryview)
    assert one.obj is two.obj
    assert two == torrents.bytes_of("0", SIZE)[50:60]
    large = file.read_now(0, 1 << 30)
    assert large == torrents.bytes_of("0", SIZE)
    file.close()

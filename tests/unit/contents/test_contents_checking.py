"""Whole files are checked against their pieces, each hashed once, and the ledger learns of it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biofs.contents import checking, reading
from biofs.contents.checking import Checked, State, TorrentCheck, files_below
from biofs.contents.disk.beneath import DataDirectory
from biofs.contents.ledger import Identity, Ledger
from biofs.contents.library import Library, Local, hashes_of
from biofs.contents.matching import Listed
from biofs.contents.rules import key_of
from biofs.tree.filelist import Entry
from biofs.tree.layout import FileTree
from biofs.tree.metainfo import parse
from tests.support.torrents import BLOCK, Content, Kind, bytes_of, lay_out, make, with_pads

FILES: Sequence[Content] = (
    ((b"a",), bytes_of("a", 3 * BLOCK)),
    ((b"b",), bytes_of("b", 100)),
    ((b"c",), bytes_of("c", 2 * BLOCK)),
    ((b"d",), b""),
)
"""In pieces of BLOCK: `a` has three of its own, the next is shared by `b` and `c`."""

LATER = 100.0
"""Seconds by which the clock is ahead: files that changed just now could change again."""


class Case:
    """A torrent laid out on the disk, and a library that looks for it there."""

    def __init__(self, base: Path, torrent: bytes, files: Sequence[Content], later: float) -> None:
        self.top = lay_out(base / "data", torrent, files)
        (base / "torrents").mkdir(exist_ok=True)
        (base / "torrents/x.torrent").write_bytes(torrent)
        self.ledger = Ledger(None)
        self.library = Library(
            [base / "data"],
            [base / "torrents"],
            self.ledger,
            wall=lambda: time.time() + later,
        )
        entries = [
            Entry("/".join(part.decode() for part in path), len(data)) for path, data in files
        ]
        self.tree = FileTree.build(entries, self.top.name)
        self.listed = Listed(hashes_of(parse(torrent))[0], self.tree)
        local = self.library.local(self.listed)
        assert local is not None
        self.local: Local = local

    def node(self, name: str) -> int:
        [found] = [node for node in range(len(self.tree)) if self.tree.name(node) == name.encode()]
        return found

    def check(self, *nodes: int) -> TorrentCheck:
        wanted = files_below(self.tree, nodes or (0,))
        return self.library.check(self.listed, self.local, wanted)

    def states(self, *nodes: int) -> dict[str, State]:
        return {name: checked.state for name, checked in self.found(*nodes).items()}

    def found(self, *nodes: int) -> dict[str, Checked]:
        return {self.tree.name(each.node).decode(): each for each in run(self.check(*nodes))}


def run(check: TorrentCheck, seconds: float = 10.0) -> list[Checked]:
    found: list[Checked] = []
    while not check.finished:
        found += check.step(seconds)
    return found


def flip(path: Path, at: int) -> None:
    """Change a byte."""
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    found = Case(tmp_path, make(b"top", FILES), FILES, LATER)
    yield found
    found.library.close()


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the pieces that are hashed."""
    seen: list[int] = []
    for module in (reading, checking):
        is_right: Callable[[Any, Any], bool] = module.is_right  # type: ignore[attr-defined]

        def counting(piece: Any, data: Any, of: Callable[[Any, Any], bool] = is_right) -> bool:
            seen.append(piece.index)
            return of(piece, data)

        monkeypatch.setattr(module, "is_right", counting)
    return seen


def read(case: Case, name: str) -> bytes:
    file = case.library.open(case.listed, case.local, case.node(name))
    try:
        return file._read(0, file.length)
    finally:
        file.close()


def test_all_is_right_and_each_piece_is_hashed_once(case: Case, hashed: list[int]) -> None:
    assert set(case.states().values()) == {State.RIGHT}
    assert hashed == [0, 1, 2, 3, 4, 5]


def test_reading_afterwards_hashes_nothing(case: Case, hashed: list[int]) -> None:
    case.states()
    case.library.forget()
    hashed.clear()
    for path, content in FILES[:3]:
        assert read(case, path[-1].decode()) == content
    assert hashed == []


def test_what_was_verified_before_is_hashed_again(case: Case, hashed: list[int]) -> None:
    case.states()
    hashed.clear()
    assert set(case.states().values()) == {State.RIGHT}
    assert hashed == [0, 1, 2, 3, 4, 5]


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path: Path, hashed: list[int]) -> None:
    case = Case(tmp_path, make(b"top", FILES), FILES, 0.0)
    assert set(case.states().values()) == {State.RIGHT}
    case.library.forget()
    hashed.clear()
    assert read(case, "a") == FILES[0][1]
    assert hashed == [0, 1, 2]


def test_what_is_wrong_now_is_not_read_though_it_was_verified(case: Case) -> None:
    """A disk that loses bytes changes no time."""
    case.states()
    _, index, _ = case.library.find_file(case.listed, case.local, case.node("a"))
    flip(case.top / "a", BLOCK + 7)
    identity = Identity.of((case.top / "a").stat())
    info_hash = key_of(case.local.metainfo)
    before = case.ledger.verified(identity, info_hash, index, 3)
    for number in range(3):
        before.mark(number)
    case.library.forget()
    assert case.found()["a"][1:5] == (State.WRONG, 3, 1, 0)
    known = case.ledger.verified(identity, info_hash, index, 3)
    assert bytes(known.pieces) == b"\1\0\1"


@pytest.mark.parametrize(
    ("name", "at", "expected"),
    [
        ("a", 0, {"a": "wrong", "b": "right", "c": "right"}),
        ("b", 50, {"a": "right", "b": "suspect", "c": "suspect"}),
        ("c", 0, {"a": "right", "b": "suspect", "c": "suspect"}),
        ("c", BLOCK, {"a": "right", "b": "right", "c": "wrong"}),
    ],
)
def test_a_changed_byte(case: Case, name: str, at: int, expected: dict[str, str]) -> None:
    flip(case.top / name, at)
    assert case.states() == {**expected, "d": "right"}


def test_files_that_are_short_or_missing(case: Case) -> None:
    os.truncate(case.top / "b", 99)
    assert case.states() == {"a": "right", "b": "wrong", "c": "unverifiable", "d": "right"}
    found = case.found()["c"]
    assert (found.pieces, found.wrong, found.unverifiable) == (3, 0, 1)
    (case.top / "b").unlink()
    (case.top / "d").unlink()
    assert case.states() == {"a": "right", "b": "missing", "c": "unverifiable", "d": "missing"}


def test_a_neighbour_that_a_client_has_not_finished_blames_nobody(case: Case) -> None:
    (case.top / "b").rename(case.top / "b.part")
    assert case.states()["b"] is State.RIGHT, "it is whole, whatever its name"
    flip(case.top / "b.part", 0)
    assert case.states() == {"a": "right", "b": "unfinished", "c": "unverifiable", "d": "right"}
    (case.top / "a").rename(case.top / "a.!qB")
    os.truncate(case.top / "a.!qB", 2 * BLOCK)
    assert case.states()["a"] is State.UNFINISHED


def test_no_link_is_followed_and_a_disk_that_refuses_is_said(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case.top / "a").rename(case.top / "elsewhere")
    (case.top / "a").symlink_to("elsewhere")
    assert case.states()["a"] is State.MISSING
    opened = DataDirectory.open

    def refusing(self: DataDirectory, components: Sequence[bytes]) -> int:
        if components[-1] == b"c":
            raise PermissionError(13, "Permission denied")
        return opened(self, components)

    monkeypatch.setattr(DataDirectory, "open", refusing)
    found = case.found()
    assert (found["c"].state, found["c"].error) == (State.UNREADABLE, "Permission denied")
    assert found["b"].state is State.UNVERIFIABLE


def test_only_what_is_wanted_is_checked(case: Case, hashed: list[int]) -> None:
    assert case.states(case.node("b")) == {"b": "right"}
    assert hashed == [3]
    assert set(case.states(case.node("c"), case.node("top"))) == {"a", "b", "c", "d"}


def test_a_step_ends_after_a_piece_and_the_next_goes_on(case: Case, hashed: list[int]) -> None:
    check = case.check()
    assert check.step(0.0) == []
    assert hashed == [0]
    assert check.current_bytes == BLOCK
    assert {each.state for each in run(check, 0.0)} == {State.RIGHT}
    assert hashed == [0, 1, 2, 3, 4, 5]


def test_many_small_files_in_a_piece_are_opened_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hashed: list[int]
) -> None:
    files = [((b"%04d" % number,), bytes_of(str(number), 20)) for number in range(700)]
    case = Case(tmp_path, make(b"top", files, piece_length=4 * BLOCK), files, LATER)
    opened: list[bytes] = []
    original = DataDirectory.open

    def counting(self: DataDirectory, components: Sequence[bytes]) -> int:
        opened.append(components[-1])
        return original(self, components)

    monkeypatch.setattr(DataDirectory, "open", counting)
    assert set(case.states().values()) == {State.RIGHT}
    assert hashed == [0]
    assert len(opened) <= 2 * len(files)
    flip(case.top / "0350", 3)
    hashed.clear()
    opened.clear()
    assert set(case.states().values()) == {State.SUSPECT}
    assert hashed == [0]
    assert len(opened) <= 2 * len(files)


@pytest.mark.parametrize("kind", ["v2", "hybrid"])
def test_files_of_v2_share_no_piece(tmp_path: Path, kind: Kind) -> None:
    case = Case(tmp_path, make(b"top", FILES, kind=kind), FILES, LATER)
    assert set(case.states().values()) == {State.RIGHT}
    flip(case.top / "b", 3)
    assert case.states() == {"a": "right", "b": "wrong", "c": "right", "d": "right"}


def test_pad_files_are_zeros_and_no_neighbours(tmp_path: Path) -> None:
    case = Case(tmp_path, with_pads(b"top", FILES), FILES, LATER)
    (case.top / "c").unlink()
    flip(case.top / "b", 3)
    assert case.states() == {"a": "right", "b": "wrong", "c": "missing", "d": "right"}


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.sampled_from([0, 1, 700, BLOCK - 1, BLOCK, 2 * BLOCK + 5]), min_size=1),
    changes=st.dictionaries(st.integers(0, 9), st.sampled_from(["flip", "cut", "gone"])),
    data=st.data(),
)
def test_whatever_is_changed_nothing_wrong_is_called_right(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[int],
    changes: dict[int, str],
    data: st.DataObject,
) -> None:
    files = [((b"%d" % i,), bytes_of(str(i), size)) for i, size in enumerate(sizes)]
    case = Case(tmp_path_factory.mktemp("any"), make(b"top", files), files, LATER)
    touched = {i: change for i, change in changes.items() if i < len(files) and sizes[i]}
    for i, change in touched.items():
        path = case.top / str(i)
        match change:
            case "flip":
                flip(path, data.draw(st.integers(0, sizes[i] - 1)))
            case "cut":
                os.truncate(path, data.draw(st.integers(0, sizes[i] - 1)))
            case _:
                path.unlink()
    found = case.found()
    assert set(found) == {str(i) for i in range(len(files))}
    for i in range(len(files)):
        checked = found[str(i)]
        change = touched.get(i)
        assert (checked.state is State.MISSING) == (change == "gone")
        if change == "cut":
            assert checked.state is State.WRONG
        elif change == "flip":
            assert checked.state in {State.WRONG, State.SUSPECT, State.UNVERIFIABLE}
        elif change is None:
            # A piece with somebody else's wrong bytes is no fault of this file's alone.
            assert checked.state in {State.RIGHT, State.SUSPECT, State.UNVERIFIABLE}
    if not touched:
        assert {each.state for each in found.values()} == {State.RIGHT}


def test_the_hashes_are_those_of_the_bytes(case: Case) -> None:
    """What the tests above rely on."""
    whole = b"".join(content for _, content in FILES)
    piece = case.local.metainfo.piece(3)
    assert piece.hash == hashlib.sha1(whole[3 * BLOCK : 4 * BLOCK]).digest()

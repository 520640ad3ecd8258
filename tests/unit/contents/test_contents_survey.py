"""What is said of a torrent's data by names, sizes and the ledger, with no file opened."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biofs.contents.disk.entries import UNFINISHED
from biofs.contents.ledger import Identity, Ledger
from biofs.contents.library import Library
from biofs.contents.look import look
from biofs.contents.matching import Listed
from biofs.contents.survey import MOST_LACKING, Amount, Survey, survey, text_of
from biofs.tree.filelist import Entry
from biofs.tree.layout import FileTree
from tests.support.torrents import BLOCK
from tests.unit.contents.contents_support import Clock
from tests.unit.contents.one_torrent import FILES, NAME, TOTAL, World


@pytest.fixture
def world(tmp_path: Path, clock: Clock) -> Iterator[World]:
    world = World(tmp_path, clock)
    yield world
    world.library.close()


def lacking(world: World, found: Survey) -> dict[str, tuple[bytes | None, int]]:
    prefix = f"{NAME.decode()}/"
    return {
        world.listed.tree.path(each.node).decode().removeprefix(prefix): (each.name, each.size)
        for each in found.lacking
    }


def test_what_is_whole_by_name_and_size(world: World) -> None:
    found = world.survey()
    assert found.total == found.here == TOTAL
    assert found.unfinished == found.missing == found.verified == Amount(0, 0)
    assert found.lacking == ()
    assert found.source is found.problem is None
    assert found.place is not None
    assert text_of(found.place) == str(world.top)


def test_with_metainfo_files_are_verified_as_they_are_now(world: World) -> None:
    local = world.with_torrent()
    found = world.survey(local)
    assert (found.source, found.here) == ("file", TOTAL)
    assert found.verified == Amount(1, 0), "of an empty file there is nothing to verify"
    reader = world.verify(local, "dir/big", keep_open=True)
    size = 100 + len(FILES[1][1])  # with "a", all of which is in its first piece
    assert world.survey(local).verified == Amount(3, size), "not written down yet"
    reader.close()
    assert world.survey(local).verified == Amount(3, size)
    world.verify(local, "dir/inner/one")
    assert world.survey(local).verified == Amount(4, size + BLOCK)
    assert world.survey(None).verified == Amount(0, 0), "without metainfo nothing is"
    os.utime(world.top / "dir/big")
    assert world.survey(local).verified == Amount(3, 100 + BLOCK), "it may have changed since"


def test_a_file_of_which_a_piece_is_wrong_is_here_and_not_verified(world: World) -> None:
    (world.top / "dir/inner/one").write_bytes(bytes(BLOCK))
    local = world.with_torrent()
    file = world.library.open(world.listed, local, world.node("dir/big"))
    right = [file.verify(number) for number in range(file.piece_count)]
    file.close()
    assert set(right) == {True, False}, "one piece of it is shared with the wrong file"
    found = world.survey(local)
    assert found.here == TOTAL
    assert found.verified == Amount(2, 100), "the empty one, and the one in its first piece"


@pytest.mark.parametrize("suffix", UNFINISHED)
def test_unfinished_files_have_another_name_or_are_too_short(world: World, suffix: bytes) -> None:
    (world.top / "z").rename(os.fsdecode(os.fsencode(world.top / "z") + suffix))
    os.truncate(world.top / "dir/big", 10)
    for local in (None, world.with_torrent()):
        found = world.survey(local)
        assert found.here == Amount(3, 100 + BLOCK)
        assert found.unfinished == Amount(2, BLOCK + 1 + 10)
        assert found.missing == Amount(0, 0)
        assert lacking(world, found) == {"z": (b"z" + suffix, BLOCK + 1), "dir/big": (b"big", 10)}


def test_links_pipes_directories_and_longer_files_are_not_here(world: World) -> None:
    (world.top / "a").unlink()
    (world.top / "a").symlink_to(world.top / "z")
    (world.top / "z").rename(world.top / "elsewhere")
    os.mkfifo(world.top / "z")
    (world.top / "dir/big").write_bytes(bytes(len(FILES[1][1]) + 1))
    shutil.move(world.top / "dir/inner", world.data / "other")
    (world.top / "dir/inner").symlink_to(world.data / "other")
    for local in (None, world.with_torrent()):
        found = world.survey(local)
        assert found.here == Amount(1, 0)
        assert found.unfinished == Amount(0, 0)
        assert found.missing == Amount(4, TOTAL.bytes)
        assert set(lacking(world, found)) == {"a", "z", "dir/big", "dir/inner/one"}


def test_what_is_nowhere_names_no_file_and_is_known_to_be_for_a_while(world: World) -> None:
    shutil.rmtree(world.top)
    assert not world.library.is_absent(world.listed.info_hash)
    found = world.survey()
    assert found == Survey(None, None, TOTAL, missing=TOTAL)
    assert world.library.is_absent(world.listed.info_hash.upper())
    world.clock.now += 100
    assert not world.library.is_absent(world.listed.info_hash)


def test_what_the_metainfo_does_not_know_is_missing(world: World) -> None:
    local = world.with_torrent()
    local.indexes.all()[world.node("a")] = -1
    found = world.survey(local)
    assert found.missing == Amount(1, 100)
    assert look(world.library, world.listed, world.node("a")).state == "unlisted"


def test_a_disk_that_fails_is_a_problem_and_no_exception(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = os.stat

    def failing(path: Any, *args: Any, **options: Any) -> os.stat_result:
        if path == b"big":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return stat(path, *args, **options)

    world.survey()
    monkeypatch.setattr(os, "stat", failing)
    found = world.survey()
    assert found.problem == os.strerror(errno.EIO)
    assert found.missing.files == 1
    assert found.here.files == len(FILES) - 1


@contextmanager
def looked_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Which calls are made meanwhile; fails if one opens or reads a file."""
    calls: list[str] = []
    real_open, real_stat, real_read = os.open, os.stat, os.read

    def opened(path: Any, flags: int, *args: Any, **options: Any) -> int:
        if not str(path).startswith("/proc/self/"):  # which mount a directory is on
            assert flags & (os.O_PATH | os.O_DIRECTORY), path
            calls.append("open")
        return real_open(path, flags, *args, **options)

    def stat(path: Any, *args: Any, **options: Any) -> os.stat_result:
        assert options["follow_symlinks"] is False
        calls.append("stat")
        return real_stat(path, *args, **options)

    def read(descriptor: int, *_args: Any) -> bytes:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        assert path.startswith("/proc/"), "reads data"
        return real_read(descriptor, *_args)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", opened)
        patch.setattr(os, "stat", stat)
        for name in ("pread", "preadv", "read"):
            patch.setattr(os, name, read)
        yield calls


def test_no_file_is_opened_and_each_is_looked_at_once(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [((b"d%d" % (n % 4), b"%05d" % n), b"%d" % n) for n in range(2000)]
    world = World(tmp_path, clock, many)
    local = world.with_torrent()
    world.survey(local)
    for path, _ in many:
        os.utime(os.fsencode(world.top) + b"/" + b"/".join(path), (1, 2))
    for each in (None, local):
        with looked_at(monkeypatch) as calls:
            found = survey(world.library, world.listed, each)
        assert found.here.files == 2000
        assert calls.count("stat") == 2000
        assert calls.count("open") <= 4 + 2
    for path, _ in many:
        assert os.stat(os.fsencode(world.top) + b"/" + b"/".join(path)).st_atime == 1
    world.library.close()


def test_of_many_missing_files_not_each_name_is_tried(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [((b"%05d" % n,), b"%d" % n) for n in range(3000)]
    world = World(tmp_path, clock, many)
    for path, _ in many[:2990]:
        (world.top / path[0].decode()).unlink()
    (world.top / "00001.part").write_bytes(b"1")
    (world.top / "02989.part").write_bytes(b"")
    world.survey()
    with looked_at(monkeypatch) as calls:
        found = survey(world.library, world.listed, None)
    assert (found.here.files, found.unfinished, found.missing.files) == (10, Amount(2, 1), 2988)
    assert len(calls) < 100
    assert len(found.lacking) == MOST_LACKING
    assert look(world.library, world.listed, world.node("02989")).state == "unfinished"
    world.library.close()


def lay(base: Path, files: Sequence[tuple[tuple[bytes, ...], int]]) -> None:
    """Make files of these sizes, as far as their names allow it."""
    (base / "top").mkdir(parents=True)
    for path, size in files:
        try:
            place = os.path.join(os.fsencode(base), b"top", *path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            Path(os.fsdecode(place)).write_bytes(bytes(size))
        except OSError:
            continue  # a file is where a directory should be, or the path is too long


def test_a_torrent_divided_between_directories_is_found_as_it_opens(
    tmp_path: Path, clock: Clock
) -> None:
    world = World(tmp_path, clock)
    other = tmp_path / "other"
    moved = other / NAME.decode() / "dir" / "big"
    moved.parent.mkdir(parents=True)
    (world.top / "dir/big").rename(moved)
    (world.top / "dir/big").write_bytes(b"begun")
    library = world.other_library(directories=[world.data, other])
    local = world.with_torrent()
    node = world.node("dir/big")
    library.open(world.listed, local, node).close()
    assert look(library, world.listed, node).path == str(moved)
    for known in (None, local):
        found = survey(library, world.listed, known)
        assert (found.here, found.missing, found.lacking) == (TOTAL, Amount(0, 0), ())
        assert found.place is not None
        assert text_of(found.place) == str(world.top)
    moved.unlink()
    assert look(library, world.listed, node).path == str(world.top / "dir/big")
    assert survey(library, world.listed, local).unfinished == Amount(1, 5)
    library.close()
    world.library.close()


_NAMES = st.sampled_from([b"a", b"b", b"a.part", b"b.!qB", b"c" * 255, "ü".encode()])
_PATHS = st.lists(_NAMES, min_size=1, max_size=40).map(tuple)


@settings(deadline=None, max_examples=60)
@given(
    wanted=st.dictionaries(_PATHS, st.integers(0, 3), min_size=1, max_size=12),
    there=st.dictionaries(_PATHS, st.integers(0, 3), max_size=12),
    elsewhere=st.dictionaries(_PATHS, st.integers(0, 3), max_size=12),
    kept=st.integers(0, 12),
)
def test_it_finds_what_is_found_when_a_file_is_opened(
    wanted: dict[tuple[bytes, ...], int],
    there: dict[tuple[bytes, ...], int],
    elsewhere: dict[tuple[bytes, ...], int],
    kept: int,
) -> None:
    base = Path(tempfile.mkdtemp(prefix="survey-"))
    tree = FileTree.build([Entry(b"/".join(p).decode(), n) for p, n in wanted.items()], "top")
    listed = Listed("0" * 40, tree)
    directories = [base / "one", base / "two"]
    library = Library(directories, [], Ledger(None))
    all_of_it = list(wanted.items())
    try:
        lay(directories[0], [*all_of_it[:kept], *there.items()])
        lay(directories[1], [*all_of_it[kept:], *elsewhere.items()])
        found = survey(library, listed, None)
        states = {each.node: each for each in found.lacking}
        files = [node for node in range(len(tree)) if not tree.is_dir(node)]
        if found.place is None:
            assert found.missing == found.total
            return
        assert found.total.files == len(files)
        counted = found.here.files + found.unfinished.files + found.missing.files
        assert counted == len(files)
        for node in files:
            one = library.found(listed, listed.path(node), tree.size(node))
            whole = one is not None and one[1].is_whole(tree.size(node))
            assert (node not in states) == whole
            if not whole:
                name = None if one is None else one[1].components[-1]
                assert states[node].name == name
            seen = look(library, listed, node)
            assert seen.state == ("here" if whole else "missing" if one is None else "unfinished")
            assert seen.path == (one and text_of(one[0], one[1].components))
    finally:
        library.close()
        shutil.rmtree(base)


def test_of_one_file_where_it_lies_and_how_many_pieces_were_verified(world: World) -> None:
    node = world.node("dir/big")
    found = look(world.library, world.listed, node)
    assert (found.state, found.source, found.pieces) == ("here", None, 0)
    assert found.path == str(world.top / "dir/big")
    assert not found.is_verified
    local = world.with_torrent()
    file = world.library.open(world.listed, local, node)
    assert file.verify(1)
    found = look(world.library, world.listed, node)
    assert (found.source, found.pieces, found.verified, found.wrong) == ("file", 5, 1, 0)
    file.close()
    world.verify(local, "dir/big")
    assert look(world.library, world.listed, node).is_verified


def test_of_one_file_which_pieces_were_wrong_until_it_changes(world: World) -> None:
    local = world.with_torrent()
    path = world.top / "dir/big"
    right = path.read_bytes()
    path.write_bytes(right[: 2 * BLOCK] + bytes(BLOCK) + right[3 * BLOCK :])
    file = world.library.open(world.listed, local, world.node("dir/big"))
    for number in range(file.piece_count):
        file.verify(number)
    found = look(world.library, world.listed, world.node("dir/big"))
    assert (found.state, found.pieces) == ("here", 5)
    assert found.wrong + found.verified == 5
    assert found.wrong in {1, 2}, "pieces begin 100 bytes before the file"
    file.close()
    os.utime(path)
    found = look(world.library, world.listed, world.node("dir/big"))
    assert (found.verified, found.wrong) == (0, 0)


def test_the_ledger_tells_of_what_is_not_written_down(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "contents.sqlite")
    one, other = Identity(1, 2, 3, 4, 5), Identity(1, 2, 3, 4, 6)
    known = ledger.verified(one, b"h" * 20, 7, 3)
    assert list(ledger.of_torrent(b"h" * 20)) == []
    known.mark(1)
    assert list(ledger.of_torrent(b"h" * 20)) == [(one, 7, 1)]
    assert list(ledger.of_torrent(b"g" * 20)) == []
    ledger.save(one, b"h" * 20, 7, known)
    assert list(ledger.of_torrent(b"h" * 20)) == [(one, 7, 1)]
    known.mark(0)
    assert {(i, f): n for i, f, n in ledger.of_torrent(b"h" * 20)} == {(one, 7): 2}
    assert ledger.verified(one, b"h" * 20, 7, 3) is known
    ledger.verified(other, b"h" * 20, 7, 3).mark(0)
    assert (other, 7, 1) in list(ledger.of_torrent(b"h" * 20))
    ledger.close()

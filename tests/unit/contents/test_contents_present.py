"""Of which torrents something is here: all of them at once, and nothing is looked at twice."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from biofs.contents.disk.beneath import DataDirectory
from biofs.contents.disk.places import Place
from biofs.contents.index import Tops
from biofs.contents.ledger import Identity, Ledger
from biofs.contents.library import Library
from biofs.contents.matching import Listed
from biofs.contents.present import Present, confirm_all
from biofs.store.tops import Top
from biofs.tree.filelist import Entry
from biofs.tree.layout import FileTree
from tests.unit.contents.contents_support import Clock, make

MIB = 1 << 20
FILES = [Entry("reads/1.bam", 3 * MIB), Entry("reads/2.bam", 4 * MIB), Entry("README", 50)]


class Case:
    """A data directory, torrents of a catalogue, and looks at them."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.clock = clock
        self.ledger = Ledger(None)
        self.library = Library([path], [], self.ledger, clock=clock.monotonic, wall=clock.wall)
        self.present = Present(self.library, clock=clock.monotonic)
        self.listed: dict[str, Listed] = {}
        self.tops: Sequence[Top] = ()
        self.confirmed: list[int] = []

    def add(self, number: int, name: str, files: Sequence[Entry] = FILES) -> None:
        key = f"{number:040X}"
        tree = FileTree.build(files, name)
        self.listed[key] = Listed(key, tree)
        self.tops = [*self.tops, Top(number, key, (tree.name(1),))]

    def lay(self, name: str, files: Sequence[Entry] = FILES, suffix: str = "") -> None:
        for path, size in files:
            make(self.path, f"{name}/{path}{suffix}" if path else name + suffix, size=size)

    def look(self, later: float = 2.0) -> list[int]:
        """The ids of what is here some seconds later; `confirmed` is what had to be looked at."""
        self.clock.now += later
        outdated = self.present.outdated(self.tops)
        self.confirmed = [int(key, 16) for key in outdated]
        confirm_all(self.present, [(key, self.listed.get(key)) for key in outdated])
        return self.present.ids()


@pytest.fixture
def case(tmp_path: Path, clock: Clock) -> Iterator[Case]:
    case = Case(tmp_path, clock)
    yield case
    case.library.close()


def test_what_is_here_is_found_and_goes_with_its_data(case: Case) -> None:
    case.add(1, "WGS")
    case.add(2, "RNA")
    assert case.look() == []
    case.lay("WGS")
    assert case.look(0.5) == [], "not yet: it was looked at less than a second ago"
    assert case.look(1.0) == [1]
    assert case.confirmed == [1]
    case.lay("RNA")
    assert case.look() == [1, 2]
    shutil.rmtree(case.path / "WGS")
    assert case.look() == [2]


def test_partial_unfinished_and_single_files_and_those_one_level_down(case: Case) -> None:
    case.add(1, "partial")
    case.lay("partial", FILES[2:])
    case.add(2, "unfinished")
    case.lay("unfinished", FILES, ".part")
    case.add(3, "", [Entry("one.fa", MIB)])
    case.lay("one.fa", [Entry("", MIB)])
    case.add(4, "", [Entry("two.fa", MIB)])
    case.lay("folder/two.fa", [Entry("", MIB)], ".!qB")
    case.add(5, "below")
    case.lay("folder/below")
    case.add(6, "too deep")
    case.lay("folder/again/too deep")
    assert case.look() == [1, 2, 3, 4, 5]


def test_a_name_alone_is_nothing(case: Case) -> None:
    case.add(1, "other files")
    case.lay("other files", [Entry("x", 5)])
    case.add(2, "", [Entry("too long", MIB)])
    case.lay("too long", [Entry("", MIB + 1)])
    case.add(3, "a file")
    case.lay("a file", [Entry("", 1)])
    case.add(4, "", [Entry("a directory", 5)])
    (case.path / "a directory").mkdir()
    (case.path / "a link").symlink_to(case.path / "WGS")
    case.add(5, "a link")
    assert case.look() == []
    assert case.look() == []
    assert case.confirmed == []


def test_nothing_is_looked_at_again_if_nothing_changed(case: Case) -> None:
    for number in range(1, 40):
        case.add(number, f"set {number}")
        case.lay(f"set {number}")
    assert len(case.look()) == 39
    assert len(case.look(100)) == 39
    assert case.confirmed == []
    case.lay("set 7", [Entry("more", 1)])
    make(case.path, "something else")
    assert len(case.look(100)) == 39
    assert case.confirmed == [7], "only what has changed"
    case.tops = list(case.tops)
    assert len(case.look()) == 39
    assert case.confirmed == [], "the catalogue is read anew, and has the same"
    case.look(700)
    assert len(case.confirmed) == 39, "ten minutes later: sizes may have changed"


def test_files_that_come_into_a_top_are_noticed(case: Case) -> None:
    case.add(1, "WGS")
    (case.path / "WGS/reads").mkdir(parents=True)
    assert case.look() == []
    case.lay("WGS", FILES[:1])
    assert case.look(31) == [1]
    os.unlink(case.path / "WGS/reads/1.bam")
    assert case.look(31) == []


def test_a_renamed_top_is_known_once_something_of_it_was_verified(case: Case) -> None:
    case.add(1, "WGS")
    case.lay("renamed by its owner")
    assert case.look() == []
    identity = Identity(1, 2, 3, 4, 5)
    verified = case.ledger.verified(identity, bytes.fromhex(f"{1:040X}"), 0, 3)
    verified.mark(0)
    case.ledger.save(identity, bytes.fromhex(f"{1:040X}"), 0, verified)
    assert case.look() == [1]
    assert case.look() == [1]
    assert case.confirmed == []
    shutil.rmtree(case.path / "renamed by its owner")
    assert case.look() == []


def test_hundreds_that_have_the_same_huge_top(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 501):
        case.add(number, "data", [Entry(f"{number}.bam", number), Entry("x", 3)])
    for number in range(200):
        make(case.path, f"data/{number % 7}/{number}/file")
    make(case.path, "data/321.bam", size=321)
    walked: list[Place] = []
    real = Tops.beneath

    def counting(self: Tops, place: Place) -> int | None:
        walked.append(place)
        return real(self, place)

    monkeypatch.setattr(Tops, "beneath", counting)
    assert case.look() == [321]
    assert case.look() == [321]
    assert case.confirmed == []
    make(case.path, "data/x", size=3)
    assert len(case.look()) == 500
    assert len(case.confirmed) == 500
    assert len(walked) <= 4, "their top is walked through once in a look"


def test_what_is_asked_for_again_takes_no_more_than_a_part_of_the_time(case: Case) -> None:
    case.add(1, "WGS")
    case.lay("WGS")
    case.clock.now += 2
    [key] = case.present.outdated(case.tops)
    case.clock.now += 100  # a slow disk
    case.present.confirm(case.listed[key])
    assert case.look(1900) == [1]
    assert case.confirmed == []
    case.look(200)
    assert case.confirmed == [1]


def test_a_look_that_was_not_finished_is_begun_again(case: Case) -> None:
    case.add(1, "WGS")
    case.lay("WGS")
    case.clock.now += 2
    assert len(case.present.outdated(case.tops)) == 1
    case.present.forget_look()
    assert case.look(0.1) == [1]


def test_torrents_without_a_list_and_without_a_place_in_the_catalogue(case: Case) -> None:
    case.add(1, "WGS")
    case.lay("WGS")
    del case.listed[f"{1:040X}"]
    assert case.look() == []
    case.add(2, "WGS")
    assert case.look() == [2]
    case.tops = []
    assert case.look() == []


def test_names_in_data_directories(tmp_path: Path, clock: Clock) -> None:
    make(tmp_path, "one/a.part", "one/b/c", "two", "three.!ut", "one/b/d/e")
    tops = Tops([DataDirectory(tmp_path)], clock=clock.monotonic, wall=clock.wall)
    names = frozenset([b"one", b"a", b"a.part", b"b", b"c", b"two", b"three", b"d", b"", b"four"])
    assert tops.called(names) == {}, "nothing is read"
    clock.now += 2
    generation = tops.check()
    before = tops.called(names)
    assert set(before) == {b"one", b"a", b"a.part", b"b", b"two", b"three"}
    make(tmp_path, "one/b/d/f")
    clock.now += 40
    assert tops.check() > generation
    after = tops.called(names)
    assert {name for name in before if before[name] != after[name]} == {b"one", b"b"}
    directory = tops.find(b"two", [((), 0)], single=True)
    assert directory is not None
    assert tops.beneath(directory) is not None
    os.unlink(tmp_path / "two")
    clock.now += 2
    tops.check()
    assert tops.beneath(directory) is None
    assert tops.beneath(directory._replace(top=(b"nowhere",), single=False)) is None
    assert b"two" not in tops.called(names)

"""A torrent's data are found by its name, or by names and sizes of its files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biofs.contents.disk.beneath import DataDirectory, Handle
from biofs.contents.disk.places import File, Found, Place
from biofs.contents.index import Tops
from tests.unit.contents.contents_support import Clock, make, promptly, silent_fuse

MIB = 1 << 20
READS = [
    ((b"reads", b"1.bam"), 3000),
    ((b"reads", b"2.bam"), 4000),
    ((b"README",), 50),
    ((b"empty",), 0),
]


def lay(folder: Path, files: Sequence[File], suffix: str = "") -> None:
    for path, length in files:
        make(folder, os.fsdecode(b"/".join(path)) + suffix, size=length)


def tops_of(clock: Clock, *paths: Path) -> Tops:
    return Tops([DataDirectory(path) for path in paths], clock=clock.monotonic, wall=clock.wall)


def where(place: Place | None) -> str | None:
    """The path of a place's top."""
    if place is None:
        return None
    return os.fsdecode(b"/".join([place.directory.path, *place.top]))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The names of which a size was asked."""
    names: list[bytes] = []
    real = Handle.size_of

    def counting(self: Handle, name: bytes) -> int | None:
        names.append(name)
        return real(self, name)

    monkeypatch.setattr(Handle, "size_of", counting)
    return names


def test_a_torrent_is_found_by_its_name(tmp_path: Path, clock: Clock) -> None:
    lay(tmp_path / "WGS", READS)
    tops = tops_of(clock, tmp_path)
    assert where(tops.find(b"WGS", READS, single=False)) == f"{tmp_path}/WGS"
    assert tops.find(b"WES", [((b"other",), 7)], single=False) is None


def test_a_torrent_is_found_in_a_category(tmp_path: Path, clock: Clock) -> None:
    lay(tmp_path / "human" / "WGS", READS)
    make(tmp_path, "mouse/WGS/unrelated")
    tops = tops_of(clock, tmp_path)
    assert where(tops.find(b"WGS", READS, single=False)) == f"{tmp_path}/human/WGS"


def test_of_several_places_the_one_with_most_files_is_taken(tmp_path: Path, clock: Clock) -> None:
    lay(tmp_path / "a" / "WGS", READS[:1])
    lay(tmp_path / "b" / "cat" / "WGS", READS[:3])
    lay(tmp_path / "c" / "WGS", READS[:2])
    tops = tops_of(clock, *(tmp_path / name for name in "abc"))
    assert where(tops.find(b"WGS", READS, single=False)) == f"{tmp_path}/b/cat/WGS"


def test_of_equals_the_first_directory_is_taken_and_complete_files_count_more(
    tmp_path: Path, clock: Clock
) -> None:
    lay(tmp_path / "a" / "WGS", READS, ".part")
    lay(tmp_path / "b" / "WGS", READS)
    lay(tmp_path / "c" / "WGS", READS)
    tops = tops_of(clock, *(tmp_path / name for name in "abc"))
    assert where(tops.find(b"WGS", READS, single=False)) == f"{tmp_path}/b/WGS"


@pytest.mark.parametrize("suffix", [".part", ".!qB", ".!ut", ".bc!"])
def test_an_unfinished_torrent_is_found(tmp_path: Path, clock: Clock, suffix: str) -> None:
    lay(tmp_path / "WGS", READS[:2], suffix)
    place = tops_of(clock, tmp_path).find(b"WGS", READS, single=False)
    assert place is not None
    found = place.find_file((b"reads", b"1.bam"), 3000)
    assert found == Found((b"WGS", b"reads", b"1.bam" + suffix.encode()), False, 3000)
    assert place.find_file((b"README",), 50) is None


def test_the_true_name_goes_before_an_unfinished_one(tmp_path: Path) -> None:
    make(tmp_path, "T/x.part", size=100)
    make(tmp_path, "T/x", size=100)
    place = Place(DataDirectory(tmp_path), (b"T",), False)
    assert place.find_file([b"x"], 100) == Found((b"T", b"x"), True, 100)
    make(tmp_path, "T/x", size=99)  # something is left of an earlier try
    assert place.find_file([b"x"], 100) == Found((b"T", b"x.part"), False, 100)
    make(tmp_path, "T/x.part", size=101)
    assert place.find_file([b"x"], 100) == Found((b"T", b"x"), True, 99)
    make(tmp_path, "T/x", size=101)
    assert place.find_file([b"x"], 100) is None


def test_links_and_odd_paths_are_no_files_of_a_torrent(tmp_path: Path) -> None:
    make(tmp_path, "T/x", "outside", size=5)
    (tmp_path / "T" / "link").symlink_to("x")
    os.mkfifo(tmp_path / "T" / "pipe")
    place = Place(DataDirectory(tmp_path), (b"T",), False)
    for path in ([b"link"], [b"pipe"], [b"..", b"outside"], [b""], [b"x", b""], [b"x\0"], [b"."]):
        assert promptly(place.find_file, path, 5) is None
    assert Place(DataDirectory(tmp_path), (), False).find_file([], 5) is None
    assert Place(DataDirectory(tmp_path / "missing"), (), False).find_file([b"x"], 5) is None


def test_a_torrent_of_which_few_files_were_wanted_is_found(tmp_path: Path, clock: Clock) -> None:
    files = [((b"d%d" % (n % 10), b"%d.txt" % n), n + 1) for n in range(10_000)]
    lay(tmp_path / "T", [files[3333]])
    tops = tops_of(clock, tmp_path)
    assert where(tops.find(b"T", files, single=False)) == f"{tmp_path}/T"
    (tmp_path / "T" / "d3" / "3333.txt").rename(tmp_path / "T" / "d3" / "3333.txt.part")
    clock.now = 30
    assert where(tops.find(b"T", files, single=False)) == f"{tmp_path}/T"
    (tmp_path / "T" / "d3" / "3333.txt.part").unlink()
    clock.now = 60
    assert tops.find(b"T", files, single=False) is None


def test_a_torrent_that_is_here_costs_four_looks(
    tmp_path: Path, clock: Clock, looks: list[bytes]
) -> None:
    files = [((b"%d" % n,), n + 1) for n in range(100)]
    lay(tmp_path / "T", files)
    assert where(tops_of(clock, tmp_path).find(b"T", files, single=False)) == f"{tmp_path}/T"
    assert len(looks) == 4
    (tmp_path / "T" / "0").unlink()
    (tmp_path / "other").mkdir()
    lay(tmp_path / "other" / "T", files)
    # Of the first place something is missing: then the one with most is taken.
    assert where(tops_of(clock, tmp_path).find(b"T", files, single=False)) == f"{tmp_path}/other/T"


def test_a_large_torrent_costs_few_looks(tmp_path: Path, clock: Clock, looks: list[bytes]) -> None:
    files = [((b"%d" % n,), n + 1) for n in range(100_000)]
    lay(tmp_path / "T", files[::100])
    tops = tops_of(clock, tmp_path)
    assert tops.find(b"T", files, single=False) is not None
    assert len(looks) <= 100
    looks.clear()
    assert tops.find(b"not there", [((b"odd",), 5)], single=False) is None
    assert looks == []


def test_a_renamed_top_is_found_at_any_depth(tmp_path: Path, clock: Clock) -> None:
    lay(tmp_path / "archive" / "2024" / "renamed", READS)
    make(tmp_path, "README", "x/README", "x/reads/1.bam", "y/reads/2.bam", size=1)
    tops = tops_of(clock, tmp_path)
    assert where(tops.find(b"WGS", READS, single=False)) == f"{tmp_path}/archive/2024/renamed"


def test_the_data_directory_may_be_the_top_itself(tmp_path: Path, clock: Clock) -> None:
    lay(tmp_path, READS)
    place = tops_of(clock, tmp_path).find(b"WGS", READS, single=False)
    assert place is not None
    assert place.top == ()
    assert place.find_file((b"README",), 50) == Found((b"README",), True, 50)


def test_one_file_alike_is_not_enough_for_a_renamed_top(tmp_path: Path, clock: Clock) -> None:
    lay(tmp_path / "else", READS[:1])
    lay(tmp_path / "names", [(path, length + 1) for path, length in READS])
    tops = tops_of(clock, tmp_path)
    assert tops.find(b"WGS", READS, single=False) is None
    one = READS[:1]
    assert where(tops.find(b"WGS", one, single=False)) == f"{tmp_path}/else"


def test_files_of_one_size_may_all_be_probes(tmp_path: Path, clock: Clock) -> None:
    files = [((b"%d.npy" % n,), 800) for n in range(30)]
    lay(tmp_path / "renamed", files)
    tops = tops_of(clock, tmp_path)
    assert where(tops.find(b"arrays", files, single=False)) == f"{tmp_path}/renamed"


def test_weak_signs_under_the_true_name_give_way_to_a_renamed_top(
    tmp_path: Path, clock: Clock
) -> None:
    make(tmp_path, "data/README", size=3)  # another's
    lay(tmp_path / "renamed", READS)
    tops = tops_of(clock, tmp_path)
    assert where(tops.find(b"data", READS, single=False)) == f"{tmp_path}/renamed"
    others = [READS[2], ((b"x",), 60)]  # one of them is in the renamed top
    assert where(tops.find(b"data", others, single=False)) == f"{tmp_path}/data"


def test_two_torrents_that_share_files_are_both_found(tmp_path: Path, clock: Clock) -> None:
    first = [*READS, ((b"v1",), 10)]
    second = [*READS, ((b"v2",), 11)]
    lay(tmp_path / "one", first)
    lay(tmp_path / "two", second)
    tops = tops_of(clock, tmp_path)
    assert where(tops.find(b"one", first, single=False)) == f"{tmp_path}/one"
    assert where(tops.find(b"two", second, single=False)) == f"{tmp_path}/two"
    assert where(tops.find(b"renamed", second, single=False)) == f"{tmp_path}/two"
    assert where(tops.find(b"renamed", first, single=False)) == f"{tmp_path}/one"


def test_a_single_file_is_found_by_its_name_wherever_it_lies(tmp_path: Path, clock: Clock) -> None:
    files = [((b"genome.fa.gz",), 1234)]
    make(tmp_path, "genome.fa.gz", size=5000)  # another's
    make(tmp_path, "category/genome.fa.gz", size=12)
    make(tmp_path, "x/y/genome.fa.gz/genome.fa.gz", size=1234)
    tops = tops_of(clock, tmp_path)
    place = tops.find(b"genome.fa.gz", files, single=True)
    assert where(place) == f"{tmp_path}/x/y/genome.fa.gz/genome.fa.gz"
    assert place is not None
    assert place.find_file((b"whatever",), 1234) == Found(place.top, True, 1234)
    make(tmp_path, "genome.fa.gz", size=1234)
    assert where(tops.find(b"genome.fa.gz", files, single=True)) == f"{tmp_path}/genome.fa.gz"


def test_an_unfinished_single_file_is_found(tmp_path: Path, clock: Clock) -> None:
    make(tmp_path, "a/b/genome.fa.part", size=10)
    place = tops_of(clock, tmp_path).find(b"genome.fa", [((), 99)], single=True)
    assert place is not None
    assert place.top == (b"a", b"b", b"genome.fa")
    assert place.find_file((), 99) == Found((b"a", b"b", b"genome.fa.part"), False, 10)


def test_a_renamed_single_file_is_found_by_its_size_if_that_is_telling(
    tmp_path: Path, clock: Clock
) -> None:
    make(tmp_path, "a/GRCh38.fa.gz", size=2 * MIB)
    make(tmp_path, "a/other.fa.gz", size=3 * MIB)
    make(tmp_path, "a/small.fa.gz", size=MIB)
    make(tmp_path, "a/of another kind.bam", size=2 * MIB)
    tops = tops_of(clock, tmp_path)
    large = [((b"hg38.gz",), 2 * MIB)]
    assert where(tops.find(b"hg38.gz", large, single=True)) == f"{tmp_path}/a/GRCh38.fa.gz"
    assert tops.find(b"hg38.gz", [((b"hg38.gz",), MIB)], single=True) is None
    make(tmp_path, "b/copy.gz", size=2 * MIB)
    clock.now = 1
    assert tops.find(b"hg38.gz", large, single=True) is None


def test_a_size_is_not_looked_for_among_very_many_files(
    tmp_path: Path, clock: Clock, looks: list[bytes]
) -> None:
    make(tmp_path, *(f"{n % 50}/{n}.gz" for n in range(5000)))
    make(tmp_path, "z/renamed.gz", size=2 * MIB)
    tops = tops_of(clock, tmp_path)
    assert tops.find(b"x.gz", [((), 2 * MIB)], single=True) is None
    assert len(looks) <= 4096 + 5


def test_nothing_changed_means_nothing_read(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, *(f"many/{n}" for n in range(2000)))
    tops = tops_of(clock, tmp_path)
    assert tops.find(b"T", READS, single=False) is None
    generation = tops.generation
    scans: list[object] = []
    real = os.scandir

    def counting(path: Any) -> Any:
        scans.append(path)
        return real(path)

    monkeypatch.setattr(os, "scandir", counting)
    for seconds in (1, 2, 40, 80):
        clock.now = seconds
        assert tops.find(b"T", READS, single=False) is None
    assert scans == []
    assert tops.generation == generation
    lay(tmp_path / "T", READS)
    assert where(tops.find(b"T", READS, single=False)) == f"{tmp_path}/T"


def test_data_that_vanish_and_return_are_found_again(tmp_path: Path, clock: Clock) -> None:
    data = tmp_path / "data"
    lay(data / "renamed", READS)
    tops = tops_of(clock, data)
    for _ in range(2):
        assert where(tops.find(b"T", READS, single=False)) == f"{data}/renamed"
        data.rename(tmp_path / "away")
        clock.now += 30
        assert tops.find(b"T", READS, single=False) is None
        (tmp_path / "away").rename(data)
        clock.now += 30


def test_a_mount_of_biofs_is_never_asked(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "mnt").mkdir()
    lay(tmp_path / "cat" / "T", READS)
    tops = tops_of(clock, tmp_path)
    with silent_fuse(tmp_path / "mnt"):
        for name in (b"mnt", b"T", b"other"):
            assert where(promptly(lambda name=name: tops.find(name, READS, single=False)))
            promptly(lambda name=name: tops.find(name, [((b"mnt",), 2 * MIB)], single=True))


def test_without_files_or_directories_nothing_is_found(tmp_path: Path, clock: Clock) -> None:
    assert tops_of(clock).find(b"T", READS, single=False) is None
    assert tops_of(clock, tmp_path).find(b"T", [], single=False) is None
    assert tops_of(clock, tmp_path).find(b"T", [], single=True) is None
    assert tops_of(clock, tmp_path).find(b"T", [((b"empty",), 0)], single=False) is None
    assert tops_of(clock, tmp_path / "missing").find(b"T", READS, single=False) is None


PART = st.one_of(
    st.binary(max_size=6),
    st.sampled_from([b"", b".", b"..", b"/", b"a\0b", b"up", b"cat", b"T", b"1", b"x" * 300]),
)
FILES = st.lists(
    st.tuples(st.lists(PART, max_size=3).map(tuple), st.integers(-1, 1 << 65)), max_size=6
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(name=PART, files=FILES, single=st.booleans())
def test_any_torrent_is_survived_and_leads_nowhere_else(
    tmp_path: Path, name: bytes, files: list[File], single: bool
) -> None:
    data = tmp_path / "data"
    if not data.exists():
        make(data, "cat/T/1", "T/1", "1", "cat/1.part", size=1)
        make(tmp_path, "1", size=1)
        (data / "up").symlink_to("..")
    place = tops_of(Clock(), data).find(name, files, single=single)
    if place is None:
        return
    for path, length in files:
        found = place.find_file(path, length)
        if found is not None:
            real = os.path.realpath(b"/".join([os.fsencode(data), *found.components]))
            assert real.startswith(os.fsencode(os.path.realpath(data)) + b"/")
            assert os.path.isfile(real)

"""Which file of the metainfo each file of the catalogue's tree is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.contents import matching
from biofs.contents.matching import Indexes, Listed, ListedFiles, MetainfoFiles, find, match
from biofs.tree.filelist import Entry
from biofs.tree.layout import FileTree
from biofs.tree.metainfo import Metainfo, parse
from tests.support import torrents

HASH = "0" * 40
Sized = tuple[tuple[bytes, ...], int]


def metainfo_of(files: Sequence[Sized], name: bytes = b"top") -> Metainfo:
    return parse(torrents.make(name, [(path, bytes(length)) for path, length in files]))


def listed_of(entries: Sequence[tuple[str, int]], top: str = "top") -> Listed:
    return Listed(HASH, FileTree.build([Entry(*entry) for entry in entries], top))


def matched(listed: Listed, metainfo: Metainfo) -> dict[str, tuple[bytes, ...] | None]:
    found = match(listed, metainfo)
    return {
        listed.tree.path(node).decode(): metainfo.files[index].path if index >= 0 else None
        for node, index in enumerate(found)
        if not listed.tree.is_dir(node)
    }


def test_by_path_in_any_order() -> None:
    metainfo = metainfo_of([((b"b",), 1), ((b"d", b"a"), 2), ((b"a",), 3)])
    listed = listed_of([("a", 3), ("b", 1), ("d/a", 2)])
    assert matched(listed, metainfo) == {
        "top/a": (b"a",),
        "top/b": (b"b",),
        "top/d/a": (b"d", b"a"),
    }


def test_names_that_biofs_has_to_change_are_changed_on_both_sides() -> None:
    metainfo = metainfo_of([((b"a\nb",), 1), ((b"caf\xe9",), 2), ((b"x" * 300,), 3)])
    listed = listed_of([("a\nb", 1), ("caf\ufffd", 2), ("x" * 300, 3)])
    found = matched(listed, metainfo)
    assert sorted(path for path in found.values() if path) == [
        (b"a\nb",),
        (b"caf\xe9",),
        (b"x" * 300,),
    ]


def test_what_is_damaged_is_known_by_a_length_that_only_one_has() -> None:
    metainfo = metainfo_of([((b"notes Dr. Smith.txt",), 7), ((b"b",), 1), ((b"c",), 1)])
    listed = listed_of([("Smith.txt", 7), ("B", 1), ("C", 1)])
    assert matched(listed, metainfo) == {
        "top/Smith.txt": (b"notes Dr. Smith.txt",),
        "top/B": None,
        "top/C": None,
    }


def test_another_length_is_another_file() -> None:
    assert matched(listed_of([("a", 2)]), metainfo_of([((b"a",), 1)])) == {"top/a": None}


def test_a_damaged_name_of_the_top_does_not_matter() -> None:
    metainfo = metainfo_of([((b"a",), 1)], name=b"t\xf6p")
    assert matched(listed_of([("a", 1)], top="t\ufffdp"), metainfo) == {"t\ufffdp/a": (b"a",)}


def test_a_single_file() -> None:
    metainfo = parse(torrents.single(b"reads.fq", bytes(9)))
    listed = listed_of([("reads.fq", 9)], top="")
    assert listed.single
    assert (listed.name, listed.path(1)) == (b"reads.fq", ())
    assert matched(listed, metainfo) == {"reads.fq": ()}


def test_what_must_not_be_opened_matches_nothing() -> None:
    metainfo = metainfo_of([((b"..", b"a"), 1), ((b"b",), 2)])
    listed = listed_of([("../a", 1), ("b", 2)])
    assert sorted(map(str, matched(listed, metainfo).values())) == ["(b'b',)", "None"]
    assert list(MetainfoFiles(metainfo)) == [((b"",), 1), ((b"b",), 2)]


def test_the_files_of_a_tree() -> None:
    listed = listed_of([("d/a", 1), ("b", 2), ("d/e/c", 3)])
    assert sorted(ListedFiles(listed)) == [
        ((b"b",), 2),
        ((b"d", b"a"), 1),
        ((b"d", b"e", b"c"), 3),
    ]
    assert ListedFiles(listed)[1:] == [ListedFiles(listed)[1], ListedFiles(listed)[2]]


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
paths = st.lists(
    names.filter(lambda n: "/" not in n and n not in {".", ".."}), min_size=1, max_size=3
)


@given(st.lists(st.tuples(paths, st.integers(0, 3)), min_size=1, max_size=12), st.randoms())
def test_whatever_the_names_a_match_has_the_same_length_and_no_file_is_used_twice(
    files: list[tuple[list[str], int]], order: object
) -> None:
    sized = [(tuple(part.encode() for part in path), length) for path, length in files]
    metainfo = metainfo_of(sized)
    entries = [("/".join(path), length) for path, length in files]
    order.shuffle(entries)  # type: ignore[attr-defined]
    listed = listed_of(entries)
    found = match(listed, metainfo)
    used = [index for index in found if index >= 0]
    assert len(used) == len(set(used))
    for node, index in enumerate(found):
        if index >= 0:
            assert metainfo.files[index].length == listed.tree.size(node)
    unique = {tuple(path) for path, _ in files}
    if len(unique) == len(files) and not any(
        other[: len(path)] == path for path in unique for other in unique if other != path
    ):
        texts = {listed.tree.path(node): index for node, index in enumerate(found)}
        plain = [path for path, _ in sized if b"top/" + b"/".join(path) in texts]
        for path in plain:
            assert metainfo.files[texts[b"top/" + b"/".join(path)]].path == path


@given(
    st.lists(st.tuples(paths, st.integers(0, 3)), min_size=1, max_size=12),
    st.lists(st.tuples(paths, st.integers(0, 3)), max_size=3),
)
def test_a_node_alone_is_matched_as_among_all(
    files: list[tuple[list[str], int]], others: list[tuple[list[str], int]]
) -> None:
    metainfo = metainfo_of([(tuple(part.encode() for part in path), size) for path, size in files])
    listed = listed_of([("/".join(path), size) for path, size in (*files, *others)])
    whole = match(listed, metainfo)
    for node in range(len(listed.tree)):
        index = find(listed, metainfo, node)
        if index is not None:
            assert metainfo.files[index].path == listed.path(node)
            assert metainfo.files[index].length == listed.tree.size(node)
            assert not others or whole[node] in {index, -1}
            assert others or whole[node] == index
    assert list(Indexes(listed, metainfo).all()) == list(whole)


def test_one_file_of_a_large_torrent_is_matched_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    names_ = [f"{number:04}" for number in range(5000)]
    metainfo = metainfo_of([((name.encode(),), 1) for name in names_])
    listed = listed_of([(name, 1) for name in names_])
    monkeypatch.setattr(matching, "match", lambda *_: pytest.fail("all were matched"))
    made = Counter[str]()
    real = type(metainfo.files)._file
    monkeypatch.setattr(
        type(metainfo.files), "_file", lambda *args: made.update("f") or real(*args)
    )
    indexes = Indexes(listed, metainfo)
    assert at_once(indexes, 2) is None, "it would look through all"
    for node in range(2, 100):
        assert indexes[node] == node - 2
        assert at_once(indexes, node) == node - 2
    assert not made["f"], "of those that are asked for, nothing is made but the path"
    assert at_once(indexes, 200) == 198


def at_once(indexes: Indexes, node: int) -> int | None:
    found = indexes.with_path_at_once(node)
    return None if found is None else found[0]


def test_what_was_lost_of_a_name_is_told_by_all_names() -> None:
    metainfo = metainfo_of([((b"caf\xe9",), 1), (("caf\ufffd".encode(),), 1)])
    listed = listed_of([("caf\ufffd", 1), ("caf\ufffd", 1)])
    assert [find(listed, metainfo, node) for node in range(len(listed.tree))] == [None] * 4
    indexes = Indexes(listed, metainfo)
    assert at_once(indexes, 2) is None
    assert sorted(indexes) == sorted(match(listed, metainfo)) == [-1, -1, 0, 1]
    assert indexes[2:] == [indexes[2], indexes[3]]

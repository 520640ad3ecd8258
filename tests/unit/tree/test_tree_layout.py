"""The tree below ``files``: against a model for plain names, and by its promises for any names."""

import os
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from biofs.tree.filelist import MAX_LENGTH, Entry
from biofs.tree.layout import MAX_DEPTH, MAX_NODES, FileTree
from biofs.tree.names import is_holdable, stand_in

anything = st.text(st.characters(exclude_categories=()), max_size=6)
nasty_components = st.sampled_from(
    (
        *("", ".", "..", "a", "A", "a (2)", "a (2) (2)", "b.txt", "b (2).txt", "_", "_.", "_.."),
        *(
            "\0",
            "\n",
            "\u240a",
            "\x7f",
            "\x9b",
            "\ufffd",
            "\ud800",
            "-",
            "\\",
            ".hidden",
            "x" * 255,
        ),
        *("x" * 256, "x" * 400, "\u00e9" * 127 + ".fa", "\u00e9" * 200 + ".fa", "caf\u00e9"),
        *("cafe\u0301", "\U0001f469\u200d\U0001f52c", "y" * 250 + ".fasta"),
    )
)
nasty_paths = st.lists(nasty_components | anything, min_size=1, max_size=5).map("/".join)
lengths = st.integers(0, 2**40) | st.integers(0, MAX_LENGTH)
nasty_entries = st.lists(st.builds(Entry, nasty_paths, lengths), max_size=30)
top_names = st.just("") | nasty_components | anything


def assert_sound(tree: FileTree) -> None:
    """Check all that a tree promises, whatever it was built from."""
    assert tree.name(0) == b"files"
    assert tree.parent(0) == 0
    assert tree.is_dir(0)
    assert tree.path(0) == b""
    following = 1
    for node in range(len(tree)):
        children = tree.children(node)
        # Breadth first: every range starts where the one before ended.
        assert children.start == following
        following = children.stop
        names = [tree.name(child) for child in children]
        assert names == sorted(set(names))
        assert [tree.find(node, name) for name in names] == list(children)
        assert tree.find(node, b"") is None
        assert tree.find(node, b"\xff") is None
        assert all(tree.parent(child) == node for child in children)
        if node:
            assert tree.parent(node) < node
            assert tree.is_dir(node) == (len(children) > 0)
            assert_holdable(tree.name(node))
        if tree.is_dir(node):
            assert tree.size(node) == min(sum(map(tree.size, children)), MAX_LENGTH)
    assert following == len(tree)
    files = [node for node in range(len(tree)) if not tree.is_dir(node)]
    assert tree.file_count == len(files)
    assert tree.total_size == tree.size(0) == min(sum(map(tree.size, files)), MAX_LENGTH)


def assert_holdable(name: bytes) -> None:
    text = name.decode()
    assert 0 < len(name) <= 255
    assert text not in {".", ".."}
    assert "/" not in text
    assert not any(unicodedata.category(character) == "Cc" for character in text)


def listing(tree: FileTree) -> list[tuple[bytes, int]]:
    return [(tree.path(n), tree.size(n)) for n in range(len(tree)) if not tree.is_dir(n)]


@given(nasty_entries, top_names)
@settings(deadline=None, max_examples=300)
@example([], "top")
@example([Entry("a", 1), Entry("a/b", 2), Entry("a", 3), Entry("a (2)", 4)], "")
@example([Entry("/", 1), Entry("//", 2), Entry("", 3), Entry("a//b", 4), Entry("a/", 5)], "/")
@example([Entry("a", MAX_LENGTH), Entry("d/b", MAX_LENGTH), Entry("d/c", MAX_LENGTH)], "..")
def test_any_entries_make_a_sound_tree(entries: list[Entry], file_path: str) -> None:
    tree = FileTree.build(entries, file_path)
    assert_sound(tree)
    assert not tree.truncated
    assert Counter(size for _, size in listing(tree)) == Counter(entry.length for entry in entries)
    assert listing(FileTree.build(iter(entries), file_path)) == listing(tree)


plain_components = st.text("abcXYZ019 ._-\\\u00e9\u65e5\u0301", min_size=1, max_size=5).filter(
    lambda name: name not in {".", ".."}
)


@st.composite
def plain_files(draw: st.DrawFn) -> dict[str, int]:
    """Different paths, none of which is a directory of another."""
    paths = draw(st.lists(st.lists(plain_components, min_size=1, max_size=4), max_size=30))
    files: dict[str, int] = {}
    for path in map("/".join, paths):
        clash = any(
            path == f or path.startswith(f + "/") or f.startswith(path + "/") for f in files
        )
        if not clash:
            files[path] = draw(st.integers(0, 2**40))
    return files


@given(plain_files(), st.sampled_from(["", "top", "ADH1 - YOL086C"]))
@settings(deadline=None)
def test_plain_paths_are_kept_as_in_a_model(files: dict[str, int], file_path: str) -> None:
    tree = FileTree.build([Entry(*item) for item in files.items()], file_path)
    assert_sound(tree)
    prefix = f"{file_path}/" if file_path else ""
    assert dict(listing(tree)) == {(prefix + p).encode(): size for p, size in files.items()}
    directories: dict[bytes, int] = {b"": sum(files.values())}
    for path, size in files.items():
        parts = (prefix + path).split("/")
        for depth in range(1, len(parts)):
            directory = "/".join(parts[:depth]).encode()
            directories[directory] = directories.get(directory, 0) + size
    assert directories == {tree.path(n): tree.size(n) for n in range(len(tree)) if tree.is_dir(n)}
    for path, size in files.items():
        node = 0
        for component in (prefix + path).split("/"):
            found = tree.find(node, component.encode())
            assert found is not None
            node = found
        assert tree.size(node) == size


@given(nasty_entries, top_names)
def test_a_packed_tree_is_the_same_tree(entries: list[Entry], file_path: str) -> None:
    tree = FileTree.build(entries, file_path, max_nodes=20)
    again = FileTree.unpack(tree.pack())
    assert again is not None
    assert listing(again) == listing(tree)
    assert [again.children(node) for node in range(len(tree))] == [
        tree.children(node) for node in range(len(tree))
    ]
    assert (again.file_count, again.truncated) == (tree.file_count, tree.truncated)


@given(nasty_entries, top_names)
def test_nodes_in_a_row_are_described_as_one_by_one(entries: list[Entry], file_path: str) -> None:
    tree = FileTree.build(entries, file_path)
    for node in range(len(tree)):
        children = tree.children(node)
        assert list(tree.described(children)) == [
            (tree.name(child), tree.size(child), tree.is_dir(child)) for child in children
        ]


@pytest.mark.parametrize("change", [lambda p: p[:-1], lambda _: b"", lambda p: b"x" + p[1:]])
def test_what_is_no_packed_tree_is_none(change: Callable[[bytes], bytes]) -> None:
    packed = FileTree.build([Entry("a/b", 1)], "top").pack()
    assert FileTree.unpack(packed) is not None
    assert FileTree.unpack(change(packed)) is None


@given(nasty_entries)
@settings(deadline=None)
def test_a_name_that_can_be_held_is_never_given_up_for_a_stand_in(entries: list[Entry]) -> None:
    tree = FileTree.build([Entry(entry.path.replace("/", ""), 1) for entry in entries], "")
    kept = {entry.path.replace("/", "") for entry in entries}
    names = {tree.name(node) for node in tree.children(0)}
    assert names >= {name.encode() for name in kept if is_holdable(name)}


def paths(*given: str, file_path: str = "") -> list[str]:
    """Lay out files whose size says which of them it was; give their paths in that order."""
    tree = FileTree.build([Entry(path, size) for size, path in enumerate(given)], file_path)
    assert_sound(tree)
    return [path.decode() for path, _ in sorted(listing(tree), key=lambda item: item[1])]


@pytest.mark.parametrize(
    ("given", "laid_out"),
    [
        (["", ".", ".."], ["_", "_.", "_.."]),
        (["../../etc/passwd", "/etc/passwd"], ["_../_../etc/passwd", "etc/passwd"]),
        (["a//b", "a/./b", "a/"], ["a/_/b", "a/_./b", "a/_ (2)"]),
        (["_", ""], ["_", "_ (2)"]),
        (["", "_"], ["_ (2)", "_"]),
        (["a.txt", "a.txt", "a.txt"], ["a.txt", "a (2).txt", "a (3).txt"]),
        (["a.txt", "a (2).txt", "a.txt"], ["a.txt", "a (2).txt", "a (3).txt"]),
        (["a", "a/b"], ["a (2)", "a/b"]),
        (["a/b", "a"], ["a/b", "a (2)"]),
        (["a/b", "a", "a (2)/c"], ["a/b", "a (3)", "a (2)/c"]),
        (["a\n/b", "a\u240a"], ["a\u240a (2)/b", "a\u240a"]),
        (["a\nb", "a\0b", "a\x1b[2Jb", "a\x7fb"], ["a␊b", "a␀b", "a␛[2Jb", "a␡b"]),
        (["a\x9bb", "a\ud800b"], ["a\ufffdb", "a\ufffdb (2)"]),
        (["a\\b", "..\\c"], ["a\\b", "..\\c"]),
        (["caf\u00e9", "cafe\u0301"], ["caf\u00e9", "cafe\u0301"]),
        (["a", "A", "\u202ea"], ["a", "A", "\u202ea"]),
        ([".b.c", ".b", ".b", ".b.c"], [".b.c", ".b", ".b (2)", ".b (2).c"]),
        (["a. b", "a. b"], ["a. b", "a. b (2)"]),
        (["x/..", "x/../.."], ["x/_.. (2)", "x/_../_.."]),
    ],
)
def test_stand_ins(given: list[str], laid_out: list[str]) -> None:
    assert paths(*given) == laid_out


@pytest.mark.parametrize(
    ("file_path", "directory"),
    [("top", "top/"), ("", ""), ("..", "_../"), ("/etc/x", "-etc-x/"), ("a\nb", "a␊b/")],
)
def test_the_top_directory_is_one_name(file_path: str, directory: str) -> None:
    assert paths("f", file_path=file_path) == [f"{directory}f"]


def test_no_files_make_no_top_directory() -> None:
    tree = FileTree.build([], "top")
    assert_sound(tree)
    assert len(tree) == 1
    assert list(tree.children(0)) == []
    assert tree.file_count == tree.total_size == 0


def test_long_names() -> None:
    first, second, third, fourth = paths(
        "x" * 300 + "1.fasta", "x" * 300 + "2.fasta", "é" * 300, "x" * 300 + "1.fasta"
    )
    # Written down, because names must stay the same from one release to the next.
    assert first == "x" * 240 + "~e26462ff.fasta"
    assert second.startswith("x" * 240 + "~")
    assert second != first
    assert len(third.encode()) in (254, 255)
    assert fourth == "x" * 236 + " (2).fasta"


def test_stand_ins_of_long_names_make_room_for_numbers() -> None:
    entries = [Entry("x" * 255, 1)] * 12 + [Entry("x" * 254 + "y", 1)] * 12
    tree = FileTree.build(entries, "")
    assert_sound(tree)
    assert tree.file_count == 24


def test_clashing_stand_ins_take_time_in_proportion() -> None:
    # Numbered each from 2 on, these would look at four hundred million names.
    entries = [Entry("x" * 250 + f"{i // 2:05}", 1) for i in range(40_000)]
    tree = FileTree.build(entries, "")
    assert tree.file_count == len(tree) - 1 == 40_000


def test_depth_has_an_end() -> None:
    deep = "/".join(f"d{i}" for i in range(10_000))
    tree = FileTree.build(
        [Entry(deep, 1), Entry(deep + "x", 2), Entry("d0/f", 4), Entry(deep, 8)], ""
    )
    assert_sound(tree)
    assert len(tree) == 1 + (MAX_DEPTH - 1) + 4
    deepest = [path for path, _ in listing(tree) if path.count(b"/") == MAX_DEPTH - 1]
    assert len(deepest) == 3
    assert all(path.split(b"/")[-1].startswith(b"d127-d128-") for path in deepest)


def test_the_deepest_path_that_is_kept() -> None:
    assert paths("/".join(["d"] * MAX_DEPTH)) == ["/".join(["d"] * MAX_DEPTH)]
    assert paths("/".join(["d"] * (MAX_DEPTH + 1))) == ["/".join(["d"] * (MAX_DEPTH - 1)) + "/d-d"]


@pytest.mark.parametrize(
    ("max_nodes", "kept", "nodes"),
    [(2, 0, 1), (3, 1, 3), (4, 2, 4), (5, 2, 4), (6, 2, 4), (7, 3, 7), (8, 4, 8)],
)
def test_too_many_nodes(max_nodes: int, kept: int, nodes: int) -> None:
    entries = [Entry("a", 1), Entry("b", 2), Entry("c/d/e", 4), Entry("f", 8)]
    tree = FileTree.build(entries, "top", max_nodes=max_nodes)
    assert_sound(tree)
    assert tree.truncated == (kept < 4)
    assert tree.file_count == kept
    assert tree.total_size == (1 << kept) - 1
    assert len(tree) == nodes <= max_nodes


def test_a_node_number_fits_an_inode() -> None:
    from biofs.tree.inodes import MAX_PART

    assert MAX_NODES - 1 <= MAX_PART


def test_sizes_that_no_file_has() -> None:
    tree = FileTree.build([Entry("a", -1), Entry("b", 2**63), Entry("c", 10**30)], "")
    assert [tree.size(node) for node in tree.children(0)] == [0, MAX_LENGTH, MAX_LENGTH]


def test_numbers_outside() -> None:
    tree = FileTree.build([Entry("a", 1)], "")
    for method in (tree.is_dir, tree.name, tree.size, tree.parent, tree.children, tree.path):
        with pytest.raises(IndexError):
            method(2)
    with pytest.raises(IndexError):
        tree.find(2, b"a")


def test_a_file_has_no_children() -> None:
    tree = FileTree.build([Entry("a", 1), Entry("b", 1)], "")
    assert len(tree.children(1)) == 0
    assert tree.find(1, b"b") is None


def test_a_file_takes_twenty_bytes_and_its_name() -> None:
    count = 50_000
    tree = FileTree.build([Entry(f"d{i % 7}/sample_{i:06}.fq", i) for i in range(count)], "top")
    assert tree.memory_bytes < count * (21 + len("sample_000000.fq")) + 10_000


def test_the_same_in_every_process() -> None:
    script = (
        "from biofs.tree.layout import FileTree; from biofs.tree.filelist import Entry;"
        "p = ('a', 'a/b', 'x' * 300, 'a', '', 'c/..');"
        "t = FileTree.build([Entry(path, 1) for path in p], 'top');"
        "print([t.path(n) for n in range(len(t))])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


@given(nasty_components | anything | st.text(min_size=200, max_size=2000))
@settings(deadline=None)
def test_a_stand_in_can_be_held_and_stands_for_itself(name: str) -> None:
    held = stand_in(name)
    assert_holdable(held.encode())
    assert is_holdable(held)
    assert stand_in(held) == held

"""What the data of torrents are called: read of all at once, and of their file lists the least."""

from __future__ import annotations

import sqlite3
import tracemalloc
import zlib
from contextlib import closing
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from biofs.api.models import Torrent
from biofs.store import facets, file_lists, tops
from biofs.store.database import snapshot
from biofs.store.database.store import Store
from biofs.tree import filelist
from biofs.tree.filelist import Entry
from biofs.tree.layout import FileTree
from biofs.tree.names import stand_in
from tests.support.giants import squeezed

MIB = 1 << 20
LONG = "|||".join(f"spectrum {number:07}.mzML{{{{{{{number}}}}}}}" for number in range(100_000))
paths = st.lists(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
    | st.sampled_from(["..", ".", "", "a.b c", "{{{", "}}}|||", "\n", "&amp;", "x" * 300]),
    min_size=1,
    max_size=3,
).map("/".join)


def torrent(number: int, listed: str, count: int, path: str = "", info_hash: str = "") -> Torrent:
    return Torrent.from_json(
        {
            "id": number,
            "fileList": listed,
            "filePath": path,
            "fileCount": count,
            "infoHash": info_hash or f"{number:040X}",
        }
    )


def fill(store: Store, *torrents: Torrent) -> None:
    for each in torrents:
        store.write_now(lambda connection, each=each: file_lists.save(connection, 1, each, {}))
    store.write_now(lambda connection: facets.write_hashes(connection, torrents))


def names(store: Store) -> dict[int, tuple[bytes, ...]]:
    found = store.write_now(tops.read)
    assert [top.torrent_id for top in found] == sorted(top.torrent_id for top in found)
    return {top.torrent_id: top.names for top in found}


def test_a_top_is_called_as_the_torrent_or_as_its_only_file() -> None:
    with closing(Store(None)) as store:
        fill(
            store,
            torrent(1, "a{{{1}}}|||b{{{2}}}", 2, "R&eacute;sum&eacute;s"),
            torrent(2, "reads &amp; more.fa{{{10}}}", 1),
            torrent(3, "lane 1/x{{{1}}}|||lane 1/y{{{1}}}", 2),
            torrent(4, "", 0),
            torrent(5, "x{{{1}}}", 1, "tab\there"),
            torrent(6, "x{{{1}}}", 1, ".."),
            torrent(7, LONG, 100_000),
            torrent(8, LONG, 100_000, "spectra"),
            torrent(9, "x{{{1}}}", 1, "n" * 100_000),
            torrent(10, f"{'n' * 100_000}{{{{{{1}}}}}}", 1),
        )
        assert names(store) == {
            1: ("Résumés".encode(),),
            2: (b"reads & more.fa",),
            3: (b"lane 1",),
            5: ("tab␉here".encode(), b"tab\there"),
            6: (b"_..", b".."),
            7: (b"spectrum 0000000.mzML",),
            8: (b"spectra",),
        }


def test_torrents_with_the_same_data_are_all_told() -> None:
    with closing(Store(None)) as store:
        same = "AB" * 20
        fill(store, *(torrent(n, "x{{{1}}}", 1, "top", same) for n in (1, 2)))
        found = store.write_now(tops.read)
        assert [(top.torrent_id, top.info_hash) for top in found] == [(1, same), (2, same)]


def test_what_is_damaged_is_left_out() -> None:
    with closing(Store(None)) as store:
        fill(store, *(torrent(number, "x{{{1}}}", 1) for number in range(1, 8)))
        for number, (column, value) in enumerate(
            [
                ("list", b"p\xff"),
                ("list", b"z" + zlib.compress(b"a{{{1}}}")[:1]),
                ("list", b""),
                ("list", 17),
                ("file_path", b"\xff"),
                ("file_count", "many"),
            ],
            start=1,
        ):
            store.write_now(
                lambda connection, change=(value, f"{number:040X}"), column=column: (
                    connection.execute(
                        f"UPDATE file_lists SET {column} = ? WHERE info_hash = ?", change
                    )
                )
            )
        assert names(store) == {7: (b"x",)}


def _have_a_group(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO groups VALUES (1, 1, 'group', 0, NULL, NULL, 0)")
    connection.executemany("INSERT INTO torrents VALUES (?, 1, 'torrent', 0)", [(1,), (2,), (3,)])


async def test_a_snapshot_tells_the_same(tmp_path: Path) -> None:
    path, target = tmp_path / "store", tmp_path / "snapshot"
    with closing(Store(path)) as store:
        fill(store, torrent(1, "x{{{1}}}", 1), torrent(2, LONG, 100_000), torrent(3, "", 1, "top"))
        store.write_now(_have_a_group)  # what no group has is not exported
        known = await store.scan(tops.read)
    snapshot.write(path, target, 1.0, "https://server.invalid")
    with closing(snapshot.Snapshot(target)) as store:
        assert await store.scan(tops.read) == known
    assert [top.names for top in known] == [(b"x",), (b"spectrum 0000000.mzML",), (b"top",)]


def test_of_long_lists_the_beginning_is_unpacked() -> None:
    with closing(Store(None)) as store:
        fill(store, torrent(1, "x{{{1}}}", 1), torrent(2, LONG, 100_000))
        bomb = b"z" + squeezed(256 * MIB)
        assert len(bomb) > 200_000
        store.write_now(
            lambda connection: connection.execute(
                "UPDATE file_lists SET list = ? WHERE info_hash = ?", (bomb, f"{1:040X}")
            )
        )
        tracemalloc.start()
        try:
            found = names(store)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert found == {2: (b"spectrum 0000000.mzML",)}
    assert peak < MIB


@given(paths, st.integers(0, 5))
@example("a.b c", 1)
def test_the_name_is_the_one_that_the_tree_begins_with(path: str, more: int) -> None:
    entries = [Entry(path, 7), *(Entry(f"other {number}", 1) for number in range(more))]
    listed = filelist.render(entries)
    packed = b"p" + listed.encode(errors="replace")
    first = next(filelist.iterate(listed, len(entries)))
    if more and "}}}|||" in first.path:
        return  # which entries there are is told by all of them together
    found = tops.first_name(packed, len(entries))
    if found is None:
        assert not first.path.lstrip("/").split("/")[0] or "}}}" in path
    else:
        assert stand_in(found).encode() == FileTree.build([first], "").name(1)


@given(st.binary(max_size=100), st.integers(-2, 3))
@example(b"z" + zlib.compress(b"{{{1}}}|||"), 2)
def test_any_bytes_give_a_name_or_none(packed: bytes, count: int) -> None:
    for each in (packed, b"p" + packed, b"z" + zlib.compress(packed)):
        name = tops.first_name(each, count)
        assert name is None or (name and "/" not in name)

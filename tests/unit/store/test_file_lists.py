"""What stands in a store as a file list, which may be anything in a snapshot from a stranger."""

from __future__ import annotations

import zlib
from contextlib import closing

import pytest

from biofs.api.models import Torrent
from biofs.store import file_lists
from biofs.store.database.files import StoreError
from biofs.store.database.store import Store
from biofs.store.file_lists import FileList
from tests.support.giants import squeezed

MIB = 1 << 20
LONG = "|||".join(f"run/{number:06}.mzML{{{{{{{number}}}}}}}" for number in range(30_000))


@pytest.mark.parametrize("text", ["", "a{{{1}}}", "naïve{{{2}}}|||b{{{3}}}", LONG])
def test_what_was_saved_is_read(text: str) -> None:
    torrent = Torrent.from_json({"id": 7, "fileList": text, "infoHash": "A" * 40, "fileCount": 2})
    with closing(Store(None)) as store:
        key, size = store.write_now(lambda c: file_lists.save(c, 1, torrent, {}))
        found = file_lists.of_row(store.one(file_lists.QUERY, key))
        [written] = store.rows("SELECT document_bytes FROM file_lists")
    assert found is not None
    assert found.text() == text
    assert written == (size,) == (len(b"".join(found.document_lines())),)
    assert found.is_small == (text != LONG)


@pytest.mark.parametrize(
    "packed",
    [
        b"p\xff",
        b"z",
        b"z\0\0\0",
        b"z" + zlib.compress(b"a{{{1}}}")[:-5],
        b"z" + zlib.compress(b"\xff"),
    ],
)
def test_what_is_damaged_is_said(packed: bytes) -> None:
    with pytest.raises(StoreError, match="damaged"):
        FileList("", 1, packed).text()


@pytest.mark.parametrize("row", [(None, 1, b"p"), ("", "1", b"p"), ("", 1, "p"), ("", 1, None)])
def test_values_of_another_kind_are_damage(row: tuple[object, ...]) -> None:
    with pytest.raises(StoreError, match="damaged"):
        file_lists.of_row(row)


def test_a_bomb_does_not_go_off(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = FileList("", 1, b"z" + squeezed(64 * MIB))
    assert len(bomb.text()) == 64 * MIB
    monkeypatch.setattr(file_lists, "MOST_BYTES", 32 * MIB)
    with pytest.raises(StoreError, match="too large"):
        bomb.text()


def test_the_tree_of_a_long_list_is_kept_and_goes_with_it() -> None:
    text = "|||".join(f"run {n % 7}/{n:06}.mzML{{{{{{{n}}}}}}}" for n in range(40_000))
    torrent = Torrent.from_json({"id": 7, "fileList": text, "fileCount": 40_000, "filePath": "top"})
    assert file_lists.is_long(torrent)
    with closing(Store(None)) as store:
        key, _ = store.write_now(lambda c: file_lists.save(c, 1, torrent, {}))
        kept = store.write_now(lambda c: file_lists.tree_of(c, key))
        store.write_now(lambda c: c.execute("UPDATE trees SET tree = ?", (zlib.compress(b""),)))
        made = store.write_now(lambda c: file_lists.tree_of(c, key))
        store.write_now(lambda c: c.execute("DELETE FROM file_lists"))
        assert store.rows("SELECT * FROM trees") == []
    assert kept is not None
    assert made is not None
    nodes = range(0, len(made), 997)
    assert len(kept) == len(made) == 40_009
    assert [kept.path(node) for node in nodes] == [made.path(node) for node in nodes]
    assert [kept.children(node) for node in nodes] == [made.children(node) for node in nodes]
    assert (kept.total_size, kept.file_count) == (made.total_size, made.file_count)

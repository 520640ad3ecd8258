"""The made-up contents of files, and the .torrent files that are true to them."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest
from bencode2 import bdecode, bencode
from hypothesis import given
from hypothesis import strategies as st

from biofs.demo.accounts import DONOR_COOKIE
from biofs.demo.contents import MOST_BYTES, content, has_contents
from biofs.demo.generator import Generated
from biofs.demo.metainfo import metainfo
from biofs.demo.model import Entry, Torrent
from biofs.demo.server.app import create_app
from biofs.demo.server.serve import transport
from biofs.demo.written.embedded import embedded, every_torrent

SMALL = [torrent for torrent in every_torrent() if torrent.has_contents]
LARGE = [torrent for torrent in every_torrent() if not torrent.has_contents]
PATHS = st.sampled_from(["a.fasta", "b.csv.gz", "c/d.VCF", "e", "f.gff", "é\n.fastq"]) | st.text()


@given(
    torrent=st.text(),
    path=PATHS,
    size=st.integers(0, 5000),
    offset=st.integers(-10, 6000),
    length=st.integers(-10, 6000),
)
def test_a_range_is_a_slice_of_the_whole(
    torrent: str, path: str, size: int, offset: int, length: int
) -> None:
    whole = content(torrent, path, size)
    assert len(whole) == size
    expected = whole[offset : offset + max(0, length)] if offset >= 0 else b""
    assert content(torrent, path, size, offset, length) == expected


@given(path=PATHS, offset=st.integers(0, 2**70), length=st.integers(0, 3000))
def test_a_range_of_a_giant_file_is_no_more_than_the_range(
    path: str, offset: int, length: int
) -> None:
    made = content("giant", path, 2**70, offset, length)
    assert len(made) == min(length, 2**70 - offset)
    half = length // 2
    parts = [(offset, half), (offset + half, length - half)]
    assert b"".join(content("giant", path, 2**70, *part) for part in parts) == made


@given(torrent=st.text(), path=PATHS, size=st.integers(0, 2000))
def test_the_first_line_says_that_it_is_made_up(torrent: str, path: str, size: int) -> None:
    whole = content(torrent, path, size)
    first = whole.split(b"\n")[0].lstrip(b">@# ")
    said = b"made up by biofs demo: not real data; "
    assert first.startswith(said) or said.startswith(first)
    if size > 1500:
        assert first.startswith(said)
        assert first.decode().isprintable()
        assert whole.endswith(b"\n")


@pytest.mark.parametrize(
    ("path", "second", "columns", "separator"),
    [
        ("a.csv", "number,name,value,unit,note", 5, ","),
        ("a.TSV.gz", "number\tname\tvalue\tunit\tnote", 5, "\t"),
        ("a.gff3", "##gff-version 3", 9, "\t"),
        ("dir.csv/a.vcf", "##fileformat=VCFv4.2", 8, "\t"),
    ],
)
def test_a_table_has_its_columns(path: str, second: str, columns: int, separator: str) -> None:
    first, found, *rows = content("T", path, 20_000).decode().splitlines()
    assert first.startswith("#")
    assert found == second
    records = [row for row in rows[:-1] if not row.startswith("#")]
    assert len(records) > 100
    assert {row.count(separator) + 1 for row in records} == {columns}
    assert len(set(records)) == len(records)


@pytest.mark.parametrize("path", ["a.fasta", "b.fa.gz", "c.FSA"])
def test_sequences_are_an_obvious_pattern_under_names_of_their_own(path: str) -> None:
    lines = content("T", path, 20_000).decode().splitlines()
    names = [line for line in lines if line.startswith(">")]
    assert names[0] == f">made up by biofs demo: not real data; T/{path}"
    assert len(set(names)) == len(names) > 20
    assert all("made" in name for name in names)
    assert all(("ACGT" * 15).startswith(line) for line in lines if not line.startswith(">"))


def test_which_torrents_have_contents() -> None:
    assert has_contents([("a", MOST_BYTES)])
    assert has_contents([("empty", 0)])
    assert not has_contents([("a", MOST_BYTES), ("b", 1)])
    assert not has_contents([])
    assert len(SMALL) == 36
    assert sum(entry.length for torrent in SMALL for entry in torrent.files) < 10 * 2**20
    assert max(torrent.size for torrent in SMALL if torrent.size < 2**40) > 4 * 256 * 1024


def test_nothing_generated_has_contents() -> None:
    group = Generated(files_per_torrent=0).group(1)
    one = Generated(files_per_torrent=1).group(1)
    assert group is not None
    assert one is not None
    small = [Torrent(1, [Entry("a", 5)], 5, 1, 0, stated_hash="0" * 40)]
    assert not any(torrent.has_contents for torrent in (*group.torrents, *one.torrents, *small))


async def downloaded(torrents: list[Torrent]) -> dict[int, dict[bytes, Any]]:
    """The .torrent files as the server hands them out, decoded, by torrent id."""
    client = httpx.AsyncClient(
        transport=transport(create_app(embedded())),
        base_url="http://demo",
        headers={"cookie": DONOR_COOKIE},
    )
    found = {}
    async with client:
        for torrent in torrents:
            answer = await client.get(f"/torrents.php?action=download&id={torrent.id}")
            assert answer.status_code == 200
            found[torrent.id] = bdecode(answer.content)
    return found


def data_of(info: dict[bytes, Any]) -> bytes:
    """All of a torrent's files one behind the other, named as in the .torrent."""
    name = info[b"name"].decode()
    if b"length" in info:
        return content("", name, info[b"length"])
    files = [(b"/".join(file[b"path"]).decode(), file[b"length"]) for file in info[b"files"]]
    return b"".join(content(name, path, size) for path, size in files)


async def test_the_pieces_of_small_torrents_are_those_of_their_contents() -> None:
    for found in (await downloaded(SMALL)).values():
        info = found[b"info"]
        data, length = data_of(info), info[b"piece length"]
        starts = range(0, len(data), length)
        assert len(info[b"pieces"]) == 20 * len(starts)
        for number, start in enumerate(starts):
            expected = hashlib.sha1(data[start : start + length]).digest()
            assert info[b"pieces"][20 * number : 20 * number + 20] == expected


async def test_the_info_hash_in_the_catalogue_is_of_the_file_that_is_handed_out() -> None:
    for found, torrent in zip(
        (await downloaded(SMALL + LARGE)).values(), SMALL + LARGE, strict=True
    ):
        assert hashlib.sha1(bencode(found[b"info"])).hexdigest().upper() == torrent.info_hash


def test_without_a_passkey_the_announce_url_has_none() -> None:
    announce = bdecode(metainfo(7, "top", [("a", 5)], passkey=""))[b"announce"]
    assert announce == b"https://track.biotorrents.de:443/announce"

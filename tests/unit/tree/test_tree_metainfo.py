"""Metainfo: files, pieces and hashes, against what tests/support/torrents.py and libtorrent say."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import bencode2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biofs.tree.metainfo import InvalidMetainfo, Metainfo, parse
from biofs.tree.pieces import ZEROS, Piece, is_right
from tests.support import torrents
from tests.support.torrents import BLOCK, LAYOUTS, SINGLE, Content, Kind

DATA = Path(__file__).parents[2] / "data"
KINDS: tuple[Kind, ...] = ("v1", "v2", "hybrid")
TITLES = (*LAYOUTS, "single")


def made_by_libtorrent(title: str, kind: str) -> bytes:
    return (DATA / "metainfo" / f"{title}.{kind}.torrent").read_bytes()


def own(title: str, kind: Kind) -> bytes:
    if title == "single":
        return torrents.single(b"one.bin", SINGLE, kind=kind)
    piece_length, files = LAYOUTS[title]
    return torrents.make(b"Top", files, piece_length=piece_length, kind=kind)


def contents(title: str) -> Mapping[tuple[bytes, ...], bytes]:
    return {(): SINGLE} if title == "single" else dict(LAYOUTS[title][1])


def bytes_of(piece: Piece, of_files: Sequence[bytes]) -> bytes:
    """A piece put together from its parts."""
    assert all(part.length > 0 for part in piece.parts)
    return b"".join(
        bytes(part.length)
        if part.file == ZEROS
        else of_files[part.file][part.start : part.start + part.length]
        for part in piece.parts
    )


def by_index(meta: Metainfo, files: Mapping[tuple[bytes, ...], bytes]) -> list[bytes]:
    return [bytes(file.length) if file.pad else files[file.path] for file in meta.files]


def verify(meta: Metainfo, of_files: Sequence[bytes]) -> None:
    """Every piece is right, and is not with any byte changed, missing or added."""
    for index in range(meta.piece_count):
        piece = meta.piece(index)
        data = bytearray(bytes_of(piece, of_files))
        assert piece.index == index
        assert len(data) == piece.length
        assert is_right(piece, data)
        assert not is_right(piece, data + b"\0")
        assert not is_right(piece, data[:-1])
        for at in {0, len(data) // 2, len(data) - 1}:
            data[at] ^= 1
            assert not is_right(piece, data)
            data[at] ^= 1


def covered(meta: Metainfo, file: int, start: int, stop: int) -> None:
    """The pieces of a range are those that hold bytes of it, by looking at all pieces."""
    found = meta.pieces(file, start, stop)
    expected = [
        index
        for index in range(meta.piece_count)
        if any(
            part.file == file
            and part.start < stop
            and start < stop
            and start < part.start + part.length
            for part in meta.piece(index).parts
        )
    ]
    assert [piece.index for piece in found] == expected
    assert list(found.indexes) == expected
    assert [meta.piece(index) for index in expected] == list(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("title", TITLES)
class TestLibtorrentsOwn:
    """What libtorrent made, see tests/data/metainfo."""

    def test_the_oracle_makes_the_same(self, title: str, kind: Kind) -> None:
        theirs = bencode2.bdecode(made_by_libtorrent(title, kind))
        ours = bencode2.bdecode(own(title, kind))
        assert theirs[b"info"] == ours[b"info"]
        assert theirs.get(b"piece layers", {}) == ours.get(b"piece layers", {})

    def test_files_are_read(self, title: str, kind: Kind) -> None:
        meta = parse(made_by_libtorrent(title, kind))
        expected = contents(title)
        files = [file for file in meta.files if not file.pad]
        assert [(file.path, file.length) for file in files] == [
            (path, len(content)) for path, content in expected.items()
        ]
        assert all(file.safe and file.servable and not file.symlink for file in files)
        assert meta.single == (title == "single")
        assert meta.name == (b"one.bin" if meta.single else b"Top")
        assert meta.total == sum(file.length for file in meta.files)
        assert any(file.pad for file in meta.files) == (kind == "hybrid" and title != "single")
        assert not any(file.servable for file in meta.files if file.pad)
        for index, file in enumerate(meta.files):
            assert meta.find(file.path) == (None if file.pad else index)

    def test_pieces_are_verified(self, title: str, kind: Kind) -> None:
        meta = parse(made_by_libtorrent(title, kind))
        verify(meta, by_index(meta, contents(title)))

    def test_ranges_are_found(self, title: str, kind: Kind) -> None:
        meta = parse(made_by_libtorrent(title, kind))
        edges = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 4 * BLOCK, 9 * BLOCK]
        for index, file in enumerate(meta.files):
            ends = sorted({at for at in (*edges, file.length) if at <= file.length})
            if not file.pad:
                for start in ends:
                    for stop in ends:
                        covered(meta, index, start, stop)

    def test_what_is_kept_is_the_same_without_the_announce_url(
        self, title: str, kind: Kind
    ) -> None:
        data = made_by_libtorrent(title, kind)
        whole = bencode2.bdecode(data)
        assert torrents.ANNOUNCE in data
        kept = parse(data).kept()
        layers = {b"piece layers": whole[b"piece layers"]} if kind != "v1" else {}
        assert kept == bencode2.bencode({b"info": whole[b"info"], **layers})
        assert parse(kept).kept() == kept
        assert list(parse(kept).files) == list(parse(data).files)


# As libtorrent 2.1.1 says.
class Said(NamedTuple):
    v1: str
    v2: str
    pieces: int


SAID: Mapping[str, Said] = {
    "larger-pieces.hybrid": Said(
        "31ef07077728834194a23effc8ed9f6e6733f697",
        "eb51e5760b5d057d5045068c57ce1920af56017473bb3adaefc65be3c73f21e4",
        15,
    ),
    "larger-pieces.v1": Said(
        "c6ade11df5a1094485c26134698935305fbd069d",
        "",
        13,
    ),
    "larger-pieces.v2": Said(
        "",
        "a2ff43f25881fe0129a8fa20c114123237552f6c1d9025a14dc869c1d6ef25a6",
        15,
    ),
    "several.hybrid": Said(
        "5a10d18b850021555b5f94f27645e2c4334974b1",
        "0a98064f41b7ff3f8b582dba94bba91f5f8da46ed7f3ffdecb44c1c67d5f168e",
        11,
    ),
    "several.v1": Said(
        "d58e34360ce243b3a484e20ed74714e7b6778696",
        "",
        9,
    ),
    "several.v2": Said(
        "",
        "336b11cc631063fbdf410564436c2f8bf997db98f2b17e65d74cd44ee39978d2",
        11,
    ),
    "single.hybrid": Said(
        "8b9c83255ecca5209f292a2d991f5321bd84cce5",
        "a4450cd68131676d57254d1a7578083da6058aa9d538be519cf5d1ade1b4d434",
        7,
    ),
    "single.v1": Said(
        "b3b36cc6a6b11e3f3adcc1820df8e07fc44d3059",
        "",
        7,
    ),
    "single.v2": Said(
        "",
        "bdec55a2c143026789d9a0e24a7b3d7c90209f723cb0b252d76cd7ba00d95274",
        7,
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_info_hashes_and_numbers_of_pieces_are_those_of_libtorrent(name: str) -> None:
    meta = parse((DATA / "metainfo" / f"{name}.torrent").read_bytes())
    v1, v2, pieces = SAID[name]
    assert meta.piece_count == pieces
    assert (meta.info_hash_v1 or b"").hex() == v1
    assert (meta.info_hash_v2 or b"").hex() == v2
    for own_hash in filter(None, (v1, v2, v2[:40])):
        assert meta.matches(own_hash)
        assert meta.matches(own_hash.upper())
        assert not meta.matches(own_hash[:-1])
        assert not meta.matches(own_hash[:-1] + ("0" if own_hash[-1] != "0" else "1"))
    assert not meta.matches("")
    assert not meta.matches("é" * 40)
    assert not meta.matches("0" * 40)


def test_the_servers_torrent_has_the_info_hash_and_files_that_the_server_says() -> None:
    def recorded(name: str) -> Any:
        return json.loads((DATA / "recordings" / f"{name}.json").read_bytes())["response"]

    data = base64.b64decode(recorded("download_passkey")["body"])
    said = recorded("torrent_id_1")["json"]["response"]["torrent"]
    meta = parse(data)
    listed = "|||".join(f"{file.path[0].decode()}{{{{{{{file.length}}}}}}}" for file in meta.files)
    assert listed == said["fileList"]
    assert meta.name.decode() == said["filePath"]
    assert meta.total == said["size"]
    assert meta.matches(said["infoHash"])
    passkey = b"f74baa7813772525e37d85e09ba73143"
    assert passkey in data
    assert passkey not in meta.kept()
    assert b"announce" not in meta.kept()


NAMES = st.binary(min_size=1, max_size=3).filter(lambda name: b"/" not in name)


@st.composite
def layouts(draw: st.DrawFn, lengths: st.SearchStrategy[int]) -> list[Content]:
    """Files in a few directories, which are no files."""
    count = draw(st.integers(1, 6))
    files: list[Content] = []
    for number in range(count):
        above = draw(st.sampled_from([(), (b"d",), (b"d", b"\xff"), (b"e",)]))
        path = (*above, b"%d" % number + draw(NAMES))
        files.append((path, torrents.bytes_of(str(number), draw(lengths))))
    return draw(st.permutations(files))


@given(files=layouts(st.integers(0, 40)), piece_length=st.integers(1, 50), pads=st.booleans())
def test_every_byte_range_of_small_torrents_of_v1(
    files: list[Content], piece_length: int, pads: bool
) -> None:
    maker = torrents.with_pads if pads else torrents.make
    meta = parse(maker(b"Top", files, piece_length=piece_length))
    assert [file.path for file in meta.files if not file.pad] == [path for path, _ in files]
    of_files = by_index(meta, dict(files))
    verify(meta, of_files)
    # The straightforward way: the whole stream, and which bytes of it are whose.
    stream = b"".join(of_files)
    owners = [
        (ZEROS, 0) if file.pad else (index, at)
        for index, file in enumerate(meta.files)
        for at in range(file.length)
    ]
    assert meta.total == len(stream)
    for index, content in enumerate(of_files):
        before = sum(map(len, of_files[:index]))
        for start in range(len(content) + 1):
            for stop in range(start, len(content) + 2):
                pieces = meta.pieces(index, start, stop)
                expected = {
                    (before + at) // piece_length for at in range(start, min(stop, len(content)))
                }
                assert [piece.index for piece in pieces] == sorted(expected)
    for piece in map(meta.piece, range(meta.piece_count)):
        at = piece.index * piece_length
        assert bytes_of(piece, of_files) == stream[at : at + piece_length]
        walked = [
            (part.file, 0 if part.file == ZEROS else part.start + n)
            for part in piece.parts
            for n in range(part.length)
        ]
        assert walked == owners[at : at + piece_length]


AROUND_BLOCKS = st.builds(
    lambda blocks, more: max(0, blocks * BLOCK + more), st.integers(0, 9), st.integers(-2, 2)
)


@settings(max_examples=40, deadline=None)
@given(
    files=layouts(AROUND_BLOCKS),
    piece_length=st.sampled_from([BLOCK, 2 * BLOCK, 4 * BLOCK]),
    kind=st.sampled_from(["v2", "hybrid"]),
)
def test_pieces_of_v2_belong_to_one_file(
    files: list[Content], piece_length: int, kind: Kind
) -> None:
    meta = parse(torrents.make(b"Top", files, piece_length=piece_length, kind=kind))
    verify(meta, by_index(meta, dict(files)))
    numbers: list[int] = []
    for index, file in enumerate(meta.files):
        pieces = meta.pieces(index, 0, file.length)
        numbers += pieces.indexes
        if file.pad:
            assert not pieces
            continue
        for number, piece in enumerate(pieces):
            length = min(piece_length, file.length - number * piece_length)
            assert piece.parts == ((index, number * piece_length, length),)
        for at in (0, 1, piece_length - 1, piece_length, file.length - 1):
            if 0 <= at < file.length:
                assert [each.index for each in meta.pieces(index, at, at + 1)] == [
                    pieces[at // piece_length].index
                ]
    assert numbers == list(range(meta.piece_count))


def changed(torrent: bytes, **top: Any) -> bytes:
    """With members of the outermost dictionary exchanged; None removes one."""
    whole = bencode2.bdecode(torrent)
    for key, value in top.items():
        whole[key.replace("_", " ").encode()] = value
    return bencode2.bencode({key: value for key, value in whole.items() if value is not None})


def spoiled(layers: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """The layers with one bit of the first changed."""
    first, *_ = sorted(layers)
    return {**layers, first: bytes([layers[first][0] ^ 1]) + layers[first][1:]}


UNUSABLE_LAYERS: Mapping[str, Any] = {
    "missing": lambda _: None,
    "empty": lambda _: {},
    "no dictionary": lambda _: [b"x"],
    "a text": lambda _: b"x",
    "spoiled": spoiled,
    "cut": lambda layers: {root: layer[:-32] for root, layer in layers.items()},
    "odd": lambda layers: {root: layer[:-1] for root, layer in layers.items()},
    "a wrong key": lambda layers: {root[:-1]: layer for root, layer in layers.items()},
    "a list inside": lambda layers: {root: [layer] for root, layer in layers.items()},
    "exchanged": lambda layers: dict(zip(layers, reversed(layers.values()), strict=True)),
}


@pytest.mark.parametrize("how", UNUSABLE_LAYERS)
class TestUnusableLayers:
    def test_a_hybrid_is_one_of_v1_then(self, how: str) -> None:
        good = own("several", "hybrid")
        layers = UNUSABLE_LAYERS[how](bencode2.bdecode(good)[b"piece layers"])
        meta = parse(changed(good, piece_layers=layers))
        assert meta.info_hash_v2 == parse(good).info_hash_v2
        assert len(meta.piece(0).hash or b"") == 20
        assert b"piece layers" not in meta.kept()
        verify(meta, by_index(meta, contents("several")))

    def test_a_torrent_of_v2_has_files_that_cannot_be_verified(self, how: str) -> None:
        good = own("several", "v2")
        layers = UNUSABLE_LAYERS[how](bencode2.bdecode(good)[b"piece layers"])
        meta = parse(changed(good, piece_layers=layers))
        of_files = by_index(meta, contents("several"))
        lacking = 0
        for index, file in enumerate(meta.files):
            for piece in meta.pieces(index, 0, file.length):
                data = bytes_of(piece, of_files)
                assert is_right(piece, data) == (piece.hash is not None)
                assert piece.hash is not None or file.length > BLOCK
                lacking += piece.hash is None
        assert lacking
        assert parse(meta.kept()).kept() == meta.kept()


def test_a_hybrid_whose_files_differ_is_refused() -> None:
    good = bencode2.bdecode(own("several", "hybrid"))
    info = good[b"info"]
    tree = info[b"file tree"]
    other: list[dict[bytes, Any]] = [
        {**tree, b"a": {b"": {**tree[b"a"][b""], b"length": 101}}},
        {**{name: tree[name] for name in tree if name != b"a"}, b"b": tree[b"a"]},
        {name: tree[name] for name in tree if name != b"z"},
        {**tree, b"zz": tree[b"z"]},
    ]
    for each in other:
        with pytest.raises(InvalidMetainfo, match="not the same"):
            parse(bencode2.bencode({**good, b"info": {**info, b"file tree": each}}))


@pytest.mark.parametrize("kind", KINDS)
def test_links_and_executables_of_libtorrent_are_marked(kind: Kind) -> None:
    meta = parse(made_by_libtorrent("links", kind))
    found = {file.path: file for file in meta.files if not file.pad}
    assert set(found) == {(b"d", b"f"), (b"l",), (b"run.sh",)}
    assert [path for path, file in found.items() if file.symlink] == [(b"l",)]
    assert found[b"run.sh",].executable
    assert not found[b"d", b"f"].executable
    assert [path for path in sorted(found) if meta.find(path) is not None] == [
        (b"d", b"f"),
        (b"run.sh",),
    ]
    verify(meta, by_index(meta, {(b"d", b"f"): b"x" * 40_000, (b"l",): b"", (b"run.sh",): b"#!"}))


def test_a_directory_with_one_file_of_its_name_is_a_directory_where_v1_says_so() -> None:
    files = [((b"Top",), bytes(BLOCK + 1))]
    for kind in ("v1", "hybrid"):
        meta = parse(torrents.make(b"Top", files, kind=kind))
        assert not meta.single
        assert meta.find((b"Top",)) == 0


def test_a_single_file_of_v2_is_the_one_with_the_torrents_name() -> None:
    alone = torrents.make(b"Top", [((b"Top",), b"x")], kind="v2")
    assert parse(alone).single
    assert [file.path for file in parse(alone).files] == [()]
    assert parse(alone).find(()) == 0
    assert parse(alone).find((b"Top",)) is None
    inside = parse(torrents.make(b"Top", [((b"Top", b"Top"), b"x")], kind="v2"))
    assert not inside.single
    assert inside.find((b"Top", b"Top")) == 0


def v1(files: list[dict[bytes, Any]], name: bytes = b"Top", piece_length: int = 10) -> bytes:
    """A torrent of v1 with these entries, whatever they are, and hashes that fit nothing."""
    total = sum(entry.get(b"length", 0) for entry in files)
    info = {
        b"files": files,
        b"name": name,
        b"piece length": piece_length,
        b"pieces": bytes(20 * -(-total // piece_length)),
    }
    return torrents.bencode({b"info": info})


def test_of_files_with_the_same_path_the_first_is_found() -> None:
    entries = [
        {b"length": 0, b"path": [b"a"], b"attr": b"p"},
        {b"length": 0, b"path": [b"a"], b"attr": b"l", b"symlink path": [b".."]},
        {b"length": 3, b"path": [b"a"]},
        {b"length": 4, b"path": [b"a"]},
        {b"length": 5, b"path": [b"a", b"b"], b"attr": b"x"},
        {b"length": 6, b"path": [b"a", b".."]},
        {b"path": [b"link"], b"attr": b"xl"},
    ]
    meta = parse(v1(entries))
    assert meta.find((b"a",)) == 2
    assert meta.find((b"a", b"b")) == 4
    for path in ((), (b"b",), (b"a", b".."), (b"link",), (b"a", b"b", b"c"), (b"ab",)):
        assert meta.find(path) is None
    assert [file.symlink for file in meta.files] == [False, True, *[False] * 4, True]
    assert [file.executable for file in meta.files] == [False] * 4 + [True, False, True]
    assert [file.servable for file in meta.files] == [False, False, True, True, True, False, False]


@pytest.mark.parametrize("bad", [b"", b".", b"..", b"a/b", b"/", b"/etc", b"a\0", b"\0"])
def test_unsafe_names_keep_their_place_and_are_marked(bad: bytes) -> None:
    files = [((b"ok",), b"12345"), ((b"d", bad), b"678"), ((b"d", b"last"), b"9abc")]
    meta = parse(torrents.make(b"Top", files, piece_length=4))
    assert [file.safe for file in meta.files] == [True, False, True]
    assert [file.path for file in meta.files] == [path for path, _ in files]
    assert meta.find((b"d", bad)) is None
    verify(meta, [content for _, content in files])
    # The torrent's name is a part of each path.
    named = parse(torrents.make(bad, files, piece_length=4))
    assert not any(file.safe for file in named.files)
    assert named.find((b"ok",)) is None
    assert not parse(torrents.single(bad, b"x")).files[0].safe
    if bad:
        in_tree = parse(torrents.make(b"Top", files, kind="v2"))
        assert sorted(file.safe for file in in_tree.files) == [False, True, True]


def test_a_pad_file_needs_no_path_and_is_zeros() -> None:
    pad = {b"attr": b"p", b"length": 7}
    meta = parse(v1([{b"length": 3, b"path": [b"a"]}, pad, {b"length": 2, b"path": [b"b"]}]))
    assert [(file.path, file.pad) for file in meta.files] == [
        ((b"a",), False),
        ((), True),
        ((b"b",), False),
    ]
    assert meta.find(()) is None
    assert meta.piece(0).parts == ((0, 0, 3), (ZEROS, 0, 7))
    assert [piece.index for piece in meta.pieces(2, 0, 2)] == [1]


def test_old_fields_for_other_encodings_are_ignored() -> None:
    entry = {b"length": 3, b"path": [b"\xe9"], b"path.utf-8": ["é".encode()]}
    meta = parse(v1([entry]))
    assert [file.path for file in meta.files] == [(b"\xe9",)]


def test_out_of_range_is_an_error_and_too_far_is_not() -> None:
    meta = parse(torrents.make(b"Top", [((b"a",), b"12345")], piece_length=2))
    assert len(meta.pieces(0, 0, 10**30)) == meta.piece_count == 3
    assert not meta.pieces(0, 5, 9)
    assert not meta.pieces(0, 3, 3)
    assert not meta.pieces(0, 3, 2)
    assert [piece.index for piece in meta.pieces(0, 0, 5)[1:]] == [1, 2]
    with pytest.raises(ValueError, match="-1 bytes"):
        meta.pieces(0, -1, 2)
    for wrong in (-1, 1, 3):
        with pytest.raises(IndexError):
            meta.pieces(wrong, 0, 1)
    for wrong in (-1, 3):
        with pytest.raises(IndexError):
            meta.piece(wrong)
    with pytest.raises(IndexError):
        meta.files[1]
    assert meta.files[-1] == meta.files[0] == meta.files[:][0]


def test_a_client_would_find_the_files_where_they_are_laid_out(tmp_path: Path) -> None:
    for kind in KINDS:
        for title in TITLES:
            torrent = own(title, kind)
            base = tmp_path / kind / title
            top = torrents.lay_out(base, torrent, list(contents(title).items()))
            meta = parse(torrent)
            assert top == base / meta.name.decode()
            for file in meta.files:
                at = top.joinpath(*(each.decode() for each in file.path))
                assert at.is_file() != file.pad
                assert file.pad or at.stat().st_size == file.length

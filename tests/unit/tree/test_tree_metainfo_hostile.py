"""Metainfo that strangers made to hurt: it is refused in one line, or read without harm."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import bencode2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from biofs.tree import bencoded, metainfo, piecelayers, torrentfiles, torrentlists
from biofs.tree.bencoded import MOST_DEPTH, Malformed, Reader
from biofs.tree.metainfo import MOST_BYTES, MOST_PIECES, InvalidMetainfo, Metainfo, parse
from biofs.tree.pieces import Piece, is_right
from tests.support.torrents import BLOCK, LAYOUTS, bencode, make, single

PASSKEY = b"0123456789abcdef0123456789abcdef"
MIB = 1 << 20


def use(meta: Metainfo) -> None:
    """All that a caller may ask."""
    assert 0 < len(meta.files) <= torrentfiles.MOST_FILES
    assert 0 <= meta.piece_count <= MOST_PIECES
    assert 0 <= meta.total < 2**63
    assert meta.info_hash_v1 or meta.info_hash_v2
    assert not meta.matches("?")
    for index in range(len(meta.files))[:20]:
        file = meta.files[index]
        pieces = meta.pieces(index, 0, file.length)
        assert len(pieces) <= meta.piece_count
        for piece in pieces[:3]:
            assert piece.index < meta.piece_count
            assert sum(part.length for part in piece.parts) == piece.length <= meta.piece_length
            assert not is_right(piece, b"never")
        found = meta.find(file.path)
        assert found is None or meta.files[found].path == file.path
    assert PASSKEY not in meta.kept()
    assert list(parse(meta.kept()).files[:20]) == list(meta.files[:20])


def refused(data: bytes, match: str = ".") -> None:
    with pytest.raises(InvalidMetainfo, match=match) as caught:
        parse(data)
    message = str(caught.value)
    assert message.isascii()
    assert message.isprintable()
    assert 0 < len(message) < 120
    assert caught.value.__cause__ is None


def read_or_refused(data: bytes) -> bool:
    try:
        meta = parse(data)
    except InvalidMetainfo as error:
        said = str(error)
    else:
        use(meta)
        return True
    assert said.isprintable()
    assert 0 < len(said) < 120
    return False


def v1_info(**changes: Any) -> dict[bytes, Any]:
    """An info dictionary of v1; "_" is a space, None removes a key."""
    info: dict[bytes, Any] = {
        b"files": [{b"length": 15, b"path": [b"a"]}, {b"length": 5, b"path": [b"d", b"b"]}],
        b"name": b"Top",
        b"piece length": 10,
        b"pieces": bytes(40),
    }
    return _with(info, changes)


def v2_info(**changes: Any) -> dict[bytes, Any]:
    """An info dictionary of v2."""
    leaf = {b"length": 5, b"pieces root": bytes(32)}
    info: dict[bytes, Any] = {
        b"file tree": {b"a": {b"": leaf}, b"d": {b"b": {b"": leaf}}},
        b"meta version": 2,
        b"name": b"Top",
        b"piece length": BLOCK,
    }
    return _with(info, changes)


def _with(info: dict[bytes, Any], changes: dict[str, Any]) -> dict[bytes, Any]:
    for key, value in changes.items():
        info[key.replace("_", " ").encode()] = value
    return {key: value for key, value in info.items() if value is not None}


def torrent(info: Any) -> bytes:
    return bencode({b"announce": b"https://t.invalid/" + PASSKEY + b"/announce", b"info": info})


def entry(**changes: Any) -> list[Any]:
    """The list of one file of v1, with 15 bytes."""
    return [_with({b"length": 15, b"path": [b"a"]}, changes)]


def leaf(**changes: Any) -> dict[bytes, Any]:
    """The tree of one file of v2."""
    return {b"a": {b"": _with({b"length": 5, b"pieces root": bytes(32)}, changes)}}


WRONG_V1: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"name": None}, "without name"),
    "a name that is a number": ({"name": 1}, "byte string"),
    "a name that is a list": ({"name": [b"a"]}, "byte string"),
    "no piece length": ({"piece_length": None}, "piece length"),
    "piece length 0": ({"piece_length": 0}, "piece length"),
    "a negative piece length": ({"piece_length": -10}, "piece length"),
    "a huge piece length": ({"piece_length": 2**31 + 1}, "piece length"),
    "a piece length of 30 digits": ({"piece_length": 10**30}, "integer"),
    "a piece length that is a text": ({"piece_length": b"10"}, "integer"),
    "no hashes": ({"pieces": None}, "no hashes"),
    "hashes that are a list": ({"pieces": [bytes(20)] * 2}, "byte string"),
    "a hash too few": ({"pieces": bytes(20)}, "one hash"),
    "a hash too many": ({"pieces": bytes(60)}, "one hash"),
    "half a hash more": ({"pieces": bytes(50)}, "one hash"),
    "nothing listed": ({"files": None}, "no files"),
    "no files": ({"files": [], "pieces": b""}, "no files"),
    "files that are a dictionary": ({"files": {}}, "no list"),
    "files that are a text": ({"files": b"a"}, "no list"),
    "a file that is a text": ({"files": [b"a"]}, "dictionary"),
    "a file that is a list": ({"files": [[]]}, "dictionary"),
    "a length and files": ({"length": 20}, "both"),
    "a version to come": ({"meta_version": 3}, "version"),
    "version 0": ({"meta_version": 0}, "version"),
    "a version that is a text": ({"meta_version": b"2"}, "integer"),
    "version 2 without a tree": ({"meta_version": 2}, "file tree"),
    "a length that is a text": ({"files": entry(length=b"15")}, "length"),
    "a length that is a list": ({"files": entry(length=[15])}, "length"),
    "no length": ({"files": entry(length=None)}, "length"),
    "a negative length": ({"files": entry(length=-1)}, "length"),
    "a huge length": ({"files": entry(length=2**63)}, "length"),
    "a length of 4000 digits": ({"files": entry(length=10**4000)}, "length"),
    "lengths too large together": ({"files": entry(length=2**62) * 2}, "2\\*\\*63"),
    "no path": ({"files": entry(path=None)}, "path"),
    "an empty path": ({"files": entry(path=[])}, "path"),
    "a path that is a text": ({"files": entry(path=b"a/b")}, "path"),
    "a path that is a dictionary": ({"files": entry(path={b"a": b"b"})}, "path"),
    "a path with a number": ({"files": entry(path=[b"a", 1])}, "path"),
    "a path with a list": ({"files": entry(path=[[b"a"]])}, "path"),
    "attributes that are a number": ({"files": entry(attr=1)}, "attributes"),
    "a link with a length": ({"files": entry(attr=b"l")}, "link"),
    "an entry of a megabyte": ({"files": entry(path=[b"a" * MIB])}, "more than"),
    "a link alone": ({"files": None, "length": 0, "attr": b"l", "pieces": b""}, "without content"),
    "attributes that are a list": ({"files": None, "length": 20, "attr": []}, "byte string"),
    "a negative single length": ({"files": None, "length": -20}, "length"),
    "a single length that is a text": ({"files": None, "length": b"20"}, "integer"),
}

WRONG_V2: dict[str, tuple[dict[str, Any], str]] = {
    "a piece length that is no power": ({"piece_length": BLOCK + 1}, "power"),
    "a small piece length": ({"piece_length": BLOCK // 2}, "power"),
    "no tree": ({"file_tree": None}, "file tree"),
    "a tree that is a list": ({"file_tree": [leaf()]}, "dictionary"),
    "an empty tree": ({"file_tree": {}}, "no files"),
    "a tree of directories": ({"file_tree": {b"a": {b"b": {}}}}, "no files"),
    "a tree that is a file": ({"file_tree": leaf()[b"a"]}, "empty"),
    "a name without value": ({"file_tree": {b"a": b"b"}}, "neither"),
    "a name with a list": ({"file_tree": {b"a": []}}, "neither"),
    "file and directory": ({"file_tree": {b"a": {**leaf()[b"a"], b"x": leaf()}}}, "both file"),
    "a leaf that is a text": ({"file_tree": {b"a": {b"": b"x"}}}, "neither|dictionary"),
    "no length": ({"file_tree": leaf(length=None)}, "length"),
    "a negative length": ({"file_tree": leaf(length=-5)}, "length"),
    "a length that is a text": ({"file_tree": leaf(length=b"5")}, "integer"),
    "a huge length": ({"file_tree": leaf(length=2**63)}, "length"),
    "more pieces than hashes fit": ({"file_tree": leaf(length=2**62)}, "more pieces"),
    "no root": ({"file_tree": leaf(pieces_root=None)}, "without a root"),
    "a short root": ({"file_tree": leaf(pieces_root=bytes(31))}, "root"),
    "a root that is a number": ({"file_tree": leaf(pieces_root=7)}, "byte string"),
    "attributes that are a list": ({"file_tree": leaf(attr=[b"l"])}, "byte string"),
    "a link with a length": ({"file_tree": leaf(attr=b"l")}, "link"),
    "hashes of v1 without files": ({"pieces": bytes(20)}, "no files"),
    "hashes of v1 that are too few": ({"pieces": b"", "length": 5}, "one hash"),
}


@pytest.mark.parametrize("what", WRONG_V1)
def test_what_is_wrong_in_v1_is_refused(what: str) -> None:
    assert read_or_refused(torrent(v1_info()))
    changes, match = WRONG_V1[what]
    refused(torrent(v1_info(**changes)), match)


@pytest.mark.parametrize("what", WRONG_V2)
def test_what_is_wrong_in_v2_is_refused(what: str) -> None:
    assert read_or_refused(torrent(v2_info()))
    changes, match = WRONG_V2[what]
    refused(torrent(v2_info(**changes)), match)


INFO = bencode(v1_info())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"d",
        b"e",
        b"de",
        b"le",
        b"i1e",
        b"4:info",
        b"d4:infoe",
        b"d4:infodee",
        b"d4:infolee",
        b"d4:infoi1ee",
        b"d4:info4:spame",
        b"di1e1:ae",
        b"d4:info" + INFO,
        b"d4:info" + INFO + b"ee",
        b"d4:info" + INFO + b"e ",
        b"d4:info" + INFO + b"4:info" + INFO + b"e",
        b"d4:info" + INFO + b"8:announce1:xe",
        b"d4:info" + INFO.replace(b"4:name", b"5:names") + b"e",
        b"d4:info" + INFO.replace(b"i15e", b"i015e") + b"e",
        b"d4:info" + INFO.replace(b"i15e", b"i-0e") + b"e",
        b"d4:info" + INFO.replace(b"i15e", b"i 15e") + b"e",
        b"d4:info" + INFO.replace(b"i15e", b"i\xd9\xa1\xd9\xa5e") + b"e",
        b"d4:info"
        + INFO.replace(b"d6:lengthi15e4:pathl1:aee", b"d4:pathl1:ae6:lengthi15ee")
        + b"e",
        b"d4:info" + INFO.replace(b"1:ae", b"01:ae") + b"e",
        b"d4:info" + INFO.replace(b"1:ae", b"9999999999:ae") + b"e",
        b"d4:info" + INFO.replace(b"1:ae", b"99999999999999999999:ae") + b"e",
        b"d1:a" + b"9" * 100_000 + b":4:info" + INFO + b"e",
    ],
)
def test_what_is_not_canonical_bencode_is_refused(data: bytes) -> None:
    assert read_or_refused(b"d4:info" + INFO + b"e")
    refused(data)


@pytest.mark.parametrize("depth", [MOST_DEPTH + 1, 5000, 1_000_000])
@pytest.mark.parametrize("opening", [b"l", b"d1:a"])
def test_deep_nesting_is_refused_wherever_it_stands(opening: bytes, depth: int) -> None:
    deep = opening * depth + (b"le" if opening == b"l" else b"de") + b"e" * depth
    refused(deep)
    refused(b"d1:a" + deep + b"4:info" + INFO + b"e", "deeper")
    refused(b"d4:infod1:a" + deep + INFO[1:] + b"e", "deeper")
    path = deep if opening == b"l" else b"l" + deep + b"e"
    refused(b"d4:info" + INFO.replace(b"l1:ae", path) + b"e", "deeper")
    tree = bencode(v2_info()).replace(b"1:ad0:", b"1:Ad1:a" + deep + b"e1:ad0:")
    refused(b"d4:info" + tree + b"e", "neither" if opening == b"l" else "directories")
    leaf = bencode(v2_info()).replace(b"1:ad0:d", b"1:ad0:d1:a" + deep, 1)
    refused(b"d4:info" + leaf + b"e", "deeper")
    refused(b"d4:info" + bencode(v2_info()) + b"12:piece layers" + deep + b"e", "deeper")


def test_a_torrent_that_is_too_long_is_refused_unread() -> None:
    refused(bytes(MOST_BYTES + 1), "more than")


def test_the_limits_of_files_and_directories_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torrentfiles, "MOST_FILES", 100)
    monkeypatch.setattr(torrentlists, "MOST_FILES", 100)
    empty = {b"": {b"length": 0}}
    for number, fits in ((100, True), (101, False)):
        listed = [{b"length": 0, b"path": [b"%d" % n]} for n in range(number)]
        assert read_or_refused(torrent(v1_info(files=listed, pieces=b""))) == fits
        tree = {b"%d" % n: empty for n in range(number)}
        assert read_or_refused(torrent(v2_info(file_tree=tree))) == fits
        dirs = {b"%d" % n: {} for n in range(number)}
        assert read_or_refused(torrent(v2_info(file_tree={**dirs, b"f": empty}))) == fits


@pytest.mark.parametrize(("filling", "tokens"), [(b"0:", 1), (b"i1e", 1), (b"le", 2), (b"1:a", 1)])
def test_the_limit_of_values_holds(
    monkeypatch: pytest.MonkeyPatch, filling: bytes, tokens: int
) -> None:
    monkeypatch.setattr(bencoded, "MOST_TOKENS", 100)
    for count, fits in ((20, True), (98, True), (100, False), (1000, False)):
        text = b"l" + filling * (count // tokens) + b"e"
        if fits:
            Reader(text).skip()
        else:
            with pytest.raises(Malformed, match="too many"):
                Reader(text).skip()
        assert read_or_refused(b"d1:a" + text + b"4:info" + INFO + b"e") == (count == 20)
    # They count together.
    reader = Reader(b"l" + b"l0:e" * 50 + b"e")
    with pytest.raises(Malformed, match="too many"):
        for _ in reader.items():
            reader.skip()


def test_a_long_beginning_of_many_paths_of_v2_is_refused() -> None:
    tree: dict[bytes, Any] = {b"f": {b"": {b"length": 0}}}
    for length, fits in ((32767, True), (32768, False)):
        assert read_or_refused(torrent(v2_info(file_tree={b"d" * length: tree}))) == fits


def peak(work: Callable[[], object]) -> int:
    """The most bytes that Python's objects took at a time, beyond those that were there."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "filling", [b"le", b"de", b"0:", b"i1e", b"l1:ae", b"d1:ade1:bdee"], ids=repr
)
def test_what_is_small_and_decodes_to_much_is_not_decoded(
    monkeypatch: pytest.MonkeyPatch, filling: bytes
) -> None:
    monkeypatch.setattr(torrentlists, "_MOST_ENTRY", 4096)
    many = filling * (MIB // 8 // len(filling))
    inside = [
        b"d1:al" + many + b"e4:info" + INFO + b"e",
        b"d4:infod1:al" + many + b"e" + INFO[1:] + b"e",
        b"d4:info" + INFO.replace(b"l1:ae", b"l" + many + b"e") + b"e",
        b"d4:info" + INFO.replace(b"5:files", b"5:filesl" + many + b"e5:filet") + b"e",
        b"d4:info" + bencode(v2_info()) + b"12:piece layersl" + many + b"ee",
    ]
    for data in inside:
        assert peak(lambda data=data: read_or_refused(data)) < 4 * len(data)


def million(files: int, kind: str) -> bytes:
    """A torrent of many files of 1,000 bytes, whose hashes are made up."""
    paths = [(b"dir%05d" % (n // 100), b"file%07d" % n) for n in range(files)]
    if kind == "v1":
        listed = [{b"length": 1000, b"path": list(path)} for path in paths]
        pieces = bytes(20 * -(-1000 * files // BLOCK))
        return torrent(v1_info(files=listed, piece_length=BLOCK, pieces=pieces))
    tree: dict[bytes, Any] = {}
    for above, name in paths:
        tree.setdefault(above, {})[name] = {b"": {b"length": 1000, b"pieces root": bytes(32)}}
    return torrent(v2_info(file_tree=tree))


@pytest.mark.parametrize("kind", ["v1", "v2"])
def test_many_files_take_little_memory_each(kind: str) -> None:
    """A million take hundreds of MB at most: here 300 bytes each, twice the .torrent included."""
    files = 20_000
    data = million(files, kind)
    held: list[Metainfo] = []
    assert peak(lambda: held.append(parse(data))) < 300 * files
    [meta] = held
    assert len(meta.files) == files
    for index in (0, 1, files // 2, files - 1):
        assert meta.find(meta.files[index].path) == index
        assert len(meta.pieces(index, 0, 1000)) >= 1


def test_a_piece_of_very_many_files_is_made_only_when_asked_for() -> None:
    files = 20_000
    listed = [{b"length": n % 2, b"path": [b"%d" % n]} for n in range(files)]
    meta = parse(torrent(v1_info(files=listed, piece_length=2**31, pieces=bytes(20))))
    made: list[int] = []
    source = meta._source
    original = source.piece

    class Counting:
        piece_count = source.piece_count
        span = source.span

        def piece(self, index: int) -> Piece:
            made.append(index)
            return original(index)

    meta._source = Counting()
    for index in range(files):
        assert list(meta.pieces(index, 0, 1).indexes) == [0] * (index % 2)
    assert not made
    [piece] = meta.pieces(1, 0, 1)
    assert made == [0]
    assert len(piece.parts) == files // 2
    assert all(part.length == 1 for part in piece.parts)


def test_many_files_that_claim_one_layer_have_it_hashed_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashed: list[int] = []
    original = piecelayers.layer_root

    def layer_root(layer: bytes, piece_length: int) -> bytes:
        hashed.append(len(layer))
        return original(layer, piece_length)

    monkeypatch.setattr(piecelayers, "layer_root", layer_root)
    content = bytes(5 * BLOCK)
    files = [((b"%03d" % n,), content) for n in range(50)]
    assert parse(make(b"Top", files, kind="v2")).piece_count == 250
    assert hashed == [5 * 32]


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data: bytes) -> None:
    read_or_refused(data)


VALID = [
    *(
        make(b"Top", files, piece_length=size, kind=kind)
        for size, files in LAYOUTS.values()
        for kind in ("v1", "v2", "hybrid")
    ),
    *(single(b"one", bytes(3 * BLOCK), kind=kind) for kind in ("v1", "v2", "hybrid")),
    torrent(v1_info()),
    torrent(v2_info()),
]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(VALID), st.randoms(use_true_random=False), st.integers(1, 4))
def test_mutated_torrents_are_read_or_refused(
    data: bytes, chance: random.Random, mutations: int
) -> None:
    changed = bytearray(data)
    for _ in range(mutations):
        at = chance.randrange(len(changed))
        until = min(len(changed), at + chance.randrange(1, 40))
        match chance.randrange(5):
            case 0:
                changed[at] = chance.randrange(256)
            case 1:
                del changed[at:until]
            case 2:
                changed[at:at] = changed[at:until]
            case 3:
                changed[at:at] = chance.choice([b"d", b"l", b"e", b"i0e", b"0:", b"i-1e", b"1:a"])
            case _:
                changed[at] = chance.choice(b"0123456789delixp")
    read_or_refused(bytes(changed))


def places(value: Any) -> Iterator[Callable[[Any], None]]:
    """For each value inside another, what puts something else in its place."""
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield lambda other, key=key: value.__setitem__(key, other)
            yield from places(value[key])


LEAVES = st.one_of(
    st.integers(-2, 2**64),
    st.sampled_from([0, 1, BLOCK, 2**31, 2**63 - 1]),
    st.binary(max_size=3),
    st.sampled_from([b"", b"..", b"l", b"p", bytes(20), bytes(32)]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from([b"", b"length", b"path", b"attr", b"pieces root", b"name", b"x"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(VALID), st.lists(st.tuples(st.integers(0), VALUES), max_size=3))
@example(VALID[-2], [])
def test_torrents_with_other_values_in_them_are_read_or_refused(
    data: bytes, changes: list[tuple[int, Any]]
) -> None:
    whole = bencode2.bdecode(data)
    for number, value in changes:
        where = list(places(whole))
        where[number % len(where)](value)
    assert read_or_refused(bencode(whole)) or changes


@given(VALUES)
def test_a_walk_ends_where_the_value_ends(value: Any) -> None:
    data = bencode(value)
    reader = Reader(data + b"i1e")
    reader.skip()
    assert reader.at == len(data)
    for cut in range(len(data)):
        with pytest.raises(Malformed):
            Reader(data[:cut]).skip()
    assert Reader(data).decoded(len(data)) == value
    with pytest.raises(Malformed, match="more than"):
        Reader(data).decoded(len(data) - 1)


def test_nothing_is_read_of_what_stands_around_the_info_dictionary() -> None:
    around = {
        b"announce": b"https://t.invalid/" + PASSKEY,
        b"announce-list": [[PASSKEY]],
        b"comment": PASSKEY,
        b"info": v1_info(),
        b"nodes": [[PASSKEY, 1]],
        b"piece layers": {PASSKEY: PASSKEY},
        b"url-list": PASSKEY,
    }
    meta = parse(bencode(around))
    assert meta.kept() == b"d4:info" + INFO + b"e"
    assert PASSKEY not in repr(vars(meta)).encode()
    assert metainfo.MOST_PIECES * 20 <= MOST_BYTES

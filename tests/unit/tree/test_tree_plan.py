"""What fetching files of a torrent brings, compared with a model that looks at each byte."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.tree.metainfo import has_announce, parse
from biofs.tree.pieces import ZEROS
from biofs.tree.plan import joined, plan
from tests.support import torrents
from tests.support.torrents import BLOCK, Content

SIZES = st.lists(
    st.sampled_from([0, 1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 7]),
    min_size=1,
    max_size=8,
)
KINDS = st.sampled_from(["v1", "v2", "hybrid"])


def made(sizes: Sequence[int]) -> list[Content]:
    return [((b"%02d" % number,), bytes(size)) for number, size in enumerate(sizes)]


@given(SIZES, KINDS, st.data())
def test_it_counts_whole_pieces(sizes: list[int], kind: torrents.Kind, data: st.DataObject) -> None:
    metainfo = parse(torrents.make(b"top", made(sizes), kind=kind))
    files = [index for index, file in enumerate(metainfo.files) if file.servable]
    chosen = data.draw(st.sets(st.sampled_from(files)))
    here = data.draw(st.sets(st.integers(0, max(metainfo.piece_count - 1, 0))))
    verified = bytearray(metainfo.piece_count)
    for piece in here & {*range(metainfo.piece_count)}:
        verified[piece] = 1
    found = plan(metainfo, chosen, verified)
    pieces = [metainfo.piece(number) for number in range(metainfo.piece_count)]
    needed = [piece for piece in pieces if any(p.file in chosen and p.length for p in piece.parts)]
    assert [number for span in found.pieces for number in span] == [p.index for p in needed]
    assert found.wanted == sum(metainfo.files[index].length for index in chosen)
    assert found.whole == sum(piece.length for piece in needed)
    assert found.here == sum(piece.length for piece in needed if verified[piece.index])
    assert found.pieces_here == sum(verified[piece.index] for piece in needed)
    assert found.piece_count == len(needed)
    of_others = sum(
        part.length for piece in needed for part in piece.parts if part.file not in chosen
    )
    assert found.beside == of_others
    assert found.coming == found.whole - found.here >= 0
    assert plan(metainfo, chosen).coming == found.whole


def test_neighbours_are_counted() -> None:
    metainfo = parse(torrents.make(b"top", made([3 * BLOCK, 100, 2 * BLOCK])))
    found = plan(metainfo, [1])
    assert (found.wanted, found.whole, found.beside) == (100, BLOCK, BLOCK - 100)
    assert found.pieces == [range(3, 4)]
    assert metainfo.piece(3).parts[-1].file != ZEROS


def test_a_file_that_is_not_there() -> None:
    metainfo = parse(torrents.make(b"top", made([1])))
    with pytest.raises(IndexError):
        plan(metainfo, [7])
    with pytest.raises(IndexError):
        metainfo.piece_length_of(metainfo.piece_count)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8))))
def test_ranges_are_joined(spans: list[tuple[int, int]]) -> None:
    ranges = [range(start, start + length) for start, length in spans]
    found = list(joined(ranges))
    assert sorted({number for span in ranges for number in span}) == [n for s in found for n in s]
    assert all(one.stop < other.start for one, other in pairwise(found))


@given(SIZES, KINDS)
def test_lengths_of_pieces(sizes: list[int], kind: torrents.Kind) -> None:
    metainfo = parse(torrents.make(b"top", made(sizes), kind=kind))
    for number in range(metainfo.piece_count):
        assert metainfo.piece_length_of(number) == metainfo.piece(number).length


def test_announce_urls() -> None:
    torrent = torrents.make(b"top", made([5]))
    assert has_announce(torrent)
    assert not has_announce(parse(torrent).kept())
    assert not has_announce(torrents.make(b"top", made([5]), announce=b""))
    assert has_announce(b"d13:announce-listll3:udpee4:infodee")
    assert not has_announce(b"d13:announce-listle4:infodee")


@given(st.binary(max_size=60))
def test_announce_urls_of_anything(data: bytes) -> None:
    assert has_announce(data) in {True, False}
    assert has_announce(b"d8:announce" + data) in {True, False}

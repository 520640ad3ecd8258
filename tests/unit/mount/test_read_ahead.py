"""How far ahead of a reader is fetched: little at first, and never more than is allowed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from biofs.mount.read_ahead import MOST_AHEAD, ReadAhead

MIB = 1 << 20


def test_who_needs_a_piece_is_given_few_more() -> None:
    row = ReadAhead()
    for start in (0, 50 * MIB, 20 * MIB):
        row.read(start, start + 1000)
        assert [row.pieces(each * MIB) for each in (1, 2, 4, 5, 16)] == [4, 2, 1, 0, 0]
        assert row.pieces(64 * 1024) == 4, "whole pieces, and not bytes"


def test_who_jumps_about_is_given_nothing_more() -> None:
    row = ReadAhead()
    found = []
    for start in (0, 50 * MIB, 20 * MIB, 70 * MIB, 0, 5 * MIB):
        row.read(start, start + 128 * 1024)
        found.append(row.pieces(MIB))
    assert found == [4, 4, 4, 0, 0, 0]
    assert not row.is_due(5, 100, MIB)
    assert not row.to_verify(5, MIB)
    for start in range(5 * MIB + 128 * 1024, 15 * MIB, MIB):
        row.read(start, start + MIB)
    row.read(50 * MIB, 50 * MIB + 1000)
    assert row.pieces(MIB) == 4, "who has read on may seek again"


def test_it_grows_with_what_was_read_in_a_row() -> None:
    row = ReadAhead()
    found = []
    for start in range(0, 10 * MIB, MIB // 4):
        row.read(start, start + MIB // 4)
        found.append(row.pieces(MIB))
    assert found[:8] == [4, 4, 4, 4, 5, 6, 7, 8]
    assert found[-1] == 32
    assert row.is_long
    row.read(0, 1)
    assert row.pieces(MIB) == 4


def test_who_reads_a_quarter_of_a_large_piece_is_given_the_next() -> None:
    row = ReadAhead()
    for start in range(0, 16 * MIB, MIB):
        assert row.pieces(64 * MIB) == 0
        row.read(start, start + MIB)
    assert row.pieces(64 * MIB) == 1


def test_it_is_due_when_half_is_used_up_and_not_before() -> None:
    row = ReadAhead()
    for start in range(0, 10 * MIB, MIB):
        row.read(start, start + MIB)
    assert row.is_due(9, 100, MIB), "nothing was asked for"
    row.asked = range(8, 40)
    assert not row.is_due(9, 100, MIB)
    assert not row.is_due(7, 100, MIB), "all behind it was asked for just now"
    assert row.is_due(23, 100, MIB)
    assert not row.is_due(23, 40, MIB), "the file ends there"
    assert row.is_due(50, 100, MIB), "elsewhere than what was asked for"


def test_pieces_that_are_too_large_to_be_kept_are_not_verified_ahead() -> None:
    row = ReadAhead()
    for start in range(0, 64 * MIB, MIB):
        row.read(start, start + MIB)
    assert row.to_verify(3, MIB) == range(4, 12)
    assert row.to_verify(3, 8 * MIB) == range(4, 5)
    assert not row.to_verify(3, 16 * MIB)


@given(
    st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 2**20), st.booleans()), max_size=50),
    st.integers(1, 2**31),
)
def test_never_more_than_is_allowed(reads: list[tuple[int, int, bool]], length: int) -> None:
    row, at, in_a_row = ReadAhead(), 0, 0
    for start, size, follows in reads:
        begin = at if follows else start
        in_a_row = in_a_row + size if begin == at else 0
        at = begin + size
        row.read(begin, at)
        ahead = row.pieces(length) * length
        assert ahead <= max(min(MOST_AHEAD, 4 * in_a_row), length, min(4 * length, 4 * MIB))
        assert not ahead or 4 * in_a_row >= length or length <= 4 * MIB

"""Who may have something fetched by reading it."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.mount.kernel.processes import Process, process_behind
from biofs.mount.readers import (
    BUSY_SECONDS,
    FILES_SECONDS,
    MOST_FILES,
    WALK_SECONDS,
    Readers,
    is_indexer,
)

CAT = Process(10, 10, "cat")

MOVES = st.lists(
    st.tuples(
        st.sampled_from(["list", "open", "read"]),
        st.integers(1, 4),
        st.integers(1, 3),
        st.integers(0, 9),
        st.floats(0, 20),
    ),
    max_size=80,
)


def test_one_file_may_be_fetched() -> None:
    readers = Readers()
    assert readers.opens(CAT, "a", 0.0) is None
    assert readers.refused(CAT, 0.1) is None


def test_who_lists_a_directory_is_refused_until_it_rests() -> None:
    readers = Readers()
    readers.lists(CAT.number, 0.0)
    assert readers.opens(CAT, "a", WALK_SECONDS - 1)
    assert readers.opens(CAT, "a", WALK_SECONDS + 1), "it went on"
    assert readers.opens(Process(11, 10, "cat"), "a", 1.0 + WALK_SECONDS) is None, (
        "its shell's child"
    )
    assert readers.opens(CAT, "b", 3 * WALK_SECONDS) is None


def test_a_group_that_opens_many_files_is_refused() -> None:
    readers = Readers()
    for number in range(MOST_FILES):
        assert readers.opens(Process(number, 7, "cat"), number, 0.0) is None
    assert readers.opens(Process(99, 7, "cat"), "one more", 0.0)
    assert readers.refused(Process(0, 7, "cat"), 0.1), "those that were opened before, too"
    assert readers.refused(Process(0, 7, "cat"), FILES_SECONDS + 0.1) is None


def test_the_same_file_again_and_again_is_one() -> None:
    readers = Readers()
    assert not any(readers.opens(CAT, "a", number / 100) for number in range(100))


@pytest.mark.parametrize("name", ["tracker-extract", "baloo_file", "updatedb", "ffmpegthumbnail"])
def test_indexers_are_known(name: str) -> None:
    assert is_indexer(name)
    assert Readers().opens(Process(1, 1, name), "a", 0.0)


@pytest.mark.parametrize("name", ["samtools", "cat", "zcat", "python3", "", "\ufffd"])
def test_readers_are_none(name: str) -> None:
    assert not is_indexer(name)


@given(MOVES)
def test_whatever_they_do(moves: list[tuple[str, int, int, int, float]]) -> None:
    """Allowed is exactly who has neither listed nor opened many files lately."""
    readers, now = Readers(), 0.0
    walked: dict[int, float] = {}
    opened: dict[int, dict[int, float]] = {}
    for what, number, group, file, later in moves:
        now += later
        process = Process(number, group, "cat")
        if what == "list":
            readers.lists(number, now)
            walked[number] = now
            continue
        if what == "open":
            opened.setdefault(group, {})[file] = now
        recent = [at for at in opened.get(group, {}).values() if now < at + FILES_SECONDS]
        many = len(recent) > MOST_FILES
        walks = number in walked and now < walked[number] + WALK_SECONDS
        if what == "open":
            assert (readers.opens(process, file, now) is not None) == (many or walks)
            if number in walked and (many or walks):
                walked[number] = now
        else:
            assert (readers.refused(process, now) is not None) == (many or walks)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.floats(0, 5)), max_size=60))
def test_only_a_few_files_at_a_time(moves: list[tuple[bool, int, float]]) -> None:
    readers, now = Readers(), 0.0
    busy: dict[int, float] = {}
    for takes, file, later in moves:
        now += later
        busy = {each: at for each, at in busy.items() if now < at + BUSY_SECONDS}
        if takes:
            expected = file in busy or len(busy) < MOST_FILES
            assert readers.takes_turn(file, now) == expected
            if expected:
                busy[file] = now
        else:
            readers.leaves(file)
            busy.pop(file, None)


def test_a_process_is_seen() -> None:
    found = process_behind(os.getpid())
    assert found is not None
    assert (found.number, found.group) == (os.getpid(), os.getpgrp())
    assert process_behind(2**30) is None

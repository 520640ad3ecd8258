"""The budget of what reads may fetch."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.contents.read_budget import Limits, ReadBudget

DAY = 86_400.0
A, B = b"a" * 20, b"b" * 20


def test_a_file_a_day_and_all(tmp_path: Path) -> None:
    path = tmp_path / "state/budget.sqlite"
    budget = ReadBudget(path, Limits(100, 150, 200))
    assert budget.charge(A, 0, [60, 40, 1], 0.0) == 2, "of a file"
    assert budget.charge(A, 1, [50, 1], 1.0) == 1, "of a day"
    budget.close()
    budget = ReadBudget(path, Limits(100, 150, 200))
    assert budget.charge(B, 0, [1], 2.0) == 0, "after a restart"
    assert budget.charge(B, 0, [50, 1], DAY) == 1, "in all"
    budget.close()
    budget = ReadBudget(path, Limits(100, 150, 201))
    assert budget.charge(B, 0, [1], DAY) == 1, "raised"
    budget.close()


@given(
    st.tuples(*[st.integers(0, 500)] * 3),
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.lists(st.integers(0, 200), max_size=5)),
        max_size=20,
    ),
)
def test_never_more_than_allowed(
    limits: tuple[int, int, int], charges: list[tuple[int, int, list[int]]]
) -> None:
    budget = ReadBudget(None, Limits(*limits))
    files: dict[int, int] = {}
    days: dict[int, int] = {}
    for file, day, sizes in charges:
        count = budget.charge(A, file, sizes, day * DAY)
        taken = sum(sizes[:count])
        files[file] = files.get(file, 0) + taken
        days[day] = days.get(day, 0) + taken
        assert files[file] <= limits[0] and days[day] <= limits[1]  # noqa: PT018
        assert sum(days.values()) <= limits[2]
        if count < len(sizes):
            room = (limits[0] - files[file], limits[1] - days[day], limits[2] - sum(days.values()))
            assert sizes[count] > min(room), "there was room for more"
    budget.close()


def test_what_cannot_be_kept_is_not_allowed(tmp_path: Path) -> None:
    path = tmp_path / "budget.sqlite"
    path.write_bytes(b"no database" * 100)
    budget = ReadBudget(path, Limits(10, 10, 10))
    with pytest.raises(OSError, match="cannot be kept"):
        budget.charge(A, 0, [1], 0.0)
    budget.close()


def test_what_waits_for_the_disk_waits_in_settle(tmp_path: Path) -> None:
    """SQLite syncs the journal's header when it writes one, and both files when it moves what is in
    the journal into the other."""

    def synced() -> tuple[bytes, bytes]:
        return path.read_bytes(), journal.read_bytes()[:32]

    path, journal = tmp_path / "budget.sqlite", tmp_path / "budget.sqlite-wal"
    budget = ReadBudget(path, Limits(10_000, 10_000, 10_000))
    sizes = []
    for _ in range(3):
        budget.settle()
        before = synced()
        for _ in range(600):
            assert budget.charge(A, 0, [1], 0.0) == 1
        assert synced() == before
        sizes.append(journal.stat().st_size)
    assert sizes[1] == sizes[2], "the journal is used again"
    other = ReadBudget(path, Limits(1801, 10_000, 10_000))
    assert other.charge(A, 0, [1, 1], 0.0) == 1
    other.close()
    budget.close()
    budget.settle()
    assert not journal.exists()


def test_settling_what_cannot_be_kept_leaves_it_to_who_charges(tmp_path: Path) -> None:
    path = tmp_path / "budget.sqlite"
    path.write_bytes(b"no database" * 100)
    budget = ReadBudget(path, Limits(10, 10, 10))
    budget.settle()
    with pytest.raises(OSError, match="cannot be kept"):
        budget.charge(A, 0, [1], 0.0)
    budget.close()

"""docs/benchmarks.md shows what the results file holds, and tables say what they should."""

from __future__ import annotations

from typing import Any

import pytest

from biofs.errors import QuietError
from scripts.benchmarks import results, table


def series(system: str, seconds: list[float], state: str = "cold") -> dict[str, Any]:
    return {
        "system": system,
        "operation": "find",
        "state": state,
        "count": 1000,
        "unit": "entries",
        "seconds": seconds,
        "calls": [7, 9, 8],
        "cpu": [0.1, 0.2, 0.3],
    }


def test_the_page_shows_the_results() -> None:
    text = results.PAGE.read_text()
    assert results.published(text, results.load()) == text


def test_all_sections_were_measured() -> None:
    assert set(results.load()) == {"about", *table.TABLES}


def test_a_row_has_the_medians_and_their_ratios() -> None:
    measured = [
        series(system, seconds, state)
        for state in ("cold", "warm")
        for system, seconds in (
            ("ratarmount", [8.0, 8.0, 1.0]),
            ("biofs", [1.0, 2.0, 9.0]),
            ("floor", [1.0, 0.5, 3.0]),
        )
    ]
    [[head, cold, _warm]] = table.tree({"tree": measured})
    assert head == ["", "floor", "biofs", "ratarmount", "biofs / floor", "biofs / ratarmount"]
    assert cold == ["find, cold, entries/s", "1,000", "500", "125", "0.50", "4.00"]


def test_calls_are_medians() -> None:
    measured = [series("tmpfs", [1.0]), series("biofs", [1.0])]
    assert table.calls({"tree": measured}) == [
        ["", "biofs calls", "biofs CPU"],
        ["find, cold", "8", "0.20"],
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.01234, "0.0123"), (999.4, "999"), (1_234, "1,230"), (987_654, "988,000")],
)
def test_numbers_have_three_digits(value: float, shown: str) -> None:
    assert table.number(value) == shown


def test_columns_are_aligned() -> None:
    assert table.plain([["", "a"], ["long", "100"]]) == "        a\nlong  100"


def test_a_page_without_marks_is_left_alone() -> None:
    with pytest.raises(QuietError, match="lacks the lines"):
        results.published("# How fast it is\n", results.load())

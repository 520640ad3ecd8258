"""docs/benchmarks.md shows what the results file holds, and tables say what they should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biofs.errors import QuietError
from scripts.benchmarks.figures import results, table, targets
from scripts.benchmarks.sections import reading


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
    assert set(results.load()) == {"about", "others", *table.TABLES}


def about(date: str) -> dict[str, Any]:
    names = ("processor", "kernel", "python", "pyfuse3", "ratarmount", "squashfuse", "rclone")
    return {"date": date, "quick": False, "cpus": 2, **dict.fromkeys(names, "1")}


def test_what_was_measured_on_another_day_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "FILE", tmp_path / "results.json")
    monday, tuesday = about("Monday"), about("Tuesday")
    results.save({"about": monday, "start": {"a": [1.0]}, "giant": {}})
    assert results.load()["others"] == {}
    results.save({"about": tuesday, "start": {"a": [2.0]}})
    saved = results.load()
    assert (saved["about"], saved["others"]) == (monday, {"start": tuesday})
    del saved["giant"]
    assert [line[:21] for line in table.page(saved).splitlines() if "Measured" in line] == [
        "Measured on Monday wi",
        "Measured on Tuesday w",
    ]
    results.save({"about": tuesday, "start": {"a": [2.0]}, "giant": {}})
    assert (results.load()["about"], results.load()["others"]) == (tuesday, {})


def reading_series(
    system: str, state: str, seconds: float, what: str = "large file"
) -> dict[str, Any]:
    known = {"system": system, "operation": what, "state": state, "unit": "MB", "count": 100}
    return {**known, "seconds": [seconds]}


def test_the_limit_of_reading_a_first_time_is_the_disk_or_the_hash() -> None:
    measured = [
        reading_series("disk", "later, cold", 0.5),
        reading_series("disk", "pages", 0.01),
        reading_series("hash", "pages", 0.1),
        *(reading_series("floor", state, 0.25) for state in ("later, cold", "later", "pages")),
        *(reading_series("biofs", state, 1.0) for state in reading.STATES),
    ]
    found = {"series": measured, "opened": {"pieces": [(0.01, 0.02)]}, "without": ["sshfs: no"]}
    rows, opened, without = table.contents({"contents": found})
    assert rows[0] == [
        *("", "disk", "hash", "floor", "biofs"),
        *("biofs / limit", "biofs / floor", "biofs / floor+", "biofs / sshfs"),
        "biofs / ratarmount",
    ]
    assert rows[1][5:] == ["0.50", "0.25", "-", "-", "-"]
    assert rows[2][5:7] == ["0.10", "0.25"]
    assert rows[3][5:7] == ["-", "0.25"]
    assert opened[1:] == [["pieces", "10", "20"]]
    assert without == [["not measured"], ["sshfs: no"]]
    missed = [str(each) for each in targets.all_of({"contents": found}) if not each.held]
    assert missed[0] == "large file, first, cold, MB/s, biofs / limit: 0.5, at least 0.6"


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

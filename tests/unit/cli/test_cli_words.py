"""Numbers as people say them."""

import math

import pytest

from biofs.cli.output import quantities


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "a moment"),
        (1.4, "a second"),
        (59, "59 seconds"),
        (180, "3 minutes"),
        (59 * 60, "59 minutes"),
        (2 * 3600, "2 hours"),
        (2 * 86_400, "2 days"),
        (400 * 86_400, "1 year, 1 month"),
        (-5, "a moment"),
    ],
)
def test_ages(seconds: float, said: str) -> None:
    assert quantities.age(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (0.2, "1 second"),
        (89, "89 seconds"),
        (90, "2 minutes"),
        (59 * 60, "59 minutes"),
        (3600, "1 hour"),
        (68 * 60, "1 hour and 8 minutes"),
        (47 * 3600 + 59 * 60, "47 hours and 59 minutes"),
        (48 * 3600, "2 days"),
        (76 * 3600, "3 days and 4 hours"),
        (math.inf, "unknown"),
        (math.nan, "unknown"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert quantities.duration(seconds) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1,023 bytes"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        ((1 << 20) - 1, "1.0 MiB"),
        (5 << 30, "5.0 GiB"),
        (3 << 50, "3.0 PiB"),
    ],
)
def test_sizes(number: int, said: str) -> None:
    assert quantities.size(number) == said


def test_counts() -> None:
    assert quantities.counted(0, "group") == "0 groups"
    assert quantities.counted(1, "category", "categories") == "1 category"
    assert quantities.counted(12_000, "category", "categories") == "12,000 categories"


def test_tables() -> None:
    assert quantities.table([("a", "one"), ("long", "two"), ("x", "")]) == "a     one\nlong  two\nx"
    assert quantities.table([]) == ""


@pytest.mark.parametrize(
    ("text", "columns", "lines"),
    [
        ("short", 80, ["short"]),
        ("as wide as it", 13, ["as wide as it"]),
        ("broken where a blank is", 12, ["broken where", "a blank is"]),
        ("a-word-that-is-too-long for it", 10, ["a-word-tha", "t-is-too-l", "ong for it"]),
        ("ゲノム配列 データ", 10, ["ゲノム配列", "データ"]),
        ("two  blanks", 4, ["two", "blan", "ks"]),
        ("", 5, [""]),
    ],
)
def test_wrapping(text: str, columns: int, lines: list[str]) -> None:
    assert [line.strip() for line in quantities.wrapped(text, columns)] == lines


def test_a_table_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("pace", "1/6 requests/seconds, the next may be sent now"), ("x", "y")]
    assert quantities.table(rows) == "pace  1/6 requests/seconds, the next may be sent now\nx     y"
    monkeypatch.setattr(quantities, "_columns", lambda: 30)
    assert quantities.table(rows) == (
        "pace  1/6 requests/seconds,\n      the next may be sent now\nx     y"
    )
    monkeypatch.setattr(quantities, "_columns", lambda: 10)
    assert quantities.table(rows).count("\n") == 1, "no room at all: the terminal has to see to it"

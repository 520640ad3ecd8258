"""What names, lines and terminals may hold: the table of `biofs.tree.printable`."""

from collections.abc import Callable

import pytest

from biofs.tree import names, printable

ODD = "a/b\x07\n\x7f\x9b\u202e\u2028\udc80é"


@pytest.mark.parametrize(
    ("rule", "result"),
    [
        (printable.for_title, "a-b\ufffd\ufffd\ufffd\ufffd\u2028\ufffdé"),
        (printable.for_file_name, "a-b\u2407\u240a\u2421\ufffd\u202e\u2028\ufffdé"),
        (printable.for_value, "a/b\ufffd \ufffd\ufffd \ufffdé"),
        (printable.for_text, "a/b\n\u202e\u2028\udc80é"),
        (printable.for_terminal, "a/b" + "\ufffd" * 7 + "é"),
        (printable.for_path, "a/b" + "\ufffd" * 4 + "\u202e\u2028\udc80é"),
        (printable.for_json, "a/b\x07\n\\u007f\\u009b\\u202e\\u2028\\udc80é"),
    ],
)
def test_each_rule(rule: Callable[[str], str], result: str) -> None:
    assert rule(ODD) == result
    assert rule("Ordinary näme ☃") == "Ordinary näme ☃"


def test_text_keeps_its_lines() -> None:
    assert printable.for_text("a\tb\r\nc\rd\n") == "a\tb\nc\nd\n"


@pytest.mark.parametrize(
    ("body", "binary"),
    [(b"{}\n\t", False), ("é".encode(), False), (b"\x1b[2J", True), ("\x9b".encode(), True)],
)
def test_what_a_terminal_would_obey(body: bytes, binary: bool) -> None:
    assert printable.is_binary(body) == binary


@pytest.mark.parametrize("limit", range(7))
def test_a_cut_splits_no_character(limit: int) -> None:
    assert printable.cut("aé☃", limit) == ["", "a", "a", "aé", "aé", "aé", "aé☃"][limit]


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2005", (2005, 2005)),
        ("2000-2005", (2000, 2005)),
        ("2000-", (2000, None)),
        ("-2005", (None, 2005)),
    ],
)
def test_years_as_typed(text: str, span: tuple[int | None, int | None]) -> None:
    assert names.years(text) == span


@pytest.mark.parametrize("text", ["", "-", "20055", "2000-2005-", "x", "٢٠٠٥"])
def test_what_is_not_a_year(text: str) -> None:
    with pytest.raises(ValueError, match="a year"):
        names.years(text)


def test_a_category_as_typed() -> None:
    assert names.category_typed("machine DATA") == 12
    assert names.category_typed("Scalars-Vectors") == 5
    assert names.category_typed("unKnown") == 0

"""Tables on terminals narrow and wide, whatever the names hold."""

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from biofs.cli.output import tables
from biofs.cli.output.terminal import json_line, safe
from biofs.store.rows import Entry

HOSTILE = "\x1b]0;owned\x07 \x1b[2J\r\n\x9b31m \u202egnp.exe\u2028 \udcff [7]"
NAMES = [
    "Alcohol dehydrogenase ADH1 [1]",
    "Genome of Mitragyna speciosa, " * 8 + "[2]",
    "ゲノム配列データ" * 12 + " [3]",
    "e\u0301" * 80 + " [4]",
    "👩\u200d🔬🏳️\u200d🌈🇩🇪" * 20 + " [5]",
    "שלום עולם " * 20 + "[6]",
    HOSTILE,
    "no number at its end " * 9,
    "[8]",
]
ROWS = [
    Entry(
        id=number,
        name=name,
        category="Images",
        time=1_600_000_000,
        year=2016,
        size=10**number,
        files=number,
        seeders=1234,
    )
    for number, name in enumerate(NAMES)
]


def shown(width: int, *, colour: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colour, highlight=False)
    tables.show(ROWS, tables.GROUPS, console)
    return out.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 160, 400])
def test_a_table_fits_the_terminal(width: int) -> None:
    lines = shown(width).splitlines()
    assert len(lines) == len(ROWS) + 1
    assert all(cell_len(line) <= width for line in lines)
    for number, line in enumerate(lines[1:]):
        if number not in {7, 8} and width >= 40:
            tail = f" [{number + 1}]"
            assert line.rstrip().endswith(tail), "the number at the end stays"


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (20, []),
        (40, ["year", "size"]),
        (60, ["year", "size", "files", "seeders"]),
        (160, ["year", "size", "files", "seeders", "added"]),
    ],
)
def test_a_narrow_one_has_fewer_columns(width: int, titles: list[str]) -> None:
    assert shown(width).splitlines()[0].split() == [*titles, "name"]


@pytest.mark.parametrize("width", [60, 400])
def test_names_obey_no_terminal_and_move_no_column(width: int) -> None:
    text = shown(width)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028\udcff]", text)
    seeders = {line.find("1,234") for line in text.splitlines()[1:]}
    assert len(seeders) == 1


def test_no_color_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search("\x1b\\[[0-9;]*3[0-7]", shown(80, colour=True))


def test_into_a_pipe_go_tabs_and_whole_numbers() -> None:
    line = list(tables.lines(ROWS[:1], tables.GROUPS))
    assert line == ["2016\t1\t0\t1234\t2020-09-13T12:26:40Z\tAlcohol dehydrogenase ADH1 [1]"]
    [hostile] = tables.lines([ROWS[6]], tables.GROUPS)
    assert hostile.count("\t") == 5
    assert safe(HOSTILE) in hostile


def test_what_is_not_known_is_a_dash_or_nothing() -> None:
    row = Entry(id=1, name="x [1]", category="", time=0)
    assert list(tables.lines([row], tables.GROUPS)) == ["\t\t\t\t\tx [1]"]
    out = io.StringIO()
    tables.show([row], tables.GROUPS, Console(file=out, width=80))
    assert out.getvalue().splitlines()[1].split() == ["-", "-", "-", "-", "-", "x", "[1]"]


def test_json_is_escaped_and_means_the_same() -> None:
    line = json_line({"name": HOSTILE})
    assert line.isprintable()
    import json

    assert json.loads(line) == {"name": HOSTILE}


def test_many_rows_are_one_table() -> None:
    out = io.StringIO()
    rows = [
        Entry(id=number, name=f"n [{number}]", category="Images", time=0, year=2000, files=number)
        for number in range(1200)
    ]
    tables.show(rows, tables.GROUPS, Console(file=out, width=80))
    lines = out.getvalue().splitlines()
    assert len(lines) == 1201
    assert len({line.rindex(" n [") for line in lines[1:]}) == 1


@pytest.mark.parametrize(
    ("here", "size", "text"),
    [
        (None, 10, "-"),
        (0, 10, "0 %"),
        (1, 1000, "<1 %"),
        (999, 1000, "99 %"),
        (1000, 1000, "100 %"),
        (2000, 1000, "100 %"),
        (5, None, "100 %"),
        (5, 0, "100 %"),
    ],
)
def test_the_share_that_is_here(here: int | None, size: int | None, text: str) -> None:
    row = Entry(id=1, name="x", category="Images", time=0, here=here, size=size)
    assert tables.HERE.shown(row) == text
    assert tables.HERE.plain(row) == ("" if here is None else str(here))

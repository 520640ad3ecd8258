"""The line that shows how a mount in the foreground goes, and meters."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from biofs.cli.output import progress
from biofs.cli.output.status_text import in_one_line
from biofs.cli.output.terminal import Line

STATE: dict[str, Any] = {
    "requests": {"sent": 1234, "joined": 3, "saved": 4567, "waiting": 2},
    "pace": {"rate": "1/6", "next_request_in_seconds": 4.2},
    "offline": False,
    "server_reachable": True,
    "readers_waiting": 1,
}
CLEAR = "\r\x1b[K"


@pytest.mark.parametrize(
    ("changed", "kept", "said"),
    [
        (
            {},
            3 << 20,
            (
                "queue 2, next in 4 s · pace 1/6 · 1,234 sent · 4,570 served without · "
                "3.0 MiB cached · 1 reader waiting"
            ),
        ),
        (
            {"pace": {"rate": "unlimited"}, "readers_waiting": 0},
            None,
            "queue 2 · 1,234 sent · 4,570 served without",
        ),
        (
            {"offline": True, "readers_waiting": 0},
            None,
            "queue 2, next in 4 s · pace 1/6 · 1,234 sent · 4,570 served without · offline",
        ),
        (
            {"server_reachable": False, "known": {"bytes": 5}},
            None,
            (
                "queue 2, next in 4 s · pace 1/6 · 1,234 sent · 4,570 served without · "
                "5 bytes cached · 1 reader waiting · server not reachable"
            ),
        ),
    ],
)
def test_in_words(changed: dict[str, Any], kept: int | None, said: str) -> None:
    assert in_one_line({**STATE, **changed}, kept) == said


def test_the_log_stands_above_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((40, 24)))
    out = io.StringIO()
    line = Line(out)
    line.show("queue 0")
    line.show("queue 0")
    assert out.getvalue() == f"{CLEAR}queue 0"
    handler = logging.StreamHandler(line)
    handler.emit(logging.LogRecord("x", logging.INFO, "", 0, "mounted", None, None))
    assert out.getvalue() == f"{CLEAR}queue 0{CLEAR}mounted\nqueue 0"
    line.close()
    assert out.getvalue().endswith(CLEAR)


@pytest.mark.parametrize("width", [20, 60, 160])
def test_the_line_stays_one(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((width, 24)))
    out = io.StringIO()
    Line(out).show("ゲノム\x1b[2J\n" * 40)
    shown = out.getvalue().removeprefix(CLEAR)
    assert shown.isprintable()
    assert 0 < cell_len(shown) < width


def test_a_terminal_that_is_gone_ends_nothing() -> None:
    out = io.StringIO()
    line = Line(out)
    out.close()
    line.show("queue 0")
    line.write("a line of the log\n")
    line.close()


def test_what_takes_a_moment_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    now = [100.0]
    with progress.shown(lambda: now[0]) as show:
        show(1, 2, "half of it")
        assert capsys.readouterr().err == ""
        now[0] += progress.AT_ONCE
        show(1, 2, "half of it")
    assert capsys.readouterr().err == "biofs: 50%: half of it\n"


@pytest.mark.parametrize("total", [None, 0, 10])
def test_lines_without_an_end_in_sight(total: float | None) -> None:
    out = io.StringIO()
    lines = progress.Lines(out)
    lines.show(0, total, "begun", 1.0)
    lines.show(0, total, "still", progress.LINE_SECONDS)
    assert out.getvalue() == "biofs: 0%: still\n"


@pytest.mark.parametrize("width", [40, 60, 160])
def test_a_bar_stays_one_line(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out = io.StringIO()
    bar = progress.Bar(Console(file=out, force_terminal=True, width=width, color_system=None))
    bar.show(3, 10, "Sequences: 3 of 10 pages, 42 s left, " * 5, 1.0)
    shown = out.getvalue().split("\r")[-1]
    assert "30%" in shown
    assert "\n" not in shown.strip()
    bar.close()


@pytest.mark.parametrize(
    ("environment", "meter"), [({}, "Lines False"), ({"FORCE_COLOR": "1"}, "Bar True")]
)
def test_what_draws_bars_is_loaded_for_terminals_only(
    environment: dict[str, str], meter: str
) -> None:
    code = (
        "import sys\nfrom biofs.cli.output import progress\n"
        "meter = progress.meter()\nmeter.close()\n"
        "print(type(meter).__name__, 'rich' in sys.modules)"
    )
    unset = ("FORCE_COLOR", "TTY_COMPATIBLE", "TERM")
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env={**inherited, **environment},
        text=True,
    )
    assert done.stdout == f"{meter}\n"

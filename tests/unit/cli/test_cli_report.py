"""Whatever a command raises, a user reads one line."""

from pathlib import Path

import click
import pytest

from biofs.cli.output.report import guarded, one_line
from biofs.errors import ConfigError, QuietError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("BIOFS_DEBUG", raising=False)
    return tmp_path


def ended_by(error: BaseException) -> int:
    @click.command()
    def command() -> None:
        raise error

    return guarded(command, [])


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (QuietError("a: b", 1), 1, "a: b"),
        (QuietError("a\nb\x1b[31m\r\n", 3), 3, "a b\\x1b[31m"),
        (ConfigError("wrong", 2), 2, "wrong"),
        (BaseExceptionGroup("g", [ExceptionGroup("h", [QuietError("deep")])]), 1, "deep"),
        (click.Abort(), 130, "interrupted"),
        (click.UsageError("No such option.\n"), 2, "no such option: see `biofs --help`"),
        (click.ClickException("Odd."), 1, "odd"),
    ],
)
def test_one_line_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str
) -> None:
    assert ended_by(error) == code
    assert capsys.readouterr() == ("", f"biofs: {line}\n")


def test_interrupted_it_starts_a_new_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended_by(KeyboardInterrupt()) == 130
    # The terminal shows ^C where the cursor was.
    assert capsys.readouterr() == ("", "\nbiofs: interrupted\n")


def test_the_unexpected_goes_to_the_log(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    log = home / ".local/state/biofs/log/biofs.log"
    assert ended_by(ZeroDivisionError("odd")) == 1
    line = f"biofs: unexpected ZeroDivisionError, which should not happen: the log is {log}\n"
    assert capsys.readouterr() == ("", line)
    assert "Traceback" in log.read_text()
    assert log.read_text().endswith("ZeroDivisionError: odd\n")
    assert log.stat().st_mode & 0o777 == 0o600

    assert ended_by(ZeroDivisionError("again")) == 1
    assert log.read_text().count("Traceback") == 2


def test_where_there_can_be_no_log(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    (home / ".local").write_text("a file")
    assert ended_by(ZeroDivisionError()) == 1
    line = "unexpected ZeroDivisionError, which should not happen: BIOFS_DEBUG=1 shows where\n"
    assert capsys.readouterr() == ("", f"biofs: {line}")


def test_debugging_shows_the_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setenv("BIOFS_DEBUG", "1")
    assert ended_by(ZeroDivisionError("odd")) == 1
    captured = capsys.readouterr().err
    assert captured.startswith("Traceback")
    assert captured.endswith("biofs: unexpected ZeroDivisionError\n")
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (4, 4)])
def test_what_a_command_returns_is_the_exit_code(result: int | None, code: int) -> None:
    @click.command()
    def command() -> int | None:
        return result

    assert guarded(command, []) == code


def test_a_long_line_is_cut() -> None:
    assert len(one_line("x" * 10_000)) == 2001
    assert one_line("a\u2028b\tc\x00\udcff") == "a b\\tc\\x00\\udcff"

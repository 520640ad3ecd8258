"""What a user is told when a command ends, and never a traceback.

What becomes of standard output is known apart: it may be full, or a device that fails."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import click
from click.exceptions import NoArgsIsHelpError

from biofs.errors import USAGE, QuietError


class Stdout:
    """What became of it. `refused` is the error with which something written was refused."""

    refused: OSError | None = None


class _Raw(io.FileIO):
    """Standard output's descriptor, which notes what it refuses."""

    def __init__(self, descriptor: int, fate: Stdout) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._fate = fate

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        """See io.RawIOBase."""
        try:
            return super().write(data)
        except OSError as error:
            self._fate.refused = error
            raise


@contextmanager
def watched() -> Iterator[Stdout]:
    """Have `sys.stdout` note what is refused, if it is a file; afterwards it is what it was.

    An OSError alone does not say what was written to. What could not be written is let go, so
    that Python does not try again at its end (it would print that this failed).
    """
    fate, before = Stdout(), sys.stdout
    with suppress(OSError):  # it is no file: of a test, say
        if isinstance(before, io.TextIOWrapper):
            sys.stdout = _again(before, fate)
    try:
        yield fate
    finally:
        sys.stdout = before


def _again(stream: io.TextIOWrapper, fate: Stdout) -> io.TextIOWrapper:
    """The same stream once more. Raises OSError if it is no file."""
    raw: io.RawIOBase = _Raw(stream.fileno(), fate)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


INTERRUPTED = 130
DEBUG_VARIABLE = "BIOFS_DEBUG"
_LONGEST_LINE = 2000


def guarded(command: click.Command, argv: Sequence[str] | None) -> int:
    """Run a click command: whatever it raises becomes one line on stderr and an exit code."""
    with watched() as stdout:
        try:
            result = command.main(
                args=None if argv is None else list(argv), prog_name="biofs", standalone_mode=False
            )
            if sys.stdout is not None:
                # What was written may still be refused, by a pipe that nobody reads any more.
                sys.stdout.flush()
        except (Exception, KeyboardInterrupt, SystemExit) as error:
            return _ended_by(error, stdout)
    return result if isinstance(result, int) else 0


def complain(message: str) -> None:
    """Say it in one line on stderr."""
    # Without a stderr there is nobody to tell.
    with suppress(OSError, ValueError, AttributeError):
        print(f"biofs: {one_line(message)}", file=sys.stderr, flush=True)


def let_go_of_stderr() -> None:
    """Have what standard error refuses go nowhere: of a terminal that was closed, say.

    Else Python would try again at its end, and end with its own 120 (Py_FinalizeEx).
    """
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            os.dup2(nowhere, sys.stderr.fileno())
            os.close(nowhere)


def one_line(text: str) -> str:
    """The text without anything that could break the line or move a terminal's cursor."""
    text = " ".join(line.strip() for line in text.splitlines() if line.strip())
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= _LONGEST_LINE else f"{shown[:_LONGEST_LINE]}…"


def _ended_by(error: BaseException, stdout: Stdout) -> int:
    error = _only_cause(error)
    code = 1
    match error:
        case SystemExit():
            # click's own way out when nobody reads stdout any more.
            code = error.code if isinstance(error.code, int) else 1
        case NoArgsIsHelpError():
            error.show()
            code = USAGE
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "biofs"
            complain(f"{_lowered(error.format_message())}: see `{path} --help`")
            code = USAGE
        case click.ClickException():
            complain(_lowered(error.format_message()))
            code = error.exit_code
        case QuietError():
            complain(error.message)
            code = error.exitcode
        case click.Abort() | KeyboardInterrupt():
            complain("interrupted")
            code = INTERRUPTED
        case BrokenPipeError():
            pass  # nobody reads stdout any more, or wants to be told
        case OSError() if stdout.refused is not None:
            complain(f"cannot write to standard output: {stdout.refused.strerror}")
        case _:
            _unexpected(error)
    return code


def _unexpected(error: BaseException) -> None:
    name = type(error).__name__
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error)
        complain(f"unexpected {name}")
        return
    log = _log(error)
    where = f"the log is {log}" if log else f"{DEBUG_VARIABLE}=1 shows where"
    complain(f"unexpected {name}, which should not happen: {where}")


def _only_cause(error: BaseException) -> BaseException:
    """What a nursery wrapped, if it is one thing."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _log(error: BaseException) -> Path | None:
    from biofs.settings.values import default_log_file  # noqa: PLC0415 - slow to import, seldom needed

    path = default_log_file()
    if path is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} CRITICAL biofs: unexpected\n")
            traceback.print_exception(error, file=log)
    except OSError:
        return None
    return path


def _lowered(text: str) -> str:
    """click's sentence as a part of ours."""
    return text[:1].lower() + text[1:].strip().removesuffix(".")


def confirm(question: str) -> None:
    """Go on only if the user says yes. Raises QuietError where nobody can be asked."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise QuietError("cannot ask for confirmation (no terminal): pass --yes", USAGE)
    click.confirm(question, abort=True, err=True)

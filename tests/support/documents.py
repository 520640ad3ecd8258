"""Commands and their outputs as they stand in a document, and as they are on a terminal."""

from __future__ import annotations

import ast
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_COLUMNS = 100
_PROMPT = "    $ "
_INDENT = "    "
_STYLE = re.compile(r"\x1b\[[0-9;]*m")  # bold and colours, which a document has not

# What a progress bar, which is there only if it takes long, writes and takes back (xterm, ctlseqs:
# DECTCEM hides the cursor, CUU goes up a line, EL erases one).
_CURSOR = re.compile(r"\x1b\[\?25[lh]")
_LINE_ABOVE = re.compile(r"[^\n]*\n\r?\x1b\[1A\x1b\[2K")
_ERASED = re.compile(r"[^\n]*\r\x1b\[2K")


@dataclass(frozen=True)
class Example:
    """A command in a document and what it prints. `line` is the command's, counted from 1."""

    command: str
    output: list[str]
    line: int


def examples(document: Path) -> list[Example]:
    """The commands in indented blocks, each with the lines below it.

    A line that ends with a backslash goes on in the next one. `    …` stands for lines left out.
    """
    found: list[Example] = []
    reading: Example | None = None
    lines = document.read_text("utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if line.startswith(_PROMPT):
            reading = Example(line.removeprefix(_PROMPT), [], number)
            found.append(reading)
        elif reading is not None and (line.startswith(_INDENT) or not line):
            reading.output.append(line.removeprefix(_INDENT))
        else:
            reading = None
    return [Example(each.command, _without_end(each.output), each.line) for each in found]


def _without_end(lines: list[str]) -> list[str]:
    while lines and not lines[-1]:
        lines = lines[:-1]
    return lines


def names_of_tests(module: Path) -> set[str]:
    """The names of the tests that a module defines."""
    return {
        node.name
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def fits(example: Example, output: list[str]) -> bool:
    """Whether an output is what the document says."""
    pattern = "\n".join(".*" if line == "…" else re.escape(line) for line in example.output)
    return re.fullmatch(pattern, "\n".join(output), re.DOTALL) is not None


def on_terminal(command: str, directory: Path, env: Mapping[str, str]) -> tuple[int, list[str]]:
    """What bash prints on a terminal of 100 columns: the exit code and the lines that stay."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, _COLUMNS, 0, 0))
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=directory,
        env={**env, "TERM": "xterm", "NO_COLOR": "1", "TZ": "UTC"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    written = b""
    while True:
        try:
            read = os.read(master, 65536)
        except OSError:  # EIO: the last one has closed the terminal (pty(7))
            break
        if not read:
            break
        written += read
    os.close(master)
    return process.wait(timeout=60), _without_end(_left(written.decode(errors="replace")))


def _left(written: str) -> list[str]:
    """The lines that are left on the terminal."""
    text = _CURSOR.sub("", _STYLE.sub("", written)).replace("\r\n", "\n")
    text = _ERASED.sub("", _LINE_ABOVE.sub("", text))
    return text.replace("\xa0", " ").expandtabs().split("\n")

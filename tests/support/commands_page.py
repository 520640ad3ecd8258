"""Writes docs/commands.md out of the commands themselves: scripts/manual."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from biofs.cli import program
from tests.support.manual import all_commands

PAGE = Path(__file__).parents[2] / "docs/commands.md"

_HEAD = """\
<!-- Written by scripts/manual. -->

# Commands

What each says with `--help`; `man biofs` has the same. [configuration.md](configuration.md) says
what can also be set in a file or the environment, and what exit codes mean, [costs.md](costs.md)
what a command costs.

| command | what it does |
| --- | --- |
"""


def page() -> str:
    """The whole page."""
    commands = list(all_commands(program, "biofs"))
    rows = [
        f"| [`{path}`](#{_anchor(path)}) | {_cell(command.get_short_help_str(200))} |\n"
        for path, command in commands
    ]
    sections = ["\n".join(_section(path, command)) for path, command in commands]
    return _HEAD + "".join(rows) + "\n" + "\n".join(sections)


def _anchor(path: str) -> str:
    return path.replace(" ", "-")


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def _section(path: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=path, help_option_names=["-h", "--help"])
    yield f"## {path}\n"
    yield f"    {path} {' '.join(command.collect_usage_pieces(context))}\n"
    yield from _paragraphs(command.help or "")
    options = [
        record
        for parameter in command.params
        if isinstance(parameter, click.Option)
        and (record := parameter.get_help_record(context)) is not None
    ]
    if options:
        yield "| option | |\n| --- | --- |"
        yield from (f"| `{_cell(names)}` | {_cell(text)} |" for names, text in options)
        yield ""
    yield from _paragraphs(command.epilog or "")


def _paragraphs(text: str) -> Iterator[str]:
    """click's paragraphs; those behind \\b keep their lines."""
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in paragraph.splitlines()]
        if lines and lines[0] == "\b":
            if not lines[1].startswith("biofs"):
                yield f"{lines.pop(1)}\n"
            yield "\n".join(f"    {line}" for line in lines[1:]) + "\n"
        elif any(lines):
            yield " ".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print(f"biofs: wrote {PAGE}", file=sys.stderr)

"""`biofs verify`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import click

from biofs.cli import mount_lookup, options
from biofs.cli.output import quantities
from biofs.cli.output.report import one_line
from biofs.control.protocol import Ask
from biofs.errors import QuietError

_FAILED: Final = ("wrong", "suspect", "unreadable", "unknown")
"""States of files for which the exit code is 1."""

_SUMMARY: Final = {
    "wrong": "wrong",
    "suspect": "in a wrong piece with others",
    "unreadable": "unreadable",
    "unfinished": "unfinished",
    "unverifiable": "not verifiable",
    "unknown": "without hashes",
    "missing": "not here",
}
"""What is said of how many files, by their state, in this order."""


@click.command(
    "verify",
    epilog="\b\nExamples:\n"
    "  biofs verify ~/biotorrents/groups/1\n"
    "  biofs verify ~/biotorrents/torrents/1/files/* && echo right",
)
@click.option("--json", "as_json", is_flag=True, help="Print an object a line, for programs.")
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, shell_complete=options.complete_file
)
def command(paths: tuple[str, ...], as_json: bool) -> int:
    """Check data on this machine against its hashes.

    PATH is a file, a torrent or a group in a mount with --data. What is here is read whole, also
    if it was verified before. Names the files that are wrong; then the exit code is 1.
    """
    from biofs.cli.output import progress  # noqa: PLC0415 - rich takes a tenth of a second

    with progress.shown() as show:
        answers = {
            mountpoint: _ask(mountpoint, asked, show)
            for mountpoint, asked in mount_lookup.asks(paths, "verify").items()
        }
    try:
        return _said(answers, as_json=as_json)
    except (KeyError, TypeError, AttributeError):
        raise QuietError(f"{paths[0]}: its mount runs a different biofs version") from None


def _ask(mountpoint: str, ask: Ask, show: Callable[..., None]) -> Mapping[str, Any]:
    def tell(progress: str) -> None:
        done, _, rest = progress.partition(" of ")
        total, _, files = rest.partition(" ")
        if done.isdigit() and total.isdigit() and files.isdigit():
            of = f"{quantities.size(int(done))} of {quantities.size(int(total))}"
            show(float(done), float(total), f"{of}, {quantities.counted(int(files), 'file')} done")
        else:
            show(0.0, None, one_line(progress))

    return mount_lookup.ask_mount(mountpoint, ask, mountpoint, tell)


def _said(answers: Mapping[str, Mapping[str, Any]], *, as_json: bool) -> int:
    """Say what was found, and return the exit code. Raises QuietError if nothing was."""
    summary: Counter[str] = Counter()
    named = missing = 0
    for mountpoint, answer in answers.items():
        summary.update(answer["summary"])
        named += answer["others"]
        missing += answer["others_missing"]
        for entry in [*answer["named"], *(answer["missing"] if as_json else ())]:
            shown = {**entry, "path": f"{mountpoint.rstrip('/')}/{entry['path']}"}
            click.echo(json.dumps(shown) if as_json else in_words(shown))
    if as_json:
        others = {"others": named, "others_missing": missing}
        click.echo(json.dumps({"summary": {**summary, **others}}))
    elif named:
        click.echo(f"and {quantities.counted(named, 'other')}: name fewer files to see them")
    if not any(summary[state] for state in ("right", *_SUMMARY) if state != "missing"):
        if as_json:
            return 1
        raise QuietError(NOTHING)
    if not as_json:
        click.echo(in_sum(summary))
    return int(any(summary[state] for state in _FAILED))


NOTHING: Final = (
    "nothing of that is on this machine: get it with a BitTorrent client (`biofs torrent ID`), or "
    "mount with --data DIR, where it is"
)


def in_words(entry: Mapping[str, Any]) -> str:
    """A file that is not right."""
    path, state = one_line(entry["path"]), entry["state"]
    if state in {"unknown", "unreadable"}:
        return f"{path}: {one_line(entry['error'])}"
    pieces = quantities.counted(entry.get("pieces", 0), "piece")
    said = []
    if wrong := entry.get("wrong", 0):
        kind = "missing" if state == "unfinished" else "wrong"
        said.append(f"{wrong:,} of {pieces} {kind}")
        if state == "suspect":
            said.append("other files are in it too, and which is wrong cannot be told")
    if untold := entry.get("unverifiable", 0):
        said.append(f"{untold:,} of {pieces} cannot be verified without files that are not here")
    return f"{path}: {'; '.join(said) or 'cannot be verified'}"


def in_sum(summary: Mapping[str, int]) -> str:
    """How many files are what."""
    said = ["no file is right"]
    if right := summary["right"]:
        files = quantities.counted(right, "file")
        said = [f"{quantities.size(summary['bytes'])} in {files} {_are(right)} right"]
    for state, what in _SUMMARY.items():
        if count := summary[state]:
            said.append(f"{quantities.counted(count, 'file')} {_are(count)} {what}")
    return "; ".join(said)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"

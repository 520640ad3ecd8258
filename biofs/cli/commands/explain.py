"""`biofs explain`."""

import json
from collections.abc import Mapping
from typing import Any

import click

from biofs.cli import mount_lookup, options
from biofs.cli.output import quantities
from biofs.cli.output.report import one_line
from biofs.errors import QuietError


@click.command(
    "explain",
    epilog="Example: biofs explain ~/biotorrents/categories/Sequences",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
@click.argument("path", metavar="PATH", shell_complete=options.complete_file)
def command(path: str, as_json: bool) -> None:
    """Describe PATH and how many requests reading it would take.

    And how old it is. Asks the mount, which asks nobody: explaining costs no request.
    """
    answer = mount_lookup.ask(path, "explain")
    try:
        click.echo(json.dumps(answer, indent=2) if as_json else shown_for_people(answer))
    except (KeyError, TypeError):
        raise QuietError(f"{path}: its mount runs a different biofs version; use --json") from None


def shown_for_people(facts: Mapping[str, Any]) -> str:
    """What a mount knows of a path, as a table."""
    rows = [("what", facts["what"])]
    for name, key in (("group", "group_name"), ("torrent", "torrent_name"), ("in", "category")):
        if key in facts:
            rows.append((name, one_line(facts[key])))
    if "bytes" in facts:
        rows.append(
            (
                "data",
                (
                    f"{quantities.size(facts['bytes'])} in "
                    f"{quantities.counted(facts['files'], 'file')}"
                ),
            )
        )
    rows += [("known", _known(facts)), ("reading", _cost(facts))]
    if "data" in facts:
        rows.append(("content", _content(facts)))
    if "disk_path" in facts:
        rows.append(("on the disk", one_line(facts["disk_path"])))
    if facts.get("requests_for_all"):
        requests = quantities.counted(facts["requests_for_all"], "request")
        rows.append(("everything below", f"{requests} more"))
    return quantities.table(rows)


def _known(facts: Mapping[str, Any]) -> str:
    if not facts["known"]:
        return "no, being fetched now" if facts.get("being_fetched") else "no"
    if "confirmed" not in facts:
        return "yes"
    ago = facts["now"] - facts["confirmed"]
    said = f"yes, verified {quantities.age(ago)} ago"
    if ago < 0:
        said = "yes, verified when the clock was ahead"
    if facts.get("never_changes"):
        return f"{said}; a file list never changes"
    if "fresh_until" not in facts:
        return said
    until = facts["fresh_until"]
    if until is None:
        return f"{said}; has changed since"
    left = until - facts["now"]
    return f"{said}, fresh for {quantities.duration(left)}" if left > 0 else f"{said}; old"


_CONTENT = {
    "no directories": "none: `biofs mount --data DIR` shows what lies in DIR",
    "missing": "none: the data directories have no file of this name and size",
    "unlisted": "none: the torrent's metainfo has no file of this name and size",
    "downloadable": "found, not verified: reading it downloads the .torrent first",
    "no metainfo": (
        "found, but no .torrent to verify it by: mount with --torrents DIR, or with a cookie or "
        "passkey to download it"
    ),
    "unknown": "not known: its disk does not answer, or the file list is not in the cache",
}


_FETCH = "`biofs fetch PATH` fetches it"
_NO_ENGINE = "with an engine set `biofs fetch PATH` would fetch it: see docs/fetch.md"


def _content(facts: Mapping[str, Any]) -> str:
    """Why a file below `files/` opens or does not."""
    data = facts["data"]
    if data == "here":
        return f"found, {_verified(facts)}"
    if data == "unfinished":
        return f"found, unfinished, {_verified(facts)}"
    if data == "wrong":
        wrong = quantities.counted(facts["wrong_pieces"], "piece")
        return f"found, but {wrong} wrong when last read, {_verified(facts)}"
    if data == "unreadable":
        return f"cannot be looked at: {one_line(facts['problem'])}"
    said = _CONTENT["downloadable" if facts["downloads"] else data]
    if data in {"missing", "no directories"}:
        said += f"; {_FETCH if facts.get('engine') else _NO_ENGINE}"
    return said


def _verified(facts: Mapping[str, Any]) -> str:
    pieces, verified = facts["pieces"], facts["verified_pieces"]
    if verified == pieces:
        return "verified"
    return f"{verified:,} of {quantities.counted(pieces, 'piece')} verified"


def _cost(facts: Mapping[str, Any]) -> str:
    if facts.get("content") is False and facts.get("data") != "unknown":
        return "fails: there is no content behind the name (No data available)"
    if not facts["known"] or facts.get("downloads"):
        return _requests(facts)
    again = facts.get("refresh_requests")
    if again:
        asked = quantities.counted(again, "request")
        return f"no requests now; {asked} in the background to look at it again"
    return "no requests"


def _requests(facts: Mapping[str, Any]) -> str:
    requests = facts["requests"]
    if facts["offline"]:
        return "fails: the mount is offline"
    if requests is None:
        return "costs at least 1 request; how many there are the first will tell"
    return f"costs {quantities.counted(requests, 'request')}"

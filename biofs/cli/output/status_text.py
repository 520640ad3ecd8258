"""What a mount says of itself, for people: as a table, or in one line, which can stay.

A mount in the foreground shows its state in the last line of the terminal; lines of the log stand
above it. Nothing of it is coloured, so NO_COLOR changes nothing.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from biofs.cli.output import quantities
from biofs.cli.output.report import one_line
from biofs.cli.output.terminal import Line, can_redraw
from biofs.settings.table import DEMO_URL

if TYPE_CHECKING:
    import trio

    from biofs.mount.process.run import Companion, Mounted
    from biofs.settings.load import Settings


def as_table(answer: Mapping[str, Any]) -> str:
    """What a mount answers, as a table."""
    requests, known = answer["requests"], answer["known"]
    rows = [
        ("mountpoint", one_line(answer["mountpoint"])),
        ("server", _server(answer)),
        ("mounted", f"{quantities.age(answer['mounted_seconds'])} ago by biofs {answer['biofs']}"),
        ("pace", _pace(answer["pace"])),
        ("requests", _requests(requests)),
        ("queue", _queue(requests["waiting"], answer["readers_waiting"])),
        ("known", _known(known)),
    ]
    if answer.get("snapshot", {}).get("url"):
        rows.append(("published", _published(answer["snapshot"])))
    rows += [("last error", f"{e['action']}: {e['error']}") for e in answer["last_errors"]]
    return "\n".join([quantities.table(rows), *_categories(known["categories"])])


def in_one_line(state: Mapping[str, Any], kept: int | None = None) -> str:
    """How a mount goes; `kept` is the size of its cache in bytes, if its answer lacks it."""
    kept = state.get("known", {}).get("bytes", kept)
    requests, pace = state["requests"], state["pace"]
    said = [f"queue {requests['waiting']}"]
    if pace["rate"] != "unlimited":
        wait = pace["next_request_in_seconds"]
        said[0] += f", next in {wait:.0f} s" if requests["waiting"] and wait else ""
        said.append(f"pace {pace['rate']}")
    said.append(f"{requests['sent']:,} sent")
    said.append(f"{requests['saved'] + requests['joined']:,} served without")
    if kept is not None:
        said.append(f"{quantities.size(kept)} cached")
    if state.get("readers_waiting"):
        said.append(f"{quantities.counted(state['readers_waiting'], 'reader')} waiting")
    if state.get("snapshot", {}).get("problem"):
        said.append("nothing newer can be fetched")
    elif state["offline"]:
        said.append("offline")
    elif state["server_reachable"] is False:
        said.append("server not reachable")
    elif state.get("server_unfit"):
        said.append("server of another age")
    return " · ".join(said)


def _server(answer: Mapping[str, Any]) -> str:
    server = one_line(answer["server"])
    if server == DEMO_URL:
        return "the embedded catalogue"
    if answer.get("snapshot"):
        snapshot = answer["snapshot"]
        made = datetime.fromtimestamp(snapshot["made"], UTC)
        return f"{server} as of {made:%Y-%m-%d %H:%M} UTC, {one_line(snapshot['file'])}"
    if answer["offline"]:
        return f"{server}, offline"
    if answer.get("server_unfit"):
        return f"{server}: {one_line(answer['server_unfit'])}"
    states = {None: "not asked yet", True: "reachable", False: "not reachable"}
    return f"{server}, {states[answer['server_reachable']]}"


def _published(snapshot: Mapping[str, Any]) -> str:
    """When the URL of a mounted snapshot is looked at, and what stands in the way."""
    checked = datetime.fromtimestamp(snapshot["checked"], UTC)
    said = f"looked at {checked:%Y-%m-%d %H:%M} UTC"
    wait, fetching = snapshot["next_check_in_seconds"], snapshot["fetching"]
    if fetching:
        of = f" of {quantities.size(fetching['of'])}" if fetching["of"] else ""
        said += f", fetching: {quantities.size(fetching['bytes'])}{of}"
    elif wait is None:
        said += ", offline"
    else:
        said += f", next in {quantities.duration(wait)}"
    return f"{said}; {one_line(snapshot['problem'])}" if snapshot["problem"] else said


def _requests(requests: Mapping[str, Any]) -> str:
    return (
        f"{requests['sent']:,} sent, {requests['retried']:,} of them again; saved: "
        f"{requests['joined']:,} joined to others, {requests['saved']:,} answered without"
    )


def _queue(requests: int, readers: int) -> str:
    waiting = quantities.counted(requests, "request")
    return f"{waiting} and {quantities.counted(readers, 'reader')} waiting"


def _pace(pace: Mapping[str, Any]) -> str:
    if pace["rate"] == "unlimited":
        return "unlimited"
    wait = pace["next_request_in_seconds"]
    following = f"the next may be sent in {wait:g} s" if wait else "the next may be sent now"
    return f"{pace['rate']} requests/seconds, {following}"


def _known(known: Mapping[str, Any]) -> str:
    said = (
        f"{quantities.counted(known['groups'], 'group')}, "
        f"{known['details']:,} of them with details, "
        f"{quantities.counted(known['file_lists'], 'file list')}"
    )
    if known["bytes"] is not None:
        said += f", {quantities.size(known['bytes'])}"
    if known["newest_detail_seconds"] is not None:
        ages = quantities.ages(known["newest_detail_seconds"], known["oldest_detail_seconds"])
        said += f"; details {ages}"
    return said


def _categories(categories: Mapping[str, Any]) -> list[str]:
    if not categories:
        return []
    lines = ["", f"{'category':<20} {'groups':>9} {'details':>9}  listing"]
    for name, known in categories.items():
        listing = (
            f"{quantities.age(known['listing_seconds'])} old" if known["listed"] else "not complete"
        )
        lines.append(f"{name:<20} {known['groups']:>9,} {known['details']:>9,}  {listing}")
    return lines


SECONDS: Final = 1.0


def is_of_use(settings: Settings) -> bool:
    """Whether there is a terminal on which a line can be drawn again and again."""
    return settings.foreground and settings.log_file is None and can_redraw(sys.stderr)


def following(settings: Settings) -> Companion:
    """A companion of a mount that shows the mount's state."""
    import trio  # noqa: PLC0415 - slow, and `biofs status` needs none of it

    async def follow(mounted: Mounted, *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        line = Line(sys.stderr)
        handlers = [
            handler
            for handler in logging.getLogger().handlers
            if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
        ]
        for handler in handlers:
            handler.setStream(line)
        try:
            while True:
                line.show(in_one_line(mounted.state(), _kept(settings)))
                await trio.sleep(SECONDS)
        finally:
            for handler in handlers:
                handler.setStream(sys.stderr)
            line.close()

    return follow


def _kept(settings: Settings) -> int | None:
    from biofs.store.database import files  # noqa: PLC0415 - as in `following`

    path = None if settings.snapshot_url else files.store_path(settings)
    return None if path is None else files.size(path)

"""What Transmission's RPC says of a torrent, as biofs has it (docs/rpc-spec.md of Transmission)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

from biofs.contents.engines.engine import Progress, State
from biofs.contents.engines.messages import told
from biofs.contents.engines.rpc import shapes
from biofs.tree.printable import for_terminal

Fields = Mapping[str, Any]


class Status(IntEnum):
    """The states that are not fetching or seeding."""

    STOPPED = 0
    CHECK_WAITS = 1
    CHECKS = 2


class Error(IntEnum):
    """What `errorString` is about."""

    NONE = 0
    TRACKER_WARNS = 1
    TRACKER_REFUSES = 2
    LOCAL = 3


def hash_in(fields: Fields) -> bytes | None:
    """The info hash of v1; None if it is none."""
    try:
        info_hash = bytes.fromhex(shapes.text(fields.get("hashString"), 40))
    except ValueError:
        return None
    return info_hash if len(info_hash) == 20 else None


def lengths(fields: Fields) -> list[int]:
    """The size of each file, in bytes."""
    return [shapes.integer(each.get("length")) for each in shapes.mappings(fields.get("files"))]


def bytes_done(fields: Fields) -> list[int]:
    """How much of each file Transmission has, in bytes."""
    return [
        min(shapes.integer(each.get("bytesCompleted")), shapes.integer(each.get("length")))
        for each in shapes.mappings(fields.get("files"))
    ]


def wanted_in(fields: Fields) -> list[int]:
    """The numbers of the wanted files."""
    count = len(shapes.sequence(fields.get("files")))
    stats = shapes.mappings(fields.get("fileStats"))[:count]
    return [index for index, each in enumerate(stats) if each.get("wanted") is True]


def has_name(directory: Path, name: str) -> bool:
    """Whether a torrent's top name is in a directory, perhaps unfinished."""
    if not name or "/" in name or "\0" in name or name in {".", ".."}:
        return False
    return any(os.path.lexists(directory / each) for each in (name, f"{name}.part"))


def progress_in(info_hash: bytes, fields: Fields) -> Progress:
    """A torrent's answer as `Progress`."""
    wanted, done, sizes = wanted_in(fields), bytes_done(fields), lengths(fields)
    trackers = shapes.mappings(fields.get("trackerStats"))
    size = sum(sizes[index] for index in wanted)
    there = [done[index] for index in wanted]
    whole = sum(there) == size and shapes.integer(fields.get("leftUntilDone"), -1) == 0
    return Progress(
        info_hash=info_hash,
        name=for_terminal(shapes.text(fields.get("name"))),
        state=_state(fields, whole),
        wanted=wanted,
        done=there,
        size=size,
        rate=shapes.integer(fields.get("rateDownload")),
        peers=shapes.integer(fields.get("peersConnected")),
        seeders=shapes.largest([each.get("seederCount") for each in trackers]),
        message=_message(fields, trackers),
    )


def _state(fields: Fields, whole: bool) -> State:
    status = shapes.integer(fields.get("status"), -1)
    error = shapes.integer(fields.get("error"))
    if error == Error.LOCAL:
        return State.FAILED
    if status in {Status.CHECK_WAITS, Status.CHECKS}:
        return State.CHECKING
    if whole:
        return State.FINISHED
    if status == Status.STOPPED:
        return State.STOPPED
    alone = shapes.integer(fields.get("peersConnected")) == 0
    return State.FAILED if error == Error.TRACKER_REFUSES and alone else State.FETCHING


def _message(fields: Fields, trackers: Sequence[Fields]) -> str:
    announces = [each.get(key) for each in trackers for key in ("announce", "scrape")]
    if shapes.integer(fields.get("error")) != Error.NONE:
        return told(fields.get("errorString"), announces)
    for each in trackers:
        if each.get("hasAnnounced") is True and each.get("lastAnnounceSucceeded") is False:
            return told(each.get("lastAnnounceResult"), announces)
    return ""

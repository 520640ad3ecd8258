"""What qBittorrent's Web API says of a torrent, as biofs has it (its wiki, "WebUI API")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final

from biofs.contents.engines.engine import State
from biofs.contents.engines.messages import told
from biofs.contents.engines.rpc import shapes

Fields = Mapping[str, Any]

UNWANTED: Final = 0

STOPPED: Final = frozenset({"pausedDL", "stoppedDL", "pausedUP", "stoppedUP"})
LOADED: Final = frozenset(
    {"downloading", "stalledDL", "forcedDL", "queuedDL", "uploading", "stalledUP", "forcedUP"}
)
"""States of a torrent that says what it has: not so while it is loaded or checked."""
CHECKED: Final = frozenset({"checkingDL", "checkingUP"})
"""States of a torrent whose data are compared with its hashes, or will be when it is its turn."""
_CHECKING: Final = CHECKED | {"checkingResumeData"}
_BROKEN: Final = frozenset({"error", "missingFiles"})
_TRACKER_FAILS: Final = 4


def ident_in(fields: Fields) -> str:
    """The name of a torrent in the Web API."""
    return shapes.text(fields.get("hash"), 64)


def hash_in(fields: Fields) -> bytes | None:
    """As the catalogue has it: of v1, if the torrent has one."""
    for key in ("infohash_v1", "hash"):
        try:
            found = bytes.fromhex(shapes.text(fields.get(key), 40))
        except ValueError:
            continue
        if len(found) == 20:
            return found
    return None


def has_place(fields: Fields) -> bool:
    """Whether it says where a torrent's content is: not so while it is loading."""
    place = shapes.text(fields.get("content_path"))
    return PurePosixPath(place).is_absolute() or PureWindowsPath(place).is_absolute()


def tags_in(fields: Fields) -> list[str]:
    """The tags of a torrent."""
    tags = shapes.text(fields.get("tags"), 1 << 20).split(",")
    return [tag.strip() for tag in tags if tag.strip()]


def is_wanted(file: Fields) -> bool:
    """Whether a file of a torrent is wanted."""
    return shapes.integer(file.get("priority")) != UNWANTED


def state_of(fields: Fields) -> str:
    """The state by its name in the Web API."""
    return shapes.text(fields.get("state"), 40)


def state_in(fields: Fields, whole: bool) -> State:
    """A torrent's state; `whole` is whether all wanted files are."""
    state = state_of(fields)
    if state in _BROKEN:
        return State.FAILED
    if state in _CHECKING:
        return State.CHECKING
    if whole and state != "moving":
        return State.FINISHED
    if state in STOPPED:
        return State.STOPPED
    # Also if every tracker fails: one that refuses looks like one that is away for a moment.
    return State.FETCHING


def broken(fields: Fields) -> str:
    """What is wrong with a torrent's files; empty if nothing is."""
    match state_of(fields):
        case "missingFiles":
            return "its files are gone or were changed: check them again in qBittorrent"
        case "error":
            return "qBittorrent cannot write or read its files: see its log"
        case _:
            return ""


def trackers_say(trackers: Sequence[Fields]) -> str:
    """What the trackers say, if none of them works."""
    urls = [each.get("url") for each in trackers]
    # The first are not trackers: `** [DHT] **` and two more.
    real = [each for each in trackers if "://" in shapes.text(each.get("url"), 1 << 16)]
    if not real or any(each.get("status") != _TRACKER_FAILS for each in real):
        return ""
    return next((said for each in real if (said := told(each.get("msg"), urls))), "")


def version_in(version: str) -> tuple[int, int]:
    """``v4.5.2`` as (4, 5); (0, 0) if it is none."""
    parts = version.lstrip("v").split(".")[:2]
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() for part in parts):
        return (0, 0)
    return (int(parts[0]), int(parts[1]))

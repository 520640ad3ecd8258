"""What was found of a snapshot's file, so that it is read whole for it once and not at each mount.

A file that is another one has another inode, size or time. Its time of change (ctime) cannot be set
back by who writes to it, but has the granularity of the clock that made it (inode(7)): of a file
that was changed just now nothing is kept for later.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from biofs.settings import private_files

SUFFIX: Final = ".seen"
SETTLED: Final = 2.0
"""Seconds after which a later change is sure to show in a file's times."""
_LARGEST: Final = 4096


class Identity(NamedTuple):
    """Which file it is, as it is now; times are in nanoseconds."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a file: its checksum, and the key that has signed it; "" if it was not
    looked at."""

    identity: Identity
    sha256: Annotated[str, Meta(pattern=r"\A([0-9a-f]{64})?\Z")] = ""
    signed_with: str = ""


_decode: Final = msgspec.json.Decoder(Found).decode
_here: dict[Identity, Found] = {}
"""Of this process, which looks at a file twice: before it goes into the background, and then."""


def identity(file: Path) -> Identity:
    """Which file it is. Raises OSError."""
    found = file.stat()
    return Identity(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def found(folder: Path | None, wanted: Identity) -> Found:
    """What is kept of a file in `folder`; without anything in it, if there is nothing."""
    here = _here.get(wanted)
    if here is not None:
        return here
    nothing = Found(identity=wanted)
    if folder is None:
        return nothing
    try:
        with _path(folder, wanted).open("rb") as opened:
            kept = _decode(opened.read(_LARGEST))
    except (OSError, msgspec.DecodeError, RecursionError):
        return nothing
    return kept if kept.identity == wanted else nothing


def keep(folder: Path | None, file: Path, found: Found) -> None:
    """Keep what was found of a file. Errors are passed over: it is found again then."""
    with suppress(OSError):
        if identity(file) != found.identity:
            return  # written to meanwhile
        _here.clear()
        _here[found.identity] = found
        settled = time.time() - found.identity.changed / 1e9 > SETTLED
        if folder is not None and settled:
            private_files.write(_path(folder, found.identity), msgspec.json.encode(found))


def remove_old(folder: Path, oldest: float) -> None:
    """Remove what was kept before `oldest` (epoch seconds). Errors are passed over."""
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _path(folder: Path, wanted: Identity) -> Path:
    return folder / f"{wanted.device:x}-{wanted.inode:x}{SUFFIX}"

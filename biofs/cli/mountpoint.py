"""Whether the catalogue can be mounted at a directory; clears away what an ended mount left there.

Only a child touches the directory: a file system whose server hangs holds whoever looks at it, and
not even SIGKILL frees it.
"""

import errno
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from biofs.cli import machine, mountinfo, tools
from biofs.errors import USAGE, QuietError

PATIENCE = 5.0
"""Seconds for a directory on a healthy file system, however busy, to answer."""

_LOOK = """
import os, sys
path = os.path.realpath(sys.argv[1])
os.write(1, os.fsencode(path))
try:
    with os.scandir(path) as entries:
        found = next(entries, None)
except OSError as error:
    os._exit(error.errno)
os._exit(int(sys.argv[2]) if found else 0)
"""


@dataclass(frozen=True, slots=True)
class Look:
    """A directory as seen by a child: 0 for an empty one, ENOTEMPTY, or why it cannot be listed."""

    path: str
    error: int


def look(path: str, patience: float = PATIENCE) -> Look | None:
    """Resolve `path` and list it; None if that takes longer than `patience` seconds."""
    python = (sys.executable, "-I", "-S", "-c", _LOOK)
    ended = tools.run((*python, path, str(errno.ENOTEMPTY)), patience)
    return None if ended is None else Look(os.fsdecode(ended.output), ended.code)


def prepare(path: str, *, nonempty: bool = False, patience: float = PATIENCE) -> Path:
    """The absolute path to mount at, free of links.

    A biofs mount there whose daemon is gone is unmounted. Raises QuietError for all that makes the
    directory unfit, with what to do.
    """
    if not path:
        raise QuietError("the mountpoint is an empty name: give a directory", USAGE)
    seen = _looked(path, patience)
    if seen.error == errno.ECONNABORTED:  # a mount is dying this very moment
        seen = _looked(path, patience)
    mount = mountinfo.topmost(mountinfo.read(), seen.path)
    if seen.error == errno.ENOTCONN and mount is not None and mount.is_biofs:
        _detach(mount.mountpoint)
        seen = _looked(path, patience)
        mount = mountinfo.topmost(mountinfo.read(), seen.path)
    _refuse_mounted(path, seen, mount)
    _refuse_unfit(path, seen.error, nonempty)
    if os.geteuid() != 0 and not os.access(seen.path, os.W_OK):
        raise QuietError(
            f"{path}: you cannot write there, which mounting needs: choose a directory of your own"
        )
    return Path(seen.path)


def _looked(path: str, patience: float) -> Look:
    seen = look(path, patience)
    if seen is None:
        raise QuietError(
            f"{path}: does not answer: what is mounted there hangs: "
            f"`biofs umount --lazy {shlex.quote(path)}` ends a mount of biofs"
        )
    return seen


def _detach(mountpoint: str) -> None:
    ended = tools.run((machine.fusermount(), "-u", "-z", "--", mountpoint), PATIENCE)
    if ended is None or ended.code != 0:
        reason = ended.errors if ended else "fusermount3 does not end"
        raise QuietError(f"{mountpoint}: the mount that ended there cannot be removed: {reason}")


def _refuse_mounted(path: str, seen: Look, mount: mountinfo.Mount | None) -> None:
    if mount is None or not mount.is_fuse:
        return
    if mount.is_biofs and seen.error != errno.ENOTCONN:
        command = f"biofs umount {shlex.quote(path)}"
        raise QuietError(f"{path}: already mounted: `{command}` ends that mount")
    state = "a dead mount" if seen.error == errno.ENOTCONN else "busy with a mount"
    raise QuietError(
        f"{path}: {state} of {mount.source} ({mount.fstype}): "
        f"`fusermount3 -u {shlex.quote(path)}` ends it"
    )


def _refuse_unfit(path: str, error: int, nonempty: bool) -> None:
    if error == 0 or (error == errno.ENOTEMPTY and nonempty):
        return
    command = f"mkdir -p {shlex.quote(path)}"
    problems = {
        errno.ENOENT: f"no such directory: make it with `{command}`",
        errno.ENOTDIR: "not a directory: choose an empty directory",
        errno.ENOTEMPTY: "not empty: choose an empty directory, or hide what is in it "
        "with -o nonempty",
        errno.EACCES: "permission denied: choose a directory of your own",
    }
    raise QuietError(f"{path}: {problems.get(error, os.strerror(error))}")

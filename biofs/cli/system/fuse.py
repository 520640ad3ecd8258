"""Whether this machine, and this directory, can be mounted at: said before it is tried.

What an ended mount left there is cleared away. Only a child touches the directory: a file system
whose server hangs holds whoever looks at it, and not even SIGKILL frees it.
"""

import errno
import io
import os
import select
import shlex
import shutil
import stat
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from biofs.cli.system import processes
from biofs.contents.disk import mountinfo
from biofs.errors import USAGE, QuietError

DEVICE = Path("/dev/fuse")
FUSE_CONF = Path("/etc/fuse.conf")
FUSERMOUNT = "fusermount3"
_USUAL = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin:/usr/local/sbin"
"""Where it is installed: a supervisor's PATH may lack that."""


def check(
    fuse_options: Collection[str], *, device: Path = DEVICE, fuse_conf: Path = FUSE_CONF
) -> None:
    """Raises QuietError, saying what to install or to change, if FUSE is not to be had."""
    check_device(device)
    fusermount()
    others = [name for name in fuse_options if name in ("allow_other", "allow_root")]
    if others and os.geteuid() != 0 and not others_allowed(fuse_conf):
        raise QuietError(
            f"-o {others[0]}: not allowed on this machine: "
            f"have root put the line `user_allow_other` into {fuse_conf}"
        )


def check_device(device: Path = DEVICE) -> None:
    """Raises QuietError, as above, if FUSE's device is not there or cannot be opened."""
    if not _is_device(device):
        raise QuietError(
            f"no {device}: load the kernel's module with `modprobe fuse`; "
            f"a container has to be started with --device {device}"
        )
    if not os.access(device, os.R_OK | os.W_OK):
        raise QuietError(
            f"{device}: permission denied: have root run `chmod 666 {device}`, its usual mode"
        )


def fusermount() -> str:
    """The path of fusermount3; QuietError if there is none."""
    found = shutil.which(FUSERMOUNT) or shutil.which(FUSERMOUNT, path=_USUAL)
    if found is None:
        raise QuietError(f"no {FUSERMOUNT}: install it, on Debian with `apt-get install fuse3`")
    return found


def _is_device(path: Path) -> bool:
    try:
        return stat.S_ISCHR(path.stat().st_mode)
    except OSError:
        return False


def others_allowed(fuse_conf: Path) -> bool:
    """Whether fuse.conf lets users other than root show their mounts to others."""
    # As fusermount3 reads it: mount.fuse3(8).
    try:
        lines = fuse_conf.read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    return any(line.split("#")[0].strip() == "user_allow_other" for line in lines)


PATIENCE = 5.0
"""Seconds for a directory on a healthy file system, however busy, to answer."""

_LIMIT: Final = 65536


@dataclass(frozen=True, slots=True)
class Look:
    """A directory as seen by a child: 0 for an empty one, ENOTEMPTY, or why it cannot be listed."""

    path: str
    error: int


def look(path: str, patience: float = PATIENCE) -> Look | None:
    """Resolve `path` and list it; None if that takes longer than `patience` seconds.

    It forks: call it before any thread is started. Starting another Python would take longer, and
    whoever became another user may not be able to.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = errno.EIO
        try:
            code = _look(path, writing)
        except OSError as error:
            code = error.errno or errno.EIO
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        said = _read(pipe, time.monotonic() + patience)
    if said is None:
        processes.kill(pid)
        return None
    return Look(os.fsdecode(said), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _look(path: str, writing: int) -> int:
    resolved = os.path.realpath(path)
    os.write(writing, os.fsencode(resolved))
    with os.scandir(resolved) as entries:
        return errno.ENOTEMPTY if next(entries, None) else 0


def _read(pipe: io.FileIO, deadline: float) -> bytes | None:
    """All that is written until the other end is closed; None if it is not closed in time."""
    said = b""
    while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
        more = pipe.read(_LIMIT)
        if not more:
            return said
        said += more
    return None


def prepare(path: str, *, nonempty: bool = False, patience: float = PATIENCE) -> Path:
    """The absolute path to mount at, free of links.

    A biofs mount there whose daemon is gone is unmounted. Raises QuietError for all that makes the
    directory unfit, with what to do.
    """
    if not path:
        raise QuietError("the mountpoint is empty: name a directory", USAGE)
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
    ended = processes.run((fusermount(), "-u", "-z", "--", mountpoint), PATIENCE)
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

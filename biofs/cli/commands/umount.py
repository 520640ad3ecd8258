"""`biofs umount`."""

import os
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

import click

from biofs.cli import mount_lookup, options
from biofs.cli.system import fuse, processes
from biofs.cli.system.fuse import look
from biofs.cli.system.processes import holders
from biofs.contents.disk import mountinfo
from biofs.errors import USAGE, QuietError

PATIENCE = 30.0
"""Seconds for the kernel to unmount."""
_NAMED = 3


@click.command("umount", epilog="Example: biofs umount ~/biotorrents")
@click.option("--lazy", is_flag=True, help="Detach the mount now, even if it is in use or hangs.")
@click.argument("mountpoint", metavar="MOUNTPOINT", shell_complete=options.complete_mountpoint)
def command(mountpoint: str, lazy: bool) -> int:
    """End the mount at MOUNTPOINT.

    Returns once it is gone.
    """
    mount = _find(mountpoint)
    flags = ("-u", "-z") if lazy else ("-u",)
    ended = processes.run((fuse.fusermount(), *flags, "--", mount.mountpoint), PATIENCE)
    if not _gone(mount, 0.0 if ended is None or ended.code else PATIENCE):
        raise QuietError(_why(mountpoint, mount, ended))
    return 0


def _find(path: str) -> mountinfo.Mount:
    if not path:
        raise QuietError("the mountpoint is empty: name a directory", USAGE)
    mounts = mountinfo.read()
    # The directory itself is looked at only if its name does not tell: the mount may hang.
    mount = _named(path, mounts)
    if mount is None and (seen := look(path)) is not None:
        mount = mountinfo.topmost(mounts, seen.path)
    if mount is None:
        raise QuietError(f"{path}: not mounted: nothing to do")
    if not mount.is_biofs:
        raise QuietError(
            f"{path}: not a mount of biofs but of {mount.source} ({mount.fstype}): left alone"
        )
    return mount


def _named(path: str, mounts: Sequence[mountinfo.Mount]) -> mountinfo.Mount | None:
    """The mount whose mountpoint is named so, also through links, without looking at it."""
    try:
        mountpoint, rest = mount_lookup.locate(path, mounts)
    except QuietError:
        named = Path(path)
        try:
            mountpoint, rest = str(Path(os.path.realpath(named.parent)) / named.name), ""
        except OSError:
            return None  # relative to a directory that is gone
    return mountinfo.topmost(mounts, mountpoint) if set(rest.split("/")) <= {"", "."} else None


def _gone(mount: mountinfo.Mount, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(other.id == mount.id for other in mountinfo.read()):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def _is_inside(other: mountinfo.Mount, mount: mountinfo.Mount) -> bool:
    return other.mountpoint.startswith(f"{mount.mountpoint.rstrip('/')}/")


def _why(path: str, mount: mountinfo.Mount, ended: processes.Ended | None) -> str:
    lazily = f"`biofs umount --lazy {shlex.quote(path)}` detaches it all the same"
    if ended is None:
        return f"{path}: the mount does not answer: {lazily}"
    inside = [each for each in mountinfo.read() if _is_inside(each, mount)]
    if inside:
        command = f"umount {shlex.quote(inside[-1].mountpoint)}"
        return f"{path}: {inside[-1].mountpoint} is mounted inside it: `{command}` first"
    who = holders(mount.mountpoint)
    if who:
        more = f" and {len(who) - _NAMED} more" if len(who) > _NAMED else ""
        return f"{path}: in use by {', '.join(map(str, who[:_NAMED]))}{more}: {lazily}"
    if "busy" in ended.errors:
        return f"{path}: in use: {lazily}"
    return f"{path}: {ended.errors.strip() or 'fusermount3 failed without a word'}"

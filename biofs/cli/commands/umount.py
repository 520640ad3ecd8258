"""`biofs umount`."""

import os
import shlex
import time
from pathlib import Path

import click

from biofs.cli import options
from biofs.cli.system import fuse, processes
from biofs.cli.system.mountpoint import look
from biofs.cli.system.processes import holders
from biofs.contents import mountinfo
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
    named = Path(path)
    mount = mountinfo.topmost(mounts, str(Path(os.path.realpath(named.parent)) / named.name))
    if mount is None and (seen := look(path)) is not None:
        mount = mountinfo.topmost(mounts, seen.path)
    if mount is None:
        raise QuietError(f"{path}: not mounted: nothing to do")
    if not mount.is_biofs:
        raise QuietError(
            f"{path}: not a mount of biofs but of {mount.source} ({mount.fstype}): left alone"
        )
    return mount


def _gone(mount: mountinfo.Mount, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(other.id == mount.id for other in mountinfo.read()):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def _why(path: str, mount: mountinfo.Mount, ended: processes.Ended | None) -> str:
    lazily = f"`biofs umount --lazy {shlex.quote(path)}` detaches it all the same"
    if ended is None:
        return f"{path}: the mount does not answer: {lazily}"
    who = holders(mount.mountpoint)
    if who:
        more = f" and {len(who) - _NAMED} more" if len(who) > _NAMED else ""
        return f"{path}: in use by {', '.join(map(str, who[:_NAMED]))}{more}: {lazily}"
    if "busy" in ended.errors:
        return f"{path}: in use: {lazily}"
    return f"{path}: {ended.errors.strip() or 'fusermount3 failed without a word'}"

"""Whether this machine can mount anything, said before it is tried."""

import os
import shutil
import stat
from collections.abc import Collection
from pathlib import Path

from biofs.errors import QuietError

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

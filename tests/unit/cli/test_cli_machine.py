"""What a machine lacks is said before anything is mounted."""

import os
import shutil
from pathlib import Path

import pytest

from biofs.cli.system import fuse
from biofs.errors import QuietError

NULL = Path("/dev/null")
"""Any device will do for the checks."""


@pytest.fixture(autouse=True)
def has_fusermount(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")


def refused(*options: str, device: Path = NULL, fuse_conf: Path = NULL) -> str:
    with pytest.raises(QuietError) as caught:
        fuse.check(options, device=device, fuse_conf=fuse_conf)
    return caught.value.message


def test_without_the_device(tmp_path: Path) -> None:
    absent = tmp_path / "fuse"
    assert refused(device=absent).startswith(f"no {absent}: load the kernel's module with ")
    absent.write_text("")
    assert refused(device=absent).startswith(f"no {absent}: ")


def test_without_leave_to_use_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert refused().startswith("/dev/null: permission denied: have root run `chmod 666 ")


def test_without_fusermount3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name, **_: None)
    assert refused() == "no fusermount3: install it, on Debian with `apt-get install fuse3`"


@pytest.mark.parametrize("option", ["allow_other", "allow_root"])
def test_letting_others_in_needs_the_machines_consent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    conf = tmp_path / "fuse.conf"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    line = f"-o {option}: not allowed on this machine: "
    assert refused("nodev", option, fuse_conf=conf).startswith(line)
    conf.write_text("# user_allow_other\nmount_max = 10\n")
    assert refused(option, fuse_conf=conf).startswith(line)
    fuse.check(["noatime"], device=NULL, fuse_conf=conf)

    conf.write_text("  user_allow_other # yes\n")
    fuse.check([option], device=NULL, fuse_conf=conf)

    conf.unlink()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    fuse.check([option], device=NULL, fuse_conf=conf)

"""Mounts of an ordinary user and of root, and who may look into which. Needs root, as FUSE does."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.faults_support import GROUP, failing
from tests.support.mounting import environment, is_mounted

NOBODY = 65534
DEVICE = Path("/dev/fuse")


class People:
    """A directory of nobody's, with a copy of biofs that nobody can read."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.path = base / "mnt"
        shutil.copytree("biofs", base / "biofs", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("mnt", "home", "root"):
            (base / name).mkdir()
        for name in ("mnt", "home"):
            os.chown(base / name, NOBODY, NOBODY)

    def run(self, *command: str, user: int = NOBODY) -> subprocess.CompletedProcess[str]:
        """A command of a user."""
        who = [f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]
        return subprocess.run(
            ["setpriv", *who, *command],
            cwd=self.base,
            env={
                **environment(self.base / ("home" if user else "root")),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def biofs(self, *arguments: str, user: int = NOBODY) -> subprocess.CompletedProcess[str]:
        """A command of biofs."""
        return self.run(sys.executable, "-m", "biofs", *arguments, user=user)


@pytest.fixture
def people() -> Iterator[People]:
    # Not in pytest's own directory, which nobody else may enter.
    base = Path(tempfile.mkdtemp(prefix="biofs-test-"))
    base.chmod(0o755)
    mode = stat.S_IMODE(DEVICE.stat().st_mode)
    DEVICE.chmod(0o666)  # its usual mode; containers often have it 0600
    try:
        made = People(base)
        yield made
    finally:
        DEVICE.chmod(mode)
        while is_mounted(base / "mnt"):
            subprocess.run(["fusermount3", "-u", "-z", str(base / "mnt")], check=False)
        shutil.rmtree(base)


def test_an_ordinary_user_mounts_reads_and_unmounts(people: People) -> None:
    done = people.biofs("mount", "--demo", str(people.path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert people.run("cat", f"{people.path}/{GROUP}/description.txt").stdout
    owners = people.run("stat", "-c", "%u %g %a", str(people.path / "README.txt")).stdout
    assert owners == f"{NOBODY} {NOBODY} 444\n"
    # Not even root looks into another user's mount: FUSE sees to that.
    assert failing(lambda: os.listdir(people.path)) == errno.EACCES
    done = people.biofs("umount", str(people.path))
    assert (done.returncode, done.stderr) == (0, "")
    assert not is_mounted(people.path)


def test_an_ordinary_user_may_not_let_others_in_unless_root_allows_it(people: People) -> None:
    allowed = any(
        line.strip() == "user_allow_other"
        for line in Path("/etc/fuse.conf").read_text().splitlines()
    )
    done = people.biofs("mount", "--demo", "-o", "allow_other", str(people.path))
    assert (done.returncode == 0) == allowed
    if not allowed:
        assert "user_allow_other" in done.stderr
        assert done.stderr.count("\n") == 1


def test_roots_mount_is_roots_unless_told(people: People) -> None:
    assert people.biofs("mount", "--demo", str(people.path), user=0).returncode == 0
    assert os.listdir(people.path)
    assert "Permission denied" in people.run("ls", str(people.path)).stderr


def test_allow_other_lets_others_in_with_the_modes_kept(people: People) -> None:
    done = people.biofs(
        "mount", "--demo", "-o", "allow_other,uid=1234,gid=4321", str(people.path), user=0
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert people.run("cat", f"{people.path}/{GROUP}/description.txt").stdout
    for name, mode in (("README.txt", "444"), ("categories", "555"), (GROUP, "555")):
        said = people.run("stat", "-c", "%u %g %a", str(people.path / name)).stdout
        assert said == f"1234 4321 {mode}\n"
    # The socket stays root's own, whoever may look into the mount.
    assert people.biofs("refresh", str(people.path)).returncode != 0
    assert people.biofs("umount", str(people.path)).returncode != 0
    assert is_mounted(people.path)
    assert people.biofs("umount", str(people.path), user=0).returncode == 0


def test_the_account_is_its_owners_even_with_allow_other(people: People) -> None:
    done = people.biofs(
        "mount", "--demo", "--account", "-o", "allow_other", str(people.path), user=0
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE((people.path / "me").stat().st_mode) == 0o500
    assert os.listdir(people.path / "me")
    refused = people.run("ls", str(people.path / "me"))
    assert refused.returncode != 0
    assert "Permission denied" in refused.stderr
    assert "Permission denied" in people.run("cat", str(people.path / "me/user.json")).stderr


def mount_8(people: People, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in which mount(8) finds `mount.fuse.biofs`, in a mount name space of its own."""
    extra = people.base / "sbin"
    extra.mkdir()
    helper = extra / "mount.fuse.biofs"
    helper.write_text(
        f'#!/bin/sh\ncd {people.base}\nexec {sys.executable} -m biofs.cli.mount_helper "$@"\n'
    )
    helper.chmod(0o755)
    overlay = f"mount -t overlay overlay -o lowerdir={extra}:/usr/sbin /usr/sbin"
    return subprocess.run(
        ["unshare", "--mount", "sh", "-e", "-c", f"{overlay}\n{script}"],
        env=environment(people.base / "root"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_mount_8_and_fstab(people: People) -> None:
    fstab = people.base / "fstab"
    fstab.write_text(f"demo {people.path} fuse.biofs defaults,noauto,_netdev,uid=1234 0 0\n")
    done = mount_8(
        people,
        f"""
        mount -t fuse.biofs demo {people.path} -o allow_other,noatime
        ls {people.path}/categories
        findmnt -no FSTYPE,OPTIONS {people.path}
        umount {people.path}
        mount --fstab {fstab} {people.path}
        stat -c %u {people.path}/categories
        umount {people.path}
        """,
    )
    assert done.returncode == 0, done.stderr
    assert "Scalars-Vectors" in done.stdout
    assert "fuse.biofs ro," in done.stdout
    assert "noatime" in done.stdout
    assert "allow_other" in done.stdout
    assert done.stdout.endswith("\n1234\n")


def test_what_mount_8_cannot_have_is_said_in_a_line(people: People) -> None:
    done = mount_8(people, f"mount -t fuse.biofs demo {people.path} -o nonsense")
    assert done.returncode != 0
    assert "nonsense: no such option" in done.stderr
    assert not is_mounted(people.path)


def test_data_that_the_user_may_not_read_is_eacces_and_one_line_in_the_log(people: People) -> None:
    """Of another user's file, which `ls` in the data directory shows all the same."""
    data = people.base / "data"
    assert people.biofs("demo", "data", str(data), user=0).returncode == 0
    theirs = data / "ADH1 - YOL086C/S288C_YOL086C_ADH1_coding.fsa"
    theirs.chmod(0o600)
    done = people.biofs("mount", "--demo", "--data", str(data), str(people.path))
    assert done.returncode == 0, done.stderr
    try:
        top = f"{people.path}/{GROUP}/FASTA, Sanger, Contig [1]/files/ADH1 - YOL086C"
        for _ in range(3):
            refused = people.run("cat", f"{top}/{theirs.name}")
            assert "Permission denied" in refused.stderr
        flanking = people.run("head", "-c", "20", f"{top}/S288C_YOL086C_ADH1_flanking.fsa")
        # Its piece has bytes of the file that may not be read: it cannot be verified.
        assert "No data available" in flanking.stderr
        assert people.run("cat", f"{people.path}/{GROUP}/group.json").returncode == 0
    finally:
        assert people.biofs("umount", str(people.path)).returncode == 0
    log = (people.base / "home/.local/state/biofs/log/biofs.log").read_text()
    assert log.count("data cannot be read: Permission denied") == 1


@pytest.mark.parametrize(
    ("stand_in", "mode", "at", "said"),
    [
        ("/usr/bin/fusermount3", 0o755, "/usr/bin/fusermount3", "may not be setuid root"),
        ("/usr/bin/fusermount3", 0o644, "/usr/bin/fusermount3", "no fusermount3: install it"),
        ("/dev/null", 0o644, "/dev/fuse", "no /dev/fuse: load the kernel's module"),
        ("/dev/fuse", 0o600, "/dev/fuse", "/dev/fuse: permission denied: have root run `chmod 666"),
    ],
    ids=["not setuid", "not executable", "no device", "unreadable device"],
)
def test_what_fuse_lacks_is_said_in_a_line(
    people: People, stand_in: str, mode: int, at: str, said: str
) -> None:
    copy = people.base / "stand-in"
    if stand_in == "/dev/fuse":
        os.mknod(copy, stat.S_IFCHR, DEVICE.stat().st_rdev)
    else:
        copy.write_bytes(Path(stand_in).read_bytes())
    copy.chmod(mode)
    who = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups --"
    command = f'{who} "{sys.executable}" -m biofs'
    script = (
        f'mount --bind "{copy}" {at} && export HOME="{people.base}/home" &&'
        f" {{ {command} doctor --offline >doctor.txt 2>&1;"
        f' {command} mount --demo "{people.path}"; }}'
    )
    # In a namespace of its own: nobody else misses anything.
    done = people.run("unshare", "-m", "sh", "-c", script, user=0)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "DO  fuse" in (people.base / "doctor.txt").read_text()
    assert not is_mounted(people.path)

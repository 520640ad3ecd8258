"""Commands as supervisors and scripts start them: descriptors closed or full, directories gone."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mounting import Mount, environment, is_mounted, mounted

CLOSED = ("<&-", ">&-", "2>&-", "<&- >&- 2>&-")
CATEGORY = "categories/Sequences"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("started")


@pytest.fixture(scope="module")
def mount(base: Path) -> Iterator[Mount]:
    with mounted(base, "--demo") as mount:
        os.listdir(mount.path / CATEGORY)
        yield mount


def shell(
    base: Path, *arguments: str, then: str = "", cwd: Path | None = None, **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run `biofs` with a shell's redirections behind it."""
    command = shlex.join([sys.executable, "-m", "biofs", *arguments])
    return subprocess.run(
        ["/bin/bash", "-c", f"set -o pipefail; {command} {then}"],
        env=environment(base / "home", PYTHONPATH=os.getcwd(), **extra),
        cwd=cwd,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=60,
    )


def commands(mount: Mount) -> list[tuple[str, ...]]:
    cache = str(mount.path.parent / "cache")
    return [
        ("--version",),
        ("--help",),
        ("status", str(mount.path)),
        ("explain", str(mount.path / CATEGORY)),
        ("ls", "--json", str(mount.path / CATEGORY)),
        ("ls", str(mount.path / CATEGORY)),
        ("refresh", str(mount.path / CATEGORY)),
        ("warm", "--demo", "--cache-dir", cache, "Images"),
        ("find", "--demo", "--cache-dir", cache, "image"),
        ("export", "--demo", "--cache-dir", cache, "--force", f"{cache}/made"),
        ("cache", "info"),
        ("cache", "clear", "--yes", "--cache-dir", f"{cache}/none"),
        ("api", "index", "--demo"),
        ("torrent", "1", "--demo"),
        ("demo", "data", f"{cache}/data"),
        ("completion", "bash"),
    ]


NUMBER_OF_COMMANDS = 16


def complaints(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What was said but for progress, and what bash says, which is asked for its version."""
    lines = done.stderr.splitlines()
    return [line for line in lines if "%: " not in line and not line.startswith("shell-init: ")]


@pytest.mark.parametrize("number", range(NUMBER_OF_COMMANDS))
def test_every_command_works_whatever_its_descriptors_are(mount: Mount, number: int) -> None:
    assert len(commands(mount)) == NUMBER_OF_COMMANDS
    base, command = mount.path.parent, commands(mount)[number]
    for then in CLOSED:
        done = shell(base, *command, then=then)
        assert (done.returncode, complaints(done)) == (0, []), then
    for unbuffered in ("", "1"):
        done = shell(base, *command, then=">/dev/full", PYTHONUNBUFFERED=unbuffered)
        assert done.returncode == 1
        assert complaints(done) == [
            "biofs: cannot write to standard output: No space left on device"
        ]
    assert shell(base, *command, then="2>/dev/full").returncode == 0
    assert not complaints(shell(base, *command, then="| true")), "a broken pipe ends it quietly"
    gone = base / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {shlex.join([sys.executable, '-m', 'biofs'])}"
    done = subprocess.run(
        ["/bin/sh", "-c", f"{script} {shlex.join(command)}"],
        env=environment(base / "home", PYTHONPATH=os.getcwd()),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=60,
    )
    assert (done.returncode, complaints(done)) == (0, [])


@pytest.mark.parametrize("then", [*CLOSED, ">/dev/full", "2>/dev/full"])
@pytest.mark.parametrize("foreground", [False, True])
def test_a_mount_starts_whatever_its_descriptors_are(
    tmp_path: Path, then: str, foreground: bool
) -> None:
    place = tmp_path / "m"
    place.mkdir()
    (tmp_path / "home").mkdir()
    log = tmp_path / "said"
    wait = f"for i in $(seq 300); do mountpoint -q {place} && break; sleep 0.1; done"
    flags = ("-f",) if foreground else ()
    end = f"& {wait}" if foreground else f"; {wait}"
    try:
        command = shlex.join([sys.executable, "-m", "biofs", "mount", *flags, "--demo", str(place)])
        with log.open("wb") as said:
            subprocess.run(
                ["/bin/bash", "-c", f"{command} {then} {end}"],
                env=environment(tmp_path / "home", PYTHONPATH=os.getcwd()),
                stdout=said,
                stderr=said,
                check=True,
                timeout=60,
            )
        assert "unexpected" not in log.read_text()
        assert (place / "README.txt").read_bytes()
    finally:
        ended = shell(tmp_path, "umount", str(place), then=then)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert not is_mounted(place)


def test_paths_that_ls_accepts_are_accepted(mount: Mount) -> None:
    base, root = mount.path.parent, mount.path
    link = base / "link"
    link.symlink_to(root / CATEGORY)
    (base / "to-root").symlink_to(root)
    for cwd, path in (
        (root, CATEGORY),
        (root / CATEGORY, "."),
        (root / CATEGORY, "../Sequences"),
        (root / CATEGORY, "../../../mnt/categories/Sequences"),
        (base, "mnt/../mnt/categories/../../mnt/categories/Sequences/"),
        (base, "link"),
        (base, "to-root/categories/Sequences"),
        (base, "to-root/../link/../Sequences"),
        (root, "groups/1/.."),
        (root / CATEGORY, "../../groups/1/../../../groups/1/.."),
        (base, "mnt/groups/1/../../../../mnt/categories/Sequences"),
        (base, "to-root/torrents/1/../../../../../link/../../groups/1/.."),
    ):
        assert os.path.isdir(cwd / path)
        for command in ("explain", "ls", "refresh"):
            done = shell(base, command, path, cwd=cwd)
            assert (done.returncode, done.stderr) == (0, ""), (command, path)
        assert "Sequences" in shell(base, "explain", path, cwd=cwd).stdout


@pytest.mark.parametrize(
    "path", ["m/", "./m/.", "m/categories/..", "m/../m", "link", "link/../m", "m/groups/1/../../.."]
)
def test_so_does_umount(tmp_path: Path, path: str) -> None:
    place = tmp_path / "m"
    with mounted(tmp_path, "--demo", name="m") as mount:
        (tmp_path / "link").symlink_to(place)
        assert os.path.isdir(tmp_path / path)
        done = shell(tmp_path, "umount", path, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        mount.process.wait(20)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a tmpfs")
def test_a_mount_inside_that_keeps_it_busy_is_named(tmp_path: Path) -> None:
    with mounted(tmp_path, "--demo") as mount:
        inside = mount.path / "categories"
        subprocess.run(["mount", "-t", "tmpfs", "none", str(inside)], check=True)
        try:
            done = shell(tmp_path, "umount", str(mount.path))
        finally:
            subprocess.run(["umount", str(inside)], check=True)
        assert done.returncode == 1
        assert f"{inside} is mounted inside it: `umount {inside}` first" in done.stderr

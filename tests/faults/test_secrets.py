"""Token, cookie and passkey are found nowhere: after a life full of faults, everything is searched.

The account used has all three, and a server that gives them away where it can.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from biofs.demo.accounts import (
    DONOR_AUTHKEY,
    DONOR_COOKIE,
    DONOR_PASSKEY,
    DONOR_TOKEN,
)
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.faults.faults_support import FAST, GROUP, groups, until
from tests.support.misbehaving import Misbehaving, misbehaving, saying
from tests.support.mounting import Mount, environment, is_mounted, mounted

SESSION = DONOR_COOKIE.partition(";")[0].partition("=")[2]
SECRETS = [text.encode() for text in (DONOR_TOKEN, SESSION, DONOR_PASSKEY, DONOR_AUTHKEY)]
GIVEN = {
    "BIOFS_TOKEN": DONOR_TOKEN,
    "BIOFS_COOKIE": DONOR_COOKIE,
    "BIOFS_PASSKEY": DONOR_PASSKEY,
}
ALL = " ".join(secret.decode() for secret in SECRETS)


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with misbehaving(create_app(embedded())) as server:
        yield server


def found_in(content: bytes) -> list[bytes]:
    return [secret for secret in SECRETS if secret in content]


def read_everything(root: Path) -> Iterator[tuple[str, bytes]]:
    """Every file that can be read, but for the other categories and for files/."""
    for path, directories, names in os.walk(root):
        if os.path.basename(path) == "categories":
            directories[:] = ["Sequences"]
        if "files" in directories and "torrent.json" in names:
            directories.remove("files")
        for name in names:
            whole = os.path.join(path, name)
            try:
                yield whole, Path(whole).read_bytes()
            except OSError as error:
                yield whole, str(error).encode()


def suffer(mount: Mount, server: Misbehaving) -> None:
    """Have everything go wrong whose message could tell a secret."""
    said = ALL.encode()
    faults = [
        saying(200, b'{"status":"failure","error":"%s"}' % said),
        saying(200, b'{"status":"success","response":"%s"}' % said),
        saying(200, said),
        saying(500, b"<html>%s" % said),
        saying(302, said, location=f"https://{DONOR_TOKEN}.example/{DONOR_PASSKEY}"),
        saying(302, said, location=f"https://u:{DONOR_TOKEN}@torrents.example/"),
        saying(429, said, retry_after=DONOR_TOKEN),
    ]
    for fault, group in zip(faults, groups(mount)[3:], strict=False):
        server.behave(fault, times=1)
        with suppress(OSError):
            (group / "group.json").read_bytes()
    server.behave()


def download(mount: Mount, server: Misbehaving) -> None:
    """Have a .torrent downloaded with the passkey, after a download that goes wrong."""
    file = next((mount.path / GROUP).glob("*/files/*/*"))
    server.behave(saying(200, b"d8:announce%d:%se" % (len(ALL), ALL.encode())), times=1)
    with pytest.raises(OSError, match="Input/output error"):
        file.read_bytes()
    server.behave()
    assert file.read_bytes().startswith(b">made up")


def environments(pid: int) -> Iterator[bytes]:
    """What a process and its children show of their environments and command lines."""
    tasks = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for process in (str(pid), *tasks):
        yield Path(f"/proc/{process}/environ").read_bytes()
        yield Path(f"/proc/{process}/cmdline").read_bytes()


def biofs(base: Path, *arguments: str, **env: str) -> bytes:
    """What a command says, whether it works or not."""
    done = subprocess.run(
        [sys.executable, "-m", "biofs", *arguments],
        env=environment(base / "home", **env),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def test_no_secret_is_found_anywhere(tmp_path: Path, server: Misbehaving) -> None:
    cache = tmp_path / "cache"
    options = ("--url", server.url, *FAST, "--cache-dir", str(cache), "--log-level", "debug")
    shown: dict[str, bytes] = {}
    biofs(tmp_path, "demo", "data", str(tmp_path / "data"))
    options += ("--data", str(tmp_path / "data"), "--account")
    given = {**GIVEN, "BIOFS_DEBUG": "1"}
    with mounted(tmp_path, *options, env=given, module="biofs") as mount:
        suffer(mount, server)
        download(mount, server)
        for path, content in read_everything(mount.path):
            shown[path] = content
        assert any(path.endswith("/me/user.json") for path in shown)
        for number, content in enumerate(environments(mount.process.pid)):
            shown[f"process {number}"] = content
        for command in ("status", "explain", "refresh"):
            where = [] if command == "status" else [str(mount.path / GROUP)]
            shown[command] = biofs(tmp_path, command, *where)
        shown["status --json"] = biofs(tmp_path, "status", "--json")
        # The store while it is in use, with what is not yet in its main file.
        shown |= {str(path): path.read_bytes() for path in cache.iterdir()}
    assert any(secret in heard for secret in SECRETS for heard in server.heard), "they were sent"
    snapshot = tmp_path / "snapshot"
    account = ("--url", server.url, "--cache-dir", str(cache))
    shown["export"] = biofs(tmp_path, "export", *account, str(snapshot), **GIVEN)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            shown[f"afterwards {path}"] = path.read_bytes()
    assert f"afterwards {snapshot}" in shown
    assert any(path.endswith("contents.sqlite") for path in shown)
    assert {name: found_in(content) for name, content in shown.items() if found_in(content)} == {}
    assert {path for path in shown if found_in(path.encode())} == set()


def test_files_are_for_their_owner_alone(tmp_path: Path, server: Misbehaving) -> None:
    cache, log = tmp_path / "cache", tmp_path / "logs/biofs.log"
    options = ("--url", server.url, "--cache-dir", str(cache), "--log-file", str(log))
    with mounted(tmp_path, *options, env=GIVEN) as mount:
        os.listdir(mount.path / "categories")
        made = [cache, *cache.iterdir(), log.parent, log]
        made += [path for path in (tmp_path / "home").rglob("*") if "biofs" in path.parts]
        for path in made:
            assert path.lstat().st_mode & 0o077 == 0, path


def test_it_leaves_no_core_file(tmp_path: Path, server: Misbehaving) -> None:
    with mounted(tmp_path, "--url", server.url, env=GIVEN) as mount:
        limits = Path(f"/proc/{mount.process.pid}/limits").read_text().splitlines()
        [line] = [line for line in limits if line.startswith("Max core file size")]
        # Not 0, which a core_pattern with a pipe does not heed: core(5).
        assert line.split()[4:6] == ["1", "1"]


def test_what_a_command_starts_inherits_none(tmp_path: Path, server: Misbehaving) -> None:
    """The programs that look at a mountpoint and unmount it are given no secret."""
    place, bin_, seen = tmp_path / "mnt", tmp_path / "bin", tmp_path / "seen"
    for directory in (place, bin_, tmp_path / "home"):
        directory.mkdir()
    spy = bin_ / "fusermount3"
    real = shutil.which("fusermount3")
    spy.write_text(f'#!/bin/sh\nenv >>{seen}\nexec {real} "$@"\n')
    spy.chmod(0o755)
    env = {**GIVEN, "PATH": f"{bin_}:{os.environ['PATH']}"}
    try:
        assert biofs(tmp_path, "mount", "--url", server.url, str(place), **env) == b""
        [pid] = subprocess.run(
            ["pgrep", "-f", f"biofs mount.*{place}$"], capture_output=True, text=True, check=True
        ).stdout.split()
        assert not found_in(b"".join(environments(int(pid))))
        os.kill(int(pid), signal.SIGKILL)
        until(lambda: not Path(f"/proc/{pid}/cmdline").read_bytes())
        # Clears the dead mount away by way of our fusermount3.
        assert biofs(tmp_path, "mount", "--url", server.url, str(place), **env) == b""
        assert biofs(tmp_path, "umount", str(place), **env) == b""
    finally:
        while is_mounted(place):
            subprocess.run(["fusermount3", "-u", "-z", str(place)], check=False)
    assert seen.read_bytes().count(b"PATH=") >= 2
    assert not found_in(seen.read_bytes())


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_token_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    for name in ("mnt", "home"):
        (tmp_path / name).mkdir()
    token = tmp_path / "token"
    token.write_text(DONOR_TOKEN)
    token.chmod(mode)
    said = biofs(tmp_path, "mount", "--token-file", str(token), str(tmp_path / "mnt"))
    assert said.count(b"\n") == 1
    assert f"chmod 600 {token}".encode() in said
    assert not found_in(said)
    assert not is_mounted(tmp_path / "mnt")
    assert os.listdir(tmp_path / "mnt") == []

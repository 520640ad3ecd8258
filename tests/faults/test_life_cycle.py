"""A mount's start and its end, the cruel ends included."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.faults.faults_support import CATEGORY, GROUP, failing, mounting, until
from tests.support.misbehaving import Misbehaving, misbehaving, mute
from tests.support.mounting import environment, is_mounted, mounted


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with misbehaving(create_app(embedded())) as server:
        yield server


class Background:
    """Mounts in the background, as a user has them; whatever happens, nothing stays mounted."""

    def __init__(self, base: Path) -> None:
        self.path = base / "mnt"
        self.path.mkdir()
        self.home = base / "home"
        self.home.mkdir()

    def biofs(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """A command that ends."""
        return subprocess.run(
            [sys.executable, "-m", "biofs", *arguments],
            env=environment(self.home, **env),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def mount(self, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
        """`biofs mount`."""
        return self.biofs("mount", *options, str(self.path), **env)

    def daemon(self) -> int:
        """The process id of the mount."""
        wanted = [b"mount", os.fsencode(self.path)]
        for process in Path("/proc").iterdir():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if process.name.isdigit() and all(word in words for word in wanted):
                return int(process.name)
        raise AssertionError("there is no such process")

    @property
    def log(self) -> str:
        """What it logged."""
        return (self.home / ".local/state/biofs/log/biofs.log").read_text()


@pytest.fixture
def background(tmp_path: Path) -> Iterator[Background]:
    made = Background(tmp_path)
    try:
        yield made
    finally:
        while is_mounted(made.path):
            subprocess.run(["fusermount3", "-u", "-z", str(made.path)], check=False)


def gone(pid: int) -> bool:
    """Whether a process has ended, all its threads have; nobody may have waited for it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return True
    return stat.rpartition(") ")[2][0] in "ZX" and threads in ([], [str(pid)])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, "umount", "lazy"])
def test_it_ends_cleanly_with_requests_in_flight(
    background: Background, server: Misbehaving, how: signal.Signals | str
) -> None:
    started = background.mount(
        *("--url", server.url, "--rate", "unlimited"), BIOFS_TOKEN=DONOR_TOKEN
    )
    assert (started.returncode, started.stdout, started.stderr) == (0, "", "")
    os.listdir(background.path / CATEGORY)
    pid = background.daemon()
    server.behave(mute)
    requests = server.requests
    reader = subprocess.Popen(
        ["cat", str(background.path / GROUP / "group.json")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: server.requests == requests + 1)
    if isinstance(how, signal.Signals):
        os.kill(pid, how)
        until(lambda: not is_mounted(background.path))
    else:
        # A plain umount is refused: the reader holds the mount. It is told so, and freed first.
        refused = background.biofs("umount", str(background.path))
        assert refused.returncode == 1
        if how == "umount":
            reader.kill()
            reader.wait()
        done = background.biofs(
            "umount", *(["--lazy"] if how == "lazy" else []), str(background.path)
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert not is_mounted(background.path)
        if how == "lazy":
            # Detached, it serves who is in it until the last one has left.
            server.behave()
    reader.wait()
    until(lambda: gone(pid))
    assert os.listdir(background.path) == []
    assert "Traceback" not in background.log


def test_who_keeps_it_busy_is_named_and_lazy_offered(background: Background) -> None:
    assert background.mount("--demo").returncode == 0
    holder = subprocess.Popen(["sleep", "1000"], cwd=background.path)
    try:
        refused = background.biofs("umount", str(background.path))
        assert refused.returncode == 1
        assert f"sleep (pid {holder.pid})" in refused.stderr
        assert "--lazy" in refused.stderr
        assert refused.stderr.count("\n") == 1
        assert os.listdir(background.path / "categories"), "it was left as it was"
        assert background.biofs("umount", "--lazy", str(background.path)).returncode == 0
        assert not is_mounted(background.path)
    finally:
        holder.kill()
        holder.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
def test_a_crash_leaves_a_dead_mount_which_the_next_one_clears_away(
    background: Background, number: signal.Signals
) -> None:
    assert background.mount("--demo").returncode == 0
    pid = background.daemon()
    os.kill(pid, number)
    until(lambda: gone(pid))
    # Never an empty directory: a script would take it for an empty catalogue.
    assert is_mounted(background.path)
    # ECONNABORTED is for who asks in the very moment of its death.
    until(lambda: failing(lambda: os.listdir(background.path)) == errno.ENOTCONN)
    assert background.mount("--demo").returncode == 0
    assert os.listdir(background.path / "categories")
    assert background.biofs("umount", str(background.path)).returncode == 0
    assert not is_mounted(background.path), "nothing is left below it"


def test_so_does_one_that_would_make_its_directory(background: Background) -> None:
    """Directly in the home directory."""
    background.path = background.home / "biotorrents"
    assert background.mount("--demo").returncode == 0
    pid = background.daemon()
    os.kill(pid, signal.SIGKILL)
    until(lambda: gone(pid))
    again = background.mount("--demo")
    assert (again.returncode, again.stderr) == (0, "")
    assert os.listdir(background.path / "categories")
    assert background.biofs("umount", str(background.path)).returncode == 0


def test_umount_clears_a_dead_mount_away(background: Background) -> None:
    assert background.mount("--demo").returncode == 0
    pid = background.daemon()
    os.kill(pid, signal.SIGKILL)
    until(lambda: gone(pid))
    assert background.biofs("umount", str(background.path)).returncode == 0
    assert os.listdir(background.path) == []


def test_a_second_mount_on_a_live_one_is_refused(background: Background) -> None:
    assert background.mount("--demo").returncode == 0
    before = os.stat(background.path).st_dev
    refused = background.mount("--demo")
    assert refused.returncode == 1
    assert "already mounted" in refused.stderr
    assert "biofs umount" in refused.stderr
    assert os.stat(background.path).st_dev == before
    assert os.listdir(background.path / "categories")


def test_a_signal_before_it_answers_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "mnt").mkdir()
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-m", "biofs", "mount", "--demo", "-f", str(tmp_path / "mnt")],
            env=environment(tmp_path),
            stderr=subprocess.DEVNULL,
        )
        until(lambda: is_mounted(tmp_path / "mnt"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) in {0, -signal.SIGTERM}
        if is_mounted(tmp_path / "mnt"):  # the signal came before anybody could heed it
            assert failing(lambda: os.listdir(tmp_path / "mnt")) == errno.ENOTCONN
            subprocess.run(["fusermount3", "-u", "-z", str(tmp_path / "mnt")], check=True)
        assert os.listdir(tmp_path / "mnt") == []


@pytest.mark.parametrize("milliseconds", [0, 1, 3, 10, 30])
def test_killed_before_it_answers_it_ends(tmp_path: Path, milliseconds: int) -> None:
    """A thread that waits for its own mount would keep the process from ending, for ever."""
    mountpoint = tmp_path / "mnt"
    mountpoint.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "biofs", "mount", "-f", "--demo", str(mountpoint)],
        env=environment(tmp_path),
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: is_mounted(mountpoint))
        time.sleep(milliseconds / 1000)
        process.kill()
        assert process.wait(timeout=20) == -signal.SIGKILL
        # ECONNABORTED: it was killed before it had told the kernel which protocol it speaks.
        dead = {errno.ENOTCONN, errno.ECONNABORTED}
        assert failing(lambda: os.listdir(mountpoint)) in dead
    finally:
        process.kill()
        subprocess.run(["umount", "-f", "-l", str(mountpoint)], check=True)
        process.wait(timeout=20)


def test_the_service_manager_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        address = str(tmp_path / "notify")
        manager.bind(address)
        manager.settimeout(60)
        with mounted(tmp_path, "--demo", env={"NOTIFY_SOCKET": address}) as mount:
            assert manager.recv(100) == b"READY=1"
            assert os.listdir(mount.path)
        assert manager.recv(100) == b"STOPPING=1"


def test_it_keeps_nothing_of_the_shell_that_started_it(background: Background) -> None:
    assert background.mount("--demo").returncode == 0
    process = Path(f"/proc/{background.daemon()}")
    assert os.readlink(process / "cwd") == "/"
    assert {os.readlink(process / "fd" / number) for number in "012"} == {"/dev/null"}
    session = (process / "stat").read_text().rpartition(") ")[2].split()[3]
    assert session == process.name


def test_a_mount_of_a_live_server_survives_its_store(tmp_path: Path, server: Misbehaving) -> None:
    """Nobody waits for a store that is taken away under the mount."""
    cache = tmp_path / "cache"
    with mounting(tmp_path, server.url, "--cache-dir", str(cache)) as mount:
        names = os.listdir(mount.path / CATEGORY)
        for file in cache.iterdir():
            file.unlink()
        cache.rmdir()
        assert sorted(os.listdir(mount.path / CATEGORY)) == sorted(names)
        assert b"ADH1" in (mount.path / GROUP / "group.json").read_bytes()

"""What stands around a mount: file systems above it, watchers, terminals, full disks, sleep."""

from __future__ import annotations

import ctypes
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from tests.support.faulty import Holding
from tests.support.mounting import Mount, environment, is_mounted, mounted
from tests.support.overlay import Overlay
from tests.support.server import running

CATEGORY = "categories/Sequences"
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def biofs(home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "biofs", *arguments],
        env=environment(home, **env),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@contextmanager
def system_mount(*arguments: str, at: Path) -> Iterator[Path]:
    """Something mounted by mount(8)."""
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", *arguments, str(at)], check=True, timeout=20)
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True, timeout=20)


@pytest.fixture
def source() -> Overlay:
    return Overlay(Generated(60, 2, 3, categories=(1,)))


@pytest.fixture
def live(source: Overlay, tmp_path: Path) -> Iterator[Mount]:
    with (
        running(create_app(source)) as server,
        mounted(
            tmp_path,
            *("--url", server.url, "--rate", "unlimited", "-o", "allow_other"),
            env={"BIOFS_TOKEN": DONOR_TOKEN},
        ) as mount,
    ):
        yield mount


def change(source: Overlay, mount: Mount) -> None:
    """Rename a group, remove one, add one, and have the mount learn of it."""
    source.bump(1, name="Renamed")
    source.remove(2)
    source.insert("Newcomer")
    path = str(mount.path / CATEGORY)
    done = biofs(mount.path.parent / "home", "refresh", path)
    assert done.returncode == 0, done.stderr


@ROOT
def test_an_overlay_above_it_shows_a_refresh(source: Overlay, live: Mount, tmp_path: Path) -> None:
    for name in ("upper", "work"):
        (tmp_path / name).mkdir()
    layers = f"lowerdir={live.path},upperdir={tmp_path}/upper,workdir={tmp_path}/work"
    with system_mount("-t", "overlay", "overlay", "-o", layers, at=tmp_path / "merged") as merged:
        names = os.listdir(merged / CATEGORY)
        assert sorted(names) == sorted(os.listdir(live.path / CATEGORY))
        [one] = [name for name in names if name.endswith("[1]")]
        before = (merged / CATEGORY / one / "group.json").read_bytes()
        (merged / "note.txt").write_text("what is written goes into the upper directory")
        change(source, live)
        until(lambda: "Newcomer" in str(os.listdir(merged / CATEGORY)))
        names = os.listdir(merged / CATEGORY)
        assert sorted(names) == sorted(os.listdir(live.path / CATEGORY))
        assert not any(name.endswith("[2]") for name in names)
        document = merged / CATEGORY / "Renamed [1]/group.json"
        # The old one is served until the new one is there.
        until(lambda: b'"name": "Renamed"' in document.read_bytes())
        assert document.read_bytes() != before
        assert not (live.path / "note.txt").exists()


@contextmanager
def merged_with(below: Path, base: Path) -> Iterator[Path]:
    """mergerfs over a directory that can be written to and `below`, which cannot."""
    upper, merged = base / "upper", base / "merged"
    for directory in (upper, merged):
        directory.mkdir()
    # It returns when it is mounted.
    subprocess.run(["mergerfs", f"{upper}=RW:{below}=RO", merged], check=True, timeout=20)
    try:
        yield merged
    finally:
        subprocess.run(["fusermount3", "-u", "-z", merged], check=True, timeout=20)


def test_mergerfs_above_it_shows_a_refresh(source: Overlay, live: Mount, tmp_path: Path) -> None:
    with merged_with(live.path, tmp_path) as merged:
        (merged / "note.txt").write_text("what is written goes into the other directory")
        names = os.listdir(merged / CATEGORY)
        assert sorted(names) == sorted(os.listdir(live.path / CATEGORY))
        change(source, live)
        until(lambda: "Newcomer" in str(os.listdir(merged / CATEGORY)))
        names = os.listdir(merged / CATEGORY)
        assert sorted(names) == sorted(os.listdir(live.path / CATEGORY))
        document = merged / CATEGORY / "Renamed [1]/group.json"
        until(lambda: b'"name": "Renamed"' in document.read_bytes())
        assert sorted(os.listdir(merged)) == sorted([*os.listdir(live.path), "note.txt"])


def test_who_waits_below_mergerfs_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    """mergerfs passes no signal on, and has as many threads as there are processors."""
    app = Holding(create_app(Generated(60, 2, 3, categories=(1,))))
    options = ("--rate", "unlimited", "--wait", "600")
    env = {"BIOFS_TOKEN": DONOR_TOKEN}
    with running(app) as server, mounted(tmp_path, "--url", server.url, *options, env=env) as mount:
        names = [name for name in sorted(os.listdir(mount.path / CATEGORY)) if name.endswith("]")]
        with merged_with(mount.path, tmp_path) as merged:
            app.hold.set()
            paths = [merged / CATEGORY / name / "group.json" for name in names[: os.cpu_count()]]
            readers = [subprocess.Popen(["cat", path]) for path in paths]
            try:
                until(lambda: app.held > 0)
                readers[0].send_signal(signal.SIGINT)
                assert readers[0].wait(timeout=60) != 0
                assert len(os.listdir(merged / CATEGORY)) == len(names) + 1
                for reader in readers:
                    assert reader.wait(timeout=60) != 0, "EAGAIN"
            finally:
                app.hold.clear()
            assert paths[0].read_bytes().startswith(b"{")


@ROOT
def test_bound_elsewhere_and_in_a_namespace_of_its_own(live: Mount, tmp_path: Path) -> None:
    names = sorted(os.listdir(live.path / CATEGORY))
    with system_mount("--bind", str(live.path), at=tmp_path / "bound") as bound:
        assert sorted(os.listdir(bound / CATEGORY)) == names
        script = f'ls "{live.path}/{CATEGORY}" && umount -l "{live.path}" && ls "{live.path}"'
        shown = subprocess.run(
            ["unshare", "-m", "sh", "-c", script],
            check=False,
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert shown.returncode == 0, shown.stderr
        assert sorted(shown.stdout.splitlines()) == names, "nothing is there once it is unmounted"
        assert sorted(os.listdir(live.path / CATEGORY)) == names, "in that namespace alone"
        other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "ls", "."]
        shown = subprocess.run(
            other, check=False, cwd=bound / CATEGORY, capture_output=True, text=True, timeout=20
        )
        assert sorted(shown.stdout.splitlines()) == names


IN_CREATE, IN_DELETE, IN_MOVE, IN_OPEN = 0x100, 0x200, 0xC0, 0x20


def test_inotify_hears_of_readers_and_of_no_change(source: Overlay, live: Mount) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    watcher = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        names = os.listdir(live.path / CATEGORY)
        watched = os.fsencode(live.path / CATEGORY)
        assert libc.inotify_add_watch(watcher, watched, 0xFFF) >= 0
        [one] = [name for name in names if name.endswith("[3]")]
        (live.path / CATEGORY / "index.jsonl").read_bytes()
        change(source, live)
        until(lambda: "Newcomer" in str(os.listdir(live.path / CATEGORY)))
        assert (live.path / CATEGORY / one / "group.json").read_bytes()
        masks = 0
        while select.select([watcher], [], [], 0.5)[0]:
            data = os.read(watcher, 1 << 16)
            while data:
                _, mask, _, length = struct.unpack_from("iIII", data)
                masks |= mask
                data = data[16 + length :]
        assert masks & IN_OPEN, "what this machine's processes do is heard of"
        assert not masks & (IN_CREATE | IN_DELETE | IN_MOVE), "what the server does is not"
    finally:
        os.close(watcher)


def test_a_terminal_that_is_closed_ends_a_foreground_mount(tmp_path: Path) -> None:
    mountpoint, home = tmp_path / "mnt", tmp_path / "home"
    mountpoint.mkdir()
    home.mkdir()
    pid, terminal = pty.fork()
    if pid == 0:
        command = [sys.executable, "-m", "biofs", "mount", "-f", "--demo", str(mountpoint)]
        os.execve(sys.executable, command, environment(home))
    try:
        until(lambda: is_mounted(mountpoint) and (mountpoint / "README.txt").exists())
        os.close(terminal)
        ended: list[int] = []

        def has_ended() -> bool:
            found, status = os.waitpid(pid, os.WNOHANG)
            ended.extend([status] if found else [])
            return bool(ended)

        until(has_ended)
        assert os.waitstatus_to_exitcode(ended[0]) == 0
        assert not is_mounted(mountpoint)
    finally:
        if is_mounted(mountpoint):
            os.kill(pid, signal.SIGKILL)
            subprocess.run(["umount", "-l", str(mountpoint)], check=False)


@ROOT
def test_a_full_disk_below_the_store_stops_nobody(tmp_path: Path) -> None:
    source = Generated(400, 4, 400, categories=(1,))
    with (
        running(create_app(source)) as server,
        system_mount("-t", "tmpfs", "-o", "size=2m", "tmpfs", at=tmp_path / "small") as small,
        mounted(
            tmp_path,
            *("--url", server.url, "--rate", "unlimited", "--cache-dir", str(small / "cache")),
            env={"BIOFS_TOKEN": DONOR_TOKEN},
        ) as mount,
    ):
        names = [name for name in os.listdir(mount.path / CATEGORY) if name.endswith("]")]
        assert len(names) == 400
        for name in names[:60]:
            torrent = next((mount.path / CATEGORY / name).glob("*[[]*"))
            assert (torrent / "torrent.json").read_bytes()
        assert len(os.listdir(mount.path / CATEGORY)) == 401
        assert "disk is full: continuing with an in-memory cache" in mount.log.read_text()


def test_one_clears_the_cache_while_two_mounts_read(tmp_path: Path) -> None:
    options = ("--rate", "unlimited", "--cache-dir", str(tmp_path / "cache"))
    source = Generated(60, 2, 3, categories=(1,))
    with running(create_app(source)) as server:
        options += ("--url", server.url)
        env = {"BIOFS_TOKEN": DONOR_TOKEN}
        with (
            mounted(tmp_path, *options, env=env, name="one") as one,
            mounted(tmp_path, *options, env=env, name="two") as two,
        ):
            failed: list[OSError] = []
            stop = threading.Event()

            def read(mount: Mount) -> None:
                while not stop.is_set():
                    try:
                        for name in os.listdir(mount.path / CATEGORY):
                            if name.endswith("]"):
                                (mount.path / CATEGORY / name / "group.json").read_bytes()
                    except OSError as error:
                        failed.append(error)

            readers = [threading.Thread(target=read, args=(mount,)) for mount in (one, two)]
            for reader in readers:
                reader.start()
            said = []
            for _ in range(3):
                time.sleep(0.5)
                said.append(biofs(tmp_path / "home", "cache", "clear", *options[2:4]))
            stop.set()
            for reader in readers:
                reader.join(timeout=60)
            assert not any(reader.is_alive() for reader in readers)
            assert failed == [], said
            assert sorted(os.listdir(one.path / CATEGORY)) == sorted(
                os.listdir(two.path / CATEGORY)
            )


def test_a_mount_that_slept_goes_on(live: Mount) -> None:
    names = [name for name in sorted(os.listdir(live.path / CATEGORY)) if name.endswith("]")]
    os.kill(live.process.pid, signal.SIGSTOP)
    got: list[bytes] = []
    document = live.path / CATEGORY / names[7] / "group.json"
    reader = threading.Thread(target=lambda: got.append(document.read_bytes()))
    reader.start()
    time.sleep(3)
    assert not got, "nobody answers while it sleeps"
    os.kill(live.process.pid, signal.SIGCONT)
    reader.join(timeout=20)
    assert got
    assert got[0].startswith(b"{")
    assert live.status()["requests"]["waiting"] == 0

"""Who waits: threads, and the processes to which they belong."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from biofs.mount.kernel import processes
from biofs.mount.kernel.processes import serves_others
from biofs.mount.kernel.waiting import (
    UNSEEN_SECONDS,
    Patience,
    SignalWatch,
    is_signalled,
    proc_is_ours,
    process_of,
)


def test_a_thread_belongs_to_its_process() -> None:
    found: list[tuple[int, int]] = []

    def look() -> None:
        thread = threading.get_native_id()
        found.append((thread, process_of(thread)))

    other = threading.Thread(target=look)
    other.start()
    other.join()
    [(thread, process)] = found
    assert thread != process == os.getpid()
    assert process_of(os.getpid()) == os.getpid()


def test_one_that_is_gone_is_itself() -> None:
    with subprocess.Popen(["true"]) as child:
        pass
    assert not Path(f"/proc/{child.pid}").exists()
    assert process_of(child.pid) == child.pid
    assert not is_signalled(child.pid)


def test_a_pending_signal_is_seen_unless_it_is_blocked_or_harmless() -> None:
    thread = threading.get_native_id()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        assert signal.SIGUSR1 in signal.sigpending()
        assert not is_signalled(thread), "blocked: it would not have ended the wait"
        signal.sigwait({signal.SIGUSR1})
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert not is_signalled(thread)


def test_who_cannot_be_seen_waits_for_a_short_time_only() -> None:
    patience = Patience(60, SignalWatch())
    assert patience.of(os.getpid()).pid == os.getpid()
    assert patience.for_thread(os.getpid()) == 60
    assert patience.for_thread(0) == UNSEEN_SECONDS
    assert Patience(1, SignalWatch()).for_thread(0) == 1


def test_one_that_serves_a_file_system_waits_for_a_short_time_only() -> None:
    patience = Patience(60, SignalWatch())
    script = "import sys; f = open(sys.argv[1]); print(flush=True); sys.stdin.read()"
    for file, seconds in (("/dev/null", 60.0), ("/dev/fuse", UNSEEN_SECONDS)):
        with subprocess.Popen(
            [sys.executable, "-c", script, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"\n"
            assert patience.for_thread(process.pid) == seconds, file
            assert process.stdin is not None
            process.stdin.close()


def test_who_waits_again_is_not_looked_at_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    patience, looked = Patience(60, SignalWatch()), []
    monkeypatch.setattr(Patience, "for_thread", lambda _self, pid: looked.append(pid) or 5.0)
    now = [100.0]
    monkeypatch.setattr("biofs.mount.kernel.waiting.time.monotonic", lambda: now[0])
    for _ in range(50):
        assert patience.for_reader(7) == 5.0
    assert looked == [7]
    now[0] += 1.0
    for pid in (7, 8, 7):
        patience.for_reader(pid)
    assert looked == [7, 7, 8, 7], "another one, and after a second the same"


def test_one_of_another_user_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: str) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(processes.os, "listdir", refused)
    files = {
        "/proc/7/comm": b"mergerfs\n",
        "/proc/8/comm": b"cat\n",
        "/proc/self/mountinfo": b"99 25 0:42 / /pool rw - fuse.mergerfs a:b rw,user_id=0\n",
    }
    for reader in ("_read", "_read_whole"):
        monkeypatch.setattr(processes, reader, lambda path: files.get(path, b""))
    assert serves_others(7)
    assert not serves_others(8)
    assert not serves_others(9), "gone meanwhile"


@pytest.mark.parametrize(
    ("name", "flags", "serves"),
    [("nfsd", 0x208040, True), ("nfsd", 0x400040, False), ("loop0", 0x208040, False)],
)
def test_the_kernels_nfs_server_is_known(
    monkeypatch: pytest.MonkeyPatch, name: str, flags: int, serves: bool
) -> None:
    files = {
        "/proc/7/comm": f"{name}\n".encode(),
        "/proc/7/stat": f"7 ({name}) S 2 0 0 0 -1 {flags} 0 0 0 0 0 0".encode(),
    }
    monkeypatch.setattr(processes, "_read", lambda path: files.get(path, b""))
    monkeypatch.setattr(processes.os, "listdir", lambda _path: [])
    assert serves_others(7) is serves


ASK = """
import os
from biofs.mount.kernel.waiting import Patience, SignalWatch, proc_is_ours
print(proc_is_ours(), Patience(60, SignalWatch()).of(os.getpid()).pid == os.getpid())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="a PID namespace needs root")
@pytest.mark.parametrize(
    ("options", "ours"),
    [(["--mount-proc"], True), ([], False), (["--mount"], False)],
)
def test_a_number_of_another_pid_namespace_is_nobodys(options: list[str], ours: bool) -> None:
    assert proc_is_ours()
    done = subprocess.run(
        ["unshare", "--pid", "--fork", *options, sys.executable, "-c", ASK],
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout == f"{ours} {ours}\n"

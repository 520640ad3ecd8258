"""Who waits: threads, and the processes to which they belong."""

import os
import signal
import subprocess
import threading
from pathlib import Path

from biofs.mount.kernel.waiting import is_signalled, process_of


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

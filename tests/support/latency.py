"""How long a caller waits for what needs no server, and until a signal frees it: scripts/latency.

`python -m tests.support.latency [WAITING [ROUNDS]]` from the checkout. Everything is known to the
store and nothing to the kernel: each figure is a question to the mount. While they are taken the
server misbehaves, and WAITING processes wait for it.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.support.faulty import Holding
from tests.support.misbehaving import (
    Behaviour,
    Misbehaving,
    closed,
    misbehaving,
    mute,
    mute_after_headers,
    reset,
    saying,
    trickling,
)
from tests.support.mounting import Mount, mounted
from tests.support.server import running
from tests.support.soak import DOCUMENTS

FAULTS: dict[str, Behaviour] = {
    "mute": mute,
    "mute after the headers": mute_after_headers,
    "a byte a second": trickling,
    "closes": closed,
    "resets": reset,
    "HTTP 500": saying(500, b"<html>"),
    "HTTP 429": saying(429, b""),
    '"rate limit exceeded"': saying(200, b'{"status":"failure","error":"rate limit exceeded"}'),
}
GROUP = "categories/Sequences/Alcohol dehydrogenase ADH1 [1]"
WAITS: dict[str, tuple[tuple[str, ...], bool]] = {
    "open": (("cat", f"{GROUP}/group.json"), True),
    "getattr": (("stat", f"{GROUP}/group.json"), True),
    "opendir": (("ls", f"{GROUP}/FASTA, Sanger, Contig [1]/files"), True),
    "lookup": (("stat", f"{GROUP}/FASTA, Sanger, Contig [1]/files/x"), True),
    "readlink": (("readlink", "groups/1"), False),
}
"""Commands that wait in a call, and whether the category has to be listed for that."""

CALLS = ("ls, first entry", "ls, whole", "cat", "stat of the mountpoint", "df")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
PATIENCE = 60.0
SETTLED = 0.5
"""Seconds after which a process has come as far as it can."""

UNKNOWN = "users/{}/user.json"


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that is bound to come."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it never came")
        time.sleep(0.01)


def all_wait(mount: Mount, count: int) -> None:
    """Wait until so many wait for the server."""
    until(lambda: mount.status()["readers_waiting"] == count)


def timed(call: Callable[..., object], *arguments: object) -> float:
    """How long a call takes, in milliseconds."""
    start = time.perf_counter()
    call(*arguments)
    return (time.perf_counter() - start) * 1000


def row(title: str, samples: list[float]) -> str:
    """Median, the 99th of a hundred and the worst, as a line of a table."""
    last = (
        statistics.quantiles(samples, n=100, method="inclusive")[98]
        if len(samples) > 1
        else samples[0]
    )
    figures = (statistics.median(samples), last, max(samples))
    return " | ".join(["", title, str(len(samples)), *(f"{f:.1f}" for f in figures), ""]).strip()


def mounting(base: Path, url: str, *options: str) -> object:
    """A mount that keeps what it fetches in `base`, and gives a mute server ten minutes."""
    settings = base / "home/.config/biofs/config.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("timeout = 600\nwait = 600\n")
    return mounted(
        base,
        *("--url", url, "--rate", "100/0.1", "--cache-dir", str(base / "cache"), *options),
        env={"BIOFS_TOKEN": DONOR_TOKEN},
    )


@contextmanager
def waiting(mount: Mount, count: int, first: int = 1) -> Iterator[None]:
    """So many processes that wait for what nobody knows."""
    processes = [
        subprocess.Popen(
            ["cat", str(mount.path / UNKNOWN.format(number))],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(first, first + count)
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def known(base: Path, server: Misbehaving) -> tuple[list[str], list[str]]:
    """Have everything in the categories known; its directories and its documents."""
    directories, documents = [], []
    with mounting(base, server.url) as mount:  # type: ignore[attr-defined]
        for path, _, names in os.walk(mount.path / "categories"):
            directories.append(os.path.relpath(path, mount.path))
            for name in names:
                if name in DOCUMENTS:
                    Path(path, name).read_bytes()
                    documents.append(f"{directories[-1]}/{name}")
    return directories, documents


def serving(base: Path, count: int) -> Iterator[str]:
    """Rows: what is known, and what is asked of the mountpoint, while the server misbehaves."""
    with misbehaving(create_app(embedded())) as server:
        directories, documents = known(base, server)
        largest = 0
        for place, (fault, behaviour) in enumerate({"well": None, **FAULTS}.items()):
            took: dict[str, list[float]] = {call: [] for call in CALLS}
            waiters = count if fault == "mute" else 0
            with mounting(base, server.url) as mount:  # type: ignore[attr-defined]
                server.behave(behaviour)
                with waiting(mount, max(waiters, 1), 1000 * (place + 1)):
                    if waiters:
                        all_wait(mount, waiters)
                    for path in directories:
                        start = time.perf_counter()
                        with os.scandir(mount.path / path) as entries:
                            next(entries, None)
                            took["ls, first entry"].append((time.perf_counter() - start) * 1000)
                            names = 1 + len([*entries])
                        took["ls, whole"].append((time.perf_counter() - start) * 1000)
                        largest = max(largest, names)
                        took["stat of the mountpoint"].append(timed(os.stat, mount.path))
                        took["df"].append(timed(os.statvfs, mount.path))
                    for path in documents:
                        took["cat"].append(timed((mount.path / path).read_bytes))
                server.behave()
            about = f"{fault}, {waiters} processes wait" if waiters else fault
            for what, samples in took.items():
                yield row(f"{about} | {what}", samples)
        yield f"\nThe largest directory has {largest:,} entries."


def freeing(base: Path, count: int, rounds: int) -> Iterator[str]:
    """Rows: from a signal to the end of a process that waits in a call."""
    for waiters in (0, count):
        for call, (command, listed) in WAITS.items():
            app = Holding(create_app(embedded()))
            yield _freed(base, app, call, command, listed, waiters, rounds)
        app = Holding(create_app(Generated(120, 1, 1, categories=(1,))))
        app.passing = 1
        yield _freed(base, app, "readdir", ("ls", "categories/Sequences"), False, waiters, rounds)


def _freed(
    base: Path,
    app: Holding,
    call: str,
    command: tuple[str, ...],
    listed: bool,
    waiters: int,
    rounds: int,
) -> str:
    samples = []
    passing = app.passing
    with tempfile.TemporaryDirectory(dir=base) as place, running(app) as server:
        with mounting(Path(place), server.url) as mount:  # type: ignore[attr-defined]
            if listed:
                os.listdir(mount.path / "categories/Sequences")
            app.passing = 0
            app.hold.set()
            with waiting(mount, waiters):
                all_wait(mount, waiters)
                app.passing = passing
                for number in SIGNALS * rounds:
                    process = subprocess.Popen(
                        command,
                        cwd=mount.path,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                    )
                    time.sleep(SETTLED)
                    if process.poll() is not None:
                        raise RuntimeError(f"{command} does not wait")
                    process.send_signal(number)
                    samples.append(timed(process.wait))
            app.hold.clear()
    return row(f"{waiters} | {call}", samples)


def main() -> int:
    """The program."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    # Started in the background, this would ignore it, and so would all that it starts: signal(7).
    signal.signal(signal.SIGINT, signal.default_int_handler)
    figures = "times | median | 99 % | worst, in ms |"
    with tempfile.TemporaryDirectory() as base, suppress(BrokenPipeError):
        for title, rows in (
            (f"| the server | call | {figures}", serving(Path(base), count)),
            (f"| processes waiting | freed from | {figures}", freeing(Path(base), count, rounds)),
        ):
            print(f"{title}\n|{' --- |' * title.count('|', 1)}", flush=True)
            for line in rows:
                print(line, flush=True)
            print(flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

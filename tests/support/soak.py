"""A soak: random tools, faults and refreshes against one mount, and what must hold all the while.

`python -m tests.support.soak SECONDS [SEED]` or scripts/soak, from the checkout.
"""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.support.misbehaving import (
    Misbehaving,
    closed,
    closed_in_the_body,
    misbehaving,
    mute,
    mute_after_headers,
    reset,
    saying,
)
from tests.support.mounting import Mount, environment, mounted

WORKERS = 6
QUIET_SECONDS = 60.0
CACHE_SIZE = "400K"
MIB = 1 << 20
DOCUMENTS = ("group.json", "description.txt", "torrent.json", "filelist.jsonl", "magnet.txt")

FAULTS = (
    *(closed, reset, mute, mute_after_headers, closed_in_the_body),
    *(saying(200, b""), saying(200, b'{"status":'), saying(500, b"<html>"), saying(502, b"")),
    saying(200, b'{"status":"failure","error":"rate limit exceeded"}'),
    *(saying(429, b"", retry_after="1"), saying(302, b"", location="login.php"), saying(401, b"")),
)
EXPECTED = frozenset(
    {errno.EAGAIN, errno.EIO, errno.EHOSTUNREACH, errno.EACCES, errno.ETIMEDOUT, errno.EINTR}
)
"""What may become of a call while the server misbehaves. Never ENOENT: nothing goes away."""


class Broken(AssertionError):  # noqa: N818 - says what it is
    """Something did not hold."""


@dataclass
class Reference:
    """What the catalogue holds: directories with their entries, documents with their bytes."""

    directories: dict[str, frozenset[str]] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path) -> Reference:
        """All of a mount whose server does not misbehave, below `categories/`."""
        made = cls()
        for path, directories, names in os.walk(root / "categories"):
            below = os.path.relpath(path, root)
            made.directories[below] = frozenset((*directories, *names))
            for name in names:
                if name in DOCUMENTS:
                    made.documents[f"{below}/{name}"] = Path(path, name).read_bytes()
        return made


@dataclass(frozen=True)
class Footprint:
    """What a process holds: descriptors, threads, tasks, bytes of memory."""

    descriptors: int
    threads: int
    tasks: int
    memory: int

    @classmethod
    def of(cls, mount: Mount) -> Footprint:
        """That of a mount, now."""
        process = Path(f"/proc/{mount.process.pid}")
        fields = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        return cls(
            len(os.listdir(process / "fd")),
            int(fields["Threads"]),
            mount.status()["tasks"],
            int(fields["VmRSS"].split()[0]) * 1024,
        )


class Soak:
    """One mount, its server, and those who use it. `done` counts what was done and how it ended."""

    def __init__(self, mount: Mount, server: Misbehaving, reference: Reference, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._mount = mount
        self._server = server
        self.reference = reference
        self._seed = seed
        self._stop = threading.Event()
        self._broken: list[BaseException] = []
        self._lock = threading.Lock()

    def run(self, seconds: float) -> None:
        """Use it, and let the server misbehave, for so long. Raises Broken."""
        self._stop.clear()
        targets: list[Callable[[random.Random], None]] = [self._use] * WORKERS + [self._misbehave]
        threads = [
            threading.Thread(target=self._guarded, args=(target, f"{self._seed}/{number}"))
            for number, target in enumerate(targets)
        ]
        for thread in threads:
            thread.start()
        self._stop.wait(seconds)
        self._stop.set()
        # Who waits now has an answer soon: none is given longer than the mount's own wait.
        for thread in threads:
            thread.join(QUIET_SECONDS)
            if thread.is_alive():
                raise Broken("somebody hangs")
        if self._broken:
            raise self._broken[0]
        self._seed += 1

    def quiet(self) -> Footprint:
        """Wait until nothing is under way; what the mount holds then."""
        self._server.behave()
        deadline = time.monotonic() + QUIET_SECONDS
        while True:
            state = self._mount.status()
            requests = state["requests"]
            # The status document itself is open while it is read.
            busy = (requests["wants"], requests["waiting"], state["readers_waiting"])
            if busy == (0, 0, 0) and state["open_handles"] <= 1:
                return Footprint.of(self._mount)
            if time.monotonic() > deadline:
                raise Broken(f"it does not come to rest: {state}")
            time.sleep(0.1)

    def check_everything(self) -> None:
        """Every directory and every document is what the catalogue says, after all that was."""
        self.check_directories()
        self.check_documents()

    def check_directories(self) -> None:
        """Every directory. Raises Broken."""
        for path, entries in self.reference.directories.items():
            if frozenset(os.listdir(self._mount.path / path)) != entries:
                raise Broken(f"other entries in {path}")

    def check_documents(self) -> None:
        """Every document. Raises Broken."""
        for path, content in self.reference.documents.items():
            if (self._mount.path / path).read_bytes() != content:
                raise Broken(f"other content in {path}")

    def _guarded(self, target: Callable[[random.Random], None], seed: str) -> None:
        randomly = random.Random(seed)
        try:
            while not self._stop.is_set():
                target(randomly)
        except BaseException as error:
            self._broken.append(error)
            self._stop.set()

    def _misbehave(self, randomly: random.Random) -> None:
        if randomly.random() < 0.1:
            self._server.vanish()
            self._stop.wait(randomly.uniform(0, 1))
            self._server.come_back()
        else:
            self._server.behave(randomly.choice(FAULTS))
            self._stop.wait(randomly.uniform(0, 0.5))
        self._server.behave()
        self._stop.wait(randomly.uniform(0, 1))

    def _use(self, randomly: random.Random) -> None:
        tool = randomly.choices(
            [self._list, self._read, self._look, self._miss, self._open, self._kill, self._refresh],
            weights=[4, 8, 3, 2, 1, 2, 0.2],
        )[0]
        name = tool.__name__.removeprefix("_")
        try:
            outcome = tool(randomly) or "ok"
        except OSError as error:
            if error.errno not in EXPECTED:
                raise Broken(f"{name} of {error.filename}: {error}") from error
            outcome = errno.errorcode[error.errno or 0]
        with self._lock:
            self.done[f"{name} {outcome}"] += 1

    def _list(self, randomly: random.Random) -> None:
        path = randomly.choice([*self.reference.directories])
        found = frozenset(os.listdir(self._mount.path / path))
        if found != self.reference.directories[path]:
            raise Broken(f"other entries in {path}")

    def _read(self, randomly: random.Random) -> None:
        path = randomly.choice([*self.reference.documents])
        if (self._mount.path / path).read_bytes() != self.reference.documents[path]:
            raise Broken(f"other content in {path}")

    def _look(self, randomly: random.Random) -> None:
        path = randomly.choice([*self.reference.documents])
        status = os.stat(self._mount.path / path)
        if status.st_size != len(self.reference.documents[path]):
            raise Broken(f"another size of {path}")
        os.statvfs(self._mount.path)

    def _miss(self, randomly: random.Random) -> str:
        directory = randomly.choice([*self.reference.directories])
        try:
            os.lstat(self._mount.path / directory / "no such thing")
        except FileNotFoundError:
            return "ENOENT"
        raise Broken("something is there that is not")

    def _open(self, randomly: random.Random) -> str:
        path = randomly.choice([path for path in self.reference.directories if "/files" in path])
        with os.scandir(self._mount.path / path) as entries:
            found = list(entries)
        for entry in found:
            if entry.is_file(follow_symlinks=False):
                try:
                    os.close(os.open(entry.path, os.O_RDONLY))
                except OSError as error:
                    if error.errno != errno.ENODATA:
                        raise
                    return "ENODATA"
                raise Broken("a file without content could be opened")
        return "empty"

    def _kill(self, randomly: random.Random) -> str:
        where = randomly.choice([*self.reference.directories])
        command = randomly.choice((["cat"], ["ls", "-lR"], ["grep", "-r", "ADH1"], ["du", "-s"]))
        process = subprocess.Popen(
            [*command, str(self._mount.path / where)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(randomly.uniform(0, 0.5))
        except subprocess.TimeoutExpired:
            process.kill()
            if process.wait(QUIET_SECONDS) != -9:
                return "ended"
            return "killed"
        return "ended"

    def _refresh(self, randomly: random.Random) -> str:
        path = randomly.choice([*self.reference.directories])
        done = subprocess.run(
            [sys.executable, "-m", "biofs", "refresh", "--no-wait", str(self._mount.path / path)],
            env=environment(self._mount.path.parent / "home"),
            capture_output=True,
            timeout=QUIET_SECONDS,
            check=False,
        )
        if b"unexpected" in done.stderr:
            raise Broken(done.stderr.decode())
        return f"exit code {done.returncode}"


@contextmanager
def soaking(base: Path, seed: int) -> Iterator[Soak]:
    """A mount to be soaked, that knows nothing yet, with everything stale after a second."""
    with mounted(base, "--demo", name="reference") as clean:
        reference = Reference.of(clean.path)
    with (
        misbehaving(create_app(embedded())) as server,
        mounted(
            base,
            *("--url", server.url, "--rate", "100/0.1", "--wait", "2", "--ttl", "1"),
            # So small that details are given up and fetched again, into whatever the server does.
            *("--cache-dir", str(base / "cache"), "--cache-size", CACHE_SIZE),
            env={"BIOFS_TOKEN": DONOR_TOKEN},
        ) as mount,
    ):
        yield Soak(mount, server, reference, seed)


def soak(base: Path, seconds: float, seed: int) -> Counter[str]:
    """Soak for so long and check that nothing is held that was not held before. Raises Broken."""
    with soaking(base, seed) as one:
        # Everything is known, every pool filled and every library loaded before it is measured.
        one.run(seconds / 2)
        one.quiet()
        one.check_everything()
        before = one.quiet()
        one.run(seconds / 2)
        one.quiet()
        one.check_everything()
        after = one.quiet()
        print(f"before: {before}\nafter:  {after}", file=sys.stderr)
        if after.descriptors > before.descriptors + 16 or after.tasks > before.tasks + 16:
            raise Broken(f"descriptors or tasks are left: {before}, {after}")
        if after.threads > before.threads + 8 or after.memory > before.memory + 32 * MIB:
            raise Broken(f"threads or memory are left: {before}, {after}")
        return one.done


def main() -> int:
    """The program."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    print(f"{seconds:g} seconds with seed {seed}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as base:
        for name, count in sorted(soak(Path(base), seconds, seed).items()):
            print(f"{count:>8}  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

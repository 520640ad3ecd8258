"""Who waits for the server can be freed, delays nobody, and is not kept for ever."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.support.faulty import Holding
from tests.support.mounting import Mount, environment, mounted
from tests.support.server import Server, running

GROUP = "categories/Sequences/Alcohol dehydrogenase ADH1 [1]"


@pytest.fixture
def app() -> Holding:
    return Holding(create_app(embedded()))


@pytest.fixture
def server(app: Holding) -> Iterator[Server]:
    with running(app) as server:
        yield server
        app.hold.clear()


def mounting(base: Path, server: Server, *options: str) -> object:
    return mounted(
        base,
        *("--url", server.url, "--rate", "unlimited", *options),
        env={"BIOFS_TOKEN": DONOR_TOKEN},
    )


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that is bound to come."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def mount(tmp_path: Path, server: Server) -> Iterator[Mount]:
    with mounting(tmp_path, server) as mount:  # type: ignore[attr-defined]
        yield mount


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize(
    ("command", "listed"),
    [
        (("cat", f"{GROUP}/group.json"), True),  # open
        (("stat", f"{GROUP}/group.json"), True),  # getattr
        (("ls", f"{GROUP}/FASTA, Sanger, Contig [1]/files"), True),  # opendir
        (("stat", f"{GROUP}/FASTA, Sanger, Contig [1]/files/x"), True),  # lookup
        (("ls", "categories/Sequences"), False),  # opendir of what is being listed
        (("stat", GROUP), False),  # lookup in what is being listed
        (("readlink", "groups/1"), False),  # readlink
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else str(value),
)
def test_a_signalled_reader_is_freed_while_the_server_is_mute(
    mount: Mount,
    app: Holding,
    number: signal.Signals,
    command: tuple[str, ...],
    listed: bool,
) -> None:
    if listed:
        os.listdir(mount.path / "categories/Sequences")
    app.hold.set()
    process = subprocess.Popen(
        command, cwd=mount.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until(lambda: app.held == 1)
    process.send_signal(number)
    # The server stays mute: were the reader not freed, this would never end.
    assert process.wait(timeout=20) != 0
    app.hold.clear()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_likewise_in_the_midst_of_a_listing(tmp_path: Path, number: signal.Signals) -> None:
    """That is readdir. read never waits: open has brought the whole document."""
    app = Holding(create_app(Generated(120, 1, 1, categories=(1,))))
    app.hold.set()
    app.passing = 1
    with running(app) as server, mounting(tmp_path, server) as mount:  # type: ignore[attr-defined]
        script = "import os; rows = os.scandir(); print(next(rows).name, flush=True); print(*rows)"
        with subprocess.Popen(
            # Without -P Python 3.13 looks for modules where it is, which would wait already.
            [sys.executable, "-P", "-c", script],
            cwd=mount.path / "categories/Sequences",
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"index.jsonl\n"
            until(lambda: mount.status()["readers_waiting"] == 1)
            process.send_signal(number)
            assert process.wait(timeout=20) != 0
            assert process.stdout.read() == b""
        app.hold.clear()


def test_what_a_reader_left_behind_fills_the_cache(mount: Mount, app: Holding) -> None:
    os.listdir(mount.path / "categories/Sequences")
    app.hold.set()
    process = subprocess.Popen(["cat", f"{GROUP}/group.json"], cwd=mount.path)
    until(lambda: app.held == 1)
    process.kill()
    process.wait(timeout=20)
    app.hold.clear()
    before = app.state.log.count("torrentgroup")
    assert mount.run("jq", "-r", ".id", f"{GROUP}/group.json") == "1\n"
    assert app.state.log.count("torrentgroup") <= max(before, 1)


def test_a_waiting_reader_holds_up_nobody(mount: Mount, app: Holding) -> None:
    names = os.listdir(mount.path / "categories/Sequences")
    app.hold.set()
    waiting = [
        subprocess.Popen(
            ["cat", f"categories/Sequences/{name}/group.json"],
            cwd=mount.path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name in names
        if name != "index.jsonl"
    ]
    until(lambda: app.held >= 8)
    # The same directories, names and the mountpoint itself are answered meanwhile.
    assert sorted(os.listdir(mount.path / "categories/Sequences")) == sorted(names)
    assert "group.json" in os.listdir(mount.path / GROUP)
    assert mount.run("df", ".")
    assert mount.status()["readers_waiting"] == len(waiting)
    app.hold.clear()
    for process in waiting:
        assert process.wait(timeout=20) == 0


def test_a_listing_streams_the_first_groups_while_the_next_page_is_awaited(
    tmp_path: Path,
) -> None:
    app = Holding(create_app(Generated(120, 1, 1, categories=(1,))))
    app.hold.set()
    app.passing = 1
    with running(app) as server, mounting(tmp_path, server) as mount:  # type: ignore[attr-defined]
        entries = os.scandir(mount.path / "categories/Sequences")
        first = [next(entries).name for _ in range(51)]  # index.jsonl, and the first page
        until(lambda: app.held == 1)
        assert len(set(first)) == 51
        app.hold.clear()
        rest = [entry.name for entry in entries]
    assert len({*first, *rest}) == 121
    assert app.state.log.count("browse") == 3


def test_fifty_processes_at_once_are_one_request(mount: Mount, app: Holding) -> None:
    os.listdir(mount.path / "categories/Sequences")
    app.hold.set()
    readers = [
        subprocess.Popen(["cat", f"{GROUP}/group.json"], cwd=mount.path, stdout=subprocess.PIPE)
        for _ in range(50)
    ]
    until(lambda: app.held >= 1 and mount.status()["readers_waiting"] == 50)
    app.hold.clear()
    outputs = {reader.communicate(timeout=20)[0] for reader in readers}
    assert len(outputs) == 1
    assert b'"Alcohol dehydrogenase ADH1"' in outputs.pop()
    assert app.state.log.count("torrentgroup") == 1


def test_the_wait_runs_out_with_eagain_and_the_answer_still_comes(
    tmp_path: Path, server: Server, app: Holding
) -> None:
    with mounting(tmp_path, server, "--wait", "0.2") as mount:  # type: ignore[attr-defined]
        os.listdir(mount.path / "categories/Sequences")
        app.hold.set()
        with pytest.raises(OSError) as caught:
            (mount.path / GROUP / "group.json").read_bytes()
        assert caught.value.errno == errno.EAGAIN
        app.hold.clear()
        until(lambda: mount.status()["requests"]["wants"] == 0)
        assert (mount.path / GROUP / "group.json").stat().st_size > 0
        assert app.state.log.count("torrentgroup") == 1


def test_sigterm_ends_a_mount_with_requests_in_flight(
    tmp_path: Path, server: Server, app: Holding
) -> None:
    with mounting(tmp_path, server) as mount:  # type: ignore[attr-defined]
        os.listdir(mount.path / "categories/Sequences")
        app.hold.set()
        reader = subprocess.Popen(
            ["cat", f"{GROUP}/group.json"], cwd=mount.path, stderr=subprocess.DEVNULL
        )
        until(lambda: app.held == 1)
        # `mounted` ends it here, and checks that it ended well.
    assert reader.wait(timeout=20) != 0


def pending(pid: int) -> int:
    """The signals that are pending for a process, as bits."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line[7:], 16) for line in lines if line.startswith("ShdPnd:"))


@pytest.fixture
def stopping(
    mount: Mount, app: Holding, request: pytest.FixtureRequest
) -> Iterator[subprocess.Popen[bytes]]:
    """A reader that waits for a mute server, and has been sent a signal that stops it."""
    os.listdir(mount.path / "categories/Sequences")
    app.hold.set()
    with subprocess.Popen(
        ["cat", f"{GROUP}/group.json"],
        cwd=mount.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    ) as reader:
        until(lambda: app.held == 1 and mount.status()["readers_waiting"] == 1)
        reader.send_signal(request.param)
        time.sleep(0.5)  # several looks at who waits
        assert pending(reader.pid) == 1 << (request.param - 1), "it waits, and stops only then"
        yield reader
        reader.kill()


STOPS = pytest.mark.parametrize("stopping", [signal.SIGTSTP, signal.SIGSTOP], indirect=True)


@STOPS
def test_a_reader_that_is_stopped_and_continued_gets_its_answer(
    stopping: subprocess.Popen[bytes], app: Holding
) -> None:
    app.hold.clear()
    _, status = os.waitpid(stopping.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "with the answer it stops"
    stopping.send_signal(signal.SIGCONT)
    output, errors = stopping.communicate(timeout=20)
    assert (stopping.returncode, errors) == (0, b"")
    assert b'"Alcohol dehydrogenase ADH1"' in output


@STOPS
def test_one_that_is_continued_before_the_answer_never_stops(
    stopping: subprocess.Popen[bytes], app: Holding
) -> None:
    stopping.send_signal(signal.SIGCONT)
    until(lambda: not pending(stopping.pid))
    app.hold.clear()
    output, errors = stopping.communicate(timeout=20)
    assert (stopping.returncode, errors) == (0, b"")
    assert b'"Alcohol dehydrogenase ADH1"' in output


@STOPS
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_one_that_is_to_stop_is_freed_by_a_signal_that_ends_it(
    stopping: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    stopping.send_signal(number)
    assert stopping.wait(timeout=20) == -number


@pytest.mark.skipif(os.geteuid() != 0, reason="a PID namespace needs root")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_reader_outside_the_daemons_pid_namespace_is_freed(
    tmp_path: Path, server: Server, app: Holding, number: signal.Signals
) -> None:
    """The daemon cannot see its signals, nor would the wait of ten minutes end in time."""
    mountpoint = tmp_path / "mnt"
    mountpoint.mkdir()
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        daemon = subprocess.Popen(
            [
                *("unshare", "--pid", "--fork", "--kill-child", sys.executable, "-m", "biofs"),
                *("mount", "-f", "--url", server.url, "--rate", "unlimited", "--wait", "600"),
                os.fspath(mountpoint),
            ],
            env=environment(tmp_path, BIOFS_TOKEN=DONOR_TOKEN),
            stderr=stderr,
        )
    try:
        until(lambda: "mounted on" in log.read_text())
        os.listdir(mountpoint / "categories/Sequences")
        app.hold.set()
        reader = subprocess.Popen(["cat", mountpoint / GROUP / "group.json"])
        until(lambda: app.held == 1)
        reader.send_signal(number)
        assert reader.wait(timeout=60) != 0
        with pytest.raises(BlockingIOError):  # EAGAIN, for one that goes on
            (mountpoint / GROUP / "group.json").read_bytes()
        app.hold.clear()
        assert b'"id"' in (mountpoint / GROUP / "group.json").read_bytes()
    finally:
        app.hold.clear()
        subprocess.run(["umount", mountpoint], check=False)
        assert daemon.wait(timeout=60) == 0, log.read_text()

"""What goes through the socket, from both ends."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from biofs.control import client, protocol, server
from biofs.control.client import Failed, NoMount
from biofs.control.protocol import Ask, Malformed, Said
from biofs.control.server import Handler, Refused, Report

MOUNTPOINT = "/home/ada/biotorrents"


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place for sockets."""
    found = tmp_path / "run" / "biofs"
    found.parent.mkdir(mode=0o700)
    monkeypatch.setattr(protocol, "places", lambda _environ, _uid: [protocol.Place(found)])
    return found


async def echo(ask: Ask, report: Report) -> dict[str, object]:
    return {"path": ask.path, "everything": ask.everything, "wait": ask.wait}


@contextmanager
def serving(handlers: Mapping[str, Handler], mountpoint: str = MOUNTPOINT) -> Iterator[None]:
    """A server in a thread of its own."""
    with ExitStack() as stack:
        running: list[tuple[trio.lowlevel.TrioToken, trio.CancelScope]] = []
        ready = threading.Event()

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                try:
                    await nursery.start(server.serve, mountpoint, handlers)
                    running.append((trio.lowlevel.current_trio_token(), nursery.cancel_scope))
                finally:
                    ready.set()
                await trio.sleep_forever()

        thread = threading.Thread(target=trio.run, args=(main,))
        thread.start()
        stack.callback(thread.join)
        ready.wait()
        token, scope = running[0]
        stack.callback(token.run_sync_soon, scope.cancel)
        yield


@contextmanager
def connected(runtime: Path) -> Iterator[socket.socket]:
    """A bare connection to the only socket."""
    with socket.socket(socket.AF_UNIX) as connection, protocol.opened(runtime) as at:
        connection.settimeout(20)
        connection.connect(f"{at}/{protocol.name(MOUNTPOINT)}")
        yield connection


def test_a_question_and_its_answer() -> None:
    with serving({"echo": echo}):
        assert client.ask(MOUNTPOINT, Ask(do="echo", path="a%2Fb", everything=True)) == {
            "path": "a%2Fb",
            "everything": True,
            "wait": True,
        }


def test_only_its_owner_can_find_the_socket(runtime: Path) -> None:
    with serving({}):
        assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
        [file] = runtime.iterdir()
        assert stat.S_ISSOCK(file.stat().st_mode)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert client.is_there(MOUNTPOINT)
        assert not client.is_there("/elsewhere")
    assert list(runtime.iterdir()) == []
    assert not client.is_there(MOUNTPOINT)


_NOBODY = """
import os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
with socket.socket(socket.AF_UNIX) as connection:
    connection.settimeout(20)
    try:
        connection.connect(sys.argv[1])
        connection.sendall(os.fsencode(sys.argv[2]))
        print(connection.makefile("rb").read())
    except OSError as error:
        print(type(error).__name__)
"""


def as_nobody(address: Path) -> str:
    """What a process of another user hears at the socket."""
    return subprocess.run(
        [sys.executable, "-I", "-c", _NOBODY, address, protocol.line(Ask(do="echo"))],
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
        text=True,
    ).stdout.strip()


def test_another_user_cannot_enter_and_is_not_answered_where_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)  # unlike pytest's own
        place = protocol.Place(Path(directory, "biofs"))
        monkeypatch.setattr(protocol, "places", lambda _environ, _uid: [place])
        with serving({"echo": echo}):
            [file] = place.path.iterdir()
            assert as_nobody(file) == "PermissionError"
            # Even with every door open: the kernel says who it is.
            file.chmod(0o777)
            place.path.chmod(0o755)
            assert as_nobody(file) in {"b''", "ConnectionResetError", "BrokenPipeError"}
            place.path.chmod(0o700)
            assert client.ask(MOUNTPOINT, Ask(do="echo"))


def test_no_mount_no_answer(runtime: Path) -> None:
    with pytest.raises(NoMount):
        client.ask(MOUNTPOINT, Ask(do="echo"))
    runtime.mkdir(mode=0o700)
    with pytest.raises(NoMount):
        client.ask(MOUNTPOINT, Ask(do="echo"))


def test_the_socket_of_a_dead_mount_is_replaced(runtime: Path) -> None:
    runtime.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead, protocol.opened(runtime) as at:
        dead.bind(f"{at}/{protocol.name(MOUNTPOINT)}")
        dead.listen()
    assert client.is_there(MOUNTPOINT)
    with pytest.raises(NoMount):
        client.ask(MOUNTPOINT, Ask(do="echo"))
    with serving({"echo": echo}):
        assert client.ask(MOUNTPOINT, Ask(do="echo"))
    assert list(runtime.iterdir()) == []


def test_a_later_mount_takes_over_and_keeps_its_socket() -> None:
    async def later(ask: Ask, report: Report) -> dict[str, object]:
        return {"who": "the later one"}

    with ExitStack() as first:
        first.enter_context(serving({"who": echo}))
        with serving({"who": later}):
            first.close()  # the one that was detached lazily ends now
            assert client.ask(MOUNTPOINT, Ask(do="who")) == {"who": "the later one"}


def test_without_a_place_the_mount_goes_on(runtime: Path, caplog: pytest.LogCaptureFixture) -> None:
    runtime.mkdir(mode=0o755)
    with serving({"echo": echo}):
        with pytest.raises(NoMount):
            client.ask(MOUNTPOINT, Ask(do="echo"))
        [record] = caplog.records
        assert "others can enter it" in record.getMessage()


def test_a_refusal_is_told_and_a_fault_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def refuse(ask: Ask, report: Report) -> dict[str, object]:
        raise Refused("not known yet")

    async def fail(ask: Ask, report: Report) -> dict[str, object]:
        raise KeyError("what nobody should see")

    with serving({"refuse": refuse, "fail": fail, "echo": echo}):
        with pytest.raises(Failed, match=r"^not known yet$"):
            client.ask(MOUNTPOINT, Ask(do="refuse"))
        with pytest.raises(Failed, match=r"^failed unexpectedly; the mount's log has the details$"):
            client.ask(MOUNTPOINT, Ask(do="fail"))
        assert client.ask(MOUNTPOINT, Ask(do="echo")), "it goes on"
    [record] = caplog.records
    assert record.getMessage() == "fail failed: unexpected error"


def test_progress_is_told_until_the_answer_is_there() -> None:
    go_on = threading.Event()

    async def slow(ask: Ask, report: Report) -> dict[str, object]:
        report("one")
        await trio.to_thread.run_sync(go_on.wait)
        report("two")
        report("three")
        return {"done": True}

    told: list[str] = []

    def progress(text: str) -> None:
        told.append(text)
        go_on.set()

    with serving({"slow": slow}):
        assert client.ask(MOUNTPOINT, Ask(do="slow"), progress) == {"done": True}
    assert told[0] == "one"
    assert set(told) <= {"one", "two", "three"}


def test_what_is_done_for_an_asker_that_goes_ends(runtime: Path) -> None:
    started, ended = threading.Event(), threading.Event()

    async def endless(ask: Ask, report: Report) -> dict[str, object]:
        started.set()
        try:
            await trio.sleep_forever()
        finally:
            ended.set()
        return {}

    with serving({"endless": endless}):
        with connected(runtime) as connection:
            connection.sendall(protocol.line(Ask(do="endless")))
            assert started.wait(20)
        assert ended.wait(20)


@pytest.mark.parametrize(
    "sent",
    [
        b"\n",
        b"hello\n",
        b"{}\n",
        b'{"do": 7}\n',
        b'{"do": "nothing we know"}\n',
        b'{"do": "echo", "path": []}\n',
        b"[" * 60_000 + b"\n",
        b"\xff\xfe\n",
        b'{"do": "\xe5"}\n',
        b'{"do": "echo", "path": "\xe5"}\n',
    ],
)
def test_nonsense_is_answered_in_a_line(runtime: Path, sent: bytes) -> None:
    with serving({"echo": echo}), connected(runtime) as connection:
        connection.sendall(sent)
        answer = connection.makefile("rb").read()
        assert answer.count(b"\n") == 1
        assert protocol.read_said(answer).error == (
            "no such request: is the mount of another version?"
        )


def test_a_question_without_end_is_cut_short(runtime: Path) -> None:
    with serving({"echo": echo}), connected(runtime) as connection:
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(1000):
                connection.sendall(b"x" * 65536)
        assert client.ask(MOUNTPOINT, Ask(do="echo"))


def test_who_says_nothing_is_not_waited_for(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ASK_SECONDS", 0.05)
    with serving({"echo": echo}), connected(runtime) as connection:
        assert connection.recv(1) == b""


def test_too_many_at_once_are_turned_away(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_TALKS", 2)
    entered = threading.Semaphore(0)

    async def endless(ask: Ask, report: Report) -> dict[str, object]:
        entered.release()
        await trio.sleep_forever()
        return {}

    with serving({"endless": endless}), ExitStack() as stack:
        for _ in range(2):
            connection = stack.enter_context(connected(runtime))
            connection.sendall(protocol.line(Ask(do="endless")))
            assert entered.acquire(timeout=20)
        with pytest.raises(Failed, match=r"^too many ask at once: try again$"):
            client.ask(MOUNTPOINT, Ask(do="endless"))


def _answering(sent: bytes, runtime: Path) -> Callable[[], None]:
    """A mount that answers whatever it is asked with the same bytes, once."""
    runtime.mkdir(mode=0o700)
    listener = socket.socket(socket.AF_UNIX)
    with protocol.opened(runtime) as at:
        listener.bind(f"{at}/{protocol.name(MOUNTPOINT)}")
    listener.listen()

    def run() -> None:
        connection, _ = listener.accept()
        with listener, connection:
            connection.recv(65536)
            try:
                connection.sendall(sent)
            except OSError:
                return

    thread = threading.Thread(target=run)
    thread.start()
    return thread.join


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "the mount ended before it answered"),
        (b'{"answer"', "the mount ended before it answered"),
        (b'{"progress": "x"}\n', "the mount ended before it answered"),
        (b"{}\n", "the mount answers nothing"),
        (b"nonsense\n", "the mount ended or sent an invalid reply"),
        (b'{"answer": {"\xe5": 1}}\n', "the mount ended or sent an invalid reply"),
        (b'{"answer": 5}\n', "the mount ended or sent an invalid reply"),
        (b"x" * (protocol.LONGEST_ANSWER + 100_000), "the mount ended or sent an invalid reply"),
        (b'{"error": "no\\nway"}\n', "no\nway"),
    ],
)
def test_an_answer_that_makes_no_sense(runtime: Path, sent: bytes, said: str) -> None:
    join = _answering(sent, runtime)
    with pytest.raises(Failed) as caught:
        client.ask(MOUNTPOINT, Ask(do="echo"))
    join()
    assert str(caught.value) == said


def test_a_mount_that_hangs_is_not_waited_for(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SILENCE_SECONDS", 0.05)
    runtime.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        with protocol.opened(runtime) as at:
            listener.bind(f"{at}/{protocol.name(MOUNTPOINT)}")
        listener.listen()
        with pytest.raises(Failed, match=r"^the mount does not answer$"):
            client.ask(MOUNTPOINT, Ask(do="echo"))


@given(st.binary(max_size=200).filter(lambda path: b"\0" not in path))
def test_any_path_arrives_as_it_is(path: bytes) -> None:
    encoded = protocol.encode_path(os.fsdecode(path))
    ask = protocol.read_ask(protocol.line(Ask(do="explain", path=encoded)))
    expected = [part for part in path.split(b"/") if part not in {b"", b"."}]
    assert protocol.decode_path(ask.path) == expected


@given(st.binary(max_size=300))
def test_reading_anything_is_malformed_at_worst(text: bytes) -> None:
    for read, kind in ((protocol.read_ask, Ask), (protocol.read_said, Said)):
        result: Any
        try:
            result = read(text)
        except Malformed:
            continue
        assert isinstance(result, kind)

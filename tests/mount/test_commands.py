"""The commands beside a mount: status, explain, refresh, warm, cache, export, mount --snapshot."""

from __future__ import annotations

import itertools
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio
from starlette.types import ASGIApp, Receive, Scope, Send

from biofs.demo.accounts import DONOR_TOKEN, REVOKED_TOKEN
from biofs.demo.app import create_app
from biofs.demo.embedded import embedded
from biofs.demo.generator import Generated
from biofs.demo.overlay import Overlay
from tests.support.mounting import Mount, environment, mounted
from tests.support.server import Server, running

GROUPS = 70
PAGES = 2


@dataclass
class Case:
    """A server and a user who has an account there."""

    server: Server
    base: Path
    token: str = DONOR_TOKEN

    def environment(self) -> dict[str, str]:
        """The user's environment."""
        runtime = self.base / "run"
        runtime.mkdir(mode=0o700, exist_ok=True)
        return environment(
            self.base / "home",
            XDG_RUNTIME_DIR=str(runtime),
            BIOFS_TOKEN=self.token,
            BIOFS_URL=self.server.url,
        )

    def mount(self, *options: str, name: str = "mnt") -> AbstractContextManager[Mount]:
        """A mount of the server with the user's cache."""
        return mounted(
            self.base, *("--rate", "unlimited", *options), env=self.environment(), name=name
        )

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """`biofs` under way."""
        return subprocess.Popen(
            [sys.executable, "-m", "biofs", *arguments],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        """What `biofs` prints: to stdout, or, if it is to fail, its one line on stderr."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, (arguments, process.returncode, out, err)
        assert "Traceback" not in err
        if code:
            assert out == ""
            said = [line for line in err.splitlines() if "% " not in line]
            assert len(said) == 1, err
            return said[0]
        return out

    def ask(self, *arguments: str) -> Any:
        """What `biofs` prints as JSON."""
        return json.loads(self.run(*arguments, "--json"))


@pytest.fixture
def source() -> Overlay:
    return Overlay(Generated(GROUPS, 2, 3, categories=(1,)))


@pytest.fixture
def case(source: Overlay, tmp_path: Path) -> Iterator[Case]:
    (tmp_path / "home").mkdir()
    with running(create_app(source)) as server:
        yield Case(server, tmp_path)


def test_status_explain_and_refresh(case: Case, source: Overlay) -> None:
    with case.mount() as mount:
        category = mount.path / "categories/Sequences"
        assert case.ask("explain", str(category))["known"] is False
        assert case.ask("status")["requests"]["sent"] == 0
        assert case.server.log.count() == 0, "asking about it asks nobody"

        name = min(os.listdir(category))
        (category / name / "group.json").read_bytes()
        sent = case.server.log.count()
        assert sent == PAGES + 1
        status = case.ask("status", str(mount.path))
        assert status["mountpoint"] == str(mount.path)
        assert status["requests"]["sent"] == sent
        assert (status["known"]["groups"], status["known"]["details"]) == (GROUPS, 1)
        assert status["known"]["bytes"] > 10_000
        assert "reachable" in case.run("status")
        # From anywhere, through links, and by relative paths.
        (case.base / "link").symlink_to(category)
        facts = case.ask("explain", f"{case.base}/link/{name}/../{name}/group.json")
        assert (facts["known"], facts["requests"]) == (True, 0)
        assert facts["group_name"] == name
        assert "costs nothing" in case.run("explain", str(category / name))
        assert case.server.log.count() == sent

        group = int(name.rsplit("[", 1)[1][:-1])
        assert case.run("refresh", str(category / name)) == "unchanged\n"
        source.bump(group, organism="Canis lupus")
        said = case.run("refresh", f"{category}/{name}/description.txt")
        assert "group.json is different\n" in said
        assert b"Canis lupus" in (category / name / "group.json").read_bytes()
        assert case.server.log.count("torrentgroup") == 3
        assert case.run("refresh", str(category)) == "Sequences: 1 group changed\n"
        assert case.server.log.count("browse") == 2 * PAGES

    assert case.run("status", code=1).startswith("biofs: none of your mounts of biofs is there")
    assert case.run("explain", str(category), code=1).endswith(
        "not in a mount of biofs: `biofs status` says where there is one"
    )
    assert list((case.base / "run" / "biofs").iterdir()) == []


def test_mistakes_are_said_in_a_line(case: Case) -> None:
    with case.mount() as mount, case.mount("--offline", name="other") as other:
        assert case.run("explain", str(mount.path / "nothing"), code=1).endswith(
            "/mnt/nothing: there is no such name"
        )
        assert case.run("refresh", str(mount.path), code=1).endswith(
            "/mnt: not known yet: reading it fetches it"
        )
        assert case.run("refresh", f"{other.path}/categories/Images", code=1).endswith(
            "the mount is offline: nothing is asked"
        )
        listed = case.run("status").splitlines()
        assert [line.split()[0] for line in listed] == [str(mount.path), str(other.path)]
        assert case.server.log.count() == 0


def test_a_socket_that_others_can_get_at_is_not_used(case: Case) -> None:
    with case.mount() as mount:
        assert case.run("status", str(mount.path))
        (case.base / "run" / "biofs").chmod(0o755)
        assert case.run("status", str(mount.path), code=1).endswith(
            "no answer: that mount is another user's, or of an older biofs"
        )
        (case.base / "run" / "biofs").chmod(0o700)


class Swallowing:
    """Answers `left` requests and then none, until it is told how many more."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.state = app.state  # type: ignore[attr-defined]
        self.left = math.inf
        self.swallowed = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http":
            if self.left <= 0:
                self.swallowed.set()
                while (await receive())["type"] != "http.disconnect":
                    await trio.lowlevel.checkpoint()
                return
            self.left -= 1
        await self._app(scope, receive, send)


@pytest.mark.parametrize("points", [(1,), (1, 1, 1), (2, 30, 1), (5, 60)], ids=str)
def test_a_killed_warm_up_goes_on_and_asks_nothing_twice(
    source: Overlay, tmp_path: Path, points: tuple[int, ...]
) -> None:
    app = Swallowing(create_app(source))
    (tmp_path / "home").mkdir()
    with running(app) as server:  # type: ignore[arg-type]
        case = Case(server, tmp_path)
        # At such a pace one thing is asked at a time: who asks for the next has the last one.
        arguments = ("warm", "--details", "--rate", "1/0.001", "Sequences")
        for point in points:
            app.left = point
            process = case.start(*arguments)
            assert app.swallowed.wait(60)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            app.swallowed.clear()
        app.left = math.inf
        assert case.run(*arguments).startswith("all is known now, after ")
        assert server.log.count("browse") == PAGES
        assert server.log.count("torrentgroup") == GROUPS
        assert case.run(*arguments) == "all is known now, after 0 requests\n"


def test_killed_at_any_moment_it_repeats_at_most_what_was_under_way(case: Case) -> None:
    moments = random.Random(7)
    arguments = ("warm", "--details", "--rate", "1/0.02", "Sequences")
    runs: list[list[tuple[str, str]]] = []
    for _ in range(5):
        process = case.start(*arguments)
        time.sleep(moments.uniform(0.3, 1.5))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        runs.append(_asked(case))
    case.run(*arguments)
    runs.append(_asked(case))
    seen: set[tuple[str, str]] = set()
    for asked in runs:
        assert not seen & set(asked)
        assert len(asked) == len(set(asked))
        # The last one may have been on its way when the process was killed.
        seen.update(asked[:-1])
    total = sum(len(asked) for asked in runs)
    assert PAGES + GROUPS <= total <= PAGES + GROUPS + len(runs) - 1


def _asked(case: Case) -> list[tuple[str, str]]:
    """What was asked since the last call."""
    entries = case.server.log.entries()
    case.server.log.clear()
    return [(entry.action, entry.params.get("id") or entry.params["page"]) for entry in entries]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_warm_up_that_is_stopped_says_how_to_go_on(
    case: Case, number: signal.Signals, code: int
) -> None:
    process = case.start("warm", "--details", "--rate", "1/0.05", "Sequences")
    while case.server.log.count() < 5:
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    said = re.fullmatch(
        r"biofs: stopped after (\d+) requests, (\d+) are left: run it again to go on",
        err.splitlines()[-1],
    )
    assert said, err
    assert 5 <= int(said[1]) <= case.server.log.count()
    # What was under way when it was stopped is counted on both sides.
    assert int(said[1]) + int(said[2]) in {PAGES + GROUPS, PAGES + GROUPS + 1}
    case.run("warm", "--details", "--rate", "unlimited", "Sequences")
    assert case.server.log.count() in {PAGES + GROUPS, PAGES + GROUPS + 1}


def test_a_warm_up_beside_a_mount(case: Case) -> None:
    with case.mount() as mount:
        category = mount.path / "categories/Sequences"
        assert case.run("warm", "--details", "--rate", "unlimited", "Sequences") == (
            f"all is known now, after {PAGES + GROUPS} requests\n"
        )
        sent = case.server.log.count()
        found = mount.run("grep", "-rl", "--include=group.json", "organism", str(category))
        assert len(found.splitlines()) == GROUPS
        assert len(os.listdir(category)) == GROUPS + 1
        assert case.server.log.count() == sent == PAGES + GROUPS
        assert case.ask("status")["requests"]["sent"] == 0


def test_a_warm_up_keeps_to_the_pace_of_a_mount(case: Case) -> None:
    with case.mount("--rate", "1/0.2") as mount:
        warm = case.start("warm", "--details", "--rate", "1/0.2", "Sequences")
        os.listdir(mount.path / "categories/Sequences")
        warm.terminate()
        warm.communicate(timeout=60)
    times = [entry.time for entry in case.server.log.entries()]
    assert len(times) >= PAGES
    assert all(later - sooner > 0.15 for sooner, later in itertools.pairwise(times))


def test_two_warm_ups_at_once_are_one(case: Case) -> None:
    first = case.start("warm", "--details", "--rate", "1/0.05", "Sequences")
    while case.server.log.count() < 2:
        time.sleep(0.01)
    assert "a warm-up of this account is under way already" in case.run("warm", code=1)
    first.terminate()
    first.communicate(timeout=60)


def test_what_ends_a_warm_up_is_said_in_a_line(case: Case) -> None:
    case.token = REVOKED_TOKEN
    said = case.run("warm", code=1)
    assert said.endswith(": what was fetched is kept: run it again to go on")
    assert REVOKED_TOKEN not in said
    assert case.server.log.count() == 1
    case.token = DONOR_TOKEN
    # Port 9 is discard's: nobody listens there.
    unreachable = case.run("warm", "--url", "http://127.0.0.1:9", code=1)
    assert unreachable.startswith("biofs: browse: ")
    case.run("warm", "--rate", "unlimited", "Sequences")
    assert "the cache is full" in case.run(
        *("warm", "--details", "--rate", "unlimited", "--cache-size", "100K", "Sequences"), code=1
    )
    assert case.server.log.count("torrentgroup") == 0


def test_progress_is_lines_where_there_is_no_terminal(case: Case) -> None:
    process = case.start("warm", "--details", "--rate", "1/0.02", "Sequences")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, f"all is known now, after {PAGES + GROUPS} requests\n")
    lines = err.splitlines()
    assert 0 < len(lines) <= 21
    for line in lines:
        assert re.fullmatch(
            r"biofs: \d+%: \d+ of (about )?\d+ requests, (about )?\d+ s left"
            r"(, 0 of 1 categories listed)?",
            line,
        ), line


def test_the_cache_of_a_mount_is_not_cleared_under_it(case: Case) -> None:
    with case.mount() as mount:
        os.listdir(mount.path / "categories/Sequences")
        assert "in use by  " in case.run("cache", "info")
        said = case.run("cache", "clear", "--yes", code=1)
        assert said.endswith("end that first, then clear again")
        assert os.listdir(mount.path / "categories/Sequences")
    info = case.run("cache", "info")
    assert f"{GROUPS} groups, 0 of them with details, 0 file lists" in info
    assert case.run("cache", "clear", "--yes").startswith("removed ")
    assert case.run("cache", "info").startswith("nothing is kept in ")
    assert list((case.base / "home/.cache/biofs").iterdir()) == []


def listing(path: Path) -> dict[str, object]:
    """Every name below a directory with its size, time and, of files with content, content."""
    found: dict[str, object] = {}
    for directory, names, files in os.walk(path):
        for name in (*names, *files):
            place = Path(directory, name)
            status = place.lstat()
            content = None
            if place.is_file() and "/files/" not in f"{place}/":
                content = place.read_bytes()
            elif place.is_symlink():
                content = os.fsencode(os.readlink(place))
            found[str(place.relative_to(path))] = (
                status.st_mode,
                status.st_size,
                status.st_mtime_ns,
                content,
            )
    return found


def test_a_snapshot_is_the_catalogue_without_network(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    file = tmp_path / "lab" / "catalogue.biofs"
    file.parent.mkdir()
    with running(create_app(embedded())) as server:
        case = Case(server, tmp_path)
        case.run("warm", "--details", "--rate", "unlimited")
        with case.mount() as mount:
            before = listing(mount.path / "categories")
            assert len(before) > 1000
            said = case.run("export", str(file))
            assert "12 categories listed, details of 79 of 79 groups" in said
    content = file.read_bytes()
    assert DONOR_TOKEN.encode() not in content
    file.chmod(0o444)
    file.parent.chmod(0o555)
    home = tmp_path / "another home"
    home.mkdir()
    try:
        with mounted(
            tmp_path,
            *("--snapshot", str(file)),
            env={"HOME": str(home), "XDG_RUNTIME_DIR": str(tmp_path / "run")},
            name="elsewhere",
        ) as mount:
            # What the account has bookmarked is not in it.
            after = listing(mount.path / "categories")
            assert after.keys() == before.keys()
            different = [name for name in after if after[name] != before[name]]
            assert all(name.endswith(("group.json", "index.jsonl")) for name in different)
            status = case.ask("status", str(mount.path))
            assert status["snapshot"]["file"] == str(file)
            assert status["server"] == server.url
            assert (status["offline"], status["requests"]["sent"]) == (True, 0)
            assert "costs nothing" in case.run("explain", str(mount.path / "categories/Images"))
            assert os.listdir(mount.path / "tags")
            assert (mount.path / "groups/1/group.json").read_bytes()
            problems = [line for line in mount.log.read_text().splitlines() if "ERROR" in line]
            assert problems == []
    finally:
        file.parent.chmod(0o755)
    assert file.read_bytes() == content
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("foreground", [True, False])
def test_what_is_no_snapshot_is_not_mounted(case: Case, foreground: bool) -> None:
    place = case.base / "mnt"
    place.mkdir()
    options = ["-f"] if foreground else []
    said = case.run("mount", *options, "--snapshot", sys.executable, str(place), code=1)
    assert said.endswith(f"{sys.executable}: not a snapshot: file is not a database")
    assert os.listdir(place) == []

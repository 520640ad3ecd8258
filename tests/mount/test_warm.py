"""Warming up with real processes: killed, stopped, beside a mount."""

from __future__ import annotations

import itertools
import math
import os
import random
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from starlette.types import ASGIApp, Receive, Scope, Send

from biofs.demo.accounts import DONOR_TOKEN, REVOKED_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from tests.support.commands import Case
from tests.support.server import running

GROUPS = 70
PAGES = 2


@pytest.fixture
def source() -> Generated:
    return Generated(GROUPS, 2, 3, categories=(1,))


@pytest.fixture
def case(source: Generated, tmp_path: Path) -> Iterator[Case]:
    (tmp_path / "home").mkdir()
    with running(create_app(source)) as server:
        yield Case(server, tmp_path)


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
    source: Generated, tmp_path: Path, points: tuple[int, ...]
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
        assert case.run(*arguments).startswith("everything is cached, after ")
        assert server.log.count("browse") == PAGES
        assert server.log.count("torrentgroup") == GROUPS
        assert case.run(*arguments) == "everything is cached, after 0 requests\n"


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
        r"biofs: stopped after (\d+) requests, (\d+) are left: run it again to continue",
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
            f"everything is cached, after {PAGES + GROUPS} requests\n"
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
    assert said.endswith(": what was fetched is kept; run it again to continue")
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
    assert (process.returncode, out) == (
        0,
        f"everything is cached, after {PAGES + GROUPS} requests\n",
    )
    lines = err.splitlines()
    assert 0 < len(lines) <= 21
    for line in lines:
        assert re.fullmatch(
            r"biofs: \d+%: \d+ of (about )?\d+ requests, (about )?\d+ seconds? left"
            r"(, 0 of 1 categories listed)?",
            line,
        ), line

"""What the control socket answers to `verify`: without a kernel, and at any size."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from biofs.contents.checking import Checked, State, TorrentCheck
from biofs.contents.ledger import Ledger
from biofs.contents.library import Library
from biofs.control import protocol
from biofs.control.handlers import verify
from biofs.control.handlers.all import Answers
from biofs.control.protocol import Ask, Said, encode_path
from biofs.control.server import Refused
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from biofs.mount.contents import Contents
from biofs.mount.kernel.waiting import Patience, SignalWatch
from biofs.mount.operations import Operations
from biofs.mount.process.run import Mounted
from tests.support.catalogues import Patient, running
from tests.support.lab import Lab
from tests.support.overlay import Overlay
from tests.support.torrents import BLOCK, Content, bytes_of, make

READER = Patient()


class Case:
    """A mount's answers to `verify`."""

    def __init__(self, answers: Answers, lab: Lab, app: Any) -> None:
        self._verify = answers.handlers()["verify"]
        self.lab = lab
        self.app = app
        self.reports: list[str] = []

    async def verify(self, *paths: str) -> Any:
        ask = Ask(do="verify", arguments={"paths": [encode_path(path) for path in paths]})
        return await self._verify(ask, self.reports.append)

    async def summary(self, *paths: str) -> dict[str, int]:
        """What is not 0."""
        found = (await self.verify(*paths))["summary"]
        return {state: number for state, number in found.items() if number}


@asynccontextmanager
async def case(base: Path, *torrents: tuple[bytes, list[Content]]) -> AsyncIterator[Case]:
    """A mount of torrents, with ids from 5000 on, in groups that are known."""
    overlay = Overlay(embedded())
    server: Any = None
    lab = Lab(base, overlay, server)
    lab.data.mkdir()
    lab.torrents.mkdir()
    for name, files in torrents:
        lab.add(make(name, files), files)
    app = create_app(overlay)
    async with running(app) as catalogue:
        library = Library([lab.data], [lab.torrents], Ledger(None))
        contents = Contents(catalogue, library, None)
        patience = Patience(60, SignalWatch())
        operations = Operations(
            catalogue, patience, dict, uid=0, gid=0, account=True, contents=contents
        )
        for number in range(len(torrents)):
            await catalogue.groups.find_torrent(5000 + number, READER)
        mounted = Mounted(
            Path(), catalogue, operations.nodes, dict, trio.lowlevel.checkpoint, contents
        )
        yield Case(Answers(mounted), lab, app)
        library.close()


def many(count: int, size: int = 3) -> list[Content]:
    return [((b"%06d" % number,), bytes_of(str(number), size)) for number in range(count)]


async def test_paths_that_overlap_are_checked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Checked] = []
    step = TorrentCheck.step

    def counting(self: TorrentCheck, seconds: float) -> list[Checked]:
        found = step(self, seconds)
        steps.extend(found)
        return found

    monkeypatch.setattr(TorrentCheck, "step", counting)
    async with case(tmp_path, (b"one", many(5)), (b"two", many(3, 7))) as mount:
        here = "torrents/5000/files"
        paths = (f"{here}/one/000001", "torrents/5000", here, f"{here}/one", "torrents/5001")
        assert await mount.summary(*paths) == {"right": 8, "bytes": 5 * 3 + 3 * 7}
        assert len(steps) == 8
        twice = (f"{here}/one/000001", f"{here}/one/000003", f"{here}/one/000001")
        assert await mount.summary(*twice) == {"right": 2, "bytes": 6}


async def test_how_far_it_is_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(verify, "HOP_SECONDS", 0.0)
    files: list[Content] = [((b"a",), bytes_of("a", 8 * BLOCK)), ((b"b",), bytes_of("b", 9))]
    async with case(tmp_path, (b"one", files)) as mount:
        (mount.lab.data / "one/b").unlink()
        await mount.summary("torrents/5000")
        lines = [text for text in mount.reports if text != "the server is asked"]
        told = [tuple(map(int, text.replace(" of", "").split())) for text in lines]
        assert told[0] == (0, 8 * BLOCK + 9, 0)
        assert told == sorted(told, key=lambda each: each[0])
        assert {total for _, total, _ in told} <= {8 * BLOCK + 9, 8 * BLOCK}
        assert any(0 < done < 8 * BLOCK for done, _, _ in told)


async def test_an_answer_names_only_so_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "MOST_NAMED", 100)
    async with case(tmp_path, (b"one", many(700))) as mount:
        for number in range(300):
            (mount.lab.data / f"one/{number:06}").unlink()
        answer = await mount.verify("torrents/5000")
        assert (len(answer["missing"]), answer["others_missing"]) == (100, 200)
        assert (len(answer["named"]), answer["others"]) == (100, 300)
        assert answer["summary"]["unverifiable"] == 400
        assert await mount.summary("torrents/5000/files/one/000000") == {"missing": 1}


def test_the_longest_answer_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = verify.Outcome()
    files: Any = type("Long", (), {"path": lambda _self, _node: "é" * 16_000})()
    for node in range(5000):
        outcome.add(Checked(node, State.MISSING), 1, files)
        outcome.add(Checked(node, State.WRONG, 2**24, 2**24, 2**24, 2**24, "x" * 40), 1, files)
    answer = outcome.answer()
    said = protocol.line(Said(answer=answer))
    assert len(said) < protocol.LONGEST_ANSWER
    assert protocol.read_said(said).answer == msgspec.to_builtins(answer)
    assert answer["summary"]["wrong"] == 5000  # type: ignore[index]


async def test_it_ends_when_the_asker_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "HOP_SECONDS", 0.0)
    steps = 0
    began = trio.Event()
    step = TorrentCheck.step
    token = None

    def counting(self: TorrentCheck, seconds: float) -> list[Checked]:
        nonlocal steps
        steps += 1
        assert token is not None
        token.run_sync_soon(began.set)
        return step(self, seconds)

    monkeypatch.setattr(TorrentCheck, "step", counting)
    files: list[Content] = [((b"a",), bytes_of("a", 500 * BLOCK))]
    async with case(tmp_path, (b"one", files)) as mount:
        token = trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(mount.verify, "torrents/5000")
            await began.wait()
            nursery.cancel_scope.cancel()
        ended = steps
        await trio.sleep(0.05)
        assert steps <= ended + 1 < 500
        # The turn is given back.
        assert await mount.summary("torrents/5000") == {"right": 1, "bytes": 500 * BLOCK}


async def test_one_at_a_time_has_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "HOP_SECONDS", 0.0)
    running_now = most = 0
    step = TorrentCheck.step

    def counting(self: TorrentCheck, seconds: float) -> list[Checked]:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        try:
            return step(self, seconds)
        finally:
            running_now -= 1

    monkeypatch.setattr(TorrentCheck, "step", counting)
    async with case(tmp_path, (b"one", [((b"a",), bytes_of("a", 60 * BLOCK))])) as mount:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(mount.verify, "torrents/5000")
        assert most == 1


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "/: only files, torrents and groups can be verified"),
        ("categories", "categories: only files, torrents and groups can be verified"),
        ("torrents/5000/files/none", "torrents/5000/files/none: there is no such name"),
        ("torrents/5000/files/one/000001/x", "torrents/5000/files/one/000001/x: not a directory"),
        ("../x", "../x: leads out of the mount"),
        ("groups/99999999", "groups/99999999: there is no such name"),
        ("\udcff", "\ufffd: there is no such name"),
    ],
)
async def test_what_has_no_data_is_refused(tmp_path: Path, path: str, reason: str) -> None:
    async with case(tmp_path, (b"one", many(2))) as mount:
        with pytest.raises(Refused) as caught:
            await mount.verify("torrents/5000", path)
        assert str(caught.value) == reason


@pytest.mark.parametrize("arguments", [{}, {"paths": 5}, {"paths": [7]}])
async def test_nonsense_is_refused(tmp_path: Path, arguments: dict[str, object]) -> None:
    async with case(tmp_path) as mount:
        with pytest.raises(Refused, match="of another version"):
            await mount._verify(Ask(do="verify", arguments=arguments), mount.reports.append)

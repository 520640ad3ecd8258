"""What changes on the server shows in the mount, exactly, and the kernel keeps nothing stale."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from tests.support.mounting import Mount, mounted
from tests.support.overlay import Overlay
from tests.support.server import running

CATEGORY = "categories/Sequences"


@dataclass
class Live:
    """A mount that looks at what it knows again whenever it is read, and its source."""

    mount: Mount
    source: Overlay

    def names(self) -> dict[int, str]:
        """The groups' directories by id."""
        return {
            int(name.rpartition("[")[2][:-1]): name
            for name in os.listdir(self.mount.path / CATEGORY)
            if name.endswith("]")
        }

    def group(self, group_id: int) -> Path:
        """A group's directory."""
        return self.mount.path / CATEGORY / self.names()[group_id]

    def until(self, condition: Callable[[], bool]) -> None:
        """Read again until what changed in the background shows."""
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, self.mount.log.read_text()
            time.sleep(0.02)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    source = Overlay(Generated(60, 2, 3, categories=(1,)))
    with (
        running(create_app(source)) as server,
        mounted(
            tmp_path,
            *("--url", server.url, "--rate", "unlimited", "--ttl", "0"),
            env={"BIOFS_TOKEN": DONOR_TOKEN},
        ) as mount,
    ):
        yield Live(mount, source)


def test_a_new_group_appears_and_index_jsonl_has_it(live: Live) -> None:
    live.names()
    index = live.mount.path / CATEGORY / "index.jsonl"
    before = index.read_bytes()
    new = live.source.insert("The new one")
    live.until(lambda: new.id in live.names())
    live.until(lambda: b"The new one" in index.read_bytes())
    content = index.read_bytes()
    assert len(content) == index.stat().st_size
    assert len(content.splitlines()) == len(before.splitlines()) + 1


def test_a_renamed_group_moves_and_its_old_name_is_gone(live: Live) -> None:
    old = live.group(7)
    assert (old / "group.json").exists()
    live.source.bump(7, name="Renamed")
    live.until(lambda: live.names()[7] == "Renamed [7]")
    live.until(lambda: not old.exists())
    live.until(lambda: json.loads((live.group(7) / "group.json").read_bytes())["name"] == "Renamed")


def test_a_removed_group_goes(live: Live) -> None:
    gone = live.group(60)
    (gone / "group.json").read_bytes()
    live.source.remove(60)
    live.until(lambda: 60 not in live.names())
    live.until(lambda: not gone.exists())


def test_what_one_mount_finds_changed_shows_in_another_that_asks_nobody(tmp_path: Path) -> None:
    source = Overlay(Generated(60, 2, 3, categories=(1,)))
    with running(create_app(source)) as server:
        options = ("--url", server.url, "--rate", "unlimited")
        options += ("--cache-dir", str(tmp_path / "cache"))
        env = {"BIOFS_TOKEN": DONOR_TOKEN}
        with (
            mounted(tmp_path, *options, "--ttl", "0", env=env, name="finder") as finder,
            mounted(tmp_path, *options, env=env, name="other") as other,
        ):
            finding, watching = Live(finder, source), Live(other, source)
            old = watching.group(7)
            before = (old / "group.json").read_bytes()
            source.bump(7, name="Renamed", description="z" * 5000)
            finding.until(lambda: finding.names()[7] == "Renamed [7]")
            finding.until(lambda: b"zzz" in (finding.group(7) / "group.json").read_bytes())
            finding.until(lambda: finder.status()["requests"]["wants"] == 0)
            sent = other.status()["requests"]["sent"]
            watching.until(lambda: watching.names()[7] == "Renamed [7]")
            watching.until(lambda: not old.exists())
            after = watching.group(7) / "group.json"
            watching.until(lambda: b"zzz" in after.read_bytes())
            assert len(after.read_bytes()) == after.stat().st_size != len(before)
            assert other.status()["requests"]["sent"] == sent


@pytest.mark.parametrize("description", ["short", "x" * 50_000, "same size"])
def test_a_changed_document_is_read_whole_and_exact(live: Live, description: str) -> None:
    live.source.bump(3, description="SAME SIZE")
    path = live.group(3) / "group.json"
    live.until(lambda: b"SAME SIZE" in path.read_bytes())
    live.source.bump(3, description=description)
    live.names()  # a look at the category finds that the row changed
    live.until(lambda: description.encode() in path.read_bytes())
    content = path.read_bytes()
    assert json.loads(content)["description"] == description
    assert len(content) == path.stat().st_size
    cat = subprocess.run(["cat", path], capture_output=True, check=True)
    assert cat.stdout == content

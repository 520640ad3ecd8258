"""Groups in no category, and in one whose number nobody knows yet: they have a place, too."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from tests.support.mounting import Mount, environment, mounted
from tests.support.server import Server, running
from tests.support.starting import run

KNOWN = [
    *("Constraints", "Documents", "Geometric", "Graphs", "Images", "Machine Data", "Models"),
    *("Patterns", "Scalars-Vectors", "Sequences", "Spatial", "Systems"),
]


@pytest.fixture
def server() -> Iterator[Server]:
    with running(create_app(Generated(9, 1, 3, categories=(1, 0, 13)))) as server:
        yield server


@pytest.fixture
def mount(server: Server, tmp_path: Path) -> Iterator[Mount]:
    options = ("--url", server.url, "--rate", "unlimited")
    with mounted(tmp_path, *options, env={"BIOFS_TOKEN": DONOR_TOKEN}) as mount:
        yield mount


def biofs(mount: Mount, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as the user of the mount."""
    return run(arguments, environment(mount.path.parent / "home"))


def test_they_are_shown_once_they_have_something(mount: Mount, server: Server) -> None:
    categories = mount.path / "categories"
    assert sorted(os.listdir(categories)) == KNOWN
    assert not (categories / "Unknown").exists()
    assert not (categories / "Unknown 13").exists()
    assert server.log.count() == 0
    places = {}
    for ident in range(1, 10):
        target = os.path.realpath(mount.path / "groups" / str(ident))
        places[ident] = Path(target).parent.name
        document = json.loads(Path(target, "group.json").read_text())
        assert document["id"] == ident
    assert set(places.values()) == {"Sequences", "Unknown", "Unknown 13"}
    assert server.log.count() == 9, "a request for each group that is looked up"
    assert sorted(os.listdir(categories)) == sorted([*KNOWN, "Unknown", "Unknown 13"])
    for name in ("Unknown", "Unknown 13"):
        listed = os.listdir(categories / name)
        assert len(listed) == 3 + 1
        assert "index.jsonl" in listed
        for group in listed:
            assert (categories / name / group).exists()
        assert (categories / name / "index.jsonl").read_bytes().count(b"\n") <= 3
    assert server.log.count() == 9, "and none for what is known"
    assert len(os.listdir(mount.path / "groups")) >= 6


def test_torrents_in_them_are_found_by_id(mount: Mount) -> None:
    for ident in range(1, 10):
        assert (mount.path / "torrents" / str(ident) / "torrent.json").read_bytes()


def test_commands_know_them(mount: Mount, server: Server) -> None:
    found = {Path(os.path.realpath(mount.path / "groups" / str(i))).parent for i in range(1, 10)}
    for place in found - {mount.path / "categories/Sequences"}:
        before = server.log.count()
        rows = biofs(mount, "ls", "--json", str(place)).stdout.splitlines()
        assert len(rows) == 3
        assert place.name in biofs(mount, "ls", str(mount.path)).stdout
        assert "requests" in biofs(mount, "explain", str(place)).stdout
        refused = biofs(mount, "refresh", str(place))
        assert refused.returncode == 1
        assert "no query lists this category: refresh a group in it" in refused.stderr
        assert server.log.count() == before


def test_warming_finds_them_for_a_mount_beside_it(mount: Mount, server: Server) -> None:
    categories = mount.path / "categories"
    assert sorted(os.listdir(categories)) == KNOWN
    assert not (categories / "Unknown").exists()
    assert server.log.count() == 0
    options = ("--url", server.url, "--rate", "unlimited")
    env = environment(mount.path.parent / "home", BIOFS_TOKEN=DONOR_TOKEN)
    done = run(["warm", *options], env)
    assert done.returncode == 0, done.stderr
    # The twelve; how many there are, a page that shows them, too; and where these belong.
    assert server.log.count("browse") == 12 + 1
    assert server.log.count() == 12 + 1 + 6
    assert "everything is cached, after 19 requests" in done.stdout
    deadline = time.monotonic() + 20
    while len(os.listdir(categories)) < len(KNOWN) + 2:
        assert time.monotonic() < deadline, "the mount is not told"
        time.sleep(0.1)
    assert sorted(os.listdir(categories)) == sorted([*KNOWN, "Unknown", "Unknown 13"])
    for name in ("Unknown", "Unknown 13"):
        assert len(os.listdir(categories / name)) == 3 + 1
    assert len(os.listdir(mount.path / "groups")) >= 9
    assert server.log.count() == 19

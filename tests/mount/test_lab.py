"""A lab: one machine asks the server and publishes, twenty mounts show it, nginx between them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.app import create_app
from biofs.demo.generator import Generated
from biofs.store.snapshots.description import FILE
from tests.support import nginx
from tests.support.mounting import Mount, environment, mounted
from tests.support.overlay import Overlay
from tests.support.publisher import NAME, names
from tests.support.server import Server, running
from tests.support.starting import run

NODES = 20
INTERVAL = 30.0
GROUPS = 40


@pytest.fixture
def source() -> Overlay:
    return Overlay(Generated(GROUPS, 2, 3, categories=(1,)))


@pytest.fixture
def server(source: Overlay) -> Iterator[Server]:
    with running(create_app(source)) as found:
        yield found


def publish(base: Path, server: Server, root: Path) -> None:
    """What the publisher's timer does every night: warm, then publish."""
    home = base / "publisher"
    home.mkdir(exist_ok=True)
    env = environment(home, BIOFS_TOKEN=DONOR_TOKEN, BIOFS_URL=server.url)
    for arguments in (
        ["warm", "--details", "--rate", "unlimited", "--ttl", "0"],
        ["publish", str(root)],
    ):
        done = run(arguments, env)
        assert done.returncode == 0, done.stderr


def node(base: Path, number: int) -> Path:
    """The home of a node, which shares nothing with the others."""
    place = base / f"node-{number}"
    place.mkdir()
    return place


def options(url: str, root: Path, number: int) -> tuple[str, ...]:
    """Each node has a name of its own for what is published, by which nginx's log tells it."""
    name = f"node-{number}"
    (root / name).symlink_to(".", target_is_directory=True)
    return ("--snapshot", f"{url}/{name}/", "--ttl", str(INTERVAL))


def test_twenty_mounts_show_a_change_within_an_interval_and_the_server_sees_one(
    tmp_path: Path, source: Overlay, server: Server
) -> None:
    root = tmp_path / "www"
    root.mkdir()
    publish(tmp_path, server, root)
    with nginx.serving(tmp_path / "nginx", root) as web, ExitStack() as stack:
        mounts: list[Mount] = [
            stack.enter_context(mounted(node(tmp_path, number), *options(web.url, root, number)))
            for number in range(NODES)
        ]
        assert all(len(names(mount)) == GROUPS + 1 for mount in mounts)
        source.bump(1, name="New for the lab")
        publish(tmp_path, server, root)
        asked = len(server.log.entries())
        published, waiting = time.monotonic(), list(mounts)
        while waiting:
            waiting = [mount for mount in waiting if "New for the lab [1]" not in names(mount)]
            assert time.monotonic() - published < INTERVAL, len(waiting)
            time.sleep(0.1)
        for mount in mounts:
            [group] = (mount.path / "categories" / NAME).glob("*[[]1]")
            assert b"New for the lab" in (group / "group.json").read_bytes()
        assert len(server.log.entries()) == asked
        assert {entry.account for entry in server.log.entries()} == {"donor"}
        seen = web.seen()
        whole = [each for each in seen if each.path.endswith((".sqlite.zst", ".sqlite"))]
        assert len(whole) == NODES, "each fetched one whole snapshot, its first"
        deltas = [each.at for each in seen if "/delta" in each.path]
        assert len(deltas) == NODES
        assert max(deltas) - min(deltas) > INTERVAL / 10, "they do not come together"
        for number in range(NODES):
            looks = [each.at for each in seen if each.path == f"/node-{number}/{FILE}"]
            assert all(two - one < INTERVAL for one, two in pairwise(looks))

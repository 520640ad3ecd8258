"""A lab: one machine asks the server and publishes, twenty mounts show it, nginx between them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import minisign
import pytest

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.store.snapshots.description import FILE, SIGNATURE_FILE
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


def test_the_line_for_fstab_shows_what_is_published(
    tmp_path: Path, source: Overlay, server: Server
) -> None:
    """As mount(8) runs its helper: with arguments in its order and without the user's variables."""
    root, place, data = (tmp_path / name for name in ("www", "mnt", "shared"))
    for directory in (root, place, data):
        directory.mkdir()
    publish(tmp_path, server, root)
    pair = minisign.KeyPair.generate()
    signature = pair.secret_key.sign((root / FILE).read_bytes())
    (root / SIGNATURE_FILE).write_bytes(bytes(signature))
    page = (Path(__file__).parents[2] / "docs/operations.md").read_text()
    [line] = [line for line in page.splitlines() if line.strip().startswith("none ")]
    what, _, kind, given, *_ = line.split()
    with nginx.serving(tmp_path / "nginx", root) as web:
        for written, here in (
            ("https://lab.example/catalogue", f"{web.url}/"),
            ("RW…", pair.public_key.to_base64().decode()),
            ("/var/cache/biofs", str(tmp_path / "cache")),
            ("/shared", str(data)),
        ):
            assert written in given
            given = given.replace(written, here)
        helper = [sys.executable, "-m", "biofs.cli.mount_helper"]
        arguments = [what, str(place), "-o", f"rw,{given}", "-t", kind]
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        done = subprocess.run(
            [*helper, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False
        )
        try:
            assert done.returncode == 0, done.stderr
            shown = {path.name for path in (place / "categories" / NAME).iterdir()}
            assert len(shown) == GROUPS + 1
            assert str(place) in Path("/proc/self/mountinfo").read_text()
        finally:
            subprocess.run(["fusermount3", "-u", "-z", str(place)], check=False)


def options(url: str, root: Path, number: int) -> tuple[str, ...]:
    """Each node has a name of its own for what is published, by which nginx's log tells it."""
    name = f"node-{number}"
    (root / name).symlink_to(".", target_is_directory=True)
    return ("--snapshot", f"{url}/{name}/", "--ttl", str(INTERVAL))


@pytest.mark.long
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

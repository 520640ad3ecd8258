"""Programs that look everywhere: names that only they know cost nothing, and nobody waits."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_COOKIE, DONOR_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.faults.faults_support import CATEGORY, GROUP, failing, until
from tests.support.faulty import Holding
from tests.support.mounting import Mount, mounted
from tests.support.server import Server, running

# File managers, desktops, indexers, other systems, prompts, build and version control tools.
PROBES = (
    *(".Trash", ".Trash-0", ".Trash-1000", ".hidden", ".directory", ".xdg-volume-info"),
    *(
        "autorun.inf",
        "autorun.sh",
        "autorun",
        ".autorun",
        "desktop.ini",
        "Desktop.ini",
        "Thumbs.db",
    ),
    *(
        ".DS_Store",
        "._.DS_Store",
        ".localized",
        ".Spotlight-V100",
        ".fseventsd",
        ".metadata_never_index",
    ),
    *(".nomedia", ".trackerignore", ".nobackup", "CACHEDIR.TAG", ".updatedb", ".plocate.conf"),
    *(
        ".git",
        ".git/HEAD",
        "HEAD",
        ".hg",
        ".svn",
        ".bzr",
        "_darcs",
        ".jj",
        ".gitignore",
        ".gitattributes",
    ),
    *(".ignore", ".rgignore", ".fdignore", ".editorconfig", ".envrc", ".python-version", ".nvmrc"),
    *(".tool-versions", "package.json", "Cargo.toml", "pyproject.toml", "Makefile", "go.mod"),
    *(".htaccess", "index.html", "folder.jpg", "cover.jpg", "AACS", "BDMV", "VIDEO_TS", "DCIM"),
    *("System Volume Information", "$RECYCLE.BIN", "RECYCLER", "lost+found", ".sujournal"),
    *(".kateproject", ".swp", ".vimrc", ".exrc", ".#x", ".nfs0001"),
)

# A crawler with a thread for each file.
SWEEP = """
import sys, threading
threads = [threading.Thread(target=lambda name=name: open(name).read()) for name in sys.argv[1:]]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(create_app(embedded())) as server:
        yield server


@pytest.fixture(scope="module")
def mount(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Iterator[Mount]:
    with mounted(
        tmp_path_factory.mktemp("crawlers"),
        *("--url", server.url, "--rate", "unlimited", "--account"),
        env={"BIOFS_TOKEN": DONOR_TOKEN, "BIOFS_COOKIE": DONOR_COOKIE},
    ) as mount:
        yield mount


def probe(directory: Path) -> None:
    """Look for each of the names, as a crawler would; none but ours is there."""
    for name in PROBES:
        if name != ".ignore":
            assert failing(lambda name=name: os.stat(directory / name)) in {  # type: ignore[misc]
                errno.ENOENT,
                errno.ENOTDIR,
            }, directory / name


def test_names_the_server_cannot_know_cost_nothing_in_any_view(
    mount: Mount, server: Server
) -> None:
    views = [mount.path, *(path for path in mount.path.iterdir() if path.is_dir())]
    assert len(views) > 10
    server.log.clear()
    for view in [*views, mount.path / ".biofs"]:
        probe(view)
    assert [entry.action for entry in server.log.entries()] == []


def test_nor_below_them(mount: Mount, server: Server) -> None:
    os.stat(mount.path / GROUP)
    group = mount.path / GROUP
    [torrent] = group.glob("FASTA*]")
    places = [mount.path / "categories/Images", mount.path / CATEGORY, group, torrent]
    for name in ("top/torrents", "users/search", "me/inbox"):
        places.append(mount.path / name)
    places = [place for place in places if place.is_dir()]
    assert len(places) > 4
    server.log.clear()
    for place in places:
        probe(place)
    assert [entry.action for entry in server.log.entries()] == []


def test_gits_prompt_and_a_search_tools_looks_cost_nothing(mount: Mount, server: Server) -> None:
    os.stat(mount.path / GROUP)
    server.log.clear()
    for command in (
        ["git", "rev-parse", "--git-dir"],
        ["rg", "--files", "--max-depth", "1"],
        ["find", ".", "-maxdepth", "1", "-name", "*.json"],
    ):
        subprocess.run(command, cwd=mount.path / GROUP, capture_output=True, check=False)
    assert server.log.count() == 0


AT_ONCE = 4
"""Requests that may go out together."""


def test_a_sweep_over_uncached_groups_does_not_keep_a_reader_waiting(tmp_path: Path) -> None:
    """One process that reads everything gets its turns after one that reads a single thing."""
    app = Holding(create_app(Generated(60, categories=(1,))))
    with running(app) as server:  # type: ignore[arg-type]
        with mounted(
            tmp_path,
            *("--url", server.url, "--rate", f"{AT_ONCE}/0.5"),
            env={"BIOFS_TOKEN": DONOR_TOKEN},
        ) as mount:
            names = sorted(os.listdir(mount.path / CATEGORY), key=_number)
            app.hold.set()
            sweep = subprocess.Popen(
                [sys.executable, "-c", SWEEP, *(f"{name}/group.json" for name in names[1:40])],
                cwd=mount.path / CATEGORY,
            )
            until(lambda: mount.status()["readers_waiting"] >= 39)
            reader = subprocess.Popen(
                ["cat", f"{names[50]}/group.json"],
                cwd=mount.path / CATEGORY,
                stdout=subprocess.DEVNULL,
            )
            until(lambda: mount.status()["readers_waiting"] >= 40)
            held = app.held
            server.log.clear()
            app.hold.clear()
            assert reader.wait(timeout=60) == 0
            before = [entry.params["id"] for entry in server.log.entries("torrentgroup")]
            # What was on its way already, and what was sent together with it: those may arrive in
            # any order.
            assert before.index(str(_number(names[50]))) < held + AT_ONCE
            assert sweep.wait(timeout=60) == 0
            assert server.log.count("torrentgroup") == 40


def _number(name: str) -> int:
    return int(name.rpartition("[")[2][:-1]) if name.endswith("]") else 0

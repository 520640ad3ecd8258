"""The request budget: what a command costs, counted at the server, on a real mount.

docs/costs.md names the test of each of its rows; those about categories and groups are here.
"""

from __future__ import annotations

import math
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from tests.support.mounting import Mount, mounted
from tests.support.server import Server, running

CATEGORY = "categories/Sequences"
TORRENTS = 2


@dataclass
class Case:
    """A server with `groups` groups in one category, and mounts of it that share a cache."""

    server: Server
    base: Path
    groups: int

    def mount(self, name: str = "mnt", *options: str) -> AbstractContextManager[Mount]:
        """A mount; each has a name of its own."""
        return mounted(
            self.base,
            *("--url", self.server.url, "--rate", "unlimited"),
            *("--cache-dir", str(self.base / "cache"), *options),
            env={"BIOFS_TOKEN": DONOR_TOKEN},
            name=name,
        )

    def cost(self, action: Callable[[], object]) -> int:
        """How many requests reach the server while `action` runs."""
        before = self.server.log.count()
        action()
        return self.server.log.count() - before

    @property
    def pages(self) -> int:
        """Requests that listing the category costs at least."""
        return math.ceil(self.groups / 50)


@pytest.fixture(params=[300, 2100])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    groups: int = request.param
    source = Generated(groups, TORRENTS, 3, categories=(1,))
    with running(create_app(source)) as server:
        yield Case(server, tmp_path, groups)


def group_path(mount: Mount, number: int = 0) -> Path:
    """A group's directory."""
    names = sorted(os.listdir(mount.path / CATEGORY))
    names.remove("index.jsonl")
    return mount.path / CATEGORY / names[number]


def test_mount_ls_df_and_stat_cost_nothing(case: Case) -> None:
    def action() -> None:
        with case.mount() as mount:
            mount.run("ls", "-la")
            mount.run("ls", "-la", "categories")
            mount.run("df", ".")
            mount.run("stat", ".", "README.txt", "categories", CATEGORY, ".biofs/status.json")
            mount.run("cat", "README.txt", ".biofs/status.json")
            mount.run("find", ".", "-maxdepth", "2", "-size", "+1G")

    assert case.cost(action) == 0


def test_ls_of_a_category_costs_a_request_for_50_groups_once(case: Case) -> None:
    with case.mount() as mount:
        cost = case.cost(lambda: mount.run("ls", CATEGORY))
        assert case.pages <= cost <= case.pages + (0 if case.groups <= 2000 else 4)
        assert len(os.listdir(mount.path / CATEGORY)) == case.groups + 1
        for warm in (
            ("ls", CATEGORY),
            ("ls", "-la", CATEGORY),
            ("ls", "--color=always", "-F", CATEGORY),
            ("cat", f"{CATEGORY}/index.jsonl"),
            ("find", CATEGORY, "-maxdepth", "1"),
            ("du", "-s", "--max-depth=0", "--exclude=*]", CATEGORY),
        ):
            assert case.cost(lambda warm=warm: mount.run(*warm)) == 0, warm
    with case.mount("again") as mount:
        assert case.cost(lambda: mount.run("ls", "-la", CATEGORY)) == 0, "after a remount"
    with case.mount("offline", "--offline") as mount:
        assert len(mount.run("ls", CATEGORY).splitlines()) == case.groups + 1


def test_names_in_groups_and_torrents_cost_nothing(case: Case) -> None:
    with case.mount() as mount:
        os.listdir(mount.path / CATEGORY)
        some = [str(group_path(mount, number)) for number in range(10)]

        def action() -> None:
            mount.run("ls", *some)
            mount.run("find", *some, "-name", "files", "-prune", "-o", "-name", "*.json", "-print")
            for path in some:
                for directory in os.scandir(path):
                    directory.is_dir()
                    if directory.is_dir(follow_symlinks=False):
                        assert len(os.listdir(directory)) == 4
            # Tab completion of a file's name; `cd` would look at each entry, as `ls -F` does.
            mount.run("bash", "-c", f"compgen -f -- '{some[0]}/'")
            mount.run("bash", "-c", f"compgen -d -- '{CATEGORY}/A'")

        assert case.cost(action) == 0


@pytest.mark.parametrize(
    "command",
    [
        ("cat", "group.json"),
        ("ls", "-la"),
        ("stat", "description.txt"),
        ("find", ".", "-size", "+1k"),
        ("du", "-s", "."),
        ("sh", "-c", "cat */torrent.json */filelist.jsonl */magnet.txt; ls -R */files"),
        ("tree", "."),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_what_needs_a_groups_detail_costs_one_request_once(
    case: Case, command: tuple[str, ...]
) -> None:
    with case.mount() as mount:
        os.listdir(mount.path / CATEGORY)
        group = group_path(mount)

        def action() -> None:
            subprocess.run(command, cwd=group, check=True, stdout=subprocess.DEVNULL)

        assert case.cost(action) == 1
        assert case.cost(action) == 0
        assert case.cost(lambda: mount.run("grep", "-r", "--exclude-dir=files", "a", group)) == 0
    with case.mount("again") as mount:
        group = group_path(mount)
        assert case.cost(action) == 0, "after a remount"


@pytest.mark.long
def test_grep_over_a_category_costs_its_pages_and_its_groups_once(case: Case) -> None:
    def grep(mount: Mount) -> str:
        return mount.run(*("grep", "-rc", "--exclude-dir=files", "genom", CATEGORY), timeout=500)

    with case.mount() as mount:
        cost = case.cost(lambda: grep(mount))
        listing = case.pages + (0 if case.groups <= 2000 else 4)
        assert case.pages + case.groups <= cost <= listing + case.groups
        assert case.cost(lambda: grep(mount)) == 0
        with case.mount("second") as second:
            assert case.cost(lambda: grep(second)) == 0, "in a second mount beside it"
    with case.mount("offline", "--offline") as mount:
        assert len(grep(mount).splitlines()) == 1 + case.groups * (2 + 3 * TORRENTS)


def test_a_name_that_does_not_exist_costs_nothing_beyond_the_listing(case: Case) -> None:
    with case.mount() as mount:
        os.listdir(mount.path / CATEGORY)
        group = group_path(mount)

        def action() -> None:
            for path in (
                mount.path / ".git",
                mount.path / "categories" / "Nope",
                mount.path / CATEGORY / ".git",
                mount.path / CATEGORY / "No such group [999999]",
                mount.path / CATEGORY / f"{group.name}x",
                group / "HEAD",
                group / "FASTA, Sanger, Contig [999999]",
            ):
                assert not path.exists()

        assert case.cost(action) == 0


def test_fifty_processes_at_once_are_as_one(case: Case) -> None:
    with case.mount() as mount:

        def action() -> None:
            readers = [
                subprocess.Popen(["ls", CATEGORY], cwd=mount.path, stdout=subprocess.PIPE)
                for _ in range(50)
            ]
            assert len({reader.communicate(timeout=120)[0] for reader in readers}) == 1

        assert case.cost(action) <= case.pages + (0 if case.groups <= 2000 else 4)
        group = group_path(mount)

        def documents() -> None:
            readers = [
                subprocess.Popen(["cat", group / "group.json"], stdout=subprocess.PIPE)
                for _ in range(50)
            ]
            assert len({reader.communicate(timeout=120)[0] for reader in readers}) == 1

        assert case.cost(documents) == 1


def test_two_mounts_do_not_ask_for_the_same(case: Case) -> None:
    with case.mount("first") as first, case.mount("second") as second:
        first.run("ls", CATEGORY)
        group = group_path(first)
        (group / "group.json").read_bytes()

        def action() -> None:
            second.run("ls", "-la", CATEGORY)
            assert (group_path(second) / "group.json").read_bytes()

        assert case.cost(action) == 0

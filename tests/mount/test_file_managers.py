"""A session in a file manager, call by call, and what it costs at the server."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from tests.support.counting import Counted, counted
from tests.support.file_managers import file_manager
from tests.support.mounting import Mount
from tests.support.server import running

GROUPS = 60
PAGES = math.ceil(GROUPS / 50)
CATEGORIES = 12
MANAGERS = pytest.mark.parametrize("counts", [False, True], ids=["Thunar", "Nautilus"])

pytestmark = pytest.mark.long


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Counted]:
    with running(create_app(Generated(GROUPS * CATEGORIES, 2, 3))) as server:
        yield Counted(server, tmp_path)


def first(place: Path) -> Path:
    """The first directory in a directory."""
    return place / min(name for name in os.listdir(place) if name.endswith("]"))


@MANAGERS
def test_browsing_costs_the_listing_and_a_request_for_the_group(
    case: Counted, *, counts: bool
) -> None:
    with case.mount("mnt") as mount, file_manager(counts=counts) as window:
        assert case.cost(lambda: window.show(mount.path)) == []
        assert case.cost(lambda: window.show(mount.path / "categories")) == []
        category = mount.path / "categories/Sequences"
        shown: dict[str, os.stat_result] = {}
        cost = case.cost(lambda: shown.update(window.show(category)))
        assert cost == ["browse"] * PAGES
        assert len(shown) == GROUPS + 1
        assert all(found.st_mtime > 0 for found in shown.values())
        group = first(category)
        assert case.cost(lambda: window.show(group)) == ["torrentgroup"]
        torrent = first(group)
        assert case.cost(lambda: window.show(torrent)) == []
        assert case.cost(lambda: window.show(torrent / "files")) == []
        for directory, _, files in os.walk(torrent / "files"):
            assert case.cost(lambda directory=directory: window.show(Path(directory))) == []
            for name in files:
                with pytest.raises(OSError, match=os.strerror(errno.ENODATA)):
                    open(os.path.join(directory, name), "rb").close()
        assert case.cost((group / "group.json").read_bytes) == []
        assert case.cost(lambda: window.show(group)) == []


@MANAGERS
def test_every_other_view_costs_nothing_to_look_at(case: Counted, *, counts: bool) -> None:
    with case.mount("mnt") as mount, file_manager(counts=counts) as window:
        os.listdir(mount.path / "categories/Sequences")
        views = [name for name in os.listdir(mount.path) if (mount.path / name).is_dir()]
        assert len(views) > 10
        for name in (*views, "top/torrents", ".biofs"):
            assert case.cost(lambda name=name: window.show(mount.path / name)) == [], name


def test_what_is_known_is_counted(case: Counted) -> None:
    with case.mount("mnt") as mount, file_manager(counts=True) as window:
        os.listdir(mount.path / "categories/Sequences")
        window.show(mount.path / "categories/Sequences")
        window.uncounted.clear()
        # Only what tells everything without a look at each group's documents.
        assert case.cost(lambda: window.show(mount.path / "categories")) == []
        assert len(window.uncounted) == CATEGORIES - 1
        assert "Sequences" not in window.uncounted


def test_the_size_of_a_group_costs_a_request_and_that_of_a_category_none(case: Counted) -> None:
    with case.mount("mnt") as mount, file_manager() as window:
        category = mount.path / "categories/Sequences"
        window.show(category)
        group = first(category)
        window.uncounted.clear()
        sizes: list[int] = []
        assert case.cost(lambda: sizes.append(window.properties(group))) == ["torrentgroup"]
        assert sizes[0] > sum(path.stat().st_size for path in group.glob("*/files/**/*.*")) > 0
        assert window.uncounted == []
        assert case.cost(lambda: sizes.append(window.properties(category))) == []
        assert sizes[1] == sizes[0] + (category / "index.jsonl").stat().st_size
        assert len(window.uncounted) == GROUPS - 1


def test_who_watches_nothing_or_the_directory_itself_is_answered(case: Counted) -> None:
    def listed(mount: Mount, name: str) -> int:
        return len(os.listdir(mount.path / "categories" / name))

    with case.mount("mnt") as mount:
        assert mount.run("ls", "categories/Graphs").count("\n") == GROUPS + 1
        with file_manager() as window:
            assert listed(mount, "Graphs") == GROUPS + 1
            window.show(mount.path / "categories")
            with pytest.raises(BlockingIOError):
                listed(mount, "Systems")
            assert mount.run("ls", "categories/Systems").count("\n") == GROUPS + 1
            assert listed(mount, "Systems") == GROUPS + 1
            window.show(mount.path)
            assert listed(mount, "Patterns") == GROUPS + 1


def test_a_failing_file_says_so_and_the_folder_stays(tmp_path: Path) -> None:
    with counted(tmp_path) as case, case.mount("mnt") as mount, file_manager(counts=True) as window:
        group = mount.path / "categories/Sequences/Alcohol dehydrogenase ADH1 [1]"
        files = group / "FASTA, Sanger, Contig [1]/files/ADH1 - YOL086C"
        shown = window.show(files)
        assert {name: found.st_size for name, found in shown.items()} == {
            "S288C_YOL086C_ADH1_coding.fsa": 1095,
            "S288C_YOL086C_ADH1_flanking.fsa": 3157,
            "S288C_YOL086C_ADH1_genomic.fsa": 1117,
            "S288C_YOL086C_ADH1_protein.fsa": 385,
        }
        with pytest.raises(OSError, match="No data available"):
            (files / "S288C_YOL086C_ADH1_coding.fsa").read_bytes()

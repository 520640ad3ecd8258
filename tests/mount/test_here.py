"""`here/` on a real mount: the torrents whose data lie in a data directory, at no cost."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from biofs.demo.data import lay_out
from biofs.demo.written.embedded import every_torrent
from tests.support.counting import Counted, counted
from tests.support.mounting import Mount

SEQUENCES = "categories/Sequences"
PHI = "The sequence of bacteriophage φX174 - GenBank, Sanger, Genome [2]"
PHI_FILES = f"{SEQUENCES}/The sequence of bacteriophage φX174 [2]/GenBank, Sanger, Genome [2]"
HERE_AND_WRONG = "[75]"
"""Some of its files have names that no disk can hold, and all are in one piece, so that no byte of
the others can be verified."""
PATIENCE = 20.0


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Counted]:
    with counted(tmp_path) as case:
        yield case


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    lay_out(every_torrent(), path, None)
    return path


def here(mount: Mount) -> set[str]:
    return set(os.listdir(mount.path / "here"))


def comes_true(holds: Callable[[], bool]) -> bool:
    """Whether it holds soon: what has changed on a disk is noticed by looking."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def know(mount: Mount) -> None:
    """Have the details of all groups in Sequences fetched."""
    mount.run("find", SEQUENCES, "-maxdepth", "3")
    mount.run("sh", "-c", f"cat {SEQUENCES}/*/group.json >/dev/null")


def readable(mount: Mount) -> set[str]:
    """The ids of the torrents in Sequences of which a file can be read."""
    found = set()
    for files in mount.path.glob(f"{SEQUENCES}/*/*/files"):
        for path in files.rglob("*"):
            if path.is_file():
                with suppress(OSError):
                    path.read_bytes()
                    found.add(files.parent.name.rpartition(" ")[2])
                    break
    return found


def test_it_is_there_with_data_directories_only(case: Counted, data: Path) -> None:
    with case.mount("without") as mount:
        assert "here" not in os.listdir(mount.path)
        assert not (mount.path / "here").exists()
        assert "  here/ " in (mount.path / "README.txt").read_text()
    with case.mount("mnt", "--data", str(data)) as mount:
        assert "here" in os.listdir(mount.path)
        assert here(mount) == set()
        assert not (mount.path / "here" / PHI).exists(), "no listing has told of it"
        assert not (mount.path / "here/.Trash").exists()


def test_what_is_known_appears_and_leads_to_its_torrent(case: Counted, data: Path) -> None:
    with case.mount("mnt", "--data", str(data)) as mount:
        know(mount)
        found = here(mount)
        assert PHI in found
        ids = {name.rpartition(" ")[2] for name in found}
        assert ids == readable(mount) | {HERE_AND_WRONG}
        assert len(found) > 10
        for name in found:
            link = mount.path / "here" / name
            target = os.readlink(link)
            assert target.startswith(f"../{SEQUENCES}/")
            assert os.lstat(link).st_size == len(os.fsencode(target))
            torrent = json.loads((link / "torrent.json").read_bytes())
            assert name.endswith(f" [{torrent['id']}]")
            assert os.path.samefile(link, mount.path / "torrents" / str(torrent["id"]))
        assert os.readlink(mount.path / "here" / PHI) == f"../{PHI_FILES}"
    with case.mount("again", "--offline", "--data", str(data)) as mount:
        assert os.path.isdir(mount.path / "here" / PHI / "files"), "looked up before it was listed"
        assert here(mount) == found


def test_looking_at_it_costs_no_request(case: Counted, data: Path) -> None:
    with case.mount("mnt", "--data", str(data)) as mount:
        for command in (("ls", "here"), ("ls", "-laL", "here"), ("find", "here")):
            assert case.cost(lambda command=command: mount.run(*command)) == [], command
        know(mount)
        for command in (
            ("ls", "here"),
            ("ls", "-laL", "here"),
            ("find", "here"),
            ("find", "-L", "here", "-maxdepth", "3"),
            ("stat", f"here/{PHI}"),
        ):
            assert case.cost(lambda command=command: mount.run(*command)) == [], command
        assert len(here(mount)) > 10


def test_data_that_go_and_come_are_noticed(case: Counted, data: Path, tmp_path: Path) -> None:
    top = data / "phiX174"
    with case.mount("mnt", "--data", str(data)) as mount:
        know(mount)
        before = here(mount)
        assert PHI in before
        aside = shutil.move(top, tmp_path / "aside")
        assert comes_true(lambda: PHI not in here(mount))
        assert here(mount) == before - {PHI}
        (data / "a folder").mkdir()
        shutil.move(aside, data / "a folder/phiX174")
        assert comes_true(lambda: PHI in here(mount))
        assert here(mount) == before
        [file, *_] = (path for path in (mount.path / PHI_FILES / "files").rglob("*.fasta"))
        assert file.read_bytes()

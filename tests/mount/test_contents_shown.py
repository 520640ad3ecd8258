"""How much of a torrent is on this machine: contents.json, attributes, `biofs ls`, `explain`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from biofs.contents.rules import SETTLED_SECONDS
from biofs.demo.data import lay_out
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded, every_torrent
from tests.support import torrents
from tests.support.commands import Case
from tests.support.counting import Counted, counted
from tests.support.lab import files_of, lab
from tests.support.mounting import Mount, mounted
from tests.support.server import running
from tests.support.tallying import Tally
from tests.support.torrents import BLOCK

GROUP = "categories/Sequences/Alcohol dehydrogenase ADH1 [1]"
TORRENT = f"{GROUP}/FASTA, Sanger, Contig [1]"
TOP = "ADH1 - YOL086C"
CODING = "S288C_YOL086C_ADH1_coding.fsa"
DOCUMENTS = ["torrent.json", "filelist.jsonl", "magnet.txt", "files"]
PATIENCE = 30.0


class Laid(NamedTuple):
    """The demo's data and .torrent files, old enough for what is verified to be remembered."""

    data: Path
    torrents: Path

    def settle(self) -> None:
        """Wait until no file was changed a moment ago."""
        newest = max(os.stat(each).st_ctime for each in self.data.rglob("*"))
        while time.time() - newest <= SETTLED_SECONDS + 0.1:
            time.sleep(0.05)

    @property
    def options(self) -> tuple[str, ...]:
        return ("--data", str(self.data), "--torrents", str(self.torrents))


@pytest.fixture
def laid(tmp_path: Path) -> Laid:
    found = Laid(tmp_path / "data", tmp_path / "torrents")
    few = [each for each in every_torrent() if each.id in {1, 2, 7, 17}]
    lay_out(few, found.data, found.torrents)
    return found


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Counted]:
    with counted(tmp_path) as case:
        yield case


@pytest.fixture
def user(tmp_path: Path) -> Iterator[Case]:
    """One with a token, and neither cookie nor passkey."""
    (tmp_path / "home").mkdir()
    with running(create_app(embedded())) as server:
        yield Case(server, tmp_path)


def contents(mount: Mount, torrent: str = TORRENT) -> Any:
    path = mount.path / torrent / "contents.json"
    return json.loads(path.read_bytes())


def until(found: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What is found once it is as wanted: what is shown is a few seconds old."""
    deadline = time.monotonic() + PATIENCE
    while not wanted(now := found()):
        assert time.monotonic() < deadline, now
        time.sleep(0.1)
    return now


def attribute(mount: Mount, path: str) -> str:
    return os.getxattr(mount.path / path, "user.biofs.contents").decode()


def test_without_data_directories_nothing_is_added(case: Counted) -> None:
    with case.mount("mnt", "-o", "xattr") as mount:
        os.listdir(mount.path / "categories/Sequences")
        assert os.listdir(mount.path / TORRENT) == DOCUMENTS
        (mount.path / TORRENT / "torrent.json").read_bytes()
        assert not (mount.path / TORRENT / "contents.json").exists()
        assert os.listdir(mount.path / TORRENT) == DOCUMENTS
        for path in (TORRENT, f"{TORRENT}/files/{TOP}/{CODING}"):
            assert "user.biofs.contents" not in os.listxattr(mount.path / path)


def test_it_costs_the_groups_detail_and_never_a_torrent_file(case: Counted, laid: Laid) -> None:
    with case.mount("mnt", "--data", str(laid.data), "-o", "xattr") as mount:
        os.listdir(mount.path / "categories/Sequences")
        assert case.cost(lambda: os.listdir(mount.path / TORRENT)) == []
        assert os.listdir(mount.path / TORRENT) == [*DOCUMENTS, "contents.json"]
        assert case.cost(lambda: contents(mount)) == ["torrentgroup"]

        def look() -> None:
            contents(mount)
            mount.run("ls", "-lR", TORRENT)
            mount.run("find", TORRENT, "-size", "+1k")
            mount.run("getfattr", "-R", "-d", TORRENT)
            mount.run("grep", "-r", "--exclude-dir=files", "infoHash", TORRENT)

        assert case.cost(look) == []
        assert contents(mount)["metainfo"] is None
        # A read needs it; what is shown then says where it came from.
        file = mount.path / TORRENT / "files" / TOP / CODING
        assert case.cost(file.read_bytes) == ["download"]
        shown = until(lambda: contents(mount), lambda found: found["metainfo"] is not None)
        assert shown["metainfo"] == "server"


def test_it_says_what_is_here_and_what_was_verified(case: Counted, laid: Laid) -> None:
    laid.settle()
    sizes = {each.name: each.stat().st_size for each in (laid.data / TOP).iterdir()}
    whole = {"files": len(sizes), "bytes": sum(sizes.values())}
    nothing = {"files": 0, "bytes": 0}
    with case.mount("mnt", *laid.options) as mount:
        torrent = json.loads((mount.path / TORRENT / "torrent.json").read_bytes())
        found = contents(mount)
        assert found == {
            "torrentId": 1,
            "infoHash": torrent["infoHash"],
            "place": str(laid.data / TOP),
            "metainfo": "file",
            "total": whole,
            "verified": nothing,
            "here": whole,
            "unfinished": nothing,
            "missing": nothing,
            "files": [],
            "filesLeftOut": 0,
        }
        status = os.stat(mount.path / TORRENT / "contents.json")
        assert status.st_size == len((mount.path / TORRENT / "contents.json").read_bytes())
        for name in sizes:
            (mount.path / TORRENT / "files" / TOP / name).read_bytes()
        found = until(lambda: contents(mount), lambda found: found["verified"] != nothing)
        found = until(lambda: contents(mount), lambda found: found["verified"] == whole)


def test_it_names_what_is_unfinished_and_what_is_missing(case: Counted, laid: Laid) -> None:
    names = sorted(each.name for each in (laid.data / TOP).iterdir())
    part, short, gone, _ = names
    (laid.data / TOP / part).rename(laid.data / TOP / f"{part}.part")
    os.truncate(laid.data / TOP / short, 3)
    size = (laid.data / TOP / gone).stat().st_size
    with case.mount("mnt", *laid.options) as mount:
        before = contents(mount)
        assert (before["here"]["files"], before["unfinished"]["files"]) == (2, 2)
        (laid.data / TOP / gone).unlink()
        found = until(lambda: contents(mount), lambda found: found["missing"]["files"] == 1)
        assert found["missing"] == {"files": 1, "bytes": size}
        named = {each["path"]: each for each in found["files"]}
        assert found["filesLeftOut"] == 0
        assert named[f"{TOP}/{part}"]["onDisk"]["name"] == f"{part}.part"
        assert named[f"{TOP}/{short}"]["onDisk"] == {"name": short, "bytes": 3}
        assert named[f"{TOP}/{gone}"] == {
            "path": f"{TOP}/{gone}",
            "state": "missing",
            "bytes": size,
        }


def test_of_a_torrent_that_is_nowhere_it_says_so_in_a_few_lines(case: Counted, laid: Laid) -> None:
    shutil.rmtree(laid.data / TOP)
    with case.mount("mnt", *laid.options, "-o", "xattr") as mount:
        found = contents(mount)
        assert found["place"] is None
        assert found["metainfo"] is None
        assert found["missing"] == found["total"]
        assert found["files"] == []
        assert attribute(mount, TORRENT) == "not here"
        assert attribute(mount, f"{TORRENT}/files/{TOP}/{CODING}") == "not here"


def test_attributes_tell_it_in_a_few_words(case: Counted, laid: Laid) -> None:
    laid.settle()
    file = f"{TORRENT}/files/{TOP}/{CODING}"
    with case.mount("mnt", *laid.options, "-o", "xattr") as mount:
        os.listdir(mount.path / "categories/Sequences")
        assert "user.biofs.contents" not in os.listxattr(mount.path / TORRENT)
        (mount.path / TORRENT / "torrent.json").read_bytes()
        assert "user.biofs.contents" in os.listxattr(mount.path / TORRENT)
        assert attribute(mount, TORRENT) == "4 of 4 files here, not verified"
        assert attribute(mount, file) == "here, not verified"
        (mount.path / file).read_bytes()
        assert attribute(mount, file) == "verified"
        shown = until(lambda: attribute(mount, TORRENT), lambda text: "not" not in text)
        assert shown == "verified", "the others are in the same piece"
        (laid.data / TOP / CODING).rename(laid.data / TOP / f"{CODING}.!qB")
        os.truncate(laid.data / TOP / f"{CODING}.!qB", 1)
        assert attribute(mount, file) == "unfinished"
        with pytest.raises(OSError, match="No data"):
            attribute(mount, f"{TORRENT}/files/{TOP}")
        assert attribute(mount, f"{TORRENT}/files") == attribute(mount, TORRENT)


def test_a_walk_asks_for_its_size_and_nothing_else(tmp_path: Path, laid: Laid) -> None:
    env = {"BIOFS_TALLY": str(tmp_path / "tally")}
    options = ("--demo", *laid.options)
    with mounted(tmp_path, *options, env=env, module="tests.support.tallying") as mount:
        mount.run("ls", "-lR", GROUP)
        tally = Tally(tmp_path / "tally")
        calls = tally.fewest(lambda: mount.run("ls", "-lR", TORRENT))
        # One for it, others for the root and `categories`.
        assert calls["getattr"] + calls["lookup"] <= 5
        assert set(calls) <= {"opendir", "readdir", "releasedir", "getattr", "lookup"}


def test_ls_has_a_column_where_there_are_data_directories(user: Case, laid: Laid) -> None:
    size = sum(each.stat().st_size for each in (laid.data / TOP).iterdir())
    with user.mount(*laid.options) as mount:
        os.listdir(mount.path / "categories/Sequences")
        group = str(mount.path / GROUP)
        row = json.loads(user.run("ls", "--json", group))
        assert row["here"] is None, "the file list is not known, and nothing is asked for it"
        (mount.path / TORRENT / "torrent.json").read_bytes()
        before = user.server.log.count()
        row = json.loads(user.run("ls", "--json", group))
        assert row["here"] == row["size"] == size
        assert user.run("ls", group).startswith(f"{size}\t")
        of_groups = user.run("ls", "--json", "--limit", "1", str(mount.path / GROUP / ".."))
        assert "here" not in json.loads(of_groups)
        assert user.server.log.count() == before
    with user.mount(name="bare") as mount:
        row = json.loads(user.run("ls", "--json", str(mount.path / GROUP)))
        assert "here" not in row


def test_explain_says_why_a_file_opens_or_does_not(user: Case, laid: Laid) -> None:
    laid.settle()
    path = f"{TORRENT}/files/{TOP}/{CODING}"
    disk = laid.data / TOP / CODING

    def explained(mount: Mount) -> tuple[dict[str, Any], str]:
        before = user.server.log.count()
        facts = json.loads(user.run("explain", "--json", str(mount.path / path)))
        text = user.run("explain", str(mount.path / path))
        assert user.server.log.count() == before, "explaining costs nothing"
        [line] = [line for line in text.splitlines() if line.startswith("content")]
        return facts, line

    with user.mount(name="bare") as mount:
        os.listdir(mount.path / TORRENT / "files" / TOP)
        facts, line = explained(mount)
        assert facts["data"] == "no directories"
        assert "--data DIR" in line
    with user.mount("--data", str(laid.data), name="unknown") as mount:
        facts, line = explained(mount)
        assert (facts["data"], facts["downloads"], facts["content"]) == (
            "no metainfo",
            False,
            False,
        )
        assert facts["disk_path"] == str(disk)
        assert "--torrents DIR" in line
        assert "passkey" in line
    env = {**user.environment(), "BIOFS_PASSKEY": "0" * 32}
    with mounted(user.base, "--data", str(laid.data), env=env, name="passkey") as mount:
        facts, line = explained(mount)
        assert (facts["downloads"], facts["content"], facts["requests"]) == (True, True, 1)
        assert "downloads the .torrent" in line
    with user.mount(*laid.options, name="whole") as mount:
        facts, line = explained(mount)
        assert (facts["data"], facts["pieces"], facts["verified_pieces"]) == ("here", 1, 0)
        assert "0 of 1 piece verified" in line
        (mount.path / path).read_bytes()
        facts, line = explained(mount)
        assert (facts["data"], facts["verified_pieces"]) == ("here", 1)
        assert line.endswith("found, verified")
        disk.rename(f"{disk}.part")
        facts, line = explained(mount)
        assert (facts["data"], facts["disk_path"]) == ("unfinished", f"{disk}.part")
        assert "unfinished" in line
        os.unlink(f"{disk}.part")
        facts, line = explained(mount)
        assert facts["data"] == "missing"
        assert "no file of this name and size" in line


def test_files_of_a_divided_torrent_are_said_to_be_where_they_open(tmp_path: Path) -> None:
    files = [((b"%d" % number,), torrents.bytes_of(f"{number}", BLOCK)) for number in range(3)]
    torrent = torrents.make(b"top", files)
    with lab(tmp_path) as made:
        ident = made.add(torrent, files)
        moved = tmp_path / "other/top/2"
        moved.parent.mkdir(parents=True)
        (made.data / "top/2").rename(moved)
        Laid(tmp_path / "other", made.torrents).settle()
        user = Case(made.server, tmp_path)
        with made.mount("--data", str(tmp_path / "other"), **user.environment()) as mount:
            path = files_of(mount, ident) / "top/2"
            assert path.read_bytes() == files[2][1]
            found = json.loads((path.parents[2] / "contents.json").read_bytes())
            assert found["place"] == str(made.data / "top")
            assert found["here"] == found["total"]
            assert found["verified"]["files"] == 1
            assert found["files"] == []
            facts = json.loads(user.run("explain", "--json", str(path)))
            assert (facts["data"], facts["disk_path"]) == ("here", str(moved))
            assert facts["verified_pieces"] == facts["pieces"] == 1


def test_explain_tells_of_a_piece_that_was_wrong(user: Case, laid: Laid) -> None:
    path = f"{TORRENT}/files/{TOP}/{CODING}"
    disk = laid.data / TOP / CODING
    disk.write_bytes(bytes(disk.stat().st_size))
    laid.settle()
    with user.mount(*laid.options) as mount:
        os.listdir(mount.path / "categories/Sequences")
        with pytest.raises(OSError, match="No data"):
            (mount.path / path).read_bytes()
        facts = json.loads(user.run("explain", "--json", str(mount.path / path)))
        assert (facts["data"], facts["content"], facts["wrong_pieces"]) == ("wrong", False, 1)
        text = user.run("explain", str(mount.path / path))
        assert "found, but 1 piece wrong when last read" in text
        assert str(disk) in text


def test_grep_over_metadata_opens_no_data(case: Counted, laid: Laid) -> None:
    for path in laid.data.rglob("*"):
        if path.is_file():
            os.utime(path, (1, 1))
    with case.mount("mnt", "--data", str(laid.data)) as mount:
        command = ["grep", "-r", "--exclude-dir=files", "nothing", "categories/Sequences"]
        subprocess.run(command, cwd=mount.path, check=False, capture_output=True)
        assert contents(mount)["place"] is not None
    for path in laid.data.rglob("*"):
        assert not path.is_file() or os.stat(path).st_atime == 1, path

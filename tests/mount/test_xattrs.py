"""Extended attributes on a real mount: what they say, and that they cost no request."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.demo.memory import Memory
from biofs.demo.model import Group, Torrent
from biofs.demo.server.app import create_app
from biofs.demo.written.community import community
from biofs.demo.written.embedded import embedded
from tests.support.commands import Case
from tests.support.counting import Counted, counted
from tests.support.mounting import Mount, mounted
from tests.support.server import running

GROUP = "categories/Sequences/Alcohol dehydrogenase ADH1 [1]"
TORRENT = f"{GROUP}/FASTA, Sanger, Contig [1]"


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Counted]:
    with counted(tmp_path) as case:
        yield case


def dump(mount: Mount, path: str) -> dict[str, str]:
    """What `getfattr` prints of a path."""
    lines = mount.run("getfattr", "-d", "-m", "-", "-e", "hex", path).splitlines()
    pairs = (line.partition("=0x") for line in lines if "=" in line and not line.startswith("#"))
    return {name: bytes.fromhex(value).decode() for name, _, value in pairs}


def getxattr_errno(path: Path | str, name: str, *, follow: bool = True) -> int:
    """The errno of getxattr, 0 if it succeeds."""
    try:
        os.getxattr(path, name, follow_symlinks=follow)
    except OSError as error:
        return error.errno or -1
    return 0


def test_they_say_what_the_listing_tells_and_then_what_the_detail_tells(case: Counted) -> None:
    with case.mount("mnt", "-o", "xattr") as mount:
        os.listdir(mount.path / "categories/Sequences")
        row: dict[str, str] = {}
        assert case.cost(lambda: row.update(dump(mount, GROUP))) == []
        assert "user.biofs.info_hash" not in row, "no listing tells it"
        assert "user.xdg.comment" not in row
        assert row["user.xdg.origin.url"] == f"{case.server.url}/torrents.php?id=1"
        assert getxattr_errno(mount.path / GROUP, "user.biofs.info_hash") == errno.ENODATA
        listed = dump(mount, TORRENT)
        line = next(
            line
            for text in (mount.path / "categories/Sequences/index.jsonl").read_text().splitlines()
            if (line := json.loads(text))["groupId"] == 1
        )
        assert row["user.xdg.tags"] == row["user.biofs.tags"] == ",".join(line["tags"])
        assert row["user.biofs.seeders"] == str(line["totalSeeders"])
        [torrent_row] = line["torrents"]
        assert listed["user.biofs.license"] == torrent_row["license"]
        assert listed["user.biofs.size"] == str(torrent_row["size"])

        torrent = json.loads((mount.path / TORRENT / "torrent.json").read_bytes())
        known = dump(mount, TORRENT)
        assert known == {
            **listed,
            "user.biofs.info_hash": torrent["infoHash"],
            "user.biofs.seeders": str(torrent["seeders"]),
            "user.biofs.leechers": str(torrent["leechers"]),
            "user.xdg.comment": " ".join(torrent["description"].split()),
        }
        assert listed["user.biofs.url"] == f"{case.server.url}/torrents.php?id=1&torrentid=1"
        for name in ("torrent.json", "magnet.txt", "filelist.jsonl", "files", "files/."):
            assert dump(mount, f"{TORRENT}/{name}") == known
        group = dump(mount, GROUP)
        description = (mount.path / GROUP / "description.txt").read_text()
        assert group["user.xdg.comment"] == " ".join(description.split())
        assert group["user.biofs.info_hash"] == torrent["infoHash"]
        assert dump(mount, f"{GROUP}/group.json") == group


def test_nothing_asked_of_them_costs_a_request(case: Counted) -> None:
    seen = set()

    def everywhere(directory: str | Path) -> None:
        for entry in os.scandir(directory):
            if not entry.is_symlink():
                for name in os.listxattr(entry):
                    os.getxattr(entry, name)
                    seen.add(name)
            if entry.is_dir(follow_symlinks=False) and entry.name != "files":
                getxattr_errno(entry.path, "user.biofs.info_hash")
                everywhere(entry.path)

    with case.mount("mnt", "-o", "xattr") as mount:
        assert case.cost(lambda: dump(mount, ".")) == []
        assert case.cost(lambda: dump(mount, "categories/Sequences")) == []
        for category in os.listdir(mount.path / "categories"):
            os.listdir(mount.path / "categories" / category)
        for name in (".biofs", "authors", "categories", "groups", "tags"):
            assert case.cost(lambda name=name: everywhere(mount.path / name)) == []
        assert "user.biofs.license" in seen
        assert "user.xdg.comment" not in seen
    # Old knowledge is looked at again when it is read, not when its attributes are.
    with case.mount("old", "-o", "xattr", "--ttl", "0") as mount:
        (mount.path / GROUP / "group.json").read_bytes()
        settled(mount)
        assert case.cost(lambda: (dump(mount, GROUP), settled(mount))) == []


def settled(mount: Mount) -> None:
    """Wait until nothing is asked for any more."""
    while mount.status()["requests"]["wants"]:
        pass


def test_links_others_and_names_nobody_knows(case: Counted) -> None:
    with case.mount("mnt", "-o", "xattr") as mount:
        os.listdir(mount.path / "categories/Sequences")
        link = mount.path / "groups/1"
        assert os.listxattr(link) == os.listxattr(mount.path / GROUP)
        assert getxattr_errno(link, "user.biofs.id", follow=False) in {errno.EPERM, errno.ENODATA}
        for place in (".", "README.txt", "categories", "categories/Sequences", "tags"):
            assert os.listxattr(mount.path / place) == []
        for name in ("user.nothing", "security.selinux", "system.posix_acl_access", "trusted.x"):
            assert getxattr_errno(mount.path / GROUP, name) in {errno.ENODATA, errno.EOPNOTSUPP}
        with pytest.raises(OSError, match="Read-only"):
            os.setxattr(mount.path / GROUP, "user.xdg.tags", b"mine")
        with pytest.raises(OSError, match="Read-only"):
            os.removexattr(mount.path / GROUP, "user.xdg.tags")


def test_without_the_option_there_are_none(case: Counted) -> None:
    with case.mount("mnt") as mount:
        os.listdir(mount.path / "categories/Sequences")
        assert getxattr_errno(mount.path / GROUP, "user.biofs.id") == errno.EOPNOTSUPP
        with pytest.raises(OSError, match="not supported"):
            os.listxattr(mount.path / GROUP)


def test_hostile_texts_are_bounded_and_plain(tmp_path: Path) -> None:
    tags = ("\x1b]0;pwned\x07", *(f"tag.{number:05}" for number in range(9000)))
    torrent = Torrent(
        id=1, files=(), size=0, file_count=0, time=1_600_000_000, license="\x1b[2JMIT\u202e"
    )
    group = Group(
        id=1, name="Hostile", category=1, time=1_600_000_000, torrents=(torrent,), tags=tags
    )
    with running(create_app(Memory(lambda: (group,), community()))) as server:
        with Counted(server, tmp_path).mount("mnt", "-o", "xattr") as mount:
            [path] = (mount.path / "categories/Sequences").glob("Hostile*")
            value = os.getxattr(path, "user.xdg.tags")
            assert 60_000 < len(value) <= 65_536
            for attribute in os.listxattr(path):
                text = os.getxattr(path, attribute).decode()
                assert text.isprintable(), attribute
            assert os.getxattr(path, "user.biofs.license").decode() == "\ufffd[2JMIT"


def test_the_embedded_catalogue_has_no_pages_to_point_at(tmp_path: Path) -> None:
    with mounted(tmp_path, "--demo", "-o", "xattr") as mount:
        os.listdir(mount.path / "categories/Sequences")
        found = dump(mount, GROUP)
        assert found["user.biofs.id"] == "1"
        assert not [name for name in found if name.endswith("url")]


def test_a_snapshot_points_at_the_server_it_is_of(tmp_path: Path) -> None:
    with running(create_app(embedded())) as server:
        user = Case(server, tmp_path)
        user.run("warm", "--rate", "unlimited", "Sequences")
        user.run("export", str(tmp_path / "all.biofs"))
    with mounted(tmp_path, "--snapshot", str(tmp_path / "all.biofs"), "-o", "xattr") as mount:
        assert dump(mount, GROUP)["user.biofs.url"] == f"{server.url}/torrents.php?id=1"

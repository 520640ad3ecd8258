"""The commands beside a mount: status, explain, refresh, cache, export, mount --snapshot."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.support.commands import Case
from tests.support.mounting import mounted
from tests.support.overlay import Overlay
from tests.support.server import running

GROUPS = 70
PAGES = 2


@pytest.fixture
def source() -> Overlay:
    return Overlay(Generated(GROUPS, 2, 3, categories=(1,)))


@pytest.fixture
def case(source: Overlay, tmp_path: Path) -> Iterator[Case]:
    (tmp_path / "home").mkdir()
    with running(create_app(source)) as server:
        yield Case(server, tmp_path)


def test_status_explain_and_refresh(case: Case, source: Overlay) -> None:
    with case.mount() as mount:
        category = mount.path / "categories/Sequences"
        assert case.ask("explain", str(category))["known"] is False
        assert case.ask("status")["requests"]["sent"] == 0
        assert case.server.log.count() == 0, "asking about it asks nobody"

        name = min(os.listdir(category))
        (category / name / "group.json").read_bytes()
        sent = case.server.log.count()
        assert sent == PAGES + 1
        status = case.ask("status", str(mount.path))
        assert status["mountpoint"] == str(mount.path)
        assert status["requests"]["sent"] == sent
        assert (status["known"]["groups"], status["known"]["details"]) == (GROUPS, 1)
        assert status["known"]["bytes"] > 10_000
        assert "reachable" in case.run("status")
        # From anywhere, through links, and by relative paths.
        (case.base / "link").symlink_to(category)
        facts = case.ask("explain", f"{case.base}/link/{name}/../{name}/group.json")
        assert (facts["known"], facts["requests"]) == (True, 0)
        assert facts["group_name"] == name
        assert "no requests" in case.run("explain", str(category / name))
        assert case.server.log.count() == sent

        group = int(name.rsplit("[", 1)[1][:-1])
        assert case.run("refresh", str(category / name)) == "unchanged\n"
        source.bump(group, organism="Canis lupus")
        said = case.run("refresh", f"{category}/{name}/description.txt")
        assert "group.json is different\n" in said
        assert b"Canis lupus" in (category / name / "group.json").read_bytes()
        assert case.server.log.count("torrentgroup") == 3
        assert case.run("refresh", str(category)) == "Sequences: 1 group changed\n"
        assert case.server.log.count("browse") == 2 * PAGES

    assert case.run("status", code=1).startswith("biofs: you have no biofs mount")
    assert case.run("explain", str(category), code=1).endswith(
        "not in a mount of biofs: `biofs status` says where there is one"
    )
    assert list((case.base / "run" / "biofs").iterdir()) == []


def test_mistakes_are_said_in_a_line(case: Case) -> None:
    with case.mount() as mount, case.mount("--offline", name="other") as other:
        assert case.run("explain", str(mount.path / "nothing"), code=1).endswith(
            "/mnt/nothing: there is no such name"
        )
        assert case.run("refresh", str(mount.path), code=1).endswith(
            "/mnt: not known yet: reading it fetches it"
        )
        assert case.run("refresh", f"{other.path}/categories/Images", code=1).endswith(
            "the mount is offline: nothing is asked"
        )
        listed = case.run("status").splitlines()
        assert [line.split()[0] for line in listed] == [str(mount.path), str(other.path)]
        assert case.server.log.count() == 0


def test_a_socket_that_others_can_get_at_is_not_used(case: Case) -> None:
    with case.mount() as mount:
        assert case.run("status", str(mount.path))
        (case.base / "run" / "biofs").chmod(0o755)
        assert case.run("status", str(mount.path), code=1).endswith(
            "no answer: that mount is another user's, or of an older biofs"
        )
        (case.base / "run" / "biofs").chmod(0o700)


def test_the_cache_of_a_mount_is_not_cleared_under_it(case: Case) -> None:
    with case.mount() as mount:
        os.listdir(mount.path / "categories/Sequences")
        assert "in use by  " in case.run("cache", "info")
        said = case.run("cache", "clear", "--yes", code=1)
        assert said.endswith("end that first, then clear again")
        assert os.listdir(mount.path / "categories/Sequences")
    info = case.run("cache", "info")
    assert f"{GROUPS} groups, 0 of them with details, 0 file lists" in info
    assert case.run("cache", "clear", "--yes").startswith("removed ")
    assert case.run("cache", "info").startswith("nothing is kept in ")
    assert list((case.base / "home/.cache/biofs").iterdir()) == []


def listing(path: Path) -> dict[str, object]:
    """Every name below a directory with its size, time and, of files with content, content."""
    found: dict[str, object] = {}
    for directory, names, files in os.walk(path):
        for name in (*names, *files):
            place = Path(directory, name)
            status = place.lstat()
            content = None
            if place.is_file() and "/files/" not in f"{place}/":
                content = place.read_bytes()
            elif place.is_symlink():
                content = os.fsencode(os.readlink(place))
            found[str(place.relative_to(path))] = (
                status.st_mode,
                status.st_size,
                status.st_mtime_ns,
                content,
            )
    return found


def test_a_snapshot_is_the_catalogue_without_network(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    file = tmp_path / "lab" / "catalogue.biofs"
    file.parent.mkdir()
    with running(create_app(embedded())) as server:
        case = Case(server, tmp_path)
        case.run("warm", "--details", "--rate", "unlimited")
        with case.mount() as mount:
            before = listing(mount.path / "categories")
            assert len(before) > 1000
            said = case.run("export", str(file))
            assert "12 categories listed, details of 79 of 79 groups" in said
    content = file.read_bytes()
    assert DONOR_TOKEN.encode() not in content
    file.chmod(0o444)
    file.parent.chmod(0o555)
    home = tmp_path / "another home"
    home.mkdir()
    try:
        with mounted(
            tmp_path,
            *("--snapshot", str(file)),
            env={"HOME": str(home), "XDG_RUNTIME_DIR": str(tmp_path / "run")},
            name="elsewhere",
        ) as mount:
            # What the account has bookmarked is not in it.
            after = listing(mount.path / "categories")
            assert after.keys() == before.keys()
            different = [name for name in after if after[name] != before[name]]
            assert all(name.endswith(("group.json", "index.jsonl")) for name in different)
            status = case.ask("status", str(mount.path))
            assert status["snapshot"]["file"] == str(file)
            assert status["server"] == server.url
            assert (status["offline"], status["requests"]["sent"]) == (True, 0)
            assert "no requests" in case.run("explain", str(mount.path / "categories/Images"))
            assert os.listdir(mount.path / "tags")
            assert (mount.path / "groups/1/group.json").read_bytes()
            problems = [line for line in mount.log.read_text().splitlines() if "ERROR" in line]
            assert problems == []
    finally:
        file.parent.chmod(0o755)
    assert file.read_bytes() == content
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("foreground", [True, False])
def test_what_is_no_snapshot_is_not_mounted(case: Case, foreground: bool) -> None:
    place = case.base / "mnt"
    place.mkdir()
    options = ["-f"] if foreground else []
    said = case.run("mount", *options, "--snapshot", sys.executable, str(place), code=1)
    assert said.endswith(f"{sys.executable}: not a snapshot: file is not a database")
    assert os.listdir(place) == []

"""Mounts of servers of other ages: release 0.1.3, and the JSON:API of 2023."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_COOKIE, DONOR_TOKEN, ServerOptions
from biofs.demo.server import json_api
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.support.commands import Case
from tests.support.mounting import Mount, mounted
from tests.support.server import running

NAME = "Alcohol dehydrogenase ADH1 [1]"
UNNAMED = "untitled [1]"


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Mount]:
    """A mount of release 0.1.3, with a cookie and no token."""
    app = create_app(embedded(), options=ServerOptions(release="0.1.3"))
    with (
        running(app) as server,
        mounted(
            tmp_path,
            *("--url", server.url, "--rate", "unlimited"),
            *("--cache-dir", str(tmp_path / "cache")),
            env={"BIOFS_COOKIE": DONOR_COOKIE},
        ) as mount,
    ):
        yield mount


def test_groups_get_their_names_with_their_details(old: Mount) -> None:
    category = old.path / "categories/Sequences"
    index = category / "index.jsonl"
    assert UNNAMED in os.listdir(category)
    rows = {row["groupId"]: row for row in map(json.loads, index.read_text().splitlines())}
    assert rows[1]["groupName"] is None

    walked = category / UNNAMED
    assert json.loads((walked / "group.json").read_bytes())["title"] == "Alcohol dehydrogenase ADH1"
    assert (walked / "description.txt").read_bytes()  # who walks over the listing goes on
    torrent = next(path for path in walked.iterdir() if path.name.endswith("]"))
    assert (torrent / "filelist.jsonl").read_bytes()

    assert NAME in os.listdir(category)
    assert UNNAMED not in os.listdir(category)
    assert os.readlink(old.path / "groups/1") == f"../categories/Sequences/{NAME}"
    rows = {row["groupId"]: row for row in map(json.loads, index.read_text().splitlines())}
    assert rows[1]["groupName"] == "Alcohol dehydrogenase ADH1"
    assert rows[1]["groupYear"] > 0
    assert str(rows[1]["groupYear"]) in os.listdir(old.path / "years")
    assert rows[1]["tags"]
    for tag in rows[1]["tags"]:
        assert tag in os.listdir(old.path / "tags")
    assert os.stat(index).st_size == len(index.read_bytes())


def test_a_walk_over_everything_finds_everything(old: Mount) -> None:
    found = old.run(
        *("sh", "-c", "cat categories/*/*/group.json categories/*/*/description.txt | wc -c")
    )
    assert int(found) > 10_000
    names = os.listdir(old.path / "categories")
    groups = [group for name in names for group in os.listdir(old.path / "categories" / name)]
    # The embedded catalogue's group 70 has no name.
    assert [name for name in groups if name.startswith("untitled")] == ["untitled [70]"]


def test_a_token_alone_gets_eacces_and_the_way_out(tmp_path: Path) -> None:
    app = create_app(embedded(), options=ServerOptions(release="0.1.3"))
    with running(app) as server:
        case = Case(server, tmp_path)
        with case.mount() as mount:
            with pytest.raises(PermissionError):
                os.listdir(mount.path / "categories/Sequences")
            (error,) = mount.status()["last_errors"]
            assert "BIOFS_COOKIE" in error["error"]
        assert "BIOFS_COOKIE" in case.run("api", "torrentgroup", "id=1", code=1)


def test_a_json_api_server_is_named_and_is_no_empty_catalogue(tmp_path: Path) -> None:
    with running(json_api.create_app()) as server:
        case = Case(server, tmp_path, DONOR_TOKEN)
        for attempt in range(2):
            with case.mount() as mount:
                for place in ("categories/Sequences", "categories/Images"):
                    with pytest.raises(OSError, match=r"\[Errno 5\]") as caught:
                        os.listdir(mount.path / place)
                    assert caught.value.errno == errno.EIO
                assert "JSON:API" in case.run("status", str(mount.path))
                assert mount.log.read_text().count("biofs: http") == attempt
        assert {request.path for request in server.log.entries()} == {"/api.php"}
        assert "JSON:API" in case.run("api", "index", code=1)

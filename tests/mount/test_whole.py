"""A whole catalogue, mounted and walked: every virtual tree adds up, and nothing is missing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from biofs.demo.server.requestlog import RequestLog
from biofs.demo.written.oddities import DOES_NOT_ADD_UP
from tests.support.mounting import Mount, mounted
from tests.support.server import running

RECORDINGS = Path("tests/data/recordings")


def torrents_in(mount: Mount) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every torrent's directory and what torrent.json says."""
    for document in sorted(mount.path.glob("categories/*/*/*/torrent.json")):
        yield document.parent, json.loads(document.read_bytes())


def files_below(directory: Path) -> tuple[int, int]:
    """How many files there are, and their bytes."""
    count = size = 0
    for path, _, names in os.walk(directory):
        for name in names:
            count += 1
            size += os.lstat(os.path.join(path, name)).st_size
    return count, size


@pytest.fixture(scope="module")
def mount(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    with mounted(tmp_path_factory.mktemp("whole"), "--demo") as mount:
        yield mount


def test_every_virtual_tree_adds_up_unless_the_source_does_not(mount: Mount) -> None:
    odd = set()
    seen = 0
    for directory, torrent in torrents_in(mount):
        seen += 1
        if files_below(directory / "files") != (torrent["fileCount"], torrent["size"]):
            odd.add(torrent["id"])
    assert seen > 100
    assert odd <= set(DOES_NOT_ADD_UP)


def test_file_lists_and_virtual_trees_agree(mount: Mount) -> None:
    for directory, _ in torrents_in(mount):
        lines = (directory / "filelist.jsonl").read_bytes().splitlines()
        lengths = [json.loads(line)["length"] for line in lines]
        assert files_below(directory / "files") == (len(lengths), sum(lengths)), directory


def test_nothing_in_the_mount_leads_out_of_it(mount: Mount) -> None:
    for path, directories, names in os.walk(mount.path):
        for name in (*directories, *names):
            whole = os.path.join(path, name)
            real = os.path.realpath(whole)
            if os.path.islink(whole):
                assert not os.readlink(whole).startswith("/"), whole
                assert real.startswith(f"{mount.path}/"), whole
            else:
                assert real == whole
            assert name not in {".", ".."}
            assert len(os.fsencode(name)) <= 255


def test_inode_numbers_are_unique_and_stay_the_same(mount: Mount, tmp_path: Path) -> None:
    def walk(root: Path) -> dict[str, tuple[int, str]]:
        """Every path's inode number, and where a link points."""
        found = {}
        for path, directories, names in os.walk(root):
            for name in (*directories, *names):
                whole = os.path.join(path, name)
                target = os.readlink(whole) if os.path.islink(whole) else ""
                found[os.path.relpath(whole, root)] = (os.lstat(whole).st_ino, target)
        return found

    seen = walk(mount.path)
    inodes = [inode for inode, target in seen.values() if not target]
    assert len(set(inodes)) == len(inodes)
    # Links to the same place are one, as hard links are.
    links = {(inode, target) for inode, target in seen.values() if target}
    assert len({inode for inode, _ in links}) == len(links)
    assert not {inode for inode, _ in links} & set(inodes)
    with mounted(tmp_path, "--demo") as again:
        assert walk(again.path) == seen


def recorded_server() -> Starlette:
    """A server that knows nothing but the recordings."""
    answers = {}
    for path in RECORDINGS.glob("*.json"):
        recording = json.loads(path.read_bytes())
        request, response = recording["request"], recording["response"]
        if request["method"] == "GET" and request["auth"] == "donor":
            answers[request["path"].rstrip("&")] = response
    log = RequestLog()

    async def api(request: Request) -> Response:
        query = request.url.query.replace("%5B", "[").replace("%5D", "]")
        found = answers.get(f"{request.url.path}?{query}") or answers.get(
            f"{request.url.path}?{query.replace('&page=1', '').replace('page=1&', '')}"
        )
        if found is None and request.query_params.get("action") == "browse":
            return Response('{"status":"success","response":{"results":[]}}')
        if found is None:
            return Response('{"status":"failure","error":"bad id parameter"}')
        return Response(json.dumps(found["json"]), media_type="application/json")

    app = Starlette(routes=[Route("/api.php", api)])
    app.state.log = log
    return app


def test_a_server_that_speaks_only_what_was_recorded_is_mounted_whole(tmp_path: Path) -> None:
    details = {}
    for path in RECORDINGS.glob("torrentgroup_*.json"):
        answer = json.loads(path.read_bytes())["response"].get("json", {}).get("response")
        if answer:
            details[answer["group"]["id"]] = answer
    rows = {}
    for name in ("browse_filter_cat_1_1", "browse_filter_cat_8_1"):
        answer = json.loads((RECORDINGS / f"{name}.json").read_bytes())["response"]["json"]
        rows.update({row["groupId"]: row for row in answer["response"]["results"]})
    with (
        running(recorded_server()) as server,
        mounted(
            tmp_path,
            *("--url", server.url, "--rate", "unlimited"),
            env={"BIOFS_TOKEN": "whatever-token"},
        ) as mount,
    ):
        listed = {
            int(name.rpartition("[")[2][:-1]): path
            for category in ("Sequences", "Images")
            for path in (mount.path / "categories" / category).iterdir()
            if (name := path.name) != "index.jsonl"
        }
        assert set(listed) == set(rows)
        for group_id, answer in details.items():
            if group_id not in listed:
                continue
            group = json.loads((listed[group_id] / "group.json").read_bytes())
            assert list(group) == list(answer["group"])
            directories = [
                path
                for path in listed[group_id].iterdir()
                if path.is_dir() and not path.is_symlink()
            ]
            assert len(directories) == len(answer["torrents"])
            for directory in directories:
                torrent = json.loads((directory / "torrent.json").read_bytes())
                expected = (torrent["fileCount"], torrent["size"])
                assert files_below(directory / "files") == expected
        assert {1, 3, 32} <= set(details) & set(listed)

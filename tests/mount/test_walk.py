"""Walking the whole mount, account and all, ends, meets no group twice, and changes nothing."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.demo.written.embedded import embedded
from tests.support.counting import Counted, counted
from tests.support.mounting import Mount

CHANGING = {"notifications", "clear_user_notification"}


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Counted]:
    with counted(tmp_path) as case:
        yield case


def in_reach(case: Counted, mount: Mount) -> None:
    """Make known a little of everything that a view lists only when it is known."""
    for path in ("users/2", "users/search/e", "comments/1", "collages/3", "search/kratom", "me"):
        os.listdir(mount.path / path)
    for path in ("comments/1/comments.json", "groups/1/group.json", "me/user.json"):
        (mount.path / path).read_bytes()


def assert_nothing_changed(case: Counted) -> None:
    for entry in case.server.log.entries():
        assert entry.method == "GET"
        assert entry.action not in CHANGING
        assert entry.params.get("type") != "viewconv"


def assert_nothing_was_asked_twice(case: Counted) -> None:
    asked = Counter(
        (entry.path, tuple(sorted(entry.params.items()))) for entry in case.server.log.entries()
    )
    assert {request: count for request, count in asked.items() if count > 1} == {}


def test_find_walks_each_group_once(case: Counted) -> None:
    with case.mount("mnt", "--account") as mount:
        in_reach(case, mount)
        paths = mount.run("find", ".", timeout=300).splitlines()
        assert len(set(paths)) == len(paths)
        groups = [path for path in paths if path.endswith("/group.json")]
        known = embedded().totals().groups
        assert len(groups) == known
        assert all(path.startswith("./categories/") for path in groups)
        assert not [path for path in paths if "READING" in path]
        ids = [path.split("/")[3].rpartition("[")[2] for path in groups]
        assert len(set(ids)) == known
        assert_nothing_changed(case)
        assert_nothing_was_asked_twice(case)
        assert case.cost(lambda: mount.run("find", ".", timeout=300)) == []


def test_grep_reads_everything_once(case: Counted) -> None:
    with case.mount("mnt", "--account") as mount:
        in_reach(case, mount)

        def grep() -> list[str]:
            done = subprocess.run(
                ["grep", "-rI", "--exclude-dir=files", "-c", "", "."],
                cwd=mount.path,
                capture_output=True,
                timeout=300,
                check=False,
            )
            assert done.stderr == b""
            return done.stdout.decode().splitlines()

        read = grep()
        documents = [line for line in read if line.rpartition(":")[0].endswith("/group.json")]
        assert len(documents) == embedded().totals().groups
        assert any(line.startswith("./me/inbox/") for line in read)
        assert any(line.startswith("./.biofs/site/") for line in read)
        assert_nothing_changed(case)
        assert_nothing_was_asked_twice(case)
        assert case.cost(grep) == []


def test_virtual_files_end_a_grep_with_an_error_and_not_with_a_request(case: Counted) -> None:
    with case.mount("mnt", "--account") as mount:
        done = subprocess.run(
            ["grep", "-r", "no such words anywhere", "."],
            cwd=mount.path,
            capture_output=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 2
        lines = done.stderr.decode(errors="replace").splitlines()
        assert {line.rpartition(": ")[2] for line in lines} == {"No data available"}
        assert_nothing_changed(case)

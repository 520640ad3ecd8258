"""search/, collages/ and top/ on a real mount: what they show, and what that costs."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from biofs.demo.accounts import DONOR_COOKIE, DONOR_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.demo.source import Source
from biofs.demo.written.embedded import embedded
from tests.support.faulty import Saying
from tests.support.mounting import Mount, environment, mounted
from tests.support.overlay import Overlay
from tests.support.server import Server, running

BOTH = {"BIOFS_TOKEN": DONOR_TOKEN, "BIOFS_COOKIE": DONOR_COOKIE}


@dataclass
class Case:
    """A server, and mounts of it that share a cache."""

    server: Server
    base: Path

    def mount(
        self, name: str = "mnt", *options: str, env: dict[str, str] | None = None
    ) -> AbstractContextManager[Mount]:
        """A mount; each has a name of its own."""
        return mounted(
            self.base,
            *("--url", self.server.url, "--rate", "unlimited"),
            *("--cache-dir", str(self.base / "cache"), *options),
            env=env or BOTH,
            name=name,
        )

    def cost(self, action: Callable[[], object]) -> int:
        """How many requests reach the server while `action` runs."""
        before = self.server.log.count()
        action()
        return self.server.log.count() - before


def case_of(source: Source, base: Path) -> Iterator[Case]:
    with running(create_app(source)) as server:
        yield Case(server, base)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    """The embedded catalogue."""
    yield from case_of(embedded(), tmp_path)


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Case]:
    """1,200 groups in two categories."""
    yield from case_of(Generated(1200, 1, 1, categories=(1, 8)), tmp_path)


def rows(path: Path) -> list[Any]:
    """The rows of a results.jsonl."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def links_in(path: Path) -> dict[str, str]:
    """The links in a directory, by name."""
    return {entry.name: os.readlink(entry) for entry in os.scandir(path) if entry.is_symlink()}


def test_a_search_asks_once_and_shows_what_the_server_found(case: Case) -> None:
    with case.mount() as mount:
        assert case.cost(lambda: mount.run("ls", "-la", "search")) == 0
        place = mount.path / "search" / "tag:fungi year:1980-2010"
        assert case.cost(lambda: os.listdir(place)) == 1
        asked = case.server.log.entries("browse")[-1].params
        assert asked["taglist"] == "fungi"
        assert asked["year"] == "1980-2010"
        found = rows(place / "results.jsonl")
        assert found
        assert all("fungi" in row["tags"] and 1980 <= row["groupYear"] <= 2010 for row in found)
        assert sorted(os.listdir(place)) == sorted(
            ["results.jsonl", *(f"{row['groupName']} [{row['groupId']}]" for row in found)]
        )
        stat = os.stat(place / "results.jsonl")
        assert stat.st_size == len((place / "results.jsonl").read_bytes())
        assert stat.st_mtime == os.stat(place).st_mtime == max(row["groupTime"] for row in found)
        for row in found:
            target = place / f"{row['groupName']} [{row['groupId']}]"
            assert json.loads((target / "group.json").read_bytes())["id"] == row["groupId"]
            assert os.path.realpath(target).startswith(f"{mount.path}/categories/")


@pytest.mark.parametrize(
    "command",
    [
        ("ls", "search/tag:fungi"),
        ("ls", "-la", "search/tag:fungi"),
        ("cat", "search/tag:fungi/results.jsonl"),
        ("stat", "search/tag:fungi/results.jsonl"),
        ("find", "search/tag:fungi", "-name", "*.jsonl"),
        ("grep", "-r", "fungi", "search/tag:fungi"),
    ],
    ids=" ".join,
)
def test_whatever_is_done_first_a_search_costs_one_request(
    case: Case, command: tuple[str, ...]
) -> None:
    with case.mount() as mount:
        # Known groups, so that `ls -l` need not ask where a link leads.
        mount.run("sh", "-c", "ls categories/*")
        assert case.cost(lambda: mount.run(*command)) == 1
        assert case.cost(lambda: mount.run(*command)) == 0
        assert case.cost(lambda: mount.run("ls", "search/TAG:fungi")) == 0, "the same search"
        assert mount.run("ls", "search").splitlines() == ["TAG:fungi", "tag:fungi"]
    with case.mount("again") as mount:
        assert case.cost(lambda: mount.run(*command)) == 0, "after a remount"
        assert mount.run("ls", "search").splitlines() == ["TAG:fungi", "tag:fungi"]
        for walk in (("find", "search", "-size", "+1"), ("grep", "-rc", "fungi", "search")):
            assert case.cost(lambda walk=walk: mount.run(*walk)) == 0
    with case.mount("offline", "--offline") as mount:
        assert mount.run(*command)


def test_links_of_a_search_cost_little_where_their_groups_are_not_known(case: Case) -> None:
    with case.mount() as mount:
        place = mount.path / "search" / "fungi"
        found = len(os.listdir(place)) - 1
        assert found > 20
        # Four are looked up one by one, the others all together by the category they are in.
        cost = case.cost(lambda: mount.run("ls", "-laL", "search/fungi"))
        assert cost <= 4 + 6
        assert case.cost(lambda: mount.run("ls", "-laL", "search/fungi")) == 0


def test_a_search_within_a_category_tells_where_its_groups_are(case: Case) -> None:
    with case.mount() as mount:
        place = mount.path / "search" / "fungi category:Sequences"
        assert case.cost(lambda: mount.run("ls", "-laL", place)) == 1
        for name, target in links_in(place).items():
            assert target == f"../../categories/Sequences/{name}"
            assert case.cost(lambda name=name: os.listdir(place / name)) == 0


def test_all_pages_up_to_the_window_are_shown_and_more_is_said(large: Case) -> None:
    with large.mount() as mount:
        place = mount.path / "search" / "category:1"
        assert large.cost(lambda: os.listdir(place)) == 12
        assert len(rows(place / "results.jsonl")) == 600
        assert ".incomplete" not in os.listdir(place)
        every = mount.path / "search" / "year:0-9999"
        assert large.cost(lambda: os.listdir(every)) == 20
        found = rows(every / "results.jsonl")
        assert [row["groupId"] for row in found] == list(range(1200, 200, -1)), "in its order"
        assert len(links_in(every)) == 1000
        said = (every / ".incomplete").read_text()
        assert "about 1,200 groups" in said
        assert len(said) == os.stat(every / ".incomplete").st_size


def test_a_search_that_finds_nothing_is_empty(case: Case) -> None:
    with case.mount() as mount:
        place = mount.path / "search" / "nothing has these words"
        assert case.cost(lambda: mount.run("ls", "-la", place)) == 1
        assert os.listdir(place) == ["results.jsonl"]
        assert (place / "results.jsonl").read_bytes() == b""
        assert os.stat(place / "results.jsonl").st_size == 0
        assert case.cost(lambda: mount.run("ls", "-la", place)) == 0


def test_what_is_no_search_is_an_invalid_argument_and_says_why(case: Case) -> None:
    with case.mount() as mount:

        def action() -> None:
            for _ in range(3):
                with pytest.raises(OSError, match="Invalid argument") as raised:
                    os.listdir(mount.path / "search" / "organsim:yeast")
                assert raised.value.errno == errno.EINVAL

        assert case.cost(action) == 0
        [error] = mount.status()["last_errors"]
        assert error["action"] == "search"
        assert error["error"].startswith("organsim: no such field: there are title, author")
        assert mount.log.read_text().count("organsim") == 1
        assert os.listdir(mount.path / "search") == []


def test_names_that_nobody_searches_for_are_not_there(case: Case) -> None:
    with case.mount() as mount:

        def action() -> None:
            for name in (
                ".git",
                ".hidden",
                "HEAD",
                "autorun.inf",
                "Thumbs.db",
                "-",
                "a\nb",
                "a\tb",
            ):
                assert not os.path.lexists(mount.path / "search" / name), name
            assert not os.path.lexists(os.fsencode(mount.path / "search") + b"/\xff")
            os.listdir(mount.path / "search" / "fungi")
            for name in (".git", "HEAD", "nothing", "results.json"):
                assert not os.path.lexists(mount.path / "search" / "kratom" / name), name

        assert case.cost(action) == 1
        assert os.listdir(mount.path / "search") == ["fungi"]


def test_a_link_of_a_search_can_be_named_before_it_was_listed(case: Case) -> None:
    with case.mount() as mount:
        name = "Alcohol dehydrogenase ADH1 [1]"
        document = mount.path / "search" / "title:ADH1" / name / "group.json"
        assert case.cost(document.read_bytes) == 2
        wrong = mount.path / "search" / "title:ADH1" / "Another name [1]"
        assert case.cost(lambda: os.path.lexists(wrong)) == 0
        assert not os.path.lexists(wrong)


def test_a_collage_shows_its_documents_and_groups(case: Case) -> None:
    with case.mount() as mount:
        assert case.cost(lambda: mount.run("ls", "-la", "collages")) == 0
        place = mount.path / "collages" / "3"
        # Title and category are in the answer: where the links lead is known.
        assert case.cost(lambda: mount.run("ls", "-laL", place)) == 1
        collage = json.loads((place / "collage.json").read_bytes())
        assert collage["name"] == "Kratom Genome Project"
        assert collage["description"] == "<strong>Kratom</strong> &amp; relatives"
        assert (place / "description.txt").read_text() == "Kratom & relatives\n"
        links = links_in(place)
        assert sorted(int(name.rpartition("[")[2][:-1]) for name in links) == [7, 8, 9, 10]
        for name, target in links.items():
            assert target.startswith("../../categories/")
            assert target.endswith(f"/{name}")
        assert case.cost(lambda: mount.run("grep", "-r", "Kratom", "collages")) == 0
        # What is in a group is asked for when somebody looks into it.
        assert case.cost(lambda: os.listdir(place / next(iter(links)))) == 1
        group = json.loads((place / next(iter(links)) / "group.json").read_bytes())
        assert f"[{group['id']}]" in next(iter(links))
        assert mount.run("ls", "collages").split() == ["3"]
    with case.mount("again") as mount:
        for command in (
            ("ls", "-la", "collages/3"),
            ("find", "collages", "-size", "+1"),
            ("grep", "-rc", "Kratom", "collages"),
            ("cat", "collages/3/collage.json"),
        ):
            assert case.cost(lambda command=command: mount.run(*command)) == 0
        assert mount.run("ls", "collages").split() == ["3"]


def test_deleted_empty_and_unknown_collages(case: Case) -> None:
    with case.mount() as mount:
        collages = mount.path / "collages"
        assert json.loads((collages / "4" / "collage.json").read_bytes())["deleted"] is True
        assert len(links_in(collages / "4")) == 2
        assert sorted(os.listdir(collages / "2")) == ["collage.json", "description.txt"]
        assert (collages / "2" / "description.txt").read_bytes() == b""

        def unknown() -> None:
            for _ in range(3):
                with pytest.raises(FileNotFoundError):
                    os.listdir(collages / "99")

        assert case.cost(unknown) == 1
        assert sorted(os.listdir(collages)) == ["2", "4"]

        def no_ids() -> None:
            for name in ("03", "x", "-1", "4294967296", ".git", "3 "):
                assert not os.path.lexists(collages / name), name

        assert case.cost(no_ids) == 0


def test_groups_that_a_collage_lists_and_the_server_has_no_more(case: Case) -> None:
    with case.mount() as mount:
        place = mount.path / "collages" / "5"
        listed = json.loads((place / "collage.json").read_bytes())["torrentGroupIDList"]
        names = [entry.name for entry in os.scandir(place) if entry.is_symlink()]
        assert sorted(int(name.rpartition("[")[2][:-1]) for name in names) == sorted(listed)
        gone = [name for name in names if name.startswith("group [")]
        assert len(gone) == 3

        def follow(name: str) -> None:
            with pytest.raises(FileNotFoundError):
                os.readlink(place / name)

        for name in gone:
            assert case.cost(lambda name=name: follow(name)) == 1


def test_top_lists_cost_one_request_each_and_lead_somewhere(case: Case) -> None:
    with case.mount() as mount:
        assert case.cost(lambda: mount.run("find", "top", "-maxdepth", "2")) == 0
        assert mount.run("ls", "top/torrents").split() == ["10", "100", "250"]
        for kind in ("torrents", "tags", "users"):
            place = mount.path / "top" / kind / "10"
            assert case.cost(lambda place=place: mount.run("ls", "-la", place)) == 1
            top = json.loads((place / "top.json").read_bytes())
            links = links_in(place)
            assert len(links) == sum(len(each["results"]) for each in top)
            assert case.cost(lambda kind=kind: mount.run("grep", "-rc", "a", f"top/{kind}/10")) == 0
            assert os.path.samefile(place / "..", mount.path / "top" / kind)
        best = next(each for each in top if each["tag"] == "ul")["results"][0]
        assert links[f"ul 001 {best['username']} [{best['id']}]"] == f"../../../users/{best['id']}"
        tags = links_in(mount.path / "top" / "tags" / "10")
        assert tags["ut 001 one.shot"] == "../../../tags/one.shot"
        torrents = mount.path / "top" / "torrents" / "10"
        name = next(name for name in links_in(torrents) if name.startswith("overall 001 "))
        assert json.loads((torrents / name / "group.json").read_bytes())["name"] in name
    with case.mount("again") as mount:
        assert case.cost(lambda: mount.run("ls", "-la", "top/users/10", "top/tags/10")) == 0


def test_top_lists_need_a_cookie_and_say_so(case: Case) -> None:
    with case.mount(env={"BIOFS_TOKEN": DONOR_TOKEN}) as mount:

        def action() -> None:
            mount.run("ls", "-la", "top", "top/torrents")
            for _ in range(2):
                with pytest.raises(PermissionError):
                    os.listdir(mount.path / "top" / "torrents" / "10")
            with pytest.raises(PermissionError):
                (mount.path / "top" / "users" / "250" / "top.json").read_bytes()

        assert case.cost(action) == 0
        assert any("cookie" in error["error"] for error in mount.status()["last_errors"])
        assert "needs a session's cookie" in mount.log.read_text()


def test_fifty_processes_that_search_the_same_are_as_one(case: Case) -> None:
    with case.mount() as mount:

        def action() -> None:
            readers = [
                subprocess.Popen(
                    ["cat", "search/fungi/results.jsonl", "collages/3/collage.json"],
                    cwd=mount.path,
                    stdout=subprocess.PIPE,
                )
                for _ in range(50)
            ]
            assert len({reader.communicate(timeout=120)[0] for reader in readers}) == 1

        assert case.cost(action) == 2


@pytest.mark.parametrize("place", ["search/fungi", "collages/3", "top/users/10"])
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, b"<html>oops</html>", errno.EIO),
        (200, b"<html>oops</html>", errno.EIO),
        (200, b'{"status":"success","response":[]}', errno.EIO),
        (200, b'{"status":"success","response":null}', errno.EIO),
        (200, b'{"status":"failure","error":"token revoked"}', errno.EACCES),
    ],
    ids=["500", "html", "list", "null", "revoked"],
)
def test_answers_that_make_no_sense(
    tmp_path: Path, place: str, status: int, body: bytes, expected: int
) -> None:
    app = Saying(create_app(embedded()))
    with running(app) as server, Case(server, tmp_path).mount() as mount:
        app.say(status, body, content_type="application/json")
        if place.startswith("top") and b"response" in body:
            assert os.listdir(mount.path / place) == ["top.json"], "no lists are an empty list"
            assert (mount.path / place / "top.json").read_bytes() == b"[]\n"
            return
        with pytest.raises(OSError, match=r".") as raised:
            os.listdir(mount.path / place)
        assert raised.value.errno == expected
        app.body = None
        assert len(os.listdir(mount.path / place)) > 1, "an error is not remembered"


def test_find_prints_paths_in_the_mount(case: Case) -> None:
    def find(*words: str) -> list[str]:
        place = ("--url", case.server.url, "--cache-dir", str(case.base / "cache"))
        done = subprocess.run(
            [sys.executable, "-m", "biofs", "find", *place, *words],
            env=environment(case.base / "home", **BOTH),
            capture_output=True,
            check=True,
        )
        return done.stdout.decode().splitlines()

    with case.mount() as mount:
        os.listdir(mount.path / "search" / "title:ADH1 category:Sequences")
        document = mount.path / "collages" / "3" / "collage.json"
        document.read_bytes()
        assert case.cost(lambda: find("adh1")) == 0
        [path] = find("dehydrogenase", "adh1")
        assert path == f"{mount.path}/categories/Sequences/Alcohol dehydrogenase ADH1 [1]"
        assert json.loads((Path(path) / "group.json").read_bytes())["id"] == 1
        # A group that a collage told of is found by its title.
        [path] = find("final peer review")
        assert (Path(path) / "group.json").exists()
        paths = find("--files", "S288C_YOL086C")
        assert len(paths) == 4
        assert all(os.path.getsize(path) > 0 for path in paths)
    assert find("dehydrogenase", "adh1") == [
        "categories/Sequences/Alcohol dehydrogenase ADH1 [1]"
    ], "without a mount"


def test_what_changes_shows_whole_and_the_kernel_keeps_nothing_stale(tmp_path: Path) -> None:
    source = Overlay(embedded())
    for case in case_of(source, tmp_path):
        with case.mount("mnt", "--ttl", "0") as mount:
            place = mount.path / "search" / "fungi"
            document = place / "results.jsonl"
            before = document.read_bytes()
            new = source.insert("Just found", tags=("fungi",))
            deadline = time.monotonic() + 30
            while b"Just found" not in (content := document.read_bytes()):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert len(content) == os.stat(document).st_size > len(before)
            assert f"Just found [{new.id}]" in os.listdir(place)
            # The same size and another content: only the whole inode's invalidation shows it.
            source.bump(new.id, name="Just fixed")
            while b"Just fixed" not in (content := document.read_bytes()):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert len(content) == os.stat(document).st_size


@pytest.mark.parametrize("place", ["search/kratom", "collages/3", "top/tags/10"])
def test_old_answers_are_refreshed_in_the_background(case: Case, place: str) -> None:
    listed: list[list[str]] = []
    with case.mount() as mount:
        # Known groups, so that nothing has to be asked for to say where a link leads.
        mount.run("sh", "-c", "ls categories/*")
        assert case.cost(lambda: listed.append(os.listdir(mount.path / place))) == 1
    with case.mount("old", "--ttl", "1") as mount:
        time.sleep(1.1)
        sent = case.server.log.count()
        assert os.listdir(mount.path / place) == listed[0]
        deadline = time.monotonic() + 30
        while case.server.log.count() == sent:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert case.server.log.count() == sent + 1

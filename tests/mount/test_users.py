"""Users, searches for them, comments and the site on a real mount: what one sees, what it costs."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.support.counting import Counted, counted, fails
from tests.support.faulty import Saying
from tests.support.mounting import Mount, mounted
from tests.support.server import running

OF_A_USER = ["posts.json", "recents.json", "snatches", "stats.json", "uploads", "user.json"]


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Counted]:
    with counted(tmp_path) as case:
        yield case


def load(mount: Mount, path: str) -> Any:
    return json.loads((mount.path / path).read_bytes())


def test_a_user_costs_a_request_to_enter_and_one_for_each_document(case: Counted) -> None:
    with case.mount("mnt") as mount:
        assert case.cost(lambda: mount.run("ls", "users")) == []
        assert mount.run("ls", "users") == "search\n"
        assert case.cost(lambda: mount.run("ls", "users/3")) == ["user"]
        assert mount.run("ls", "users/3").split() == OF_A_USER
        assert mount.run("ls", "users") == "3\nsearch\n"
        for document, action in (
            ("user.json", []),
            ("stats.json", ["community_stats"]),
            ("recents.json", ["user_recents"]),
            ("posts.json", ["userhistory"]),
        ):
            path = f"users/3/{document}"
            assert case.cost(lambda path=path: mount.run("cat", path)) == action
            assert case.cost(lambda path=path: mount.run("cat", path)) == []
        for command in (
            ("ls", "-la", "users/3"),
            ("find", "users", "-size", "+0"),
            ("grep", "-rc", "a", "users/3"),
            ("ls", "users/3/snatches", "users/3/uploads"),
        ):
            assert case.cost(lambda command=command: mount.run(*command)) == [], command
    with case.mount("again") as mount:
        assert case.cost(lambda: mount.run("grep", "-rc", "a", "users/3")) == []
    with case.mount("offline", "--offline") as mount:
        assert load(mount, "users/3/user.json")["username"] == "hedomedo"


def test_what_a_listing_shows_is_what_is_read(case: Counted) -> None:
    with case.mount("mnt") as mount:
        for path in ("users/4/posts.json", "comments/1/comments.json"):
            size = os.stat(mount.path / path).st_size
            assert len((mount.path / path).read_bytes()) == size
            assert int(mount.run("stat", "-c", "%s", path)) == size
        assert len(load(mount, "users/4/posts.json")["threads"]) == 31
        assert os.stat(mount.path / "comments/1").st_mtime == 1_581_053_460


def test_snatches_and_uploads_lead_to_the_groups(case: Counted) -> None:
    with case.mount("mnt") as mount:
        links = sorted(os.listdir(mount.path / "users/3/snatches"))
        assert [link.rpartition(" ")[2] for link in links] == ["[1]", "[41]", "[23]"]
        adh1 = mount.path / "users/3/snatches/Alcohol dehydrogenase ADH1 [1]"
        assert os.readlink(adh1) == ("../../../categories/Sequences/Alcohol dehydrogenase ADH1 [1]")
        assert os.lstat(adh1).st_size == len(os.readlink(adh1))
        assert json.loads((adh1 / "group.json").read_bytes())["id"] == 1
        assert os.listdir(mount.path / "users/3/uploads") == []
        assert not (mount.path / "users/3/snatches/Alcohol dehydrogenase ADH1 [2]").exists()


def test_a_user_who_is_not_there_is_not_there(case: Counted) -> None:
    with case.mount("mnt") as mount:
        for path in ("users/99999", "users/99999/uploads"):
            with pytest.raises(OSError) as caught:
                os.listdir(mount.path / path)
            assert caught.value.errno == errno.ENOENT
        for document in ("user.json", "stats.json", "recents.json", "posts.json"):
            with pytest.raises(OSError) as caught:
                (mount.path / "users/99999" / document).read_bytes()
            assert caught.value.errno == errno.ENOENT
        assert {entry.action for entry in case.server.log.entries()} == {"user"}
        assert mount.run("ls", "users") == "search\n"

        def no_names() -> None:
            for name in ("eva", "02", "-1", "4294967296", ".git", "HEAD", "2 ", "²"):
                assert not (mount.path / "users" / name).exists()
                assert not (mount.path / "comments" / name).exists()
            for name in ("nope", ".hidden", "user.json.gz"):
                assert not (mount.path / "users/3" / name).exists()

        assert case.cost(no_names) == []


def test_a_token_alone_cannot_read_posts_and_is_told_why(case: Counted) -> None:
    with case.mount("mnt", cookie=False) as mount:
        listed = mount.run("ls", "-l", "users/4").splitlines()[1:]
        assert [line.split()[-1] for line in listed] == OF_A_USER
        assert "Permission denied" in fails(mount, "cat", "users/4/posts.json")
        [hint] = [e for e in mount.status()["last_errors"] if e["action"] == "userhistory"][:1]
        assert "session's cookie" in hint["error"]
        assert "session's cookie" in mount.log.read_text()
        assert case.server.log.count("userhistory") == 0


def test_a_search_for_users_is_made_by_naming_it(case: Counted) -> None:
    with case.mount("mnt") as mount:
        assert case.cost(lambda: mount.run("ls", "users/search")) == []
        assert case.cost(lambda: mount.run("stat", "users/search/e")) == []
        assert case.cost(lambda: mount.run("ls", "-l", "users/search/e")) == ["usersearch"] * 2
        results = load(mount, "users/search/e/results.json")
        assert results["pages"] == 2
        names = os.listdir(mount.path / "users/search/e")
        assert len(names) == len(results["results"]) + 1
        link = mount.path / "users/search/e/eva [2]"
        assert os.readlink(link) == "../../2"
        assert os.lstat(link).st_size == len("../../2")
        assert case.cost(lambda: mount.run("cat", "users/search/e/eva [2]/user.json")) == ["user"]
        assert mount.run("ls", "users/search") == "e\n"
        assert case.cost(lambda: mount.run("find", "users/search", "-ls")) == []

        def probes() -> None:
            for name in (".git", "HEAD", "autorun.inf", "e/.ignore", "e/HEAD", "e/eva [3]"):
                assert not os.path.lexists(mount.path / "users/search" / name)

        assert case.cost(probes) == []
        assert load(mount, "users/search/nobody at all/results.json")["results"] == []
        assert os.listdir(mount.path / "users/search/nobody at all") == ["results.json"]
    with case.mount("again") as mount:
        assert mount.run("ls", "users/search") == "e\nnobody at all\n"
        assert case.cost(lambda: mount.run("ls", "-l", "users/search/e")) == []


def test_a_search_that_finds_too_many_says_so(tmp_path: Path) -> None:
    app = Saying(create_app(embedded()))
    answer = {"currentPage": 1, "pages": 21, "results": [{"userId": 1, "username": "a/&amp;b"}]}
    app.say(200, json.dumps({"status": "success", "response": answer}).encode())
    with (
        running(app) as server,  # type: ignore[arg-type]
        mounted(
            *(tmp_path, "--url", server.url, "--rate", "unlimited"), env={"BIOFS_TOKEN": "a-token"}
        ) as mount,
    ):
        directory = mount.path / "users/search/a"
        assert sorted(os.listdir(directory)) == [".incomplete", "a-&b [1]", "results.json"]
        reason = (directory / ".incomplete").read_text()
        assert "first 20 pages" in reason
        assert os.stat(directory / ".incomplete").st_size == len(reason)


def test_comments_cost_a_request_for_ten(case: Counted) -> None:
    with case.mount("mnt") as mount:
        assert case.cost(lambda: mount.run("ls", "comments", "comments/1")) == []
        assert case.cost(lambda: mount.run("cat", "comments/1/comments.json")) == ["tcomments"] * 4
        assert case.cost(lambda: mount.run("grep", "-r", "seed", "comments")) == []
        assert mount.run("ls", "comments") == "1\n"
        comments = load(mount, "comments/1/comments.json")["comments"]
        assert [comment["postId"] for comment in comments] == list(range(1, 38))
        assert load(mount, "comments/2/comments.json")["comments"] == []
        assert load(mount, "comments/99999/comments.json")["comments"] == []
        assert mount.run("ls", "comments").split() == ["1", "2", "99999"]
    with case.mount("again") as mount:
        assert case.cost(lambda: mount.run("ls", "-lR", "comments")) == []


def test_every_group_has_a_link_to_its_comments_at_no_cost(case: Counted) -> None:
    with case.mount("mnt") as mount:
        mount.run("ls", "categories/Sequences")
        group = mount.path / "categories/Sequences/Alcohol dehydrogenase ADH1 [1]"
        link = group / "comments"

        def look() -> None:
            assert "comments" in os.listdir(group)
            assert os.readlink(link) == "../../../comments/1"
            assert os.lstat(link).st_size == len("../../../comments/1")
            assert os.listdir(link) == ["comments.json"]
            mount.run("find", str(group), "-maxdepth", "1", "-type", "l")

        assert case.cost(look) == []
        assert case.cost((link / "comments.json").read_bytes) == ["tcomments"] * 4


def test_the_site_is_asked_about_only_when_it_is_read(case: Counted) -> None:
    with case.mount("mnt") as mount:
        assert case.cost(lambda: mount.run("ls", ".biofs/site")) == []
        assert case.cost(lambda: mount.run("cat", ".biofs/site/stats.json")) == ["stats"]
        assert case.cost(lambda: mount.run("ls", "-l", ".biofs/site")) == ["announcements"]
        assert load(mount, ".biofs/site/stats.json")["groupCount"] == 79
        assert case.cost(lambda: mount.run("grep", "-rc", "a", ".biofs/site")) == []


FAULTS = [
    (200, b'{"status":"failure","error":"no such user"}', errno.ENOENT),
    (200, b'{"status":"failure","error":"token revoked"}', errno.EACCES),
    (500, b'{"status":"failure"}<html></html>', errno.EIO),
    (200, b'{"status":"success","response":"nonsense"}', errno.EIO),
    (200, b"", errno.EIO),
]


def test_what_goes_wrong_has_its_errno_and_nothing_is_remembered(tmp_path: Path) -> None:
    app = Saying(create_app(embedded()))
    with (
        running(app) as server,  # type: ignore[arg-type]
        mounted(
            *(tmp_path, "--url", server.url, "--rate", "unlimited"),
            env={"BIOFS_TOKEN": "demo-donor-token"},
        ) as mount,
    ):
        for number, (status, body, expected) in enumerate(FAULTS, start=20):
            app.say(status, body, content_type="application/json")
            for path in (f"users/{number}/user.json", f"users/{number}/stats.json"):
                with pytest.raises(OSError) as caught:
                    (mount.path / path).read_bytes()
                assert caught.value.errno == expected, (path, body)
        app.say(200, b'{"status":"success","response":[]}')
        assert load(mount, "users/30/stats.json") == {}
        app.body = None
        assert load(mount, "users/22/user.json")["username"]

"""`me/` on a real mount: for its owner alone, without secrets, and nothing changes by accident."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from biofs.demo.accounts import DONOR_AUTHKEY, DONOR_COOKIE, DONOR_PASSKEY
from tests.support.counting import Counted, counted, fails
from tests.support.mounting import Mount, environment, mounted

NOBODY = 65534
FIRST = 'me/inbox/Re: "α" & <β> – subject 日本 [62]'  # noqa: RUF001
CONVERSATION = f"{FIRST}/READING-MARKS-AS-READ.json"
CAUGHT = "me/notifications/READING-CLEARS-THE-MARKS.json"


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Counted]:
    with counted(tmp_path) as case:
        yield case


def load(mount: Mount, path: str) -> Any:
    return json.loads((mount.path / path).read_bytes())


def changes(case: Counted) -> int:
    """How many requests took marks away, or changed anything else."""
    log = case.server.log
    return (
        log.count("inbox", type="viewconv")
        + log.count("notifications")
        + log.count("clear_user_notification")
        + sum(entry.method != "GET" for entry in log.entries())
    )


def test_it_is_not_there_unless_asked_for(case: Counted) -> None:
    with case.mount("mnt") as mount:
        assert "me" not in os.listdir(mount.path)
        assert not (mount.path / "me").exists()


def test_what_a_look_costs(case: Counted) -> None:
    with case.mount("mnt", "--account") as mount:
        for command, expected in (
            (("ls", "me", "me/bookmarks", "me/notifications", "me/posts"), []),
            (("cat", "me/README.txt", "me/notifications/README.txt"), []),
            (("cat", "me/index.json"), ["index"]),
            (("cat", "me/user.json"), ["user"]),
            (("ls", "me/inbox"), ["inbox", "inbox"]),
            (("cat", "me/inbox/messages.json", f"{FIRST}/message.json"), []),
            (("ls", "me/sentbox"), ["inbox"]),
            (("ls", "me/bookmarks/torrents"), ["bookmarks"]),
            (("cat", "me/bookmarks/torrents.json"), []),
            (("ls", "-l", "me/bookmarks/artists"), ["bookmarks"]),
            (("cat", "me/notifications/site.json"), ["get_user_notifications"]),
            (("cat", "me/posts/posts.json"), ["userhistory"]),
            (("find", "me", "-size", "+0"), []),
            (("grep", "-rc", "a", "me"), []),
            (("cat", "users/3/user.json", "users/3/posts.json"), []),
        ):
            assert case.cost(lambda command=command: mount.run(*command)) == expected, command
    with case.mount("again", "--account") as mount:
        assert case.cost(lambda: mount.run("grep", "-rc", "a", "me")) == []
    assert changes(case) == 0


def test_only_its_owner_can_look_in(case: Counted) -> None:
    with (
        tempfile.TemporaryDirectory() as directory,
        Counted(case.server, Path(directory)).mount("mnt", "--account", "-oallow_other") as mount,
    ):
        os.chmod(directory, 0o755)  # pytest's own directories let nobody in
        for path, directories, names in os.walk(mount.path / "me"):
            assert stat.S_IMODE(os.lstat(path).st_mode) == 0o500, path
            for name in (*directories, *names):
                mode = os.lstat(os.path.join(path, name)).st_mode
                expected = {stat.S_IFLNK: 0o777, stat.S_IFDIR: 0o500, stat.S_IFREG: 0o400}
                assert stat.S_IMODE(mode) == expected[stat.S_IFMT(mode)], name

        def as_nobody(*command: str) -> subprocess.CompletedProcess[bytes]:
            return subprocess.run(
                ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command],
                cwd="/",
                capture_output=True,
                check=False,
                timeout=60,
            )

        assert b"README.txt" in as_nobody("ls", str(mount.path)).stdout
        for command in (
            ("ls", "me"),
            ("cat", "me/README.txt"),
            ("cat", "me/user.json"),
            ("cat", CONVERSATION),
            ("ls", "me/inbox"),
        ):
            done = as_nobody(command[0], str(mount.path / command[1]))
            assert done.returncode != 0
            assert b"Permission denied" in done.stderr
    assert changes(case) == 0


def test_no_document_and_no_store_holds_a_key(case: Counted) -> None:
    env = {"BIOFS_COOKIE": DONOR_COOKIE}
    with mounted(
        case.base,
        *("--url", case.server.url, "--rate", "unlimited", "--account"),
        *("--cache-dir", str(case.base / "cache")),
        env=env,
    ) as mount:
        assert load(mount, "me/index.json")["username"] == "hedomedo"
        assert load(mount, "me/user.json")["personal"]["passkey"] == ""
        everything = mount.run("grep", "-rh", "", "me")
        log = mount.log.read_text()
    stores = b"".join(path.read_bytes() for path in (case.base / "cache").iterdir())
    for secret in (DONOR_PASSKEY, DONOR_AUTHKEY, "demo-donor-session"):
        assert secret not in everything
        assert secret not in log
        assert secret.encode() not in stores


def test_a_conversation_is_marked_read_by_reading_it_by_name_alone(case: Counted) -> None:
    with case.mount("mnt", "--account") as mount:
        assert len(os.listdir(mount.path / "me/inbox")) == 31
        assert os.listdir(mount.path / FIRST) == ["message.json", "README.txt"]
        assert load(mount, f"{FIRST}/message.json")["unread"] is True

        def accidents() -> None:
            mount.run("grep", "-rc", "", "me/inbox", "me/notifications")
            mount.run("find", "me", "-type", "f", "-exec", "head", "-c1", "{}", "+")
            mount.run("sh", "-c", "cat me/*/* me/*/*/* 2>/dev/null; true")
            mount.run("tar", "-cf", "/dev/null", "me")
            mount.run("rg", "--no-ignore", "--hidden", "-c", ".", "me")
            mount.run("bash", "-c", f"compgen -f -- '{FIRST}/'")
            mount.run("ls", "-la", FIRST)
            mount.run("stat", CONVERSATION, CAUGHT)
            mount.run("test", "-f", CONVERSATION)
            mount.run("ls", "-l", CONVERSATION, CAUGHT)

        accidents()
        assert changes(case) == 0
        read = mount.run("cat", CONVERSATION)
        assert changes(case) == 1
        assert json.loads(read)["messages"][1]["body"].startswith("<p>A second message")
        assert os.stat(mount.path / CONVERSATION).st_size == len(read.encode())
        for command in (("cat",), ("jq", "."), ("wc", "-c"), ("head", "-c", "100000"), ("tail",)):
            assert mount.run(*command, CONVERSATION)
        assert mount.run("wc", "-c", CONVERSATION).split()[0] == str(len(read.encode()))
        assert changes(case) == 1, "within a minute it is not asked for again"
        accidents()
        assert changes(case) == 1


def test_notifications_lose_their_marks_by_reading_them_by_name_alone(case: Counted) -> None:
    with case.mount("mnt", "--account") as mount:
        assert os.listdir(mount.path / "me/notifications") == ["README.txt", "site.json"]
        assert os.stat(mount.path / CAUGHT).st_size
        assert changes(case) == 0
        caught = load(mount, CAUGHT)
        assert caught["numNew"] == 20
        assert len(caught["results"]) == 30
        assert changes(case) == 1


def test_names_that_lead_nowhere_ask_nothing_and_change_nothing(case: Counted) -> None:
    with case.mount("mnt", "--account") as mount:
        os.listdir(mount.path / "me/inbox")

        def look() -> None:
            for path in (
                "me/.git",
                "me/nothing",
                "me/inbox/subject [99999]",
                "me/inbox/[62]",
                "me/inbox/READING-MARKS-AS-READ.json",
                "me/READING-CLEARS-THE-MARKS.json",
                f"{FIRST}/READING-CLEARS-THE-MARKS.json",
                f"{FIRST}/.hidden",
            ):
                assert not (mount.path / path).exists(), path

        assert case.cost(look) == []


def test_what_needs_a_cookie_says_so_without_one(case: Counted) -> None:
    with case.mount("mnt", "--account", cookie=False) as mount:
        assert mount.run("ls", "-l", "me/posts").splitlines()[1].startswith("-r--------")
        for path in ("me/posts/posts.json", CAUGHT):
            assert "Permission denied" in fails(mount, "cat", path)
            with pytest.raises(OSError) as caught:
                (mount.path / path).read_bytes()
            assert caught.value.errno == errno.EACCES
        errors = {entry["action"] for entry in mount.status()["last_errors"]}
        assert {"userhistory", "notifications"} <= errors
        assert "cookie" in mount.log.read_text()
        assert load(mount, "me/user.json")["username"] == "hedomedo"
    assert case.server.log.count("userhistory") + case.server.log.count("notifications") == 0


def test_explain_says_what_reading_would_cost_and_reads_nothing(case: Counted) -> None:
    with case.mount("mnt", "--account") as mount:
        os.listdir(mount.path / "me/inbox")

        def explain(path: str) -> Any:
            done = subprocess.run(
                [sys.executable, "-m", "biofs", "explain", "--json", str(mount.path / path)],
                env=environment(case.base / "home"),
                stdout=subprocess.PIPE,
                check=True,
                timeout=60,
            )
            return json.loads(done.stdout)

        before = case.server.log.count()
        for path, known in ((CONVERSATION, False), (CAUGHT, False), (f"{FIRST}/README.txt", True)):
            assert explain(path)["known"] is known, path
        assert case.server.log.count() == before


def test_bookmarks_lead_to_what_they_mark(case: Counted) -> None:
    with case.mount("mnt", "--account") as mount:
        group = mount.path / "me/bookmarks/torrents/Alcohol dehydrogenase ADH1 [1]"
        assert json.loads((group / "group.json").read_bytes())["id"] == 1
        author = mount.path / "me/bookmarks/artists/David Schild [2]"
        assert os.readlink(author) == "../../../authors/David Schild [2]"
        assert os.lstat(author).st_size == len(os.readlink(author))
        assert json.loads((author / "author.json").read_bytes())["id"] == 2


def test_what_a_minute_ago_was_true_is_looked_at_again(case: Counted) -> None:
    with case.mount("mnt", "--account", "--ttl", "0.001") as mount:
        before = load(mount, f"{FIRST}/message.json")
        assert before["unread"] is True
        (mount.path / CONVERSATION).read_bytes()
        for _ in range(50):
            if load(mount, f"{FIRST}/message.json")["unread"] is False:
                break
            mount.run("sleep", "0.1")
        assert load(mount, f"{FIRST}/message.json") == {**before, "unread": False}

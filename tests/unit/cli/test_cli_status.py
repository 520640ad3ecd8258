"""What a mount answers, as people read it."""

import copy
import json
from typing import Any

import pytest

from biofs.cli import main, mount_lookup
from biofs.cli.commands.explain import shown_for_people as explained
from biofs.cli.output.status_text import as_table
from biofs.contents.disk import mountinfo
from biofs.contents.disk.mountinfo import FSTYPE, Mount
from biofs.control import client

STATUS: dict[str, Any] = {
    "mountpoint": "/home/ada/bio\nfs",
    "biofs": "1.0",
    "server": "https://torrents.bio",
    "mounted_seconds": 7300,
    "requests": {"sent": 1234, "retried": 2, "joined": 3, "saved": 4567, "waiting": 1, "wants": 1},
    "pace": {"rate": "1/6", "next_request_in_seconds": 4.2},
    "offline": False,
    "server_reachable": True,
    "last_errors": [{"action": "browse", "error": "the connection broke off"}],
    "readers_waiting": 2,
    "known": {
        "groups": 600,
        "details": 220,
        "file_lists": 300,
        "oldest_detail_seconds": 260_000,
        "newest_detail_seconds": 60,
        "bytes": 3_400_000,
        "categories": {
            "Sequences": {"groups": 600, "details": 220, "listed": True, "listing_seconds": 300},
            "Images": {"groups": 50, "details": 0, "listed": False, "listing_seconds": None},
        },
    },
}

TABLE = """\
mountpoint  /home/ada/bio fs
server      https://torrents.bio, reachable
mounted     2 hours ago by biofs 1.0
pace        1/6 requests/seconds, the next may be sent in 4.2 s
requests    1,234 sent, 2 of them again; saved: 3 joined to others, 4,567 answered without
queue       1 request and 2 readers waiting
known       600 groups, 220 of them with details, 300 file lists, 3.2 MiB; \
details a minute to 3 days old
last error  browse: the connection broke off

category                groups   details  listing
Sequences                  600       220  5 minutes old
Images                      50         0  not complete"""


def test_the_table() -> None:
    assert as_table(STATUS) == TABLE


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"server_reachable": None}, "https://torrents.bio, not asked yet"),
        ({"server_reachable": False}, "https://torrents.bio, not reachable"),
        ({"offline": True}, "https://torrents.bio, offline"),
        ({"server": "http://demo.invalid"}, "the embedded catalogue"),
        (
            {"snapshot": {"file": "/data/x.biofs", "made": 1_800_000_000.0}},
            "https://torrents.bio as of 2027-01-15 08:00 UTC, /data/x.biofs",
        ),
    ],
)
def test_the_server(changed: dict[str, Any], line: str) -> None:
    assert f"server      {line}\n" in as_table({**STATUS, **changed})


def test_a_mount_that_knows_nothing() -> None:
    status = copy.deepcopy(STATUS)
    status["pace"] = {"rate": "unlimited", "next_request_in_seconds": 0.0}
    status["last_errors"] = []
    status["known"] = {
        "groups": 0,
        "details": 0,
        "file_lists": 0,
        "bytes": None,
        "categories": {},
        "oldest_detail_seconds": None,
        "newest_detail_seconds": None,
    }
    lines = as_table(status).splitlines()
    assert lines[3] == "pace        unlimited"
    assert lines[-1] == "known       0 groups, 0 of them with details, 0 file lists"


def test_ages_that_read_the_same_are_said_once() -> None:
    status = copy.deepcopy(STATUS)
    for newest, oldest, said in (
        (0, 0, "a moment old"),
        (0.4, 60, "a moment to a minute old"),
        (7200, 7300, "2 hours old"),
    ):
        status["known"] |= {"newest_detail_seconds": newest, "oldest_detail_seconds": oldest}
        [known] = [line for line in as_table(status).splitlines() if line.startswith("known ")]
        assert known.endswith(f"; details {said}"), known


def _mounts(monkeypatch: pytest.MonkeyPatch, *places: str) -> None:
    mounts = [Mount(i, 1, place, FSTYPE, "demo") for i, place in enumerate(places)]
    monkeypatch.setattr(mountinfo, "read", lambda: mounts)
    monkeypatch.setattr(client, "is_there", lambda place: "other" not in place)


def _answers(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> list[str]:
    asked: list[str] = []

    def ask(path: str, do: str, **_options: object) -> dict[str, Any]:
        asked.append(path)
        return dict(answer)

    monkeypatch.setattr(mount_lookup, "ask", ask)
    return asked


def test_without_a_mountpoint_it_is_your_only_mount(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _mounts(monkeypatch, "/other/mnt", "/mine")
    asked = _answers(monkeypatch, {k: v for k, v in STATUS.items() if k != "mountpoint"})
    assert main(["status", "--json"]) == 0
    assert asked == ["/mine"]
    assert json.loads(capsys.readouterr().out)["mountpoint"] == "/mine"


def test_several_mounts_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _mounts(monkeypatch, "/b", "/a long one", "/other")
    assert main(["status"]) == 0
    assert capsys.readouterr().out == "/a long one  demo\n/b           demo\n"
    assert main(["status", "--json"]) == 0
    assert [mount["mountpoint"] for mount in json.loads(capsys.readouterr().out)] == [
        "/a long one",
        "/b",
    ]


def test_no_mount_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _mounts(monkeypatch, "/other/mnt")
    assert main(["status"]) == 1
    assert capsys.readouterr().err == ("biofs: you have no biofs mount; `biofs mount` makes one\n")


@pytest.mark.parametrize("command", ["status", "explain"])
@pytest.mark.parametrize("answer", [{}, {"known": 5}, {**STATUS, "known": {}, "what": 7}])
def test_a_mount_of_another_version_is_said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    answer: dict[str, Any],
) -> None:
    _answers(monkeypatch, answer)
    assert main([command, "/mnt"]) == 1
    assert "a different biofs version; use --json" in capsys.readouterr().err
    assert main([command, "--json", "/mnt"]) == 0


FACTS: dict[str, Any] = {
    "what": "a group's document",
    "group_name": "Yeast [1]",
    "category": "Sequences",
    "known": True,
    "requests": 0,
    "offline": False,
    "now": 1000.0,
}


@pytest.mark.parametrize(
    ("facts", "known", "reading"),
    [
        ({}, "yes", "no requests"),
        (
            {"confirmed": 880.0, "fresh_until": 4480.0},
            "yes, verified 2 minutes ago, fresh for 58 minutes",
            "no requests",
        ),
        (
            {"confirmed": 0.0, "fresh_until": 10.0, "refresh_requests": 1},
            "yes, verified 17 minutes ago; old",
            "no requests now; 1 request in the background to look at it again",
        ),
        (
            {"confirmed": 0.0, "fresh_until": None},
            "yes, verified 17 minutes ago; has changed since",
            "no requests",
        ),
        (
            {"confirmed": 0.0, "never_changes": True},
            "yes, verified 17 minutes ago; a file list never changes",
            "no requests",
        ),
        ({"confirmed": 1000.0}, "yes, verified a moment ago", "no requests"),
        ({"known": False, "requests": 1}, "no", "costs 1 request"),
        (
            {"known": False, "requests": 12, "being_fetched": True},
            "no, being fetched now",
            "costs 12 requests",
        ),
        (
            {"known": False, "requests": None},
            "no",
            "costs at least 1 request; how many there are the first will tell",
        ),
        (
            {"known": False, "requests": None, "offline": True},
            "no",
            "fails: the mount is offline",
        ),
        (
            {"content": False},
            "yes",
            "fails: there is no content behind the name (No data available)",
        ),
    ],
)
def test_explaining(facts: dict[str, Any], known: str, reading: str) -> None:
    lines = explained({**FACTS, **facts}).splitlines()
    assert lines[0] == "what     a group's document"
    assert lines[1:3] == ["group    Yeast [1]", "in       Sequences"]
    assert lines[-2:] == [f"known    {known}", f"reading  {reading}"]


def test_explaining_a_directory_says_what_all_of_it_costs() -> None:
    facts = {**FACTS, "bytes": 5754, "files": 4, "requests_for_all": 25}
    lines = explained(facts).splitlines()
    assert lines[-1] == "everything below  25 requests more"
    assert "data              5.6 KiB in 4 files" in lines


def test_what_a_clock_saw_that_was_ahead_is_said_to_be_old() -> None:
    facts = {"what": "category", "known": True, "requests": 0, "now": 1000.0}
    said = explained({**facts, "confirmed": 9000.0, "fresh_until": 1000.0})
    assert "yes, verified when the clock was ahead; old" in said

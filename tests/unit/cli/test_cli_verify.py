"""What `biofs verify` asks of mounts, and what it says of their answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biofs.cli import main
from biofs.cli.commands.verify import NOTHING, in_sum, in_words
from biofs.cli.output import progress
from biofs.contents.disk.mountinfo import FSTYPE, Mount
from biofs.control import client
from biofs.control.protocol import LONGEST_ASK, Ask

SUMMARY = {
    **dict.fromkeys(("right", "wrong", "suspect", "unreadable", "unfinished"), 0),
    **dict.fromkeys(("unverifiable", "unknown", "missing", "bytes"), 0),
}


def answer(*named: dict[str, Any], others: int = 0, **numbers: int) -> dict[str, Any]:
    missing = [each for each in named if each["state"] == "missing"]
    return {
        "named": [each for each in named if each not in missing],
        "others": others,
        "missing": missing,
        "others_missing": 0,
        "summary": {**SUMMARY, **numbers},
    }


Asked = list[tuple[str, Ask]]


@pytest.fixture
def asks(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Asked]:
    """Has mounts at /one and /two answer, one after the other; what they were asked."""

    def answering(*answers: dict[str, Any]) -> Asked:
        left, asked = list(answers), Asked()

        def ask(
            mountpoint: str, what: Ask, told: Callable[[str], None], *_: object
        ) -> dict[str, Any]:
            asked.append((mountpoint, what))
            told("the server\x1b is asked")
            told("512 of 2048 1")
            return left.pop(0)

        monkeypatch.setattr(client, "ask", ask)
        return asked

    mounts = [Mount(n, 1, place, FSTYPE, "demo") for n, place in enumerate(("/one", "/two"), 10)]
    monkeypatch.setattr("biofs.contents.disk.mountinfo.read", lambda: mounts)
    return answering


def test_each_mount_is_asked_once(
    asks: Callable[..., Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = asks(answer(right=1, bytes=2048), answer(right=2, bytes=1024, missing=3))
    assert main(["verify", "/one/groups/1", "/two/a b", "/one/x", "/one/groups/1"]) == 0
    assert asked == [
        ("/one", Ask(do="verify", arguments={"paths": ["groups/1", "x"]})),
        ("/two", Ask(do="verify", arguments={"paths": ["a%20b"]})),
    ]
    out, err = capsys.readouterr()
    assert out == "3.0 KiB in 3 files are right; 3 files are not here\n"
    assert err == ""


WRONG = {"path": "a/\x1bb", "state": "wrong", "pieces": 1200, "wrong": 3}


@pytest.mark.parametrize("state", ["wrong", "suspect", "unreadable", "unknown"])
def test_what_is_wrong_is_named_and_ends_with_1(
    asks: Callable[..., Asked], capsys: pytest.CaptureFixture[str], state: str
) -> None:
    asks(answer({**WRONG, "state": state, "error": "why"}, right=1, bytes=5, **{state: 1}))
    assert main(["verify", "/one/x"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("/one/a/\\x1bb: ")
    assert out.count("\n") == 2
    assert err == ""


@pytest.mark.parametrize("state", ["unfinished", "unverifiable"])
def test_what_is_not_wrong_ends_with_0(asks: Callable[..., Asked], state: str) -> None:
    asks(answer({**WRONG, "state": state}, **{state: 1}))
    assert main(["verify", "/one/x"]) == 0


def test_nothing_that_is_here_ends_with_1(
    asks: Callable[..., Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    missing = {"path": "x", "state": "missing"}
    asks(answer(missing, missing=1), answer(missing, missing=1))
    assert main(["verify", "/one/x"]) == 1
    assert capsys.readouterr() == ("", f"biofs: {NOTHING}\n")
    assert main(["verify", "--json", "/one/x"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"path": "/one/x", "state": "missing"}
    assert lines[1]["summary"]["missing"] == 1


def test_json_names_all_and_sums_up(
    asks: Callable[..., Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    asks(answer(WRONG, others=7, right=1, wrong=8))
    assert main(["verify", "--json", "/one/x"]) == 1
    first, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {**WRONG, "path": "/one/a/\x1bb"}
    assert last == {
        "summary": {**SUMMARY, "right": 1, "wrong": 8, "others": 7, "others_missing": 0}
    }


def test_more_than_are_named_are_counted(
    asks: Callable[..., Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    asks(answer(WRONG, others=2000, wrong=2001))
    assert main(["verify", "/one/x"]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        "and 2,000 others: name fewer files to see them",
        "no file is right; 2,001 files are wrong",
    ]


@pytest.mark.parametrize("found", [{}, {"summary": 5}, {**answer(), "named": [{}]}])
def test_a_mount_of_another_version_is_said(
    asks: Callable[..., Asked], capsys: pytest.CaptureFixture[str], found: dict[str, Any]
) -> None:
    asks(found)
    assert main(["verify", "/one/x"]) == 1
    assert capsys.readouterr().err == "biofs: /one/x: its mount runs a different biofs version\n"


def test_too_many_paths_are_refused(
    asks: Callable[..., Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = asks()
    paths = [f"/one/{number:0200}" for number in range(LONGEST_ASK // 200)]
    assert main(["verify", *paths]) == 2
    assert "more paths than fit a request: name the directory above them" in capsys.readouterr().err
    assert asked == []


def test_a_path_elsewhere_and_none(
    asks: Callable[..., Asked], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = asks()
    assert main(["verify", "/one/x", str(tmp_path)]) == 1
    assert f"{tmp_path}: not in a mount of biofs" in capsys.readouterr().err
    assert main(["verify"]) == 2
    assert asked == []


def test_how_far_it_is_is_shown(
    asks: Callable[..., Asked], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "AT_ONCE", 0.0)
    asks(answer(right=1))
    assert main(["verify", "/one/x"]) == 0
    assert capsys.readouterr().err == "biofs: 25%: 512 bytes of 2.0 KiB, 1 file done\n"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"state": "wrong", "pieces": 40, "wrong": 3}, "3 of 40 pieces wrong"),
        ({"state": "wrong", "pieces": 1, "wrong": 1}, "1 of 1 piece wrong"),
        (
            {"state": "suspect", "pieces": 2, "wrong": 1, "shared": 1},
            "1 of 2 pieces wrong; other files are in it too, and which is wrong cannot be told",
        ),
        ({"state": "unfinished", "pieces": 2_000, "wrong": 1_500}, "1,500 of 2,000 pieces missing"),
        (
            {"state": "unverifiable", "pieces": 4, "unverifiable": 2},
            "2 of 4 pieces cannot be verified without files that are not here",
        ),
        ({"state": "unverifiable"}, "cannot be verified"),
        ({"state": "unreadable", "error": "Input/output error"}, "Input/output error"),
        ({"state": "unknown", "files": 3, "error": "no .torrent"}, "no .torrent"),
    ],
)
def test_a_file_in_words(entry: dict[str, Any], said: str) -> None:
    assert in_words({"path": "/one/f", **entry}) == f"/one/f: {said}"


def test_all_in_words() -> None:
    numbers = {**SUMMARY, "right": 340, "bytes": 1_288_490_189, "wrong": 2, "missing": 17}
    assert in_sum(numbers) == (
        "1.2 GiB in 340 files are right; 2 files are wrong; 17 files are not here"
    )
    assert in_sum({**SUMMARY, "right": 1, "bytes": 1}) == "1 byte in 1 file is right"

"""`biofs api`, `biofs notifications clear` and `biofs torrent`, on the embedded catalogue."""

import json
import os
import pty
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.api.actions import ACTIONS
from biofs.api.requests import Answer, Effect, Request
from biofs.cli import main
from biofs.cli.commands import api
from biofs.demo.accounts import DONOR_AUTHKEY, DONOR_COOKIE, DONOR_PASSKEY, DONOR_TOKEN
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from biofs.errors import QuietError
from tests.support.mounting import environment
from tests.support.server import Server
from tests.support.server import running as serving

Capture = pytest.CaptureFixture[bytes]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """A server, and a user of it who has a token and a home."""
    for name, value in environment(tmp_path, BIOFS_TOKEN=DONOR_TOKEN).items():
        monkeypatch.setenv(name, value)
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "BIOFS_COOKIE"):
        monkeypatch.delenv(name, raising=False)
    with serving(create_app(embedded())) as server:
        monkeypatch.setenv("BIOFS_URL", server.url)
        yield server


def demo(capsysbinary: Capture, *arguments: str) -> bytes:
    assert main(["api", "--demo", *arguments]) == 0
    return capsysbinary.readouterr().out


SENT = {
    "browse": ("page=2", "filter_cat[1]=1", "filter_cat[8]=1", "searchstr=a b"),
    "torrentgroup": ("id=1",),
    "torrent": ("hash=6a5413b9a0c5ef5b68bed6abbb8112cbe3870647",),
    "tcomments": ("id=1", "page=1"),
    "collage": ("id=3",),
    "artist": ("artistname=David Schild", "artistreleases=1"),
    "top10": ("type=users", "limit=100"),
    "user": ("id=2",),
    "usersearch": ("search=e", "page=2"),
    "community_stats": ("userid=2",),
    "user_recents": ("userid=2", "limit=1"),
    "userhistory": ("type=posts", "userid=4"),
    "inbox": ("type=sentbox", "search=x", "searchtype=subject", "sort=unread"),
    "conversation": ("id=62",),
    "bookmarks": ("type=artists",),
    "notifications": ("page=1",),
    "get_user_notifications": (),
    "index": (),
    "stats": (),
    "announcements": (),
}


def test_every_action_can_be_asked_for_or_says_where() -> None:
    assert set(SENT) | {"clear_user_notification", "download"} == set(ACTIONS)
    for action, pairs in SENT.items():
        request = api.request_of(action, pairs)
        assert request.effect is ACTIONS[action].effect
        sent = dict(request.params)
        for pair in pairs:
            name, _, value = pair.partition("=")
            value = value.upper() if name == "hash" else value
            assert sent[name] == value, action
    for action, command in (("clear_user_notification", "notifications clear"), ("download", "t")):
        with pytest.raises(QuietError, match=f"`biofs {command}"):
            api.request_of(action, ("type=News",))


def test_the_api_s_own_spelling_of_a_conversation_is_one() -> None:
    request = api.request_of("inbox", ("type=viewconv", "id=62"))
    assert request.effect is Effect.MARKS_READ
    assert request == api.request_of("conversation", ("id=62",))


@given(st.text(max_size=12), st.lists(st.text(max_size=12), max_size=3))
def test_no_arguments_break_it(action: str, pairs: list[str]) -> None:
    for name in (action, "browse", "user", "torrent", "inbox"):
        try:
            made: Request | int = api.request_of(name, pairs)
        except QuietError as error:
            made = error.exitcode
        assert made == 2 or isinstance(made, Request)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "no action"),
        (("foo",), "no such action"),
        (("user",), "needs id"),
        (("user", "id"), "key=value"),
        (("user", "id=x"), "id is a number"),
        (("user", "id=1", "id=2"), "given twice"),
        (("user", "name=x"), "no parameter name: it takes id"),
        (("stats", "x=1"), "it takes none"),
        (("browse", "category=1,x"), "category is a number"),
        (("torrent",), "either an id or an info hash"),
        (("torrent", "hash=xyz"), "40 (or 64) hexadecimal digits"),
        (("notifications",), "give --marks-read"),
        (("conversation", "id=62"), "give --marks-read"),
        (("inbox", "type=viewconv", "id=62"), "give --marks-read"),
        (("clear_user_notification", "type=News"), "biofs notifications clear TYPE"),
    ],
)
def test_what_cannot_be_right_is_refused_before_anything_is_sent(
    given: tuple[str, ...], said: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["api", *given]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not captured.out
    assert server.log.count() == 0


def test_an_answer_is_printed_as_json(capsysbinary: Capture) -> None:
    shown = json.loads(demo(capsysbinary, "user", "id=2"))
    assert shown["username"] == "eva"


def test_a_list_of_the_actions_says_what_to_know(capsysbinary: Capture) -> None:
    assert main(["api", "--list"]) == 0
    lines = capsysbinary.readouterr().out.decode().splitlines()
    assert [line.split()[0] for line in lines] == list(ACTIONS)
    assert "needs --marks-read" in lines[list(ACTIONS).index("notifications")]
    assert lines[list(ACTIONS).index("community_stats")].endswith(
        "What a user seeds and snatched, in numbers. Takes userid."
    )
    for line, action in zip(lines, ACTIONS.values(), strict=True):
        assert action.help in line
        assert ("Needs a cookie." in line) == action.needs_cookie


def test_secrets_are_masked_unless_asked_for(
    server: Server, capsysbinary: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BIOFS_TOKEN")
    monkeypatch.setenv("BIOFS_COOKIE", DONOR_COOKIE)

    def run(*options: str) -> bytes:
        assert main(["api", "--rate", "unlimited", *options, "index"]) == 0
        return capsysbinary.readouterr().out

    for options in ((), ("--raw",)):
        hidden = run(*options)
        assert b"***" in hidden
        assert DONOR_PASSKEY.encode() not in hidden
        assert DONOR_AUTHKEY.encode() not in hidden
        shown = run(*options, "--show-secrets")
        assert DONOR_PASSKEY.encode() in shown
        assert DONOR_AUTHKEY.encode() in shown


def test_the_raw_body_is_the_server_s_own(server: Server, capsysbinary: Capture) -> None:
    assert main(["api", "--raw", "tcomments", "id=1", "page=1"]) == 0
    raw = capsysbinary.readouterr().out
    assert raw.startswith(b'{"status":"success","response":{"page":1')
    assert json.loads(raw)["info"]["source"] == "BioTorrents.de"


def test_what_a_terminal_obeys_is_escaped_and_means_the_same() -> None:
    request = Request("user")
    value = {"username": "a\x9b31m\u202eb\x7f\x1b"}
    answer = Answer(request, 200, "", b"", value)
    shown = api._document(answer, show_secrets=False).decode()
    assert json.loads(shown) == value
    assert not {"\x9b", "\u202e", "\x7f", "\x1b"} & set(shown)


def test_errors_are_one_line_without_secrets(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, said in (
        (("user", "id=99999"), "no such user"),
        (("top10",), "BIOFS_COOKIE"),
        (("conversation", "id=1", "--marks-read"), "HTTP 500"),
    ):
        assert main(["api", "--rate", "unlimited", *words]) == 1
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
        assert DONOR_TOKEN not in error
    assert server.log.count("top10") == 0


def test_requests_count_for_the_pace_of_other_processes(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        assert main(["api", "--rate", "5/6", "stats"]) == 0
    [store] = tmp_path.glob(".cache/biofs/*.sqlite")
    with closing(sqlite3.connect(store)) as connection:
        rows = connection.execute("SELECT stamp, pid FROM pace WHERE stamp > 0").fetchall()
    assert len(rows) == server.log.count() == 2


def test_clearing_notifications_asks_first(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["notifications", "clear", "News"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert server.log.count() == 0
    assert main(["notifications", "clear", "--yes", "Nonsense"]) == 2
    assert server.log.count() == 0
    capsys.readouterr()
    assert main(["notifications", "clear", "--yes", "--rate", "unlimited", "news"]) == 0
    assert capsys.readouterr().out.startswith("News: cleared")
    [entry] = server.log.entries()
    assert (entry.action, entry.method) == ("clear_user_notification", "POST")
    assert main(["api", "--rate", "unlimited", "get_user_notifications"]) == 0
    assert sorted(json.loads(capsys.readouterr().out)) == ["Blog", "Global", "Inbox"]


@pytest.mark.parametrize(("answer", "requests"), [(b"n\n", 0), (b"y\n", 1)])
def test_at_a_terminal_the_user_decides(
    answer: bytes, requests: int, server: Server, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "biofs", "notifications", "clear", "Inbox"]
    with os.fdopen(ours, "wb", buffering=0) as terminal:
        process = subprocess.Popen(
            command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        os.close(theirs)
        terminal.write(answer)
        _, said = process.communicate(timeout=60)
    assert b"This marks every conversation read." in said
    assert process.returncode == (0 if requests else 130)
    assert server.log.count("clear_user_notification") == requests


def test_a_torrent_file_is_for_its_owner_alone(
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tmp_path / "adh1.torrent"
    command = ["torrent", "--rate", "unlimited", "1", "-o", str(target)]
    assert main(command) == 1
    assert "BIOFS_COOKIE" in capsys.readouterr().err
    assert not target.exists()
    assert server.log.count() == 0
    monkeypatch.setenv("BIOFS_COOKIE", DONOR_COOKIE)
    assert main(command) == 0
    assert DONOR_PASSKEY not in capsys.readouterr().out
    assert DONOR_PASSKEY.encode() in target.read_bytes()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    sent = server.log.count()
    assert main(command) == 1
    assert "--force" in capsys.readouterr().err
    assert server.log.count() == sent
    target.write_bytes(b"old")
    target.chmod(0o644)
    assert main([*command, "--force"]) == 0
    assert target.read_bytes().startswith(b"d8:announce")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == [".cache", "adh1.torrent"]


def test_a_torrent_file_is_never_printed_to_a_terminal(server: Server) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb"):
        done = subprocess.run(
            [sys.executable, "-m", "biofs", "torrent", "--demo", "1"],
            stdout=theirs,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
        os.close(theirs)
    assert done.returncode == 2
    assert b"-o FILE" in done.stderr


def test_a_torrent_file_can_be_piped(capsysbinary: Capture) -> None:
    assert main(["torrent", "--demo", "1"]) == 0
    assert capsysbinary.readouterr().out.startswith(b"d8:announce")

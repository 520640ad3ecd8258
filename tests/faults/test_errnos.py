"""What a caller sees when the server, the network or the account fails, through a real mount."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.demo.accounts import DISABLED_TOKEN, DONOR_TOKEN, REVOKED_TOKEN
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.support.faulty import Chattering, Saying
from tests.support.mounting import mounted
from tests.support.server import Server, running

GROUP = "categories/Sequences/Alcohol dehydrogenase ADH1 [1]"
HTML = b"<!doctype html><html><body>Sorry</body></html>"


@pytest.fixture
def app() -> Saying:
    return Saying(create_app(embedded()))


@pytest.fixture
def server(app: Saying) -> Iterator[Server]:
    with running(app) as server:
        yield server


def errno_of(path: Path) -> int:
    with pytest.raises(OSError) as caught:
        path.read_bytes()
    assert caught.value.errno is not None
    return caught.value.errno


ANSWERS = {
    "bad_id": (200, b'{"status":"failure","error":"bad id parameter"}', errno.ENOENT),
    "revoked": (200, b'{"status":"failure","error":"token revoked"}', errno.EACCES),
    "invalid_token": (200, b'{"status":"failure","error":"invalid token"}', errno.EACCES),
    "other_failure": (200, b'{"status":"failure","error":"the hamster died"}', errno.EIO),
    "not_json": (200, b"hello", errno.EIO),
    "truncated": (200, b'{"status":"success","response":{"gro', errno.EIO),
    "wrong_shape": (200, b'{"status":"success","response":[]}', errno.EIO),
    "empty": (200, b"", errno.EIO),
    "deep": (200, b"[" * 100_000, errno.EIO),
    "html": (200, HTML, errno.EIO),
    "unauthorised": (401, HTML, errno.EACCES),
    "forbidden": (403, HTML, errno.EACCES),
    "fault": (500, b'{"status":"failure"}' + HTML, errno.EIO),
    "bad_gateway": (502, HTML, errno.EIO),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_becomes_its_errno_and_the_mount_recovers(
    tmp_path: Path, app: Saying, server: Server, name: str
) -> None:
    status, body, expected = ANSWERS[name]
    options = ("--url", server.url, "--rate", "unlimited")
    with mounted(tmp_path, *options, env={"BIOFS_TOKEN": DONOR_TOKEN}) as mount:
        os.listdir(mount.path / "categories/Sequences")
        app.say(status, body, content_type="application/json")
        assert errno_of(mount.path / GROUP / "group.json") == expected
        assert app.count <= 2, "one question, and one more for the dialect"
        # What is known is still served, and nothing is asked for it.
        count = app.count
        assert os.listdir(mount.path / "categories/Sequences")
        assert app.count == count
        app.body = None
        if expected != errno.ENOENT:
            assert b"ADH1" in (mount.path / GROUP / "group.json").read_bytes()


def test_warnings_of_php_around_answers_do_no_harm(tmp_path: Path) -> None:
    app = Chattering(create_app(embedded()))
    app.before = b"<br />\n<b>Warning</b>: Undefined array key in <b>/x</b> on line 7<br />\n"
    with (
        running(app) as server,
        mounted(
            tmp_path, "--url", server.url, "--rate", "unlimited", env={"BIOFS_TOKEN": DONOR_TOKEN}
        ) as mount,
    ):
        assert b"ADH1" in (mount.path / GROUP / "group.json").read_bytes()
        app.before, app.after = b"", b"<!-- 0.02 s -->"
        assert os.listdir(mount.path / "categories/Images")
        assert json.loads((mount.path / ".biofs/site/stats.json").read_bytes())
        assert mount.log.read_text().count("writes something else around its answers") == 1


def test_a_login_page_is_eacces(tmp_path: Path, app: Saying, server: Server) -> None:
    with mounted(
        tmp_path, "--url", server.url, "--rate", "unlimited", env={"BIOFS_TOKEN": DONOR_TOKEN}
    ) as mount:
        app.say(302, HTML, location="login.php")
        with pytest.raises(OSError) as caught:
            os.listdir(mount.path / "categories/Sequences")
        assert caught.value.errno == errno.EACCES


@pytest.mark.parametrize("token", [REVOKED_TOKEN, DISABLED_TOKEN, "nonsense"])
def test_a_token_that_does_not_work_is_eacces_and_shown_nowhere(
    tmp_path: Path, server: Server, token: str
) -> None:
    with mounted(
        tmp_path, "--url", server.url, "--rate", "unlimited", env={"BIOFS_TOKEN": token}
    ) as mount:
        with pytest.raises(OSError) as caught:
            os.listdir(mount.path / "categories/Sequences")
        assert caught.value.errno == errno.EACCES
        for entry in mount.status()["last_errors"]:
            assert entry["action"] == "browse"
            assert not entry["error"].startswith("browse")  # once is enough
        assert mount.status()["last_errors"]
        assert token not in (mount.path / ".biofs/status.json").read_text()
    assert token not in mount.log.read_text()


def test_a_refused_connection_is_ehostunreach(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with mounted(tmp_path, "--url", url, env={"BIOFS_TOKEN": DONOR_TOKEN}) as mount:
            with pytest.raises(OSError) as caught:
                os.listdir(mount.path / "categories/Sequences")
            assert caught.value.errno == errno.EHOSTUNREACH
            assert os.listdir(mount.path / "categories")


def test_offline_serves_what_is_known_and_sends_nothing(tmp_path: Path, server: Server) -> None:
    cache = ("--url", server.url, "--cache-dir", str(tmp_path / "cache"), "--rate", "unlimited")
    with mounted(tmp_path, *cache, env={"BIOFS_TOKEN": DONOR_TOKEN}) as mount:
        document = (mount.path / GROUP / "group.json").read_bytes()
    server.log.clear()
    with mounted(
        tmp_path, *cache, "--offline", env={"BIOFS_TOKEN": DONOR_TOKEN}, name="offline"
    ) as mount:
        assert (mount.path / GROUP / "group.json").read_bytes() == document
        with pytest.raises(OSError) as caught:
            os.listdir(mount.path / "categories/Images")
        assert caught.value.errno == errno.EHOSTUNREACH
    assert server.log.count() == 0

"""A server that misbehaves, seen through mounts that outlive every one of its faults."""

from __future__ import annotations

import errno
import math
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.faults.faults_support import (
    CATEGORY,
    GROUP,
    failing,
    groups,
    mounting,
    patiently,
    until,
)
from tests.support.misbehaving import (
    Behaviour,
    Misbehaving,
    closed,
    closed_in_the_body,
    misbehaving,
    mute,
    mute_after_headers,
    reset,
    saying,
    trickling,
)
from tests.support.mounting import Mount

HTML = b"<!doctype html><html><body><form action=login.php></form></body></html>"
GOOD = b'{"status":"success","response":{"group":{"id":'
RATE = b'{"status":"failure","error":"rate limit exceeded"}'

AT_ONCE: dict[str, tuple[Behaviour, int]] = {
    "closed": (closed, errno.EHOSTUNREACH),
    "reset": (reset, errno.EHOSTUNREACH),
    "closed_in_the_body": (closed_in_the_body, errno.EHOSTUNREACH),
    "truncated_json": (saying(200, GOOD), errno.EIO),
    "login_page": (saying(200, HTML, content_type="text/html"), errno.EIO),
    "no_http": (saying(200, b"", content_length="minus one"), errno.EIO),
    "broken_gzip": (saying(200, b"\x1f\x8bnonsense", content_encoding="gzip"), errno.EIO),
    "unknown_encoding": (saying(200, b"{}", content_encoding="br"), errno.EIO),
    "redirect_to_login": (saying(302, HTML, location="login.php?act=recover"), errno.EACCES),
    "http_400": (saying(400, HTML), errno.EIO),
    "http_401": (saying(401, HTML), errno.EACCES),
    "http_403": (saying(403, HTML), errno.EACCES),
    "challenge": (saying(403, HTML, cf_mitigated="challenge"), errno.EACCES),
    "challenge_503": (saying(503, HTML, cf_mitigated="challenge"), errno.EACCES),
    "captive_portal": (saying(200, HTML + b"Free WiFi"), errno.EIO),
    "captive_portal_511": (saying(511, HTML), errno.EACCES),
    "maintenance": (saying(200, HTML + b"Down for maintenance"), errno.EIO),
    "http_500": (saying(500, HTML), errno.EIO),
    "http_502": (saying(502, HTML), errno.EIO),
    "http_503": (saying(503, HTML), errno.EIO),
    "http_504": (saying(504, HTML), errno.EIO),
}
NAMED = {
    "challenge": "Cloudflare",
    "challenge_503": "Cloudflare",
    "captive_portal": "captive portal",
    "captive_portal_511": "captive portal",
    "maintenance": "maintenance page",
}
IN_VAIN: dict[str, Behaviour] = {
    "mute": mute,
    "mute_after_headers": mute_after_headers,
    "one_byte_a_second": trickling,
    "rate_limit_in_words": saying(200, RATE),
    "rate_limit_in_words_and_400": saying(400, RATE),
    "http_429": saying(429, HTML),
    "http_429_retry_after": saying(429, HTML, retry_after="1"),
    "http_503_retry_after": saying(503, HTML, retry_after="1"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Misbehaving]:
    with misbehaving(create_app(embedded())) as server:
        yield server


@pytest.fixture(scope="module")
def patient(server: Misbehaving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    """One mount for all faults that show at once: each test is the recovery from the last."""
    with mounting(tmp_path_factory.mktemp("patient"), server.url) as mount:
        yield mount


@pytest.fixture(scope="module")
def hasty(server: Misbehaving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    """Likewise for those that show when the wait runs out."""
    with mounting(tmp_path_factory.mktemp("hasty"), server.url, "--wait", "0.4") as mount:
        yield mount


def unread(mount: Mount, number: int) -> Path:
    """The document of a group that no other test of this mount reads."""
    found = [*groups(mount), *groups(mount, "categories/Images")]
    return [group for group in found if group != mount.path / GROUP][number] / "group.json"


def check_what_is_known(mount: Mount, server: Misbehaving, wanted: Path | None = None) -> None:
    """Listings and documents that are known are served, and cost the server nothing.

    What is `wanted`, a group's document, may be asked for again while this takes its time.
    """
    count = len(server.heard)
    assert len(os.listdir(mount.path / CATEGORY)) > 5
    assert b"ADH1" in (mount.path / GROUP / "group.json").read_bytes()
    assert os.statvfs(mount.path).f_namemax == 255
    assert os.stat(mount.path).st_ino == 1
    asked = server.heard[count:]
    if wanted is not None:
        group = wanted.parent.name.rpartition("[")[2].rstrip("]")
        asked = [head for head in asked if f"id={group} ".encode() not in head]
    assert asked == []


@pytest.mark.parametrize("name", AT_ONCE)
def test_a_fault_becomes_its_errno(patient: Mount, server: Misbehaving, name: str) -> None:
    behaviour, expected = AT_ONCE[name]
    document = unread(patient, list(AT_ONCE).index(name))
    patiently((patient.path / GROUP / "group.json").read_bytes)
    server.behave(behaviour)
    requests, connections = server.requests, server.connections
    assert failing(document.read_bytes) == expected
    assert server.requests - requests <= 2, "one question, and one in the other dialect"
    assert server.connections - connections <= 2
    check_what_is_known(patient, server)
    assert NAMED.get(name, "") in patient.log.read_text().splitlines()[-1]
    server.behave()
    requests = server.requests
    assert b'"id"' in document.read_bytes()
    assert server.requests - requests <= 2


@pytest.mark.parametrize("name", IN_VAIN)
def test_a_fault_that_never_ends_is_eagain(hasty: Mount, server: Misbehaving, name: str) -> None:
    document = unread(hasty, list(IN_VAIN).index(name))
    patiently((hasty.path / GROUP / "group.json").read_bytes)
    server.behave(IN_VAIN[name])
    requests, connections = server.requests, server.connections
    assert failing(document.read_bytes) == errno.EAGAIN
    check_what_is_known(hasty, server, document)
    # Backing off, it asks the less the longer it takes: ten times would take a minute and a half.
    assert server.requests - requests <= 10
    assert server.connections - connections <= 10
    server.behave()
    requests = server.requests
    # A connection that was cut is one failure; the next reader has the answer.
    assert b'"id"' in patiently(document.read_bytes, also=(errno.EHOSTUNREACH,))
    assert server.requests - requests <= 3


def test_a_server_that_is_mute_after_accepting(hasty: Mount, server: Misbehaving) -> None:
    document = unread(hasty, len(IN_VAIN))
    patiently((hasty.path / GROUP / "group.json").read_bytes)
    server.behave(deaf=True)
    connections = server.connections
    for _ in range(3):
        assert failing(document.read_bytes) == errno.EAGAIN
    check_what_is_known(hasty, server)
    assert server.connections - connections == 1, "one for the one thing that is wanted"
    server.behave()
    assert b'"id"' in patiently(document.read_bytes, also=(errno.EHOSTUNREACH,))


def test_the_rate_limit_for_a_while_is_no_error(patient: Mount, server: Misbehaving) -> None:
    document = unread(patient, len(AT_ONCE))
    server.behave(saying(200, RATE), times=4)
    requests = server.requests
    assert b'"id"' in document.read_bytes()
    assert server.requests - requests == 5


@pytest.mark.parametrize("hear", [False, True], ids=["after_the_answer", "under_the_next_request"])
def test_a_kept_connection_that_the_server_closes_costs_no_error(
    tmp_path: Path, server: Misbehaving, hear: bool
) -> None:
    with mounting(tmp_path, server.url) as mount:
        documents = [group / "group.json" for group in groups(mount)]
        assert len(documents) > 4
        requests, connections = server.requests, server.connections
        server.keep(1, hear=hear)
        try:
            for document in documents:
                assert b'"id"' in document.read_bytes()
        finally:
            server.keep(math.inf)
        assert server.requests - requests <= 2 * len(documents)
        assert server.connections - connections <= len(documents)
        retried = mount.status()["requests"]["retried"]
        assert server.requests - requests == len(documents) + retried
        assert retried > 0 or not hear


def test_kept_connections_that_close_for_ever_are_no_storm(
    patient: Mount, server: Misbehaving
) -> None:
    document = unread(patient, len(AT_ONCE) + 2)
    patiently((patient.path / GROUP / "group.json").read_bytes)
    patiently(unread(patient, len(AT_ONCE) + 3).read_bytes)  # leaves a connection
    server.keep(0, hear=True)
    requests = server.requests
    try:
        for attempt in (1, 2, 3):
            assert failing(document.read_bytes) == errno.EHOSTUNREACH
            assert server.requests - requests <= 1 + attempt, "one more for one kept connection"
        check_what_is_known(patient, server)
    finally:
        server.keep(math.inf)
    assert b'"id"' in document.read_bytes()


def test_many_readers_of_a_mute_server_are_no_storm(tmp_path: Path, server: Misbehaving) -> None:
    with mounting(tmp_path, server.url) as mount:
        documents = [group / "group.json" for group in groups(mount)]
        server.behave(mute)
        connections, requests = server.connections, server.requests
        readers = [
            subprocess.Popen(["cat", document], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            for document in documents
            for _ in range(4)
        ]
        until(lambda: mount.status()["readers_waiting"] == len(readers))
        until(lambda: server.requests - requests == 8)
        assert server.open == 8, "as many connections as may be at once, and no more"
        server.behave()
        # Those whose connection was cut have failed, and only those.
        failed = sum(reader.wait() != 0 for reader in readers)
        for reader in readers:
            assert reader.stderr is not None
            said = reader.stderr.read()
            reader.stderr.close()
            assert not said or b"No route to host" in said
        assert failed <= 8 * 4
        assert server.requests - requests <= 8 + len(documents)
        assert server.connections - connections <= 8 + len(documents)
        for document in documents:
            assert b'"id"' in document.read_bytes()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_token_does_not_follow_a_redirect_to_another_host(
    patient: Mount, server: Misbehaving, status: int
) -> None:
    document = unread(patient, len(AT_ONCE) + 1)
    with misbehaving(create_app(embedded())) as other:
        server.behave(saying(status, b"", location=f"{other.url}/api.php?action=torrentgroup"))
        assert failing(document.read_bytes) == errno.EIO
        assert (other.connections, other.heard) == (0, [])
    assert any(DONOR_TOKEN.encode() in heard for heard in server.heard)
    assert "use that URL" in patient.log.read_text()
    server.behave()


def test_three_hundred_waiting_processes_delay_nobody(tmp_path: Path, server: Misbehaving) -> None:
    with mounting(tmp_path, server.url) as mount:
        known = (mount.path / GROUP / "group.json").read_bytes()
        names = os.listdir(mount.path / CATEGORY)
        [document, *_] = [group for group in groups(mount) if group != mount.path / GROUP]
        server.behave(mute)
        requests = server.requests
        readers = [
            subprocess.Popen(
                ["cat", document / "group.json"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for _ in range(300)
        ]
        until(lambda: mount.status()["readers_waiting"] == 300)
        # The server is mute: whatever waited for one of them would not end.
        for _ in range(20):
            assert os.listdir(mount.path / CATEGORY) == names
            assert (mount.path / GROUP / "group.json").read_bytes() == known
            assert os.statvfs(mount.path).f_namemax == 255
            assert os.stat(mount.path).st_ino == 1
        assert mount.run("ls", "-l", GROUP)
        assert server.requests - requests == 1
        for reader in readers:
            reader.kill()
        for reader in readers:
            assert reader.wait(timeout=60) == -9
        until(lambda: mount.status()["readers_waiting"] == 0)
        server.behave()

"""Networks that fail: no name, no route, wrong certificates, and one that comes back."""

from __future__ import annotations

import errno
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.faults.faults_support import (
    CATEGORY,
    GROUP,
    failing,
    groups,
    mounting,
    until,
)
from tests.support.misbehaving import Misbehaving, misbehaving, mute
from tests.support.mounting import environment

TLS = Path("tests/data/tls")


def context(name: str) -> ssl.SSLContext:
    """A server's end of TLS with a certificate that nobody has signed but itself."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(TLS / f"{name}.crt", TLS / f"{name}.key")
    return made


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with misbehaving(create_app(embedded())) as server:
        yield server


def test_a_network_that_vanishes_and_comes_back(tmp_path: Path, server: Misbehaving) -> None:
    with mounting(tmp_path, server.url) as mount:
        document, unread, other = (group / "group.json" for group in groups(mount)[:3])
        known = document.read_bytes()
        server.vanish()
        connections, requests = server.connections, server.requests
        for _ in range(5):
            assert failing(unread.read_bytes) == errno.EHOSTUNREACH
            assert failing(lambda: os.listdir(mount.path / "categories/Images")) == (
                errno.EHOSTUNREACH
            )
            assert document.read_bytes() == known
        status = mount.status()
        until(lambda: mount.status()["server_reachable"] is False)
        assert status["last_errors"]
        assert (server.connections, server.requests) == (connections, requests)
        server.come_back()
        assert b'"id"' in unread.read_bytes()
        assert os.listdir(mount.path / "categories/Images")
        assert b'"id"' in other.read_bytes()
        # Nothing was asked again in the background: one for each of the three, no storm.
        assert server.requests - requests == 3
        until(lambda: mount.status()["server_reachable"] is True)


def test_a_listing_that_breaks_off_is_not_taken_for_a_whole_one(
    tmp_path: Path, server: Misbehaving
) -> None:
    with mounting(tmp_path, server.url) as mount:
        server.vanish()
        for _ in range(2):
            assert failing(lambda: os.listdir(mount.path / CATEGORY)) == errno.EHOSTUNREACH
            assert failing((mount.path / CATEGORY / "index.jsonl").read_bytes) == (
                errno.EHOSTUNREACH
            )
            assert failing(lambda: os.stat(mount.path / GROUP)) == errno.EHOSTUNREACH
        server.come_back()
        assert (mount.path / GROUP).is_dir()


def test_old_knowledge_is_served_while_the_server_is_away(
    tmp_path: Path, server: Misbehaving
) -> None:
    """Everything is stale at once with a TTL of 0, and is served all the same."""
    cache = ("--cache-dir", str(tmp_path / "cache"), "--ttl", "0")
    with mounting(tmp_path, server.url, *cache) as mount:
        names = sorted(os.listdir(mount.path / CATEGORY))
        document = (mount.path / GROUP / "group.json").read_bytes()
    server.vanish()
    requests = server.requests
    with mounting(tmp_path, server.url, *cache, name="away") as mount:
        for _ in range(20):
            assert sorted(os.listdir(mount.path / CATEGORY)) == names
            assert (mount.path / GROUP / "group.json").read_bytes() == document
        until(lambda: mount.status()["server_reachable"] is False)
        # A server in trouble is left in peace: not a try for each of forty looks.
        assert mount.status()["requests"]["sent"] <= 4
        server.come_back()
        assert sorted(os.listdir(mount.path / CATEGORY)) == names
    assert server.requests - requests <= 4


def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    # RFC 6761 keeps .invalid from ever meaning a host.
    with mounting(tmp_path, "https://no-such-host.invalid") as mount:
        assert failing(lambda: os.listdir(mount.path / CATEGORY)) == errno.EHOSTUNREACH
        assert os.listdir(mount.path / "categories")
        assert mount.status()["server_reachable"] is False
    assert "the server's name is unknown" in mount.log.read_text()


def test_a_server_silent_for_too_long_is_etimedout(tmp_path: Path, server: Misbehaving) -> None:
    settings = tmp_path / "home/.config/biofs/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("timeout = 0.3\n")
    with mounting(tmp_path, server.url) as mount:
        server.behave(mute)
        assert failing(lambda: os.listdir(mount.path / CATEGORY)) == errno.ETIMEDOUT
        server.behave(deaf=True)
        assert failing(lambda: os.listdir(mount.path / CATEGORY)) == errno.ETIMEDOUT
        server.behave()
        assert os.listdir(mount.path / "categories")


@pytest.mark.parametrize("name", ["localhost", "other"])
def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path, name: str) -> None:
    with misbehaving(create_app(embedded()), context(name)) as server:
        with mounting(tmp_path, server.url) as mount:
            assert failing(lambda: os.listdir(mount.path / CATEGORY)) == errno.EHOSTUNREACH
        assert server.connections > 0
        assert server.heard == [], "nothing was said, above all no token"
    assert "the server's certificate is not trusted" in mount.log.read_text()


def test_a_certificate_of_the_ca_file_is_accepted_for_its_host_only(tmp_path: Path) -> None:
    settings = tmp_path / "home/.config/biofs/config.toml"
    settings.parent.mkdir(parents=True)
    for name in ("localhost", "other"):
        settings.write_text(f'ca_file = "{(TLS / name).absolute()}.crt"\n')
        with (
            misbehaving(create_app(embedded()), context(name)) as server,
            mounting(tmp_path, server.url, name=name) as mount,
        ):
            if name == "localhost":
                assert (mount.path / GROUP).is_dir()
            else:
                assert failing(lambda: os.stat(mount.path / GROUP)) == errno.EHOSTUNREACH
                assert server.heard == []


def test_a_token_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    """Not over plain http to another machine, unless the settings say so."""
    (tmp_path / "mnt").mkdir()
    command = ["biofs", "mount", "--url", "http://torrents.example", str(tmp_path / "mnt")]
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env=environment(tmp_path, BIOFS_TOKEN="test-token-8f3a"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert "https://" in done.stderr
    assert "test-token-8f3a" not in done.stderr

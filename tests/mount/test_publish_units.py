"""The commands of biofs-publish.service, as systemd runs them: an ordinary user, the unit's places,
and nothing else in the environment. Needs root, for a mount namespace of its own."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import minisign
import pytest

import biofs
from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.store.snapshots import description
from tests.support.overlay import Overlay
from tests.support.server import Server, running

UNIT = Path(__file__).parents[2] / "packaging/systemd/biofs-publish.service"
NOBODY = 65534
SECONDS = 240

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("setpriv")),
    reason="needs root, unshare and setpriv",
)

# /root is closed to others, and so is a Python that lies there.
_NAMESPACE = """\
for place in $CLOSED; do
    mkdir -p "$T/kept$place"
    mount --bind "$place" "$T/kept$place"
done
mount -t tmpfs -o mode=755 tmpfs /root
for place in $CLOSED; do
    mkdir -p "$place"
    mount --bind "$T/kept$place" "$place"
done
for place in /etc /var/cache /srv; do
    mount --bind "$T$place" "$place"
done
mount --bind /usr /usr && mount -o remount,ro,bind /usr
mount --bind "$T/usr/local/bin" /usr/local/bin
mount -o remount,ro,bind /etc
exec setpriv --reuid=$NOBODY --regid=$NOBODY --clear-groups --no-new-privs -- "$@"
"""


class Machine:
    """The directories of a machine on which docs/operations.md was followed."""

    def __init__(self, base: Path, server: Server) -> None:
        self.base = base
        self._server = server
        self.cache, self.www = base / "var/cache/biofs", base / "srv/www/catalogue"
        shutil.copytree("/etc", base / "etc", symlinks=True, ignore_dangling_symlinks=True)
        program = base / "usr/local/bin/biofs"
        for directory in (self.cache, self.www, base / "etc/biofs", program.parent):
            directory.mkdir(parents=True)
        for owned in (self.cache, self.www):
            os.chown(owned, NOBODY, NOBODY)
        shutil.copytree(Path(biofs.__file__).parent, base / "lib/biofs")
        program.write_text(
            f'#!/bin/sh\nPYTHONPATH={base}/lib exec {sys.executable} -m biofs "$@"\n'
        )
        program.chmod(0o755)
        pair = minisign.KeyPair.generate()
        self.public = pair.public_key.to_base64().decode()
        self._give("token", DONOR_TOKEN.encode())
        self._give("key", bytes(pair.secret_key) + b"\n")

    def _give(self, name: str, content: bytes) -> None:
        file = self.base / "etc/biofs" / name
        file.write_bytes(content)
        file.chmod(0o600)
        os.chown(file, NOBODY, NOBODY)

    def run(self, command: str) -> str:
        """A line of ExecStart. What systemd gives to a unit with User= is in systemd.exec(5)."""
        path = "/usr/local/bin:/usr/bin:/bin"
        user = ("USER=biofs", "LOGNAME=biofs", "HOME=/var/cache/biofs", "SHELL=/bin/sh")
        there = ("env", "-i", f"PATH={path}", *user, f"BIOFS_URL={self._server.url}")
        closed = {sys.prefix, sys.base_prefix}
        done = subprocess.run(
            [
                *("unshare", "--mount", "--propagation", "private"),
                *("sh", "-euc", _NAMESPACE, "sh", *there, *command.split()),
            ],
            cwd="/",
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "T": str(self.base),
                "NOBODY": str(NOBODY),
                "CLOSED": " ".join(each for each in sorted(closed) if each.startswith("/root/")),
            },
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout


@pytest.fixture
def source() -> Overlay:
    return Overlay(Generated(20, 2, 3, categories=(1,)))


@pytest.fixture
def machine(source: Overlay) -> Iterator[Machine]:
    # Not in pytest's own directory, which nobody else may enter.
    base = Path(tempfile.mkdtemp(prefix="biofs-test-"))
    base.chmod(0o755)
    try:
        with running(create_app(source)) as server:
            yield Machine(base, server)
    finally:
        shutil.rmtree(base)


def test_they_fetch_sign_and_publish_night_after_night(machine: Machine, source: Overlay) -> None:
    lines = UNIT.read_text().splitlines()
    warm, publish = (line.partition("=")[2] for line in lines if line.startswith("ExecStart="))
    # A publisher of nobody waits for the pace of the server: that of this one is the test's.
    machine.run(f"{warm} --rate unlimited")
    assert "20 groups" in machine.run(publish)
    first = signed(machine)
    assert first.groups == 20
    assert "nothing has changed" in machine.run(publish)
    source.bump(1, name="Another night")
    machine.run(f"{warm} --rate unlimited --ttl 0")
    assert "change" in machine.run(publish)
    second = signed(machine)
    assert [each.from_id for each in second.deltas] == [first.snapshot.id]
    for file in (second.snapshot.file, second.deltas[0].file, description.FILE):
        found = (machine.www / file).stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (NOBODY, 0o644), "nginx reads it"
    assert {path.stat().st_mode & 0o077 for path in machine.cache.glob("*.sqlite")} == {0}


def signed(machine: Machine) -> description.Description:
    text = (machine.www / description.FILE).read_bytes()
    signature = (machine.www / description.SIGNATURE_FILE).read_bytes()
    description.verify(text, signature, machine.public)
    return description.parse(text)

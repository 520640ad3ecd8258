"""sshfs of this machine: an sshd on the loopback address with a key that is made for it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from biofs.errors import QuietError
from scripts.benchmarks.peers import programs, web
from scripts.benchmarks.peers.systems import Mounted, served
from tests.support.ports import free_port

_USERS: Final = """\
root:x:0:0::/:/bin/sh
sshd:x:65534:65534::/run/sshd:/usr/sbin/nologin
"""

_START: Final = """
set -e
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/shadow" /etc/shadow
mount -t tmpfs none /run
mkdir /run/sshd
exec "$2" -D -e -f "$1/sshd_config"
"""
"""sshd wants a user and a directory of its own, and nobody's account locked. It gets them where
nobody else sees them, in a mount namespace (unshare(1))."""

_CONFIGURATION: Final = """
ListenAddress 127.0.0.1
Port {port}
HostKey {work}/host_key
AuthorizedKeysFile {work}/key.pub
PidFile none
StrictModes no
PermitRootLogin prohibit-password
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""


@contextmanager
def server(work: Path) -> Iterator[list[str]]:
    """Serve this machine's files while the context is open; options with which sshfs asks for them.

    Raises QuietError if sshd or sshfs is not installed, or does not start.
    """
    programs.installed("sshfs")
    sshd, env = programs.sshd()
    work.mkdir()
    for name in ("host_key", "key"):
        programs.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(work / name))
    port = free_port()
    (work / "sshd_config").write_text(_CONFIGURATION.format(work=work, port=port))
    (work / "passwd").write_text(_USERS)
    (work / "shadow").write_text("root:*:1::::::\nsshd:*:1::::::\n")
    command = ["unshare", "--mount", "sh", "-c", _START, "sh", str(work), sshd]
    with (work / "sshd.log").open("wb") as log:
        running = subprocess.Popen(
            command,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        if not web.listens(port, running):
            said = (work / "sshd.log").read_text(errors="replace").strip().splitlines()
            raise QuietError(f"sshd did not start: {said[-1] if said else 'no word'}")
        yield _options(work, port)
    finally:
        running.terminate()
        running.wait()


def _options(work: Path, port: int) -> list[str]:
    about = {
        "port": port,
        "IdentityFile": work / "key",
        "UserKnownHostsFile": work / "known_hosts",
        "StrictHostKeyChecking": "no",
    }
    given = [f"-o{name}={value}" for name, value in about.items()]
    return ["-F", "/dev/null", *given]


@contextmanager
def mounted(directory: Path, options: list[str], mountpoint: Path) -> Iterator[Mounted]:
    """sshfs of a directory."""
    source = f"root@127.0.0.1:{directory}"
    command = [programs.installed("sshfs"), "-f", *options, source, str(mountpoint)]
    with served("sshfs", mountpoint, command, env={"HOME": os.fspath(mountpoint.parent)}) as found:
        yield found

"""A swarm on this machine: Debian's opentracker, and seeders of libtorrent in their own processes.

    torrent, files = private_torrent(b"name", 50, 100_000, announce=tracker.announce)

with a `Tracker` that knows the info hash, and a `Seeder` that has the files.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bencode2 import bdecode

from tests.support.ports import free_port
from tests.support.torrents import Content, bencode, bytes_of, lay_out, make

CHECKOUT = Path(__file__).parents[2]
PASSKEY = "0123456789abcdef0123456789abcdef"
GENEROUS = 150.0
"""Seconds until something that happens at once is taken as not happening. libtorrent dials a peer
that it could not reach again after 10 seconds, then after 20 and 30."""

BLOCK = 16 * 1024


def private_torrent(
    name: bytes,
    count: int,
    size: int,
    *,
    announce: str,
    piece_length: int = 32 * 1024,
    private: bool = True,
) -> tuple[bytes, list[Content]]:
    """A torrent of v1 with `count` files of `size` bytes each, `dir0/file00` and on."""
    files: list[Content] = [
        ((b"dir%d" % (number % 5), b"file%02d" % number), bytes_of(f"{name!r}{number}", size))
        for number in range(count)
    ]
    files.sort()
    torrent = make(
        name, files, piece_length=piece_length, private=private, announce=announce.encode()
    )
    return torrent, files


def info_hash(torrent: bytes) -> bytes:
    """The info hash of v1, 20 bytes."""
    return hashlib.sha1(bencode(bdecode(torrent)[b"info"])).digest()


def altered(directory: Path, name: str, at: int, length: int = 1) -> None:
    """Change bytes of a file, so that what a seeder sends of it is wrong."""
    path = directory / name
    data = bytearray(path.read_bytes())
    for each in range(at, at + length):
        data[each] ^= 0xFF
    path.write_bytes(data)


def pieces_of(files: list[Content], index: int, piece_length: int) -> range:
    """The pieces in which bytes of the file lie, in a torrent of v1 without pad files."""
    start = sum(len(content) for _, content in files[:index])
    end = start + len(files[index][1])
    return range(start // piece_length, -(-end // piece_length))


class Tracker:
    """opentracker on 127.0.0.1. It serves the info hashes it is given, and refuses all others.

    Args:
        directory: An empty one, in which the list of info hashes is. All users can enter it.
    """

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self.port = free_port() if port is None else port
        self.announce = f"http://127.0.0.1:{self.port}/announce/{PASSKEY}"
        """With a passkey, as a private tracker's URL has one."""
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def allow(self, hashes: Collection[bytes]) -> None:
        """Before it starts, or while it runs."""
        self._directory.mkdir(exist_ok=True)
        self._directory.chmod(0o755)
        known = self._directory / "hashes"
        known.write_text("".join(f"{each.hex()}\n" for each in hashes))
        known.chmod(0o644)
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def peers(self, info: bytes) -> int:
        """How many have announced themselves for an info hash (BEP 48)."""
        query = urllib.parse.urlencode({"info_hash": info})
        url = f"http://127.0.0.1:{self.port}/scrape?{query}"
        with urllib.request.urlopen(url, timeout=GENEROUS) as answer:
            found = bdecode(answer.read())[b"files"].get(info, {})
        return int(found.get(b"complete", 0)) + int(found.get(b"incomplete", 0))

    def start(self) -> None:
        program = shutil.which("opentracker")
        assert program, "opentracker is not installed: apt-get install opentracker"
        if not (self._directory / "hashes").exists():
            self.allow(())
        # As root, it changes its root directory to that of -d.
        inside = os.geteuid() == 0
        known = "/hashes" if inside else str(self._directory / "hashes")
        arguments = ["-i", "127.0.0.1", "-p", str(self.port), "-P", str(self.port)]
        self._process = subprocess.Popen(
            [program, *arguments, "-d", str(self._directory), "-w", known],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + GENEROUS
        while True:
            assert self._process.poll() is None, "opentracker ended"
            try:
                socket.create_connection(("127.0.0.1", self.port), GENEROUS).close()
            except OSError:
                assert time.monotonic() < end, "opentracker does not answer"
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()


class Seeder:
    """A process with a libtorrent session that serves what lies in a directory.

    Args:
        directory: In which the torrent's name is.
        rate: At most so many bytes a second; 0 for as many as it can.
        wrong: It sends what is there, whatever its hashes.
    """

    def __init__(
        self, directory: Path, torrent: bytes, *, rate: int = 0, wrong: bool = False
    ) -> None:
        self.port = 0
        """At which it listens, the same one when it is started again."""
        self._what = {
            "directory": str(directory),
            "torrent": torrent.hex(),
            "rate": rate,
            "wrong": wrong,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def of(cls, directory: Path, torrent: bytes, files: list[Content], *, rate: int = 0) -> Self:
        """One that has all files, which are written into the directory first."""
        directory.mkdir(parents=True, exist_ok=True)
        lay_out(directory, torrent, files)
        return cls(directory, torrent, rate=rate)

    def start(self) -> None:
        assert self._process is None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.swarm"],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.port = int(self._ask(self._what | {"port": self.port})["port"])

    def kill(self) -> None:
        """kill -9, as a machine that is switched off."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def pieces(self) -> Counter[int]:
        """How many blocks of 16 KiB of each piece it has sent since it was started."""
        sent = self._ask({"do": "pieces"})["pieces"]
        return Counter({int(piece): count for piece, count in sent.items()})

    def payload(self) -> int:
        """How many bytes of files it has sent since it was started."""
        return int(self._ask({"do": "payload"})["payload"])

    def limit(self, rate: int) -> None:
        """At most so many bytes a second from now on; 0 for as many as it can."""
        self._ask({"do": "limit", "rate": rate})

    def dial(self, port: int) -> None:
        """Connect to the peer at this port of 127.0.0.1 now, without the tracker."""
        self._ask({"do": "dial", "port": port})

    def announce(self) -> None:
        """Ask the tracker for peers again now."""
        self._ask({"do": "announce"})

    def _ask(self, what: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(what).encode() + b"\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, "the seeder ended"
        result = json.loads(answer)
        assert isinstance(result, dict)
        return result

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()


def _seed() -> None:
    """The seeder's process: asks as lines of JSON on stdin, an answer to each on stdout."""
    import libtorrent

    what = json.loads(sys.stdin.readline())
    session = libtorrent.session(
        {
            "listen_interfaces": f"127.0.0.1:{what['port']}",
            "alert_mask": libtorrent.alert_category.upload | libtorrent.alert_category.status,
            "alert_queue_size": 1_000_000,
            "allow_multiple_connections_per_ip": True,
            "close_redundant_connections": False,
            "disable_hash_checks": what["wrong"],
            "enable_dht": False,
            "enable_lsd": False,
            "enable_natpmp": False,
            "enable_upnp": False,
            # A peer that was killed or is started again is to be found soon.
            "min_reconnect_time": 1,
            "max_failcount": 1000,
        }
    )
    info = libtorrent.torrent_info(libtorrent.bdecode(bytes.fromhex(what["torrent"])))
    params = libtorrent.add_torrent_params()
    params.ti = info
    params.save_path = what["directory"]
    params.flags = (params.flags | libtorrent.torrent_flags.seed_mode) & ~(
        libtorrent.torrent_flags.auto_managed | libtorrent.torrent_flags.paused
    )
    handle = session.add_torrent(params)
    handle.set_upload_limit(what["rate"] or -1)
    sent: Counter[int] = Counter()
    print(json.dumps({"port": session.listen_port()}), flush=True)
    while asked := sys.stdin.readline():
        ask = json.loads(asked)
        answer: dict[str, object] = {}
        if ask["do"] == "pieces":
            for alert in session.pop_alerts():
                if isinstance(alert, libtorrent.block_uploaded_alert):
                    sent[alert.piece_index] += 1
            answer = {"pieces": sent}
        elif ask["do"] == "payload":
            answer = {"payload": handle.status().total_payload_upload}
        elif ask["do"] == "limit":
            handle.set_upload_limit(ask["rate"] or -1)
        elif ask["do"] == "dial":
            handle.connect_peer(("127.0.0.1", ask["port"]))
        elif ask["do"] == "announce":
            handle.force_reannounce(0)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _seed()

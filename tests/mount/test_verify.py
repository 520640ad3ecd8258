"""`biofs verify` through a real mount: what is right, what is not, and what that costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from biofs.cli.commands.verify import NOTHING
from biofs.contents.rules import SETTLED_SECONDS
from biofs.demo.accounts import DONOR_PASSKEY, DONOR_TOKEN
from tests.support import torrents
from tests.support.lab import Lab, files_of, lab
from tests.support.mounting import Mount, environment, mounted
from tests.support.starting import run
from tests.support.torrents import BLOCK, Content, bytes_of

FILES: Sequence[Content] = (
    ((b"a.fa",), bytes_of("a", 3 * BLOCK)),
    ((b"b.fa",), bytes_of("b", 100)),
    ((b"sub", b"c.fa"), bytes_of("c", 2 * BLOCK)),
    ((b"sub", b"d.fa"), b""),
)
"""`a.fa` has three pieces of its own; `b.fa` and `c.fa` share the next."""

SIZE = 5 * BLOCK + 100


class User(Lab):
    """Who mounts, and asks the mount."""

    def environment(self) -> dict[str, str]:
        runtime = self.base / "run"
        runtime.mkdir(mode=0o700, exist_ok=True)
        return {"XDG_RUNTIME_DIR": str(runtime)}

    def mounted(self, *options: str, **extra: str) -> AbstractContextManager[Mount]:
        return self.mount(*options, **self.environment(), **extra)

    def verify(self, *arguments: str | Path, code: int = 0) -> tuple[list[str], str]:
        """The lines that are printed, and what is said on stderr."""
        env = environment(self.base / "home", **self.environment())
        done = run(["verify", *map(str, arguments)], env)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stdout.splitlines(), done.stderr

    def states(self, *paths: Path, code: int = 0) -> tuple[dict[str, Any], dict[str, int]]:
        """Of each file that is named, by its name, what is said; and the summary."""
        *lines, last = map(json.loads, self.verify("--json", *paths, code=code)[0])
        assert all(Path(line["path"]).exists() for line in lines)
        return {Path(line["path"]).name: line for line in lines}, last["summary"]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[User]:
    with lab(tmp_path) as found:
        yield User(found.base, found.overlay, found.server)


def flip(path: Path, at: int) -> None:
    """Change a byte."""
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


def asked(made: Lab) -> list[str]:
    return [entry.action for entry in made.server.log.entries()]


def test_what_is_right_is_said_and_nothing_else(made: User) -> None:
    ident = made.add(torrents.make(b"top", FILES), FILES)
    with made.mounted() as mount:
        where = mount.path / f"torrents/{ident}"
        expected = ["80.1 KiB in 4 files are right"]
        assert made.verify(where) == (expected, "")
        group = where.resolve().parent
        assert made.verify(group, where, where / "files/top/a.fa", where / "files")[0] == expected
        assert made.verify(where / "files/top/a.fa")[0] == ["48.0 KiB in 1 file is right"]
        assert made.verify(where / "files/top/sub")[0] == ["32.0 KiB in 2 files are right"]
        _, summary = made.states(where)
        assert (summary["right"], summary["bytes"]) == (4, SIZE)


@pytest.mark.parametrize("kind", ["v1", "v2", "hybrid"])
def test_a_byte_that_is_wrong_is_found_and_the_file_named(made: User, kind: torrents.Kind) -> None:
    ident = made.add(torrents.make(b"top", FILES, kind=kind), FILES)
    with made.mounted() as mount:
        where = mount.path / f"torrents/{ident}"
        made.verify(where)
        flip(made.data / "top/a.fa", BLOCK)
        lines, said = made.verify(where, code=1)
        assert said == ""
        path = where.resolve() / "files/top/a.fa"
        assert lines == [
            f"{path}: 1 of 3 pieces wrong",
            "32.1 KiB in 3 files are right; 1 file is wrong",
        ]
        flip(made.data / "top/a.fa", BLOCK)
        made.verify(where)


def test_a_wrong_piece_that_files_share(made: User) -> None:
    ident = made.add(torrents.make(b"top", FILES), FILES)
    flip(made.data / "top/b.fa", 0)
    with made.mounted() as mount:
        named, summary = made.states(mount.path / f"torrents/{ident}", code=1)
        assert {name: each["state"] for name, each in named.items()} == {
            "b.fa": "suspect",
            "c.fa": "suspect",
        }
        assert (summary["right"], summary["suspect"], summary["wrong"]) == (2, 2, 0)


def test_a_file_that_is_too_short(made: User) -> None:
    ident = made.add(torrents.make(b"top", FILES), FILES)
    os.truncate(made.data / "top/a.fa", 2 * BLOCK + 1)
    with made.mounted() as mount:
        lines, _ = made.verify(mount.path / f"torrents/{ident}", code=1)
        assert lines[0].endswith("/files/top/a.fa: 1 of 3 pieces wrong")


def test_what_is_not_here_is_not_wrong(made: User) -> None:
    ident = made.add(torrents.make(b"top", FILES), FILES)
    (made.data / "top/b.fa").unlink()
    with made.mounted() as mount:
        where = mount.path / f"torrents/{ident}"
        lines, _ = made.verify(where)
        path = where.resolve() / "files/top/sub/c.fa"
        assert lines == [
            f"{path}: 1 of 3 pieces cannot be verified without files that are not here",
            "48.0 KiB in 2 files are right; 1 file is not verifiable; 1 file is not here",
        ]
        named, summary = made.states(where)
        assert {name: each["state"] for name, each in named.items()} == {
            "b.fa": "missing",
            "c.fa": "unverifiable",
        }
        assert summary["missing"] == 1
        nothing = f"{where}/files/top/b.fa"
        assert made.verify(nothing, code=1) == ([], f"biofs: {NOTHING}\n")
        made.verify("--json", nothing, code=1)


def test_what_a_client_has_not_finished_is_not_wrong(made: User) -> None:
    ident = made.add(torrents.make(b"top", FILES), FILES)
    (made.data / "top/a.fa").rename(made.data / "top/a.fa.part")
    flip(made.data / "top/a.fa.part", 0)
    with made.mounted() as mount:
        lines, _ = made.verify(mount.path / f"torrents/{ident}")
        assert lines[0].endswith("a.fa: 1 of 3 pieces missing")
        assert lines[1] == "32.1 KiB in 3 files are right; 1 file is unfinished"


def test_reading_afterwards_uses_what_was_found(made: User) -> None:
    """The edge that `c.fa` shares can be read without its neighbour only if it was verified."""
    ident = made.add(torrents.make(b"top", FILES), FILES)
    time.sleep(SETTLED_SECONDS + 0.1)
    with made.mounted() as mount:
        made.verify(mount.path / f"torrents/{ident}")
        (made.data / "top/b.fa").unlink()
        content = (files_of(mount, ident) / "top/sub/c.fa").read_bytes()
        assert content == FILES[2][1]


def test_what_cannot_be_verified_is_said(made: User) -> None:
    ident = made.add(torrents.make(b"top", FILES), FILES, known=False)
    with made.mounted() as mount:
        where = mount.path / f"torrents/{ident}"
        lines, _ = made.verify(where, code=1)
        assert lines == [
            f"{where.resolve()}: no .torrent is here: mount with --torrents DIR, or save a passkey",
            "no file is right; 4 files are without hashes",
        ]
        for path, reason in {
            "categories": "only files, torrents and groups can be verified",
            "categories/Sequences": "only files, torrents and groups can be verified",
            f"torrents/{ident}/torrent.json": "only files, torrents and groups can be verified",
            f"torrents/{ident}/files/none": "there is no such name",
        }.items():
            _, said = made.verify(mount.path / path, code=1)
            assert said == f"biofs: {mount.path}: {path}: {reason}\n"


def test_a_mount_without_data_is_told_what_it_lacks(made: User, tmp_path: Path) -> None:
    options = ("--url", made.server.url, "--rate", "unlimited")
    env = {"BIOFS_TOKEN": DONOR_TOKEN, **made.environment()}
    with mounted(tmp_path, *options, env=env) as mount:
        _, said = made.verify(mount.path / "groups/1", code=1)
        assert said == (
            f"biofs: {mount.path}: it was mounted without --data: `biofs mount --data DIR` says "
            "where data are\n"
        )


def test_what_verifying_costs(made: User) -> None:
    subprocess.run(
        [sys.executable, "-m", "biofs", "demo", "data", str(made.data)],
        check=True,
        capture_output=True,
    )
    with made.mounted(BIOFS_PASSKEY=DONOR_PASSKEY) as mount:
        group = mount.path / "groups/1"
        assert made.verify(group)[0][-1].endswith(" are right")
        assert asked(made) == ["torrentgroup", "download"]
        assert made.verify(group)[0][-1].endswith(" are right")
        made.verify(mount.path / "groups/37", code=1)
        assert asked(made) == ["torrentgroup", "download", "torrentgroup"]

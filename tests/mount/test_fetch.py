"""`biofs fetch` through a real mount, with an engine that is not real: what it says and costs."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from biofs.contents.engines.choose import NO_ENGINE
from biofs.demo.accounts import DONOR_PASSKEY, DONOR_TOKEN
from biofs.mount.fetching import NO_TORRENT
from tests.support import torrents
from tests.support.documents import examples, fits, on_terminal
from tests.support.fake_engine import VARIABLE
from tests.support.lab import Lab, lab
from tests.support.mounting import Mount, environment, mounted
from tests.support.starting import run
from tests.support.torrents import BLOCK, Content, bytes_of

CHECKOUT = Path(__file__).parents[2]

FILES: Sequence[Content] = (
    ((b"a.fa",), bytes_of("a", 3 * BLOCK)),
    ((b"b.fa",), bytes_of("b", 100)),
    ((b"sub", b"c.fa"), bytes_of("c", 2 * BLOCK)),
    ((b"sub", b"d.fa"), b""),
)
"""`a.fa` has three pieces of its own; `b.fa` and `c.fa` share the next."""


class User(Lab):
    """Who mounts, and has things fetched."""

    @property
    def engine(self) -> Path:
        """What the engine reads and writes (tests.support.fake_engine)."""
        return self.base / "engine"

    @property
    def downloads(self) -> Path:
        return self.base / "downloads"

    def mounted(self, *options: str, passkey: bool = True) -> AbstractContextManager[Mount]:
        """Mount with an engine, and without data directories."""
        env = {"BIOFS_TOKEN": DONOR_TOKEN, **self.environment()}
        if passkey:
            env["BIOFS_PASSKEY"] = DONOR_PASSKEY
        given = ("--engine", "libtorrent", "--download-dir", str(self.downloads))
        pace = ("--url", self.server.url, "--rate", "unlimited", "--torrents", str(self.torrents))
        return mounted(
            self.base, *pace, *given, *options, env=env, module="tests.support.fake_engine"
        )

    def environment(self) -> dict[str, str]:
        runtime = self.base / "run"
        runtime.mkdir(mode=0o700, exist_ok=True)
        return {"XDG_RUNTIME_DIR": str(runtime), VARIABLE: str(self.engine)}

    def command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "biofs", "fetch", *map(str, arguments)]

    def fetch(self, *arguments: str | Path, code: int = 0) -> tuple[list[str], list[str]]:
        """The lines on stdout and on stderr."""
        env = environment(self.base / "home", **self.environment())
        done = run(["fetch", *map(str, arguments)], env)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stdout.splitlines(), done.stderr.splitlines()

    def explain(self, *arguments: str | Path) -> str:
        """What `biofs explain` prints."""
        env = environment(self.base / "home", **self.environment())
        done = run(["explain", *map(str, arguments)], env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def asked(self) -> list[str]:
        """The requests that reached the server."""
        return [entry.action for entry in self.server.log.entries()]

    def calls(self, name: str = "calls") -> list[Any]:
        """What the engine was told; with "asked", also what it was asked."""
        path = self.engine / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def offer(self, files: Sequence[Content] = FILES, *, known: bool = True) -> int:
        """A torrent of which nothing is here, and everything at a seeder's."""
        torrent = torrents.make(b"top", files)
        torrents.lay_out(self.engine / "seed", torrent, files)
        return self.add(torrent, files, known=known, laid_out=False)

    def offer_demo(self) -> None:
        """The data of the embedded catalogue are at a seeder's."""
        subprocess.run(
            [sys.executable, "-m", "biofs", "demo", "data", str(self.engine / "seed")],
            check=True,
            capture_output=True,
        )


@pytest.fixture
def made(tmp_path: Path) -> Iterator[User]:
    with lab(tmp_path) as found:
        user = User(found.base, found.overlay, found.server)
        user.engine.mkdir()
        yield user


def error_of(path: Path) -> int:
    try:
        path.read_bytes()
    except OSError as error:
        return error.errno or 0
    return 0


def test_a_file_is_fetched_verified_and_opens(made: User) -> None:
    ident = made.offer()
    with made.mounted() as mount:
        where = mount.path / f"torrents/{ident}"
        path = where / "files/top/sub/c.fa"
        assert error_of(path) == errno.ENODATA
        out, said = made.fetch("--yes", path)
        assert out == ["32.0 KiB in 1 file here and verified"]
        assert said[0] == (
            f"{where.resolve()}: 1 file of 32.0 KiB, 32.1 KiB to fetch in whole pieces; 0 seeders"
        )
        assert said[1].startswith("32.1 KiB together, room for ")
        assert path.read_bytes() == FILES[2][1]
        assert error_of(where / "files/top/a.fa") == errno.ENODATA, "nobody wanted it"
        here = [link.resolve() for link in (mount.path / "here").iterdir()]
        assert here == [where.resolve()]
        assert made.fetch(path)[0] == ["nothing to fetch: 1 file here and verified"]
        made.fetch("--yes", where / "files/top/a.fa")
        assert (where / "files/top/a.fa").read_bytes() == FILES[0][1]
        announced = [(call[0], call[3]) for call in made.calls()]
        assert announced == [("fetch", True), ("fetch", False)], "it has the torrent already"


def test_what_fetching_costs(made: User) -> None:
    made.offer_demo()
    with made.mounted() as mount:
        found = sorted((mount.path / "torrents/1/files").rglob("*"))
        files = [path for path in found if path.is_file()]
        assert len(files) >= 4
        before = made.asked()
        assert "download" not in before
        made.fetch("--yes", *files[:3])
        assert made.asked() == [*before, "download"]
        made.fetch("--yes", *files[:3])
        made.fetch("--status")
        made.fetch("--status", files[0])
        assert made.asked() == [*before, "download"]
        made.fetch("--yes", files[3])
        made.fetch("--yes", mount.path / "torrents/1")
        made.fetch("--cancel", mount.path / "torrents/1")
        assert made.asked() == [*before, "download"], "the engine has the torrent"
        assert [call[0] for call in made.calls()] == ["fetch", "cancel"], "all is in one piece"
        for path in files:
            assert len(path.read_bytes()) == path.stat().st_size


def test_two_at_once_download_and_fetch_once(made: User) -> None:
    made.offer_demo()
    with made.mounted() as mount:
        list((mount.path / "torrents/1/files").rglob("*"))
        before = made.asked()
        env = environment(made.base / "home", **made.environment())
        commands = [
            subprocess.Popen(
                made.command("--yes", mount.path / "torrents/1"),
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for _ in range(4)
        ]
        for command in commands:
            out, err = command.communicate(timeout=120)
            assert command.returncode == 0, (out, err)
        assert made.asked() == [*before, "download"]


def test_looking_never_asks_the_engine(made: User) -> None:
    ident = made.offer()
    with made.mounted() as mount:
        where = mount.path / f"torrents/{ident}/"
        for command in (
            ["ls", "-lR", "--color=always"],
            ["find", "-L", ".", "-size", "+0"],
            ["du", "-s", "."],
            ["cat", "contents.json"],
        ):
            subprocess.run(command, cwd=where, check=True, capture_output=True, timeout=60)
        grep = subprocess.run(
            ["grep", "-r", "A", "."], cwd=where, check=False, capture_output=True, timeout=60
        )
        assert b"No data available" in grep.stderr
        list((mount.path / "here").iterdir())
        subprocess.run(
            [sys.executable, "-m", "biofs", "explain", str(where / "files/top/a.fa")],
            env=environment(made.base / "home", **made.environment()),
            check=True,
            capture_output=True,
        )
        assert made.calls("asked") == []


def test_without_a_way_to_the_torrent(made: User) -> None:
    made.offer_demo()
    with made.mounted(passkey=False) as mount:
        where = (mount.path / "torrents/1").resolve()
        out, said = made.fetch("--yes", mount.path / "torrents/1", code=1)
        assert (out, said) == ([], [f"biofs: {where}: {NO_TORRENT}"])
        assert "download" not in made.asked()
        assert made.calls() == []


def test_nobody_has_it(made: User) -> None:
    ident = made.offer()
    with made.mounted() as mount:
        _, said = made.fetch(mount.path / f"torrents/{ident}", code=1)
        assert said[-1].endswith(
            "no seeders are known, so nobody may have it: --yes fetches it all the same"
        )
        assert made.calls() == []


def test_much_is_asked_about(made: User) -> None:
    made.offer_demo()
    with made.mounted() as mount:
        torrent = mount.path / "torrents/1"
        _, said = made.fetch("--ask-above", "1K", torrent, code=2)
        assert said[-1] == "biofs: cannot ask for confirmation (no terminal): pass --yes"
        assert made.calls() == []
        made.fetch("--ask-above", "1M", torrent)
        assert len(made.calls()) == 1


def test_ctrl_c_leaves_it_going_on(made: User) -> None:
    ident = made.offer()
    (made.engine / "hold").touch()
    with made.mounted() as mount:
        where = mount.path / f"torrents/{ident}"
        command = subprocess.Popen(
            made.command("--yes", where),
            env=environment(made.base / "home", **made.environment()),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while ["all"] not in made.calls("asked"):  # it waits
            assert command.poll() is None
        command.send_signal(signal.SIGINT)
        _, said = command.communicate(timeout=60)
        assert command.returncode == 130
        assert said.splitlines()[-1].startswith("biofs: it goes on: ")
        out, _ = made.fetch("--status")
        held = "fetching, 0 bytes of 80.1 KiB in 4 files, 1,000 bytes/s from 1 peer"
        assert out == [
            f"{where.resolve()}: {held}",
        ]
        (made.engine / "hold").unlink()
        assert made.fetch("--wait", where)[0] == ["80.1 KiB in 4 files here and verified"]
        status = json.loads(made.fetch("--status", "--json", where)[0][0])
        assert status["torrents"][0]["state"] == "finished"


def test_it_can_be_given_up(made: User) -> None:
    ident = made.offer()
    (made.engine / "hold").touch()
    with made.mounted() as mount:
        where = mount.path / f"torrents/{ident}"
        _, said = made.fetch("--cancel", where, code=1)
        assert said == [f"biofs: {where.resolve()}: is not being fetched"]
        made.fetch("--yes", "--no-wait", where)
        out, _ = made.fetch("--cancel", where / "files/top/a.fa")
        assert out == ["1 torrent given up: what is here stays"]
        assert made.calls()[-1][2] == [0]
        made.fetch("--cancel", where)
        assert made.calls()[-1][2] is None
        _, said = made.fetch("--wait", where, code=1)
        assert "is not being fetched" in said[-1]


def test_what_is_here_is_not_fetched_again(made: User) -> None:
    """Of a torrent in a data directory, what is not there is read from the engine's."""
    ident = made.offer()
    torrents.lay_out(made.data, torrents.make(b"top", FILES), FILES[:1])
    with made.mounted("--data", str(made.data)) as mount:
        where = mount.path / f"torrents/{ident}"
        out, said = made.fetch("--yes", where)
        assert said[0].endswith(": 3 files of 32.1 KiB; 1 file here already; 0 seeders")
        assert made.calls()[0][2] == [1, 2, 3]
        assert out == ["80.1 KiB in 4 files here and verified"]
        for path, content in FILES:
            name = b"/".join(path).decode()
            assert (where / "files/top" / name).read_bytes() == content
        found = json.loads((where / "contents.json").read_bytes())
        assert found["here"] == found["total"]
        for directory, name in ((made.data, "a.fa"), (made.downloads, "sub/c.fa")):
            facts = json.loads(made.explain("--json", where / "files/top" / name))
            assert facts["data"] == "here"
            assert facts["disk_path"] == str(directory / "top" / name)


def test_what_an_engine_says_that_is_wrong_is_said(made: User) -> None:
    ident = made.offer()
    (made.engine / "gone").touch()
    with made.mounted() as mount:
        _, said = made.fetch("--yes", mount.path / f"torrents/{ident}", code=1)
        assert said == [f"biofs: {mount.path}: the engine is not reachable: start it"]


def test_a_mount_without_an_engine_says_how_to_set_one(made: User) -> None:
    ident = made.offer()
    with made.mount(**made.environment()) as mount:
        path = mount.path / f"torrents/{ident}/files/top/a.fa"
        _, said = made.fetch(path, code=1)
        assert said == [f"biofs: {mount.path}: {NO_ENGINE}"]


def test_the_passkey_is_nowhere(made: User) -> None:
    made.offer_demo()
    (made.engine / "hold").touch()
    with made.mounted() as mount:
        made.fetch("--yes", "--no-wait", mount.path / "torrents/1")
        shown = "".join(made.fetch("--status", "--json")[0])
        arguments = Path(f"/proc/{mount.process.pid}/cmdline").read_bytes()
        assert DONOR_PASSKEY.encode() not in arguments
        assert DONOR_PASSKEY not in shown + json.dumps(mount.status())
    for path in made.base.rglob("*"):
        if path.is_file() and not path.is_relative_to(made.torrents):
            assert DONOR_PASSKEY.encode() not in path.read_bytes(), path
    assert os.listdir(made.engine)


def test_the_examples_of_the_page_on_fetching(made: User) -> None:
    made.offer_demo()
    with made.mounted() as mount:
        home = made.base / "me"
        home.mkdir()
        (home / "biotorrents").symlink_to(mount.path)
        env = {
            **environment(home, **made.environment()),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(CHECKOUT),
        }
        typed = examples(CHECKOUT / "docs/fetch.md")
        assert len(typed) == 2
        for example in typed:
            code, lines = on_terminal(example.command, home, env)
            assert code == 0, lines
            shown = [line.replace(str(mount.path), "/home/me/biotorrents") for line in lines]
            shown = [re.sub("room for .*", "room for 1.2 TiB", line) for line in shown]
            assert fits(example, shown), shown


def test_explain_says_what_to_do(made: User) -> None:
    ident = made.offer()
    said = {}
    for engine in (True, False):
        with made.mounted() if engine else made.mount(**made.environment()) as mount:
            path = mount.path / f"torrents/{ident}/files/top/a.fa"
            assert path.stat().st_size == len(FILES[0][1])
            said[engine] = made.explain(path)
    assert "`biofs fetch PATH` fetches it" in said[True]
    assert "with an engine set" in said[False]


def test_doctor_says_what_the_engine_says(made: User) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.fake_engine", "doctor", "--offline"],
        env=environment(made.base / "home", **made.environment()) | {"BIOFS_TOKEN": DONOR_TOKEN},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "a fake" not in done.stdout
    settings = made.base / "home/.config/biofs/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('engine = "libtorrent"\n')
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.fake_engine", "doctor", "--offline"],
        env=environment(made.base / "home", **made.environment()) | {"BIOFS_TOKEN": DONOR_TOKEN},
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search("^ok  libtorrent +a fake$", done.stdout, re.MULTILINE), done.stdout

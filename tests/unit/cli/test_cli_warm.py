"""What `biofs warm`, `cache` and `export` take, and what they refuse before they begin."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
import trio

from biofs.catalogue.warming import Warming
from biofs.cli import main
from biofs.cli.commands import cache, warm
from biofs.cli.stores import warming
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.errors import QuietError
from biofs.settings.load import Settings, load
from biofs.store.database.files import store_path
from biofs.store.database.snapshot import Snapshot
from biofs.store.snapshots.cache import mountable
from tests.support.catalogues import running

TOKEN = "test-token-8f3a"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with a token and nothing else."""
    for name in [name for name in os.environ if name.startswith(("XDG_", "BIOFS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BIOFS_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Settings, list[int], bool]]:
    """What would be warmed."""
    seen: list[tuple[Settings, list[int], bool]] = []

    def run(settings: Settings, categories: Sequence[int], *, details: bool) -> str:
        seen.append((settings, list(categories), details))
        return "all is known"

    monkeypatch.setattr(warm, "run", run)
    return seen


@pytest.mark.parametrize(
    ("arguments", "categories"),
    [
        ([], list(range(1, 13))),
        (["Images"], [8]),
        (["images", "SEQUENCES", "Images"], [8, 1]),
        (["scalars-vectors", "machine data"], [5, 12]),
    ],
)
def test_categories_by_name(
    runs: list[tuple[Settings, list[int], bool]],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    categories: list[int],
) -> None:
    assert main(["warm", "--rate", "2/6", "--details", *arguments]) == 0
    [(settings, chosen, details)] = runs
    assert (chosen, details, str(settings.rate)) == (categories, True, "2/6")
    assert capsys.readouterr().out == "all is known\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Imagess"], "Imagess: no such category; the categories are Sequences, Graphs, "),
        (["--demo"], "--demo: keeps nothing without a place for it: give --cache-dir"),
        (["--offline"], "no such option '--offline'"),
        (["--url", "x"], "--url: "),
    ],
)
def test_what_makes_no_sense_is_refused(
    runs: list[object], capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["warm", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"biofs: {said}")
    assert captured.err.count("\n") == 1
    assert runs == []


def test_one_warm_up_at_a_time(tmp_path: Path) -> None:
    store = tmp_path / "new" / "host-1.sqlite"
    with warming(store):
        with pytest.raises(QuietError, match="under way already"), warming(store):
            pass
        with warming(tmp_path / "new" / "host-2.sqlite"):
            pass
    with warming(store):
        assert store.parent.stat().st_mode & 0o777 == 0o700


def test_a_place_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(QuietError, match="file"),
        warming(tmp_path / "file" / "host.sqlite"),
    ):
        pass


def filled(path: Path) -> None:
    """Make a store in which something is known."""

    async def fill() -> None:
        app = create_app(Generated(30, 1, 1, categories=(1,)))
        async with running(app, path) as catalogue:
            await Warming(catalogue, [1], details=True, most_bytes=1 << 30).run()

    trio.run(fill)


@pytest.fixture
def stores(home: Path) -> list[Path]:
    """A cache with two stores."""
    made = [home / ".cache" / "biofs" / f"torrents.bio-{name}.sqlite" for name in ("a", "b")]
    for store in made:
        filled(store)
    return made


def test_an_empty_cache(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "info"]) == 0
    assert main(["cache", "clear", "--yes"]) == 0
    assert capsys.readouterr().out == (f"nothing is kept in {home}/.cache/biofs\nremoved 0 bytes\n")
    assert list(home.iterdir()) == []


def test_what_is_kept(stores: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    damaged = stores[0].with_name("torrents.bio-c.sqlite")
    damaged.write_bytes(b"no store" * 1000)
    with closing(sqlite3.connect(stores[1])) as connection:
        connection.execute("UPDATE details SET fetched = 0")
        connection.commit()
    assert main(["cache", "info"]) == 0
    first, second, third = capsys.readouterr().out.rstrip().split("\n\n")
    assert first.startswith("store    torrents.bio-a.sqlite\nsize     ")
    assert "\nknown    30 groups, 30 of them with details, 30 file lists\n" in first
    assert "years old" in second
    assert (
        third == "store    torrents.bio-c.sqlite\nsize     7.8 KiB\ndamaged  file is not a database"
    )


def test_clearing_asks_first(
    stores: list[Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["cache", "clear"]) == 2
    assert (
        capsys.readouterr().err == "biofs: cannot ask for confirmation (no terminal): pass --yes\n"
    )
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("click.confirm", _no)
    assert main(["cache", "clear"]) == 130
    assert all(store.exists() for store in stores)
    monkeypatch.setattr("click.confirm", lambda *_args, **_options: True)
    (stores[0].with_suffix(".warming")).write_text("")
    (stores[0].parent / "something else").write_text("")
    assert main(["cache", "clear"]) == 0
    assert [path.name for path in stores[0].parent.iterdir()] == ["something else"]


def _no(*_args: object, **_options: object) -> bool:
    raise KeyboardInterrupt


def test_what_is_in_use_stays(
    stores: list[Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        cache, "holders", lambda path: ["biofs (pid 7)"] if path == str(stores[0]) else []
    )
    assert main(["cache", "clear", "--yes"]) == 1
    assert capsys.readouterr().err == (
        "biofs: torrents.bio-a.sqlite: in use by biofs (pid 7): end that first, then clear again\n"
    )
    assert [store.exists() for store in stores] == [True, False]


@pytest.fixture
def known(home: Path) -> Path:
    """The store of the user's account at a server, filled."""
    store = store_path(load({"url": "https://example.org"}, os.environ))
    assert store is not None
    filled(store)
    return store


def export(*arguments: str) -> int:
    return main(["export", "--url", "https://example.org", *arguments])


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_exporting(
    known: Path, home: Path, capsys: pytest.CaptureFixture[str], umask: int, mode: int
) -> None:
    old = os.umask(umask)
    try:
        assert export("x.biofs") == 0
    finally:
        os.umask(old)
    said = capsys.readouterr().out
    assert said.endswith("KiB: 1 category listed, details of 30 of 30 groups\n")
    file = home / "x.biofs"
    assert file.stat().st_mode & 0o777 == mode
    opened = Snapshot(mountable(file))
    assert opened.about.server == "https://example.org"
    opened.close()
    assert TOKEN.encode() not in mountable(file).read_bytes()
    assert [path.name for path in home.iterdir() if path.name.startswith(".x")] == []


def test_what_is_there_is_replaced_only_by_force(
    known: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home / "x.biofs"
    file.write_text("precious")
    assert export("x.biofs") == 1
    assert capsys.readouterr().err == "biofs: x.biofs: already exists; --force overwrites it\n"
    assert file.read_text() == "precious"
    assert export("--force", "x.biofs") == 0
    Snapshot(mountable(file)).close()


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (".", ".: a directory: give a file in it"),
        ("nowhere/x", "nowhere/x: No such file or directory"),
    ],
)
def test_where_nothing_can_be_written(
    known: Path, capsys: pytest.CaptureFixture[str], file: str, said: str
) -> None:
    assert export(file) == 1
    assert capsys.readouterr().err == f"biofs: {said}\n"


def test_nothing_known_nothing_exported(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export("x") == 1
    assert capsys.readouterr().err == (
        "biofs: nothing is known of https://example.org: `biofs warm` fetches it\n"
    )
    assert list(home.iterdir()) == []


def test_without_a_token_it_is_the_only_account(
    known: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BIOFS_TOKEN")
    assert export("x") == 0
    known.rename(known.with_name("example.org-aaaaaaaaaaaa.sqlite"))
    filled(known)
    assert export("y") == 1
    assert "give --token-file as for that mount" in capsys.readouterr().err


def test_a_damaged_store_is_not_exported(
    known: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known.write_bytes(b"no store" * 1000)
    assert export("x") == 1
    assert capsys.readouterr().err.startswith(f"biofs: {known}: file is not a database")
    assert sorted(path.name for path in home.iterdir()) == [".cache"]

"""A category of very many groups: what its names cost, and what looking at each of them costs."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from biofs.mount.kernel.names_only import LOOKED_AHEAD, PROBES_APART
from biofs.settings.load import load
from biofs.store.database.files import store_path
from biofs.store.database.store import Store
from biofs.tree.inodes import Kind, pack
from tests.support.mounting import Mount, mounted
from tests.support.tallying import Tally

pytestmark = pytest.mark.long

CATEGORY, PLACE = 1, "categories/Sequences"
GROUPS = LOOKED_AHEAD + 2 * PROBES_APART
SERVER = "http://127.0.0.1:9"  # nobody serves there, and nobody is asked
TOKEN = "token"


def _write(connection: sqlite3.Connection) -> None:
    connection.executemany(
        "INSERT INTO groups (id, category, name, mtime, line, stable, seen)"
        " VALUES (?, ?, ?, ?, NULL, NULL, 0)",
        ((number, CATEGORY, f"Group [{number}]", number) for number in range(1, GROUPS + 1)),
    )
    connection.execute("INSERT INTO listings VALUES (?, 0, 0, 1)", (CATEGORY,))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache directory whose store has a category of so many groups."""
    cache = tmp_path_factory.mktemp("cache")
    path = store_path(
        load({"url": SERVER, "cache_dir": str(cache)}, {"BIOFS_TOKEN": TOKEN}, Path("/nonexistent"))
    )
    assert path is not None
    store = Store(path)
    store.write_now(_write)
    store.close()
    return cache


@contextmanager
def tallied(base: Path, cache: Path) -> Iterator[tuple[Mount, Tally]]:
    """A fresh mount of it."""
    env = {"BIOFS_TALLY": str(base / "tally"), "BIOFS_TOKEN": TOKEN}
    options = ("--url", SERVER, "--cache-dir", str(cache), "--offline")
    with mounted(base, *options, env=env, module="tests.support.tallying") as mount:
        yield mount, Tally(base / "tally")


def test_names_are_all_there_and_those_far_behind_are_asked_for_when_they_are_looked_at(
    tmp_path: Path, cache: Path
) -> None:
    with tallied(tmp_path, cache) as (mount, tally):
        with os.scandir(mount.path / PLACE) as entries:
            found = {entry.name: (entry.inode(), entry.is_dir()) for entry in entries}
        del found["index.jsonl"]
        assert found == {
            f"Group [{number}]": (pack(Kind.GROUP, number), True) for number in range(1, GROUPS + 1)
        }

        def look(number: int) -> None:
            about = (mount.path / PLACE / f"Group [{number}]").lstat()
            assert (about.st_ino, about.st_mtime) == (pack(Kind.GROUP, number), number)

        before = tally.fewest(lambda: look(1))["lookup"]
        assert tally.of(lambda: look(GROUPS))["lookup"] > before
        assert tally.fewest(lambda: look(GROUPS))["lookup"] <= before, "the kernel keeps it"


@pytest.mark.parametrize(
    "command", [("ls", "-lU", "."), ("find", ".", "-maxdepth", "1", "-size", "+1")]
)
def test_who_looks_at_all_of_them_asks_for_few(
    tmp_path: Path, cache: Path, command: tuple[str, ...]
) -> None:
    most, seen = GROUPS // PROBES_APART + 10, []
    for _ in range(3):  # the kernel may drop what it keeps at any time
        with tallied(tmp_path, cache) as (mount, tally):
            looks = partial(
                subprocess.run, command, cwd=mount.path / PLACE, stdout=subprocess.DEVNULL
            )
            seen.append(tally.of(partial(looks, check=True))["lookup"])
        if seen[-1] <= most:
            return
    pytest.fail(f"{seen} lookups, of {GROUPS} groups")

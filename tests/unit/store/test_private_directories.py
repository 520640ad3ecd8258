"""What biofs makes to keep things in lets nobody else in, from the first directory on."""

from __future__ import annotations

import stat
from pathlib import Path

from biofs.store.database.files import make_directory, make_private
from biofs.store.snapshots.kept import Kept


def modes(base: Path) -> set[int]:
    return {stat.S_IMODE(each.stat().st_mode) for each in base.rglob("*") if each.is_dir()}


def test_every_directory_on_the_way_is_private(tmp_path: Path) -> None:
    make_directory(tmp_path / "a/b/c")
    make_directory(tmp_path / "a/b/c")
    make_private(tmp_path / "d/e/store.sqlite")
    Kept(tmp_path / "f/cache", "https://lab.example/catalogue").make()
    assert modes(tmp_path) == {0o700}


def test_those_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o755)
    make_directory(tmp_path / "a/b")
    assert modes(tmp_path) == {0o755, 0o700}

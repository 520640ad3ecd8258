"""A compressed snapshot shows what a plain one shows, and so does one that deltas have reached."""

from __future__ import annotations

from pathlib import Path

from biofs.store.snapshots import delta, packing
from tests.support.mounting import mounted
from tests.support.publishing import exported, made_up, revised, stepped

GROUPS = made_up(12)


def tree(tmp_path: Path, file: Path, name: str) -> dict[str, tuple[int, float, bytes]]:
    """Inode number, time and content of everything in a mount of `file`."""
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_RUNTIME_DIR": str(tmp_path)}
    with mounted(tmp_path, "--snapshot", str(file), env=env, name=name) as mount:
        found = {}
        for folder in ("categories", "tags", "years"):
            for path in sorted((mount.path / folder).rglob("*")):
                status = path.lstat()
                is_file = path.is_file() and "files" not in path.parts
                content = path.read_bytes() if is_file else b""
                found[str(path.relative_to(mount.path))] = (
                    status.st_ino,
                    status.st_mtime,
                    content,
                )
        return found


def test_a_compressed_one_shows_what_a_plain_one_shows(tmp_path: Path) -> None:
    plain, packed = exported(GROUPS, tmp_path / "plain"), tmp_path / "packed"
    with packed.open("wb") as target:
        packing.pack(plain, target)
    shown = tree(tmp_path, plain, "one")
    assert len(shown) > 200
    assert tree(tmp_path, packed, "other") == shown
    assert len(list((tmp_path / "cache/biofs/snapshots").glob("*.sqlite"))) == 1


def test_one_that_a_delta_has_reached_shows_what_the_whole_one_shows(tmp_path: Path) -> None:
    later = [revised(GROUPS[0]), *GROUPS[2:], *made_up(14)[12:]]
    old, new = exported(GROUPS, tmp_path / "old"), exported(later, tmp_path / "new")
    wanted = stepped(old, new, tmp_path / "delta")
    delta.apply(old, tmp_path / "delta", tmp_path / "into", wanted)
    assert tree(tmp_path, tmp_path / "into", "one") == tree(tmp_path, new, "other")

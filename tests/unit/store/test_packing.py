"""Compressed snapshots: reproducible, whole or not at all, and bounded whatever they claim."""

from __future__ import annotations

import fcntl
import io
import os
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biofs.store.database.files import StoreError
from biofs.store.snapshots import cache, checked, files, packing, signing, zstd
from biofs.store.snapshots.cache import mountable
from biofs.store.snapshots.description import SnapshotFile
from biofs.store.snapshots.files import digest
from tests.support.publishing import exported, made_up

MIB = 1 << 20


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(made_up(40), tmp_path_factory.mktemp("plain") / "file")


@pytest.fixture
def packed(plain: Path, tmp_path: Path) -> Path:
    file = tmp_path / "packed.zst"
    with file.open("wb") as target:
        packing.pack(plain, target)
    return file


def wanted(plain: Path, packed: Path, **other: object) -> SnapshotFile:
    facts: dict[str, object] = {
        "id": "0" * 64,
        "file": "x",
        "size": packed.stat().st_size,
        "sha256": digest(packed),
        "unpacked_size": plain.stat().st_size,
        "unpacked_sha256": digest(plain),
    }
    return SnapshotFile(**{**facts, **other})  # type: ignore[arg-type]


def frame(content: bytes, *, says: int | None = None, window_log: int = 20) -> bytes:
    options = {zstd.CompressionParameter.window_log: window_log}
    packer = zstd.ZstdCompressor(options=options)
    if says is not None:
        packer.set_pledged_input_size(says)
    return packer.compress(content) + packer.flush()


def test_it_is_smaller_reproducible_and_comes_back(
    plain: Path, packed: Path, tmp_path: Path
) -> None:
    again = io.BytesIO()
    packing.pack(plain, again)
    assert again.getvalue() == packed.read_bytes()
    assert packed.stat().st_size < plain.stat().st_size / 4
    seen: list[tuple[int, int]] = []
    into = tmp_path / "into"
    packing.unpack(packed, into, wanted(plain, packed), progress=lambda *step: seen.append(step))
    assert into.read_bytes() == plain.read_bytes()
    assert seen[-1] == (plain.stat().st_size, plain.stat().st_size)
    assert packing.is_packed(packed)
    assert not packing.is_packed(plain)


def refused(file: Path, into: Path, *arguments: SnapshotFile, most: int = 1 << 30) -> str:
    with pytest.raises(StoreError) as caught:
        packing.unpack(file, into, *arguments, most=most)
    assert [path.name for path in into.parent.iterdir() if path.name.startswith(".into")] == []
    assert not into.exists()
    return str(caught.value).removeprefix(f"{file}: ")


@pytest.mark.parametrize("keep", [0, 3, 5, 17, 100, 0.5, -100, -4, -1])
def test_one_that_is_cut_off_anywhere_is_refused(packed: Path, tmp_path: Path, keep: float) -> None:
    content = packed.read_bytes()
    length = int(keep * len(content)) if isinstance(keep, float) else keep
    packed.write_bytes(content[:length])
    assert "cut off" in refused(packed, tmp_path / "into")


def test_one_with_something_behind_it_is_refused(packed: Path, tmp_path: Path) -> None:
    content = packed.read_bytes()
    for more in (b"x", content, frame(b"")):
        packed.write_bytes(content + more)
        assert refused(packed, tmp_path / "into") == "damaged: is not one compressed file"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_a_changed_byte_is_noticed(packed: Path, where: float, change: int) -> None:
    content = bytearray(packed.read_bytes())
    content[int(where * len(content))] ^= change
    file, into = packed.with_name("changed"), packed.with_name("into")
    file.write_bytes(content)
    assert refused(file, into)


def test_what_the_description_says_is_checked(plain: Path, packed: Path, tmp_path: Path) -> None:
    into = tmp_path / "into"
    for other, problem in (
        ({"sha256": "1" * 64}, "not the checksum that the description says"),
        ({"unpacked_sha256": "1" * 64}, "not the checksum that the description says"),
        ({"unpacked_size": 5}, "not the size that the description says"),
    ):
        assert refused(packed, into, wanted(plain, packed, **other)) == problem


def test_a_bomb_is_refused_before_it_has_gone_off(tmp_path: Path) -> None:
    bomb, into = tmp_path / "bomb", tmp_path / "into"
    zeros = bytes(256 * MIB)
    bomb.write_bytes(frame(zeros, says=len(zeros)))
    assert bomb.stat().st_size < MIB
    del zeros
    tracemalloc.start()
    try:
        assert refused(bomb, into) == "not a snapshot: what is in it is not a file of biofs"
        assert "where 1,048,576 are allowed" in refused(bomb, into, most=MIB)
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()


def test_one_that_looks_right_at_first_takes_no_memory(plain: Path, tmp_path: Path) -> None:
    bomb, into = tmp_path / "bomb", tmp_path / "into"
    content = plain.read_bytes()[:4096] + bytes(128 * MIB)
    bomb.write_bytes(frame(content, says=len(content)))
    del content
    tracemalloc.start()
    try:
        packing.unpack(bomb, into)  # as large as it says: SQLite is to judge it
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()


def test_a_frame_that_lies_or_wants_much_memory_is_refused(plain: Path, tmp_path: Path) -> None:
    file, into = tmp_path / "file", tmp_path / "into"
    file.write_bytes(frame(plain.read_bytes()))
    assert "does not say how large" in refused(file, into)
    # 128 MiB of window, of incompressible bytes so that the frame needs it.
    content = plain.read_bytes() + bytes(200 * MIB)
    file.write_bytes(frame(content, says=len(content), window_log=27))
    assert "too much memory" in refused(file, into)
    file.write_bytes(frame(b"", says=0))
    assert refused(file, into) == "not a snapshot: empty"
    file.write_bytes(b"(\xb5/\xfd\xe0" + b"\xff" * 8)  # claims 2**64 - 1 bytes
    assert refused(file, into)


def test_a_full_disk_is_said(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 7})())
    with pytest.raises(StoreError, match=r"bytes are needed, 7 are free"):
        mountable(packed, tmp_path / "cache")


def test_it_is_unpacked_once_and_a_plain_one_never(
    plain: Path, packed: Path, tmp_path: Path
) -> None:
    place = tmp_path / "cache"
    assert mountable(plain, place) == plain
    assert not place.exists()
    seen: list[int] = []
    first = mountable(packed, place, lambda done, _: seen.append(done))
    assert first.read_bytes() == plain.read_bytes()
    assert first.stat().st_mode & 0o777 == 0o600
    count = len(seen)
    other = tmp_path / "copied elsewhere"
    other.write_bytes(packed.read_bytes())
    assert mountable(other, place, lambda done, _: seen.append(done)) == first
    assert len(seen) == count > 0


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often files are read whole."""
    counted = Counter[str]()
    monkeypatch.setattr(checked, "_here", {})

    def digest(file: Path) -> str:
        counted["digest"] += 1
        return files.digest(file)

    def verify(file: Path, key: str) -> None:
        counted["verify"] += 1
        if key != "RWright":
            raise StoreError(f"{file}: not signed with the key that is trusted")

    monkeypatch.setattr(cache, "digest", digest)
    monkeypatch.setattr(signing, "verify_file", verify)
    return counted


def long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have files that are there be older than the granularity of any clock."""
    later = time.time() + 60
    monkeypatch.setattr(checked.time, "time", lambda: later)


def test_one_that_was_looked_at_is_not_read_again(
    packed: Path, tmp_path: Path, reads: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago(monkeypatch)
    place = tmp_path / "cache"
    assert cache.at_hand(packed, place) is None
    first = mountable(packed, place)
    for _ in range(3):
        checked._here.clear()  # as in another process
        assert mountable(packed, place) == first
        assert cache.at_hand(packed, place) == first
    assert reads == {"digest": 1}
    for _ in range(3):
        checked._here.clear()
        assert mountable(packed, place, key="RWright") == first
        assert cache.at_hand(packed, place, "RWright") == first
    assert reads == {"digest": 1, "verify": 1}
    assert cache.at_hand(packed, place, "RWwrong") is None
    with pytest.raises(StoreError, match="not signed"):
        mountable(packed, place, key="RWwrong")
    first.unlink()
    assert cache.at_hand(packed, place) is None
    assert mountable(packed, place) == first
    assert first.exists()


def test_a_signature_of_a_plain_one_is_checked_once(
    plain: Path, tmp_path: Path, reads: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago(monkeypatch)
    for _ in range(3):
        checked._here.clear()
        assert mountable(plain, tmp_path / "cache", key="RWright") == plain
        assert cache.at_hand(plain, tmp_path / "cache", "RWright") == plain
        assert cache.at_hand(plain, tmp_path / "cache", "RWwrong") is None
    assert reads == {"verify": 1}


@pytest.mark.parametrize("restore_times", [False, True])
def test_another_content_is_read_again_whatever_its_times(
    packed: Path,
    tmp_path: Path,
    reads: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
    restore_times: bool,
) -> None:
    long_ago(monkeypatch)
    place = tmp_path / "cache"
    mountable(packed, place, key="RWright")
    before = packed.stat()
    time.sleep(0.02)  # the granularity of ctime
    packed.write_bytes(packed.read_bytes()[:-1] + b"?")
    if restore_times:
        os.utime(packed, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert cache.at_hand(packed, place) is None
    with pytest.raises(StoreError, match="damaged"):
        mountable(packed, place, key="RWright")
    assert reads == {"digest": 2, "verify": 2}


def test_of_one_that_was_written_just_now_nothing_is_kept_for_other_processes(
    packed: Path, tmp_path: Path, reads: Counter[str]
) -> None:
    packed.touch()
    mountable(packed, tmp_path / "cache")
    mountable(packed, tmp_path / "cache")
    assert reads == {"digest": 1}, "this process has it"
    assert not list((tmp_path / "cache").rglob(f"*{checked.SUFFIX}"))


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_kept_may_be_damaged(packed: Path, tmp_path: Path, kept: bytes) -> None:
    folder = tmp_path / "damaged"
    folder.mkdir(exist_ok=True)
    wanted = checked.identity(packed)
    checked._here.clear()
    (folder / f"{wanted.device:x}-{wanted.inode:x}{checked.SUFFIX}").write_bytes(kept)
    assert checked.found(folder, wanted) == checked.Found(identity=wanted)


def test_what_nobody_mounts_is_removed_after_a_month(packed: Path, tmp_path: Path) -> None:
    used, unused = [tmp_path / "cache" / cache.FOLDER / f"{name}.sqlite" for name in "ab"]
    used.parent.mkdir(parents=True)
    for file in (used, unused):
        file.write_bytes(b"x")
        os.utime(file, (1, 1))
    held = cache.hold(used)
    assert held is not None
    mountable(packed, tmp_path / "cache")
    assert used.exists()
    assert not unused.exists()
    os.close(held)
    cache.remove_old(used.parent)
    assert not used.exists()


def test_a_second_process_waits_while_one_unpacks(packed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / cache.FOLDER
    folder.mkdir(parents=True)
    child = os.fork()
    if child == 0:
        mountable(packed, tmp_path / "cache")
        os._exit(0)
    mountable(packed, tmp_path / "cache")
    assert os.waitpid(child, 0)[1] == 0
    with (folder / ".unpacking").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert len(list(folder.glob("*.sqlite"))) == 1

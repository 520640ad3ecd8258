"""Files whose data are on this machine: every byte through the kernel, and none that is wrong."""

from __future__ import annotations

import errno
import mmap
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from biofs.contents.rules import SETTLED_SECONDS
from biofs.demo.accounts import DONOR_PASSKEY, DONOR_TOKEN
from biofs.demo.metainfo import metainfo
from tests.support import torrents
from tests.support.lab import Lab, files_of, lab
from tests.support.mounting import Mount, mounted
from tests.support.torrents import Content, bytes_of
from tests.unit.contents.contents_support import silent_fuse, tmpfs

KIB = 1024


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as found:
        yield found


def content(*sizes: int) -> list[Content]:
    return [
        ((b"d%d" % (n % 3), b"f%d.csv" % n), bytes_of(f"{n}", size)) for n, size in enumerate(sizes)
    ]


def read(path: Path) -> bytes | int:
    """The bytes of a file, or the errno of who tries to read it."""
    try:
        return path.read_bytes()
    except OSError as error:
        return error.errno or -1


def pread(descriptor: int, size: int, offset: int) -> bytes | int:
    """The same of a part of an open file."""
    try:
        return os.pread(descriptor, size, offset)
    except OSError as error:
        return error.errno or -1


def whole(mount: Mount, ident: int, top: str, files: Sequence[Content]) -> bool:
    at = files_of(mount, ident) / top
    return all(read(at.joinpath(*map(os.fsdecode, path))) == data for path, data in files)


@pytest.mark.parametrize("kind", ["v1", "v2", "hybrid"])
@pytest.mark.parametrize("piece_length", [16 * KIB, 256 * KIB, 16 * KIB * KIB])
def test_every_byte_is_equal(made: Lab, kind: torrents.Kind, piece_length: int) -> None:
    files = content(3_000_000, 0, 1, 16 * KIB, 700_001, 5)
    ident = made.add(torrents.make(b"top", files, piece_length=piece_length, kind=kind), files)
    with made.mount() as mount:
        assert whole(mount, ident, "top", files)
        large = files_of(mount, ident) / "top/d0/f0.csv"
        with large.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
            assert mapped[1_234_567:1_300_000] == files[0][1][1_234_567:1_300_000]
            assert mapped[-10:] == files[0][1][-10:]
        assert (
            subprocess.run(["cmp", large, made.data / "top/d0/f0.csv"], check=False).returncode == 0
        )


def test_a_single_file(made: Lab) -> None:
    data = bytes_of("single", 100_000)
    ident = made.add(torrents.single(b"reads.fq", data), [((), data)])
    with made.mount() as mount:
        assert read(files_of(mount, ident) / "reads.fq") == data


def test_without_data_it_is_as_before(made: Lab) -> None:
    files = content(1000)
    ident = made.add(torrents.make(b"top", files), files, laid_out=False)
    with made.mount() as mount:
        assert read(files_of(mount, ident) / "top/d0/f0.csv") == errno.ENODATA
        assert read(files_of(mount, ident) / "top/d0") == errno.EISDIR


def test_sizes_and_times_are_the_torrents(made: Lab) -> None:
    files = content(5000)
    ident = made.add(torrents.make(b"top", files), files)
    os.utime(made.data / "top/d0/f0.csv", (1, 1))
    with made.mount() as mount:
        path = files_of(mount, ident) / "top/d0/f0.csv"
        before = path.stat()
        path.read_bytes()
        assert (path.stat().st_size, path.stat().st_mtime) == (5000, before.st_mtime)
        assert before.st_mtime != 1


@pytest.mark.parametrize("suffix", ["", ".part", ".!qB"])
def test_of_an_unfinished_file_only_right_pieces_are_read(made: Lab, suffix: str) -> None:
    piece = 64 * KIB
    data = bytes_of("large", 10 * piece)
    ident = made.add(
        torrents.make(b"top", [((b"f",), data)], piece_length=piece), [((b"f",), data)]
    )
    unfinished = bytearray(data)
    unfinished[3 * piece : 4 * piece] = bytes(piece)  # preallocated, not there yet
    (made.data / "top/f").unlink()
    (made.data / f"top/f{suffix}").write_bytes(unfinished)
    with made.mount() as mount:
        path = files_of(mount, ident) / "top/f"
        descriptor = os.open(path, os.O_RDONLY)
        try:
            assert os.pread(descriptor, piece, 0) == data[:piece]
            assert os.pread(descriptor, 6 * piece, 4 * piece) == data[4 * piece :]
            for offset in (3 * piece, 4 * piece - 1):
                with pytest.raises(OSError, match="No data available"):
                    os.pread(descriptor, 1, offset)
            assert os.pread(descriptor, piece, 2 * piece) == data[2 * piece : 3 * piece]
        finally:
            os.close(descriptor)
        assert read(path) == errno.ENODATA
        # When the client has finished it, it is read.
        (made.data / f"top/f{suffix}").write_bytes(data)
        (made.data / f"top/f{suffix}").rename(made.data / "top/f")
        time.sleep(SETTLED_SECONDS + 0.2)  # a piece that was wrong is not hashed again at once
        assert read(path) == data


def test_a_sparse_file_of_the_full_size_is_not_zeros(made: Lab) -> None:
    files = content(200_000)
    ident = made.add(torrents.make(b"top", files), files)
    path = made.data / "top/d0/f0.csv"
    path.write_bytes(b"")
    os.truncate(path, 200_000)
    with made.mount() as mount:
        assert read(files_of(mount, ident) / "top/d0/f0.csv") == errno.ENODATA


def test_a_small_file_that_is_wrong_does_not_open(made: Lab) -> None:
    files = content(1000)
    ident = made.add(torrents.make(b"top", files), files)
    (made.data / "top/d0/f0.csv").write_bytes(bytes(1000))
    with made.mount() as mount, pytest.raises(OSError, match="No data available"):
        os.open(files_of(mount, ident) / "top/d0/f0.csv", os.O_RDONLY)


def test_a_file_that_changes_under_its_reader(made: Lab) -> None:
    piece = 256 * KIB
    data = bytes_of("changing", 40 * piece)
    ident = made.add(torrents.single(b"f", data, piece_length=piece), [((), data)])
    on_disk = made.data / "f"
    time.sleep(SETTLED_SECONDS + 0.2)
    with made.mount() as mount:
        path = files_of(mount, ident) / "f"
        assert read(path) == data
        with path.open("rb", buffering=0) as file:
            assert file.read(10) == data[:10]
            with on_disk.open("r+b") as changed:
                changed.seek(20 * piece)
                changed.write(bytes(piece))
            posix_fadvise_dontneed(mount)
            # What the kernel has was verified. It has to be right or nothing, wherever it is read.
            for offset in range(0, len(data), piece):
                found = pread(file.fileno(), piece, offset)
                is_changed = offset == 20 * piece
                allowed = (data[offset : offset + piece], errno.ENODATA if is_changed else None)
                assert found in allowed
        # Opened again it is another file on the disk: the kernel has let go of what it had.
        with path.open("rb", buffering=0) as file:
            with pytest.raises(OSError, match="No data available"):
                os.pread(file.fileno(), piece, 20 * piece)
            assert os.pread(file.fileno(), piece, 0) == data[:piece]


def posix_fadvise_dontneed(mount: Mount) -> None:
    """Have the kernel drop the pages that nobody uses."""
    for path in mount.path.glob("torrents/*/files/*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def test_a_file_that_becomes_shorter(made: Lab) -> None:
    data = bytes_of("shorter", 1_000_000)
    ident = made.add(torrents.single(b"f", data, piece_length=64 * KIB), [((), data)])
    with made.mount() as mount:
        path = files_of(mount, ident) / "f"
        with path.open("rb", buffering=0) as file:
            assert file.read(10) == data[:10]
            os.truncate(made.data / "f", 500_000)
            with pytest.raises(OSError, match="No data available"):
                os.pread(file.fileno(), 1000, 900_000)
        assert path.stat().st_size == 1_000_000


def test_nothing_leads_out_of_the_data_directory(made: Lab, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    files = content(1000, 2000, 3000)
    ident = made.add(torrents.make(b"top", files), files)
    for (directory, name), data in files:
        (outside / os.fsdecode(name)).write_bytes(data)
        (made.data / "top" / os.fsdecode(directory) / os.fsdecode(name)).unlink()
    (made.data / "top/d0/f0.csv").symlink_to(outside / "f0.csv")
    (made.data / "top/d1").rmdir()
    (made.data / "top/d1").symlink_to(outside)
    os.mkfifo(made.data / "top/d2/f2.csv")
    with made.mount("--wait", "3") as mount:
        top = files_of(mount, ident) / "top"
        for name in ("d0/f0.csv", "d1/f1.csv", "d2/f2.csv"):
            assert read(top / name) == errno.ENODATA


def test_pieces_that_files_share(made: Lab) -> None:
    """The edges of a file can be verified only together with its neighbours."""
    piece = 64 * KIB
    files = content(100_000, 300_000, 50_000)
    ident = made.add(torrents.make(b"top", files, piece_length=piece), files)
    with made.mount() as mount:
        assert whole(mount, ident, "top", files)
    (made.data / "top/d0/f0.csv").unlink()
    with made.mount("--cache-dir", str(made.base / "another")) as mount:
        path = files_of(mount, ident) / "top/d1/f1.csv"
        first_whole = 2 * piece - 100_000
        with path.open("rb", buffering=0) as file:
            with pytest.raises(OSError, match="No data available"):
                os.pread(file.fileno(), 100, 0)
            offset = -(-first_whole // 4096) * 4096  # the kernel reads whole pages
            assert os.pread(file.fileno(), 50_000, offset) == files[1][1][offset : offset + 50_000]


def test_what_was_verified_with_its_neighbours_stays_so_without_them(made: Lab) -> None:
    files = content(100_000, 300_000)
    ident = made.add(torrents.make(b"top", files, piece_length=64 * KIB), files)
    time.sleep(SETTLED_SECONDS + 0.2)
    with made.mount() as mount:
        assert whole(mount, ident, "top", files)
    (made.data / "top/d0/f0.csv").unlink()
    with made.mount() as mount:
        assert read(files_of(mount, ident) / "top/d1/f1.csv") == files[1][1]


def test_many_files_of_a_directory_leave_nothing_open(made: Lab) -> None:
    files = [((b"d", b"%03d" % n), bytes_of(f"{n}", 500 + n)) for n in range(200)]
    ident = made.add(torrents.make(b"top", files), files)
    time.sleep(SETTLED_SECONDS + 0.2)
    with made.mount() as mount:
        for _ in range(3):
            assert whole(mount, ident, "top", files)
        descriptors = Path(f"/proc/{mount.process.pid}/fd")
        deadline = time.monotonic() + 30
        while any(in_directory(each, made.data) for each in descriptors.iterdir()):
            assert time.monotonic() < deadline, "a disk could not be unmounted"
            time.sleep(0.05)


def in_directory(link: Path, directory: Path) -> bool:
    try:
        return os.readlink(link).startswith(os.fspath(directory))
    except FileNotFoundError:
        return False  # closed meanwhile


def test_two_torrents_that_share_a_file(made: Lab) -> None:
    data = bytes_of("shared", 200_000)
    first = made.add(torrents.single(b"f", data, piece_length=16 * KIB), [((), data)])
    second = made.add(
        torrents.single(b"f", data, piece_length=64 * KIB), [((), data)], laid_out=False
    )
    with made.mount() as mount:
        assert read(files_of(mount, first) / "f") == data
        assert read(files_of(mount, second) / "f") == data


@pytest.mark.parametrize(
    "name", [b"caf\xe9.csv", b"a\nb.csv", b"x" * 255, b"~draft (1).csv", b"tab\there", b"\xff\xfe"]
)
def test_names_that_biofs_had_to_change(made: Lab, name: bytes) -> None:
    files = [((name,), bytes_of("odd", 70_000)), ((b"plain.csv",), bytes_of("plain", 100))]
    ident = made.add(torrents.make(b"top", files), files)
    with made.mount() as mount:
        found = sorted(path.read_bytes() for path in (files_of(mount, ident) / "top").iterdir())
        assert found == sorted(data for _, data in files)


def test_a_renamed_top_is_found(made: Lab) -> None:
    files = content(500_000, 400_000, 3)
    ident = made.add(torrents.make(b"top", files), files)
    (made.data / "top").rename(made.data / "what I call it")
    with made.mount() as mount:
        assert whole(mount, ident, "top", files)


def test_a_data_directory_that_vanishes_and_comes_back(made: Lab) -> None:
    files = content(500_000)
    ident = made.add(torrents.make(b"top", files), files)
    with made.mount() as mount:
        path = files_of(mount, ident) / "top/d0/f0.csv"
        assert read(path) == files[0][1]
        made.data.rename(made.base / "away")
        assert read(path) in (errno.ENODATA, files[0][1])
        assert (mount.path / f"torrents/{ident}/torrent.json").read_bytes()
        (made.base / "away").rename(made.data)
        assert read(path) == files[0][1]


def test_a_torrent_that_lies_about_its_files(made: Lab) -> None:
    """Of another torrent's hash, or with paths that lead away: nothing of it is served."""
    files = [((b"..", b"escape.csv"), b"x" * 1000), ((b"f.csv",), b"y" * 1000)]
    torrent = torrents.make(b"top", files)
    ident = made.add(torrent, [((b"f.csv",), b"y" * 1000)], known=False)
    (made.data / "escape.csv").write_bytes(b"x" * 1000)
    (made.torrents / "another.torrent").write_bytes(
        torrents.make(b"top", [((b"f.csv",), b"z" * 1000)])
    )
    with made.mount() as mount:
        # There is no .torrent with its hash, and a token downloads none.
        assert read(files_of(mount, ident) / "top/f.csv") == errno.ENODATA


def requests_of(made: Lab) -> list[str]:
    return [entry.action for entry in made.server.log.entries()]


def test_a_torrent_is_downloaded_once_and_only_for_what_lies_on_the_disk(
    made: Lab,
) -> None:
    torrent = next(t for group in [made.overlay.group(1)] if group for t in group.torrents)
    subprocess.run(
        [sys.executable, "-m", "biofs", "demo", "data", str(made.data)],
        check=True,
        capture_output=True,
    )
    with made.mount(BIOFS_PASSKEY=DONOR_PASSKEY) as mount:
        top = files_of(mount, torrent.id)
        subprocess.run(["find", top, "-size", "+0"], check=True, capture_output=True)
        subprocess.run(["du", "-s", top], check=True, capture_output=True)
        assert "download" not in requests_of(made)
        absent = next(
            path
            for path in (mount.path / "categories/Sequences").glob("*/*/files/*/*")
            if not (made.data / path.parent.name).exists() and path.stat().st_size > 10**7
        )
        assert read(absent) == errno.ENODATA
        assert "download" not in requests_of(made)
        for path in top.rglob("*"):
            assert path.is_dir() or isinstance(read(path), bytes)
        assert requests_of(made).count("download") == 1
    kept = (made.base / "home/.cache/biofs/contents.sqlite").read_bytes()
    assert DONOR_PASSKEY.encode() not in kept
    assert b"announce" not in kept
    assert DONOR_PASSKEY.encode() in metainfo(
        torrent.id, torrent.file_path, torrent.files, DONOR_PASSKEY
    )
    with made.mount(BIOFS_PASSKEY=DONOR_PASSKEY) as mount:
        for path in files_of(mount, torrent.id).rglob("*"):
            assert path.is_dir() or isinstance(read(path), bytes)
    assert requests_of(made).count("download") == 1, "it was kept"
    assert DONOR_TOKEN.encode() not in kept


def test_it_works_offline_and_from_a_snapshot(made: Lab) -> None:
    files = content(500_000, 20)
    ident = made.add(torrents.make(b"top", files), files)
    with made.mount() as mount:
        assert whole(mount, ident, "top", files)
        snapshot = made.base / "snapshot"
        environment = {**os.environ, "HOME": str(made.base / "home"), "BIOFS_TOKEN": DONOR_TOKEN}
        subprocess.run(
            [sys.executable, "-m", "biofs", "export", "--url", made.server.url, str(snapshot)],
            check=True,
            env=environment,
            capture_output=True,
        )
    before = len(made.server.log.entries())
    with made.mount("--offline") as mount:
        assert whole(mount, ident, "top", files)
    options = ("--snapshot", str(snapshot), "--data", str(made.data))
    with mounted(made.base, *options, "--torrents", str(made.torrents), name="snap") as mount:
        assert whole(mount, ident, "top", files)
    assert len(made.server.log.entries()) == before


def test_data_that_come_later_are_noticed(made: Lab) -> None:
    files = content(100_000)
    ident = made.add(torrents.make(b"top", files), files, laid_out=False)
    with made.mount() as mount:
        path = files_of(mount, ident) / "top/d0/f0.csv"
        assert read(path) == errno.ENODATA
        assert read(path) == errno.ENODATA, "at once"
        torrents.lay_out(made.data, (made.torrents / f"{ident}.torrent").read_bytes(), files)
        deadline = time.monotonic() + 10
        while read(path) == errno.ENODATA and time.monotonic() < deadline:
            time.sleep(0.2)
        assert read(path) == files[0][1]


def test_a_data_directory_in_the_mount_itself_is_refused(made: Lab) -> None:
    inside = str(made.base / "mnt/groups")
    (made.base / "mnt").mkdir()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "biofs",
            "mount",
            "--demo",
            "--data",
            inside,
            str(made.base / "mnt"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "lies in the mount itself" in done.stderr


def test_a_data_directory_around_the_mount_does_not_read_the_mount(made: Lab) -> None:
    files = content(1000)
    ident = made.add(torrents.make(b"nowhere", files), files, laid_out=False)
    with made.mount("--data", str(made.base)) as mount:
        before = len(made.server.log.entries())
        assert read(files_of(mount, ident) / "nowhere/d0/f0.csv") == errno.ENODATA
        asked = [entry.action for entry in made.server.log.entries()[before:]]
        assert asked in (["torrent"], ["torrentgroup"], ["torrent", "torrentgroup"]), asked


def test_as_another_user(made: Lab) -> None:
    """Who mounts has to be able to read the data; others read through the mount."""
    files = content(1000)
    ident = made.add(torrents.make(b"top", files), files)
    (made.data / "top/d0/f0.csv").chmod(0o600)
    with made.mount("-o", "allow_other") as mount:
        path = files_of(mount, ident) / "top/d0/f0.csv"
        for parent in (made.base, *made.base.parents):
            if parent == Path(tempfile.gettempdir()):
                break
            parent.chmod(0o755)  # pytest's own directories let nobody in
        found = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", str(path)],
            capture_output=True,
            check=False,
        )
        assert found.stdout == files[0][1], found.stderr


def test_a_disk_that_does_not_answer_stops_only_who_reads_from_it(made: Lab) -> None:
    files = content(100_000)
    ident = made.add(torrents.make(b"top", files), files)
    slow = made.base / "slow"
    slow.mkdir()
    with silent_fuse(slow, fstype="fuse.slow"):
        # Looked for where nobody answers first. The mount is there all the same.
        with made.mount("--data", str(slow), "--wait", "2") as mount:
            nowhere = made.add(torrents.make(b"nowhere", files), files, laid_out=False)
            began = time.monotonic()
            assert read(files_of(mount, nowhere) / "nowhere/d0/f0.csv") == errno.EAGAIN
            assert 1.5 < time.monotonic() - began < 15
            reader = subprocess.Popen(
                ["cat", str(files_of(mount, nowhere) / "nowhere/d0/f0.csv")],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            assert (mount.path / f"torrents/{ident}/torrent.json").read_bytes()
            assert os.listdir(mount.path / "categories/Images")
            assert read(files_of(mount, ident) / "top/d0/f0.csv") == files[0][1]
            reader.kill()
            assert reader.wait(5) < 0, "a signal ends its wait"
            assert "does not answer" in mount.log.read_text()
    # What still waited in a thread has got its answer when that disk went.


def test_a_read_only_disk(made: Lab) -> None:
    files = content(300_000, 10)
    ident = made.add(torrents.make(b"top", files), files, laid_out=False)
    disk = made.data / "disk"
    disk.mkdir()
    with tmpfs(disk):
        torrents.lay_out(disk, (made.torrents / f"{ident}.torrent").read_bytes(), files)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with made.mount() as mount:
            assert whole(mount, ident, "top", files)

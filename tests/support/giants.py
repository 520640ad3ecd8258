"""Catalogues that are large in one way, and what a mount of them takes in memory."""

from __future__ import annotations

import zlib
from pathlib import Path

from biofs.demo.generator import Generated
from biofs.demo.memory import Memory
from biofs.demo.model import Community, Entry, Group, Torrent
from biofs.demo.source import Source
from biofs.demo.written.build import moment
from tests.support.mounting import Mount

MIB = 1 << 20


def peak(mount: Mount) -> int:
    """The most memory the mount's process ever held, in bytes: VmHWM in proc_pid_status(5)."""
    status = Path(f"/proc/{mount.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def many_files(count: int) -> Source:
    """One group, and its one torrent of `count` files in directories of a thousand."""
    listed = "|||".join(
        f"measurements of run {number // 1000:05}/spectrum {number:07}.mzML{{{{{{{number}}}}}}}"
        for number in range(count)
    )
    return _one(listed, count, name="Spectra")


def long_name(length: int) -> Source:
    """One group whose title, and the name of whose one file, have `length` characters."""
    return _one(f"{'n' * length}{{{{{{1}}}}}}", 1, name="N" * length)


def _one(listed: str, count: int, name: str) -> Source:
    torrent = Torrent(
        1,
        (Entry("x", 1),),
        size=count,
        file_count=count,
        time=moment("2020-01-01 00:00:00"),
        file_path="data",
        raw_file_list=listed,
    )
    group = Group(1, name, 1, torrent.time, (torrent,))
    return Memory(lambda: [group], Community())


def squeezed(total: int) -> bytes:
    """`total` bytes of blanks, compressed by zlib to a thousandth."""
    packer = zlib.compressobj(9)
    packed = [packer.compress(b" " * MIB) for _ in range(total // MIB)]
    return b"".join([*packed, packer.flush()])


def many_groups(count: int) -> Source:
    """`count` groups in one category."""
    return Generated(count, torrents_per_group=1, files_per_torrent=1, categories=(1,))

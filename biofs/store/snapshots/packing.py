"""Compressed files: one Zstandard frame that says how much is in it (RFC 8878).

A snapshot is compressed as a whole, not in frames that can be read one by one: a mount reads pages
of SQLite at random, thousands for a walk, and SQLite's own trees are the index. So it is unpacked
once, at some hundred MB a second, and read from then on at the speed of a file.

What is unpacked may come from anybody. Bounded are: what comes out (what the frame says is in it,
and no more than the caller allows), what the disk has left, and memory (a window of 8 MiB, whatever
the frame asks for, and a portion of the output).
"""

from __future__ import annotations

import errno
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from biofs.settings import private_files
from biofs.store.database.files import StoreError
from biofs.store.database.schema import APPLICATION_ID
from biofs.store.snapshots.description import SnapshotFile

MAGIC: Final = b"\x28\xb5\x2f\xfd"
"""What a Zstandard frame begins with (RFC 8878, 3.1.1)."""
MOST_UNPACKED: Final = 64 << 30
"""Bytes of a snapshot, unpacked, unless the caller says otherwise."""

_LEVEL: Final = 12  # 19 takes 18 times as long, for a tenth less (docs/snapshots.md)
_WINDOW_LOG: Final = 23
_PORTION: Final = 1 << 20
_SQLITE: Final = b"SQLite format 3\0"
_HEADER: Final = 18  # bytes of a frame's header at most

Progress = Callable[[int, int], None]
"""Told how many bytes are done, and of how many."""


def is_packed(file: Path) -> bool:
    """Whether a file is compressed, by its first bytes. Raises OSError."""
    with file.open("rb") as opened:
        return opened.read(len(MAGIC)) == MAGIC


class Packer:
    """Compresses what is written to it, `size` bytes in all, into `target`."""

    def __init__(self, target: BinaryIO, size: int) -> None:
        from biofs.store.snapshots import zstd  # noqa: PLC0415 - not every mount needs it

        parameter = zstd.CompressionParameter
        self._target = target
        self._packer = zstd.ZstdCompressor(
            options={
                parameter.compression_level: _LEVEL,
                parameter.window_log: _WINDOW_LOG,
                parameter.checksum_flag: 1,
            }
        )
        self._packer.set_pledged_input_size(size)

    def write(self, portion: bytes) -> None:
        self._target.write(self._packer.compress(portion))

    def end(self) -> None:
        """Write the end of the frame."""
        self._target.write(self._packer.flush())


def pack(source: Path, target: BinaryIO, progress: Progress | None = None) -> None:
    """Compress a file. The same bytes give the same bytes, with the same version of zstd.

    Raises OSError.
    """
    size, done = source.stat().st_size, 0
    packer = Packer(target, size)
    with source.open("rb") as opened:
        while portion := opened.read(_PORTION):
            packer.write(portion)
            done += len(portion)
            if progress is not None:
                progress(done, size)
    packer.end()


def pack_in_place(file: Path, progress: Progress | None = None) -> None:
    """Compress a file that nobody else uses yet. Raises OSError."""
    with tempfile.TemporaryFile(dir=file.parent) as packed:
        pack(file, packed, progress)
        packed.seek(0)
        with file.open("r+b") as target:
            shutil.copyfileobj(packed, target, _PORTION)
            target.truncate()


class Unpacker:
    """Reads the one frame in a file, in portions of at most a MiB.

    Raises StoreError for what is no such frame, is cut off, goes on behind its end, or claims to
    hold more than `most` bytes.
    """

    def __init__(self, file: BinaryIO, name: object, most: int) -> None:
        from biofs.store.snapshots import zstd  # noqa: PLC0415 - not every mount needs it

        self._file, self._name, self._error = file, name, zstd.ZstdError
        self._hash = hashlib.sha256()
        self.read = 0  # bytes of the file
        self._first = self._more()
        self.size = self._claimed(zstd.get_frame_info)
        if self.size > most:
            raise self.refused(f"{self.size:,} bytes when unpacked, where {most:,} are allowed")
        self._unpacker = zstd.ZstdDecompressor(
            options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
        )

    def _claimed(self, frame_info: Callable[[bytes], Any]) -> int:
        try:
            size = frame_info(self._first[:_HEADER]).decompressed_size
        except self._error:
            raise self.refused("not a compressed snapshot, or cut off") from None
        if size is None:
            raise self.refused("does not say how large it is unpacked: not written by biofs")
        return int(size)

    def portions(self) -> Iterator[bytes]:
        """What is in the frame. Call it once."""
        done, given = 0, self._first
        while not self._unpacker.eof:
            try:
                portion = self._unpacker.decompress(given, _PORTION)
            except self._error as error:
                raise self.refused(f"damaged: {error}") from None
            done += len(portion)
            if done > self.size:
                raise self.refused("damaged: holds more than it says")
            if portion:
                yield portion
            given = b""
            if self._unpacker.needs_input and not self._unpacker.eof:
                given = self._more()
                if not given:
                    raise self.refused("cut off")
        if done != self.size or self._unpacker.unused_data or self._more():
            raise self.refused("damaged: is not one compressed file")

    def sha256(self) -> str:
        """The checksum of the file, once it is read to its end."""
        return self._hash.hexdigest()

    def refused(self, why: str) -> StoreError:
        return StoreError(f"{self._name}: {why}")

    def _more(self) -> bytes:
        portion = self._file.read(_PORTION)
        self._hash.update(portion)
        self.read += len(portion)
        return portion


def unpack(
    file: Path,
    into: Path,
    wanted: SnapshotFile | None = None,
    *,
    most: int = MOST_UNPACKED,
    progress: Progress | None = None,
) -> None:
    """Unpack a compressed snapshot to `into`, which is there whole or not at all; for a thread.

    `wanted`, from the description, says what sizes and checksums it has. The file is not opened as
    a database: `Snapshot` does that, and refuses a stranger's schema. Raises StoreError for another
    file or a damaged one, OSError if the disk does not take it.
    """
    with file.open("rb") as opened:
        unpacker = Unpacker(opened, file, most)
        if wanted is not None and unpacker.size != wanted.unpacked_size:
            raise unpacker.refused("not the size that the description says")
        with private_files.replacing(into) as fresh:
            _check_room(unpacker.size, into.parent)
            checksum = _unpack(unpacker, fresh, progress)
            if wanted is not None and (unpacker.sha256(), checksum) != (
                wanted.sha256,
                wanted.unpacked_sha256,
            ):
                raise unpacker.refused("not the checksum that the description says")


def _unpack(unpacker: Unpacker, fresh: Path, progress: Progress | None) -> str:
    checksum, done = hashlib.sha256(), 0
    with fresh.open("r+b") as target:
        for portion in unpacker.portions():
            if not done and not _begins_as_ours(portion):
                raise unpacker.refused("not a snapshot: what is in it is not a file of biofs")
            target.write(portion)
            checksum.update(portion)
            done += len(portion)
            if progress is not None:
                progress(done, unpacker.size)
    if not done:
        raise unpacker.refused("not a snapshot: empty")
    return checksum.hexdigest()


def _begins_as_ours(portion: bytes) -> bool:
    """Whether it can be a database of ours (sqlite.org/fileformat.html, 1.3). A bomb is none."""
    return portion.startswith(_SQLITE) and portion[68:72] == APPLICATION_ID.to_bytes(4, "big")


def _check_room(size: int, directory: Path) -> None:
    free = shutil.disk_usage(directory).free
    if size > free:
        raise OSError(errno.ENOSPC, f"{size:,} bytes are needed, {free:,} are free", str(directory))

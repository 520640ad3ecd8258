"""Compressed snapshots, unpacked once on this machine: `snapshots/` in the cache directory.

A file there is named after the checksum of the compressed one, so that the same one is not unpacked
twice, and another never taken for it. Whoever mounts one holds a lock on it (flock(2)); what nobody
has held for a month is removed when another is unpacked.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from biofs.settings.values import default_cache_dir
from biofs.store.database.files import StoreError, make_directory
from biofs.store.snapshots import checked, packing
from biofs.store.snapshots.files import digest

FOLDER: Final = "snapshots"
KEPT_SECONDS: Final = 30 * 86_400.0

_NAMED: Final = 32  # hexadecimal digits
_SUFFIX: Final = ".sqlite"


def mountable(
    file: Path,
    cache: Path | None = None,
    progress: packing.Progress | None = None,
    key: str | None = None,
) -> Path:
    """The file itself, or what is in it if it is compressed, unpacked in the cache directory.

    `cache` None is the user's. With `key`, a signature beside the file has to be of it. For a
    thread: a snapshot that was never seen takes seconds, one that was is not read again. Raises
    StoreError for what cannot be unpacked or trusted, and if there is no room or no place for it.
    """
    folder = _folder(cache)
    try:
        known = checked.found(folder, checked.identity(file))
        known = _trusted(file, folder, known, key)
        if not packing.is_packed(file):
            return file
        if folder is None:
            raise StoreError(f"{file}: compressed, and there is no home to unpack it in")
        make_directory(folder)
        if not known.sha256:
            known = replace(known, sha256=digest(file))
            checked.keep(folder, file, known)
        unpacked = _unpacked(folder, known)
        with suppress(FileNotFoundError):
            os.utime(unpacked)
            return unpacked
        with _alone(folder):
            if not unpacked.exists():
                packing.unpack(file, unpacked, progress=progress)
        remove_old(folder)
    except OSError as error:
        raise StoreError(f"{error.filename or file}: {error.strerror}") from None
    return unpacked


def at_hand(file: Path, cache: Path | None = None, key: str | None = None) -> Path | None:
    """What `mountable` returns, if that is known at once; None if it has to look, or to refuse."""
    folder = _folder(cache)
    try:
        known = checked.found(folder, checked.identity(file))
        if key not in (None, known.signed_with):
            return None
        if not packing.is_packed(file):
            return file
        if folder is None or not known.sha256:
            return None
        unpacked = _unpacked(folder, known)
        os.utime(unpacked)
    except OSError:
        return None
    return unpacked


def _folder(cache: Path | None) -> Path | None:
    cache = cache or default_cache_dir()
    return None if cache is None else cache / FOLDER


def _unpacked(folder: Path, known: checked.Found) -> Path:
    return folder / f"{known.sha256[:_NAMED]}{_SUFFIX}"


def _trusted(
    file: Path, folder: Path | None, known: checked.Found, key: str | None
) -> checked.Found:
    """Check the signature, unless it was. Raises StoreError."""
    if key in (None, known.signed_with):
        return known
    from biofs.store.snapshots import signing  # noqa: PLC0415 - loads cryptography

    signing.verify_file(file, str(key))
    known = replace(known, signed_with=str(key))
    with suppress(OSError):  # without a place for it, it is looked at again
        if folder is not None:
            make_directory(folder)
    checked.keep(folder, file, known)
    return known


def hold(file: Path) -> int | None:
    """Say that this file is in use, until the descriptor is closed; None where that cannot be."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def remove_old(folder: Path, now: float | None = None) -> None:
    """Remove what was not mounted for a month and is not mounted now. Errors are passed over."""
    oldest = (time.time() if now is None else now) - KEPT_SECONDS
    for path in folder.glob(f"*{_SUFFIX}"):
        with suppress(OSError):
            if path.stat().st_mtime < oldest:
                _remove_unused(path)
    checked.remove_old(folder, oldest)


def _remove_unused(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time unpacks: a second one waits, and finds it done."""
    descriptor = os.open(folder / ".unpacking", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

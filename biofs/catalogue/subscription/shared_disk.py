"""The same as `web`, for a directory on this machine or a shared disk (`file:///…`)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import trio

from biofs.catalogue.subscription.addresses import UpdateFailed, path_of
from biofs.catalogue.subscription.web import Fetched, Show, Small, Wanted, discard

_BLOCK: Final = 1 << 20


class SharedDisk:
    """Reads files in threads: a disk of the network may hold one up. See `Web` for its methods."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Nothing needs to be open."""
        yield

    async def small(
        self, url: str, most: int, validators: Mapping[str, str], *, anew: bool = False
    ) -> Small | None:
        """A small file; None if it is the one that `validators` are of. Raises UpdateFailed."""
        return await trio.to_thread.run_sync(_small, path_of(url), most, validators)

    async def file(
        self, url: str, target: Path, wanted: Wanted, show: Show, validators: Mapping[str, str]
    ) -> Fetched | None:
        """Copy a file to `target`. Raises UpdateFailed, and OSError of the disk."""
        return await trio.to_thread.run_sync(_copy, path_of(url), target, wanted, validators)


def _identity(descriptor: int) -> str:
    found = os.fstat(descriptor)
    return f'"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"'


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe holds nobody up
    except OSError as error:
        raise UpdateFailed(f"{path}: {os.strerror(error.errno or 0).lower()}") from None


def _small(path: str, most: int, validators: Mapping[str, str]) -> Small | None:
    with os.fdopen(_open(path), "rb") as file:
        etag = _identity(file.fileno())
        if validators.get("If-None-Match") == etag:
            return None
        try:
            body = file.read(most + 1)
        except OSError as error:
            raise UpdateFailed(f"{path}: {error.strerror}") from None
    if len(body) > most:
        raise UpdateFailed(f"larger than {most:,} bytes: not a snapshot's")
    return Small(body, etag, "")


def _copy(path: str, target: Path, wanted: Wanted, validators: Mapping[str, str]) -> Fetched | None:
    with os.fdopen(_open(path), "rb") as source:
        etag = _identity(source.fileno())
        if validators.get("If-None-Match") == etag:
            return None
        digest, size = hashlib.sha256(), 0
        with target.open("wb") as file:
            while block := source.read(_BLOCK):
                size += len(block)
                if size > wanted.most:
                    raise UpdateFailed("the file is larger than was said")
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    found = digest.hexdigest()
    if wanted.size not in (None, size) or wanted.sha256 not in (None, found):
        discard(target)
        raise UpdateFailed("the file's checksum is not the one that was said", lasting=True)
    return Fetched(found, etag, "")

"""Checksums of files, and files that are on the disk when they have their name."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def digest(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits. Raises OSError."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def sync_directory(directory: Path) -> None:
    """Have the names in a directory on the disk, too (fsync(2)). Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

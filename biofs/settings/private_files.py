"""Files that hold secrets: read if nobody else could read or write them, and written like that."""

import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from biofs.errors import ConfigError

_LONGEST = 1 << 20
_PRIVATE = stat.S_IRUSR | stat.S_IWUSR

SECRET = 0o077
"""Permission bits that a file holding a secret must not have."""
WRITABLE = 0o022
"""Permission bits that a file whose word counts must not have."""


@dataclass(frozen=True, slots=True)
class PrivateFile:
    """A file's content, and who could get at it when it was opened."""

    path: Path
    content: bytes = field(repr=False)
    mode: int
    owner: int

    def check(self, forbidden: int) -> None:
        """Raises ConfigError if someone else owns the file, or `forbidden` permission bits are set.

        Root may own it too: it can read and write everything anyway.
        """
        if self.owner not in (os.geteuid(), 0):
            raise ConfigError(f"{self.path}: belongs to another user: use a file of your own")
        if self.mode & forbidden:
            verb = "write" if self.mode & forbidden & WRITABLE else "read"
            command = f"chmod {self.mode & ~SECRET:o} {shlex.quote(str(self.path))}"
            raise ConfigError(f"{self.path}: others can {verb} it: run `{command}`")


def read(path: Path) -> PrivateFile:
    """The file at `path`, at most 1 MiB of it; a pipe such as a shell's `<(…)` will do.

    Raises FileNotFoundError if there is none, ConfigError for all else that stands in the way.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)):
                raise ConfigError(f"{path}: not a regular file")
            content = file.read(_LONGEST + 1)
    except FileNotFoundError:
        raise
    except IsADirectoryError:
        raise ConfigError(f"{path}: a directory, not a file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not the path of a file"
        raise ConfigError(f"{path}: cannot be read: {reason}") from None
    if len(content) > _LONGEST:
        raise ConfigError(f"{path}: larger than 1 MiB, which is too large for settings")
    return PrivateFile(path, content, stat.S_IMODE(status.st_mode), status.st_uid)


def write(path: Path, content: bytes, *, replace: bool = True, sync: bool = True) -> None:
    """Write a file that only its owner can read, whole or not at all; it is on the disk then.

    Without `replace`, FileExistsError if it exists. One that is replaced without `sync` is for all
    processes to see, but gets to the disk when the kernel writes it. Raises OSError.
    """
    if replace:
        with replacing(path, sync=sync) as fresh:
            fresh.write_bytes(content)
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(path, flags, _PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


@contextmanager
def replacing(path: Path, mode: int = _PRIVATE, *, sync: bool = True) -> Iterator[Path]:
    """A new empty file beside `path`, which takes its place at the end, or is removed on an error.

    Only its owner can read it until then, when it gets `mode`. Raises OSError. `sync`: see `write`.
    """
    import tempfile  # noqa: PLC0415 - reading settings is to be quick

    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:64]}.", dir=path.parent)
    fresh = Path(name)
    try:
        yield fresh
        if sync:
            os.fsync(descriptor)
        fresh.chmod(mode)
        fresh.replace(path)
    finally:
        os.close(descriptor)
        fresh.unlink(missing_ok=True)

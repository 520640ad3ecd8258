"""Reading small files that hold secrets, refusing those that others could have read or written."""

import os
import shlex
import stat
from dataclasses import dataclass, field
from pathlib import Path

from biofs.errors import ConfigError

_LONGEST = 1 << 20

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
        reason = getattr(error, "strerror", None) or "no path of a file"
        raise ConfigError(f"{path}: cannot be read: {reason}") from None
    if len(content) > _LONGEST:
        raise ConfigError(f"{path}: larger than 1 MiB, which is no settings file")
    return PrivateFile(path, content, stat.S_IMODE(status.st_mode), status.st_uid)

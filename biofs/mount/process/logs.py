"""Where a mount's log lines go."""

from __future__ import annotations

import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final, TextIO

from biofs.errors import QuietError

_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_MAX_BYTES: Final = 2 << 20


class _PrivateFileHandler(RotatingFileHandler):
    """A log file that only its owner can read, from the first byte on."""

    def _open(self) -> TextIO:  # type: ignore[override]
        descriptor = os.open(
            self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")


def set_up(level: str, file: Path | None) -> None:
    """Log to `file`, or to stderr. Raises QuietError if the file cannot be written."""
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handler = _PrivateFileHandler(file, maxBytes=_MAX_BYTES, backupCount=1)
        except OSError as error:
            raise QuietError(f"cannot write the log file {file}: {error.strerror}") from None
    handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These log whole URLs, and a download's URL holds the passkey.
    for name in ("httpx", "httpcore", "hpack", "h11"):
        logging.getLogger(name).setLevel(logging.WARNING)

"""Parsers of settings: what was given becomes the value, or ValueError says what is wrong with it.

Every command loads this: what a parser needs is imported when it is called.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from biofs.api.rate import Rate
    from biofs.api.secrets import Secret

LONGEST_WAIT = 86_400.0
"""Seconds."""
LONGEST_TTL = 10 * 365 * 86_400.0
"""Seconds."""

_SIZE = re.compile(r"([0-9]{1,6})([KMGTkmgt])i?[Bb]?")
_SHIFTS = {"K": 10, "M": 20, "G": 30, "T": 40}


def as_given(value: Any) -> Any:
    """Nothing to parse."""
    return value


def parse_size(text: str) -> int:
    """Bytes. Raises ValueError for what is not a size."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("a size is a number and K, M, G or T, such as 500M")
    return int(match[1]) << _SHIFTS[match[2].upper()]


def seconds(most: float, *, zero: bool = True) -> Callable[[float], float]:
    """A parser of seconds from 0 to `most`."""

    def parse(value: float) -> float:
        if not (math.isfinite(value) and 0 <= value <= most):
            raise ValueError(f"a number of seconds from 0 to {most:g}")
        if value == 0 and not zero:
            raise ValueError("has to be more than 0 seconds")
        return float(value)

    return parse


def url(text: str) -> str:
    """A server's address in its normal form."""
    from biofs.api.urls import normalise_base_url  # noqa: PLC0415 - see above

    return normalise_base_url(text)


def rate(text: str) -> Rate:
    """Requests in so many seconds."""
    from biofs.api.rate import Rate  # noqa: PLC0415 - see above

    return Rate.parse(text)


def secret(text: str) -> Secret:
    """A secret, without the blanks around it."""
    from biofs.api.secrets import Secret  # noqa: PLC0415 - see above

    return Secret(text.strip())


def secret_in_file(path: Path) -> Secret:
    """The secret in a file, which nobody but its owner can read: else ConfigError."""
    from biofs.settings import private_files  # noqa: PLC0415 - see above

    try:
        file = private_files.read(path)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    file.check(private_files.SECRET)
    return secret(file.content.decode("utf-8-sig", "replace"))


def existing_file(path: Path) -> Path:
    """The path of what is there."""
    if not _exists(path):
        raise ValueError(f"{path}: no such file")
    return path


def directory(path: Path) -> Path:
    """The path of a directory, or of nothing yet."""
    if _exists(path) and not path.is_dir():
        raise ValueError(f"{path} is not a directory")
    return path


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None

"""What settings take: how a value is checked, the options of -o, and where files are by default.

Parsers of settings: what was given becomes the value, or ValueError says what is wrong with it.
Every command loads this: what a parser needs is imported when it is called.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from biofs.api.secrets import Secret
    from biofs.api.server import Rate

LONGEST_WAIT = 86_400.0
"""Seconds."""
LONGEST_TTL = 10 * 365 * 86_400.0
"""Seconds."""

_URL = re.compile(r"(?:https?|file)://", re.IGNORECASE)
_SIZE = re.compile(r"([0-9]{1,6})([KMGTkmgt])i?[Bb]?")
_PUBLIC_KEY = re.compile(r"RW[A-Za-z0-9+/]{54}")  # 42 bytes in base64, of which two are "Ed"
_LONGEST_KEY_FILE = 4096
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
    from biofs.api.server import normalise_base_url  # noqa: PLC0415 - see above

    return normalise_base_url(text)


def rate(text: str) -> Rate:
    """Requests in so many seconds."""
    from biofs.api.server import Rate  # noqa: PLC0415 - see above

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


def public_key(text: str) -> str:
    """A public key of minisign, or the one in the file that is named: its second line."""
    from pathlib import Path  # noqa: PLC0415 - see above

    if _PUBLIC_KEY.fullmatch(text.strip()):
        return text.strip()
    try:
        with Path(text).expanduser().open("rb") as file:
            lines = file.read(_LONGEST_KEY_FILE).decode("ascii", "replace").splitlines()
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "not the path of a file"
        raise ValueError(f"neither a key that begins with RW nor a file: {reason}") from None
    found = [line.strip() for line in lines if _PUBLIC_KEY.fullmatch(line.strip())]
    if not found:
        raise ValueError(f"{text}: holds no public key of minisign")
    return found[0]


def existing_file(path: Path) -> Path:
    """The path of what is there."""
    if not _exists(path):
        raise ValueError(f"{path}: no such file")
    return path


def is_url(text: object) -> bool:
    """Whether a snapshot is given by its address rather than as a file's path."""
    return isinstance(text, str) and _URL.match(text) is not None


def snapshot(text: Any) -> tuple[Path | None, str | None]:
    """A snapshot's file or its address; neither if none is given."""
    if not isinstance(text, str):
        return None, None
    if is_url(text):
        from biofs.api.server import normalise_snapshot_url  # noqa: PLC0415 - see above

        return None, normalise_snapshot_url(text)
    from pathlib import Path  # noqa: PLC0415 - see above

    if not text or "\0" in text:
        raise ValueError("not a path")
    try:
        return existing_file(Path(text).expanduser().absolute()), None
    except RuntimeError:
        raise ValueError("the home directory that ~ stands for is not known") from None
    except FileNotFoundError:
        raise ValueError("relative to a current directory that is gone") from None


def directory(path: Path) -> Path:
    """The path of a directory, or of nothing yet."""
    if _exists(path) and not path.is_dir():
        raise ValueError(f"{path} is not a directory")
    return path


def directories(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The paths of directories, each once. They are not looked at: one may be on a dead network."""
    return tuple(dict.fromkeys(paths))


def number(most: float) -> Callable[[float], float]:
    """A parser of numbers from 0 to `most`."""

    def parse(value: float) -> float:
        if not (math.isfinite(value) and 0 <= value <= most):
            raise ValueError(f"a number from 0 to {most:g}")
        return float(value)

    return parse


def whole_number(most: int) -> Callable[[float], int]:
    """A parser of whole numbers from 1 to `most`."""

    def parse(value: float) -> int:
        if not (math.isfinite(value) and 1 <= value <= most and value == int(value)):
            raise ValueError(f"a whole number from 1 to {most}")
        return int(value)

    return parse


def path_map(given: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of a path where a client runs and the same place here, for `REMOTE=LOCAL`.

    Both are absolute; the client's may be one of another system, such as `D:\\torrents`.
    """
    pairs = []
    for text in given:
        remote, _, local = text.rpartition("=")
        if not remote or not local.startswith("/") or "\0" in text:
            raise ValueError("needs the client's path and an absolute one here: REMOTE=LOCAL")
        pairs.append((remote, local))
    return tuple(pairs)


_CLIENT_NAME = re.compile(r"[!-~](?:[ -~]{0,98}[!-~])?")


def client_name(text: str) -> str:
    """What a BitTorrent client calls itself: it is sent in an HTTP header."""
    if not _CLIENT_NAME.fullmatch(text):
        raise ValueError("1 to 100 printable ASCII characters, such as libtorrent/2.1.1")
    return text


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None


# What `biofs mount -o` takes.


FUSE_OPTIONS = {
    "allow_other": "all users may use the mount",
    "allow_root": "root may use the mount",
    "default_permissions": "the kernel checks permissions",
    "noatime": "access times are not updated, which they are not anyway",
    "nodev": "device files have no effect; always on for ordinary users",
    "noexec": "no program can be executed",
    "nofiles": "directories of torrents do not list `files/`, which is there for who names it",
    "nonempty": "the mountpoint need not be empty",
    "nosuid": "set-user-ID bits have no effect; always on for ordinary users",
    "ro": "read-only, as the mount always is",
    "xattr": "metadata as extended attributes",
}
"""Names that stand alone. `nofiles`, `nonempty` and `xattr` are biofs's own, the others mount
options."""

OWNER_OPTIONS = {
    "uid": "the numeric user ID that owns all files",
    "gid": "the numeric group ID that owns all files",
}
"""Names that need a number, such as `uid=1000`."""

_LARGEST_OWNER = 2**32 - 2  # the number above it means "leave it as it is": chown(2)


def parse(given: Iterable[str]) -> tuple[tuple[str, ...], int | None, int | None]:
    """Names of `FUSE_OPTIONS`, each once, the user ID and the group ID.

    Each text given can hold several options with commas between them. Raises ValueError.
    """
    names: dict[str, None] = {}
    numbers: dict[str, int] = {}
    for option in filter(None, map(str.strip, ",".join(given).split(","))):
        name, _, value = option.partition("=")
        if name == "rw":
            raise ValueError("rw: biofs is read-only: leave it out")
        if name in OWNER_OPTIONS:
            numbers[name] = _owner(name, value)
        elif option in FUSE_OPTIONS:
            names[option] = None
        else:
            known = ", ".join((*FUSE_OPTIONS, *(f"{name}=NUMBER" for name in OWNER_OPTIONS)))
            raise ValueError(f"{option}: no such option: there are {known}")
    return tuple(names), numbers.get("uid"), numbers.get("gid")


def _owner(name: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal() and int(value[:12]) <= _LARGEST_OWNER):
        raise ValueError(f"{name}: needs a number, such as {name}=1000")
    return int(value)


# Where biofs keeps its files by default; None where no home directory is known.


def default_config_file() -> Path | None:
    """The settings file, which need not exist."""
    import platformdirs  # noqa: PLC0415 - the table of settings is loaded by every command

    return _at_home(platformdirs.user_config_path("biofs") / "config.toml")


def default_cache_dir() -> Path | None:
    """The cache directory."""
    import platformdirs  # noqa: PLC0415 - as above

    return _at_home(platformdirs.user_cache_path("biofs"))


def default_log_file() -> Path | None:
    """The log of a mount in the background."""
    import platformdirs  # noqa: PLC0415 - as above

    return _at_home(platformdirs.user_log_path("biofs") / "biofs.log")


def default_download_dir() -> Path | None:
    """Where what was fetched is put, if biofs brings the client along."""
    import platformdirs  # noqa: PLC0415 - as above

    return _at_home(platformdirs.user_data_path("biofs") / "downloads")


def _at_home(path: Path) -> Path | None:
    # A user without HOME and without an entry in passwd gets a relative path.
    return path if path.is_absolute() else None

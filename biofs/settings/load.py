"""The settings of a mount: the command line beats the environment, which beats the settings file,
which beats what `biofs login` keeps.

The file is `$XDG_CONFIG_HOME/biofs/config.toml`. With `--demo` and `--snapshot` only the command
line counts: they need no token, and what was set for the real server does not fit them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from biofs.api.pace import Rate
from biofs.api.secrets import Secret
from biofs.api.urls import is_loopback, normalise_base_url
from biofs.errors import ConfigError
from biofs.settings.layers import (
    LogLevel,
    Merged,
    merge,
    names_a_token,
)
from biofs.settings.variables import COOKIE_VARIABLE, TOKEN_VARIABLE, URL_VARIABLE

__all__ = [
    "COOKIE_VARIABLE",
    "TOKEN_VARIABLE",
    "URL_VARIABLE",
    "LogLevel",
    "Settings",
    "default_config_file",
    "default_log_file",
    "load",
    "names_a_token",
    "parse_size",
]

DEFAULT_URL = "https://torrents.bio"
DEMO_URL = "http://demo.invalid"
"""Stands for the embedded catalogue: RFC 6761 keeps the name from ever meaning a host."""
SNAPSHOT_URL = "http://snapshot.invalid"
"""Likewise for a snapshot."""
DEFAULT_RATE = "1/6"
DEFAULT_WAIT = 60.0
DEFAULT_TIMEOUT = 30.0
DEFAULT_CACHE_SIZE = "1G"
LONGEST_WAIT = 86_400.0
LONGEST_TTL = 10 * 365 * 86_400.0

_SIZE = re.compile(r"([0-9]{1,6})([KMGTkmgt])i?[Bb]?")
_SHIFTS = {"K": 10, "M": 20, "G": 30, "T": 40}

FUSE_OPTIONS = (
    *("allow_other", "allow_root", "default_permissions", "noatime", "nodev", "noexec"),
    *("nonempty", "nosuid", "ro", "xattr"),
)
"""What `-o` takes. `nonempty` and `xattr` are biofs's own, the others are mount options."""

OWNER_OPTIONS = ("uid", "gid")
"""What `-o` takes with a number behind it, `uid=1000`: whose all that is in the mount is."""
_LARGEST_OWNER = 2**32 - 2  # the number above it means "leave it as it is": chown(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a mount can be told. Times are in seconds, paths absolute."""

    url: str
    token: Secret | None
    cookie: Secret | None
    cache_dir: Path | None
    """None keeps the cache in memory only."""
    cache_size: int
    """Bytes the cache may take; the index alone may take more."""
    rate: Rate
    wait: float
    """How long a caller waits without progress before it gets EAGAIN."""
    ttl: float | None
    """None: each kind of answer has its own."""
    offline: bool
    account: bool
    foreground: bool
    fuse_options: tuple[str, ...]
    """Names out of `FUSE_OPTIONS`, each once."""
    uid: int | None = None
    """Whose the mount's files are; None: of the user who mounts."""
    gid: int | None = None
    log_file: Path | None
    """None logs to stderr."""
    log_level: LogLevel
    demo: bool
    snapshot: Path | None
    """A file made by `biofs export`, which stands for the server."""
    ca_file: Path | None
    """Certificates to trust in place of the system's; PEM."""
    timeout: float = DEFAULT_TIMEOUT
    """How long the server may be silent in the midst of an exchange."""


def load(
    command_line: Mapping[str, object],
    environ: Mapping[str, str],
    config_file: Path | None = None,
    *,
    logged_in: bool = True,
) -> Settings:
    """Put the three sources together and check every value.

    `command_line` has what was given, under the names of the file's keys, and `foreground` and
    `demo`; None stands for not given. `config_file` is for another place than the usual one; it
    need not exist. `logged_in` False leaves out what `biofs login` kept. Raises ConfigError
    for a setting that is missing or makes no sense, and for a file with secrets that others can
    read.
    """
    file = config_file or default_config_file()
    merged = merge(command_line, environ, file, logged_in=logged_in)
    told = merged.told
    token, cookie = merged.token(), merged.cookie()
    options, owner = merged.parsed("options", _options, ",".join(told.options or ()))
    settings = Settings(
        url=_url(merged),
        token=token,
        cookie=cookie,
        cache_dir=_cache_dir(merged),
        cache_size=merged.parsed("cache_size", parse_size, told.cache_size or DEFAULT_CACHE_SIZE),
        rate=merged.parsed(
            "rate", Rate.parse, told.rate or ("unlimited" if told.demo else DEFAULT_RATE)
        ),
        wait=DEFAULT_WAIT if told.wait is None else merged.seconds("wait", told.wait, LONGEST_WAIT),
        ttl=_ttl(merged),
        offline=bool(told.offline or told.snapshot),
        account=bool(told.account),
        foreground=told.foreground,
        fuse_options=options,
        uid=owner.get("uid"),
        gid=owner.get("gid"),
        log_file=_log_file(merged),
        log_level=told.log_level or "info",
        demo=told.demo,
        snapshot=_snapshot(merged),
        ca_file=_ca_file(merged),
        timeout=_timeout(merged),
    )
    if not (token or cookie or settings.demo or settings.offline):
        raise ConfigError(
            f"no token: `biofs login` asks for it and keeps it; or give --token-file FILE, "
            f"or set {TOKEN_VARIABLE}, or try --demo"
        )
    if (token or cookie) and not (_is_safe(settings.url) or settings.offline or told.insecure):
        raise merged.wrong(
            "url",
            "plain http would show everybody on the way the token: use https://, or put "
            "`insecure = true` into the settings file",
        )
    return settings


def _is_safe(url: str) -> bool:
    """Whether nobody but the server hears what is sent there."""
    return url.startswith("https://") or is_loopback(url)


def default_config_file() -> Path | None:
    """Where the settings file is, which need not exist; None where no home directory is known."""
    return _at_home(platformdirs.user_config_path("biofs") / "config.toml")


def default_log_file() -> Path | None:
    """Where a mount in the background logs unless told otherwise; None as above."""
    return _at_home(platformdirs.user_log_path("biofs") / "biofs.log")


def _at_home(path: Path) -> Path | None:
    # A user without HOME and without an entry in passwd gets a relative path.
    return path if path.is_absolute() else None


def _url(merged: Merged) -> str:
    if merged.told.demo:
        return DEMO_URL
    if merged.told.snapshot:
        return SNAPSHOT_URL
    return merged.parsed("url", normalise_base_url, merged.told.url or DEFAULT_URL)


def _ttl(merged: Merged) -> float | None:
    if merged.told.snapshot:
        return LONGEST_TTL  # there is nobody to ask for anything newer
    ttl = merged.told.ttl
    return None if ttl is None else merged.seconds("ttl", ttl, LONGEST_TTL)


def _timeout(merged: Merged) -> float:
    timeout = merged.told.timeout
    if timeout is None:
        return DEFAULT_TIMEOUT
    if timeout == 0:
        raise merged.wrong("timeout", "no server answers in 0 seconds")
    return merged.seconds("timeout", timeout, LONGEST_WAIT)


def _snapshot(merged: Merged) -> Path | None:
    given = merged.path("snapshot", merged.told.snapshot)
    if given is not None and not _is_there(merged, "snapshot", given):
        raise merged.wrong("snapshot", f"{given}: no such file")
    return given


def _cache_dir(merged: Merged) -> Path | None:
    given = merged.path("cache_dir", merged.told.cache_dir)
    if given is None and not (merged.told.demo or merged.told.snapshot):
        return _needed(_at_home(platformdirs.user_cache_path("biofs")), "--cache-dir")
    if given is not None and _is_there(merged, "cache_dir", given) and not given.is_dir():
        raise merged.wrong("cache_dir", f"{given} is not a directory")
    return given


def _log_file(merged: Merged) -> Path | None:
    given = merged.path("log_file", merged.told.log_file)
    if given is None and not merged.told.foreground:
        return _needed(default_log_file(), "--log-file")
    return given


def _ca_file(merged: Merged) -> Path | None:
    given = merged.path("ca_file", merged.told.ca_file)
    if given is not None and not _is_there(merged, "ca_file", given):
        raise merged.wrong("ca_file", f"{given}: no such file")
    return given


def _is_there(merged: Merged, key: str, path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise merged.wrong(key, f"{path}: {error.strerror}") from None


def parse_size(text: str) -> int:
    """Bytes. Raises ValueError for what is no size."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("a size is a number and K, M, G or T, such as 500M")
    return int(match[1]) << _SHIFTS[match[2].upper()]


def _needed(path: Path | None, option: str) -> Path:
    if path is None:
        raise ConfigError(f"no home directory is known: set HOME, or give {option}")
    return path


def _options(text: str) -> tuple[tuple[str, ...], dict[str, int]]:
    """The names that are options by themselves, and the numbers of those that need one."""
    names: dict[str, None] = {}
    numbers: dict[str, int] = {}
    for option in filter(None, map(str.strip, text.split(","))):
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
    return tuple(names), numbers


def _owner(name: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal() and int(value[:12]) <= _LARGEST_OWNER):
        raise ValueError(f"{name}: needs a number behind it, such as {name}=1000")
    return int(value)

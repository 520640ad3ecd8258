"""The settings of a mount: the command line beats the environment, which beats the settings file,
which beats what `biofs login` keeps.

The file is `$XDG_CONFIG_HOME/biofs/config.toml`. With `--demo` and `--snapshot` only the command
line counts: they need no token, and what was set for the real server does not fit them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from biofs.api.server import is_loopback
from biofs.errors import ConfigError, QuietError
from biofs.settings.layers import Merged, merge, names_a_token
from biofs.settings.table import SETTINGS, TOKEN_VARIABLE, LogLevel
from biofs.settings.values import default_config_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from biofs.api.secrets import Secret
    from biofs.api.server import Rate
    from biofs.settings.fetching import EngineName


__all__ = [
    "Settings",
    "load",
    "names_a_token",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set for a mount. Times are in seconds, paths absolute.

    `table.SETTINGS` fills the fields; a test holds the two together.
    """

    url: str
    token: Secret | None
    cookie: Secret | None
    passkey: Secret | None
    """Opens the download of .torrent files."""
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
    """Names out of `values.FUSE_OPTIONS`, each once."""
    uid: int | None = None
    """Whose the mount's files are; None: of the user who mounts."""
    gid: int | None = None
    data: tuple[Path, ...] = ()
    """Directories in which the data of torrents may lie."""
    torrents: tuple[Path, ...] = ()
    """Directories in which .torrent files may lie, besides those of BitTorrent clients."""
    engine: EngineName | None = None
    """What fetches data that are not here; None: nothing does."""
    engine_url: str | None = None
    """None: where the engine is by default."""
    engine_user: str | None = None
    engine_password: Secret | None = None
    path_map: tuple[tuple[str, str], ...] = ()
    """Pairs of a path as the engine names it and the absolute path of the same place here."""
    download_dir: Path | None = None
    """Where libtorrent puts what it fetches; None: the default place."""
    ask_above: int = 1 << 30
    fetch_on_read: bool = False
    read_budget_file: int = 2 << 30
    read_budget_day: int = 10 << 30
    read_budget_total: int = 100 << 30
    """Bytes above which `biofs fetch` asks first."""
    download_rate: int | None = None
    """Bytes a second; None: no limit. It and what follows are for libtorrent."""
    upload_rate: int | None = None
    """Bytes a second; None: no limit."""
    seed_ratio: float | None = None
    """Sent to fetched; None: it seeds without end."""
    download_space: int | None = None
    """Bytes of all torrents together; None: no limit."""
    download_torrents: int | None = None
    """How many at the same time; None: no limit."""
    engine_identity: str | None = None
    """What it calls itself to trackers; None: its own name."""
    log_file: Path | None
    """None logs to stderr."""
    log_level: LogLevel
    demo: bool
    snapshot: Path | None
    """A file made by `biofs export`, which stands for the server."""
    snapshot_url: str | None = None
    """Where snapshots are published, which stand for the server."""
    snapshot_key: str | None = None
    """The public key (`RW…`) with which a snapshot has to be signed."""
    ca_file: Path | None
    """Certificates to trust in place of the system's; PEM."""
    timeout: float = 30.0
    """How long the server may be silent during a request."""
    insecure: bool = False
    """Secrets may be sent over plain http to another machine."""


def load(
    command_line: Mapping[str, object],
    environ: Mapping[str, str],
    config_file: Path | None = None,
    *,
    logged_in: bool = True,
) -> Settings:
    """Put the sources together and check every value.

    `command_line` has what was given, under the names of the table; None stands for not given.
    `config_file` is for another place than the default one; it need not exist. `logged_in` False
    leaves out what `biofs login` kept. Raises ConfigError for a setting that is missing or invalid,
    and for a file with secrets that others can read.
    """
    file = config_file or default_config_file()
    merged = merge(command_line, environ, file, logged_in=logged_in)
    settings = Settings(**_fields(merged))
    secrets = settings.token or settings.cookie
    if not (secrets or settings.demo or settings.offline or settings.snapshot_url):
        raise ConfigError(
            f"no token: `biofs login` asks for it and keeps it; or give --token-file FILE, "
            f"or set {TOKEN_VARIABLE}, or try --demo"
        )
    insecure = settings.insecure
    if secrets and not (_is_safe(settings.url) or settings.offline or insecure):
        raise merged.wrong(
            "url",
            "plain http would show the token to everybody on the way: use https://, or put "
            "`insecure = true` into the settings file",
        )
    engine_url = settings.engine_url
    if settings.engine_password and engine_url and not (_is_safe(engine_url) or insecure):
        raise merged.wrong(
            "engine_url",
            "plain http would show the password to everybody on the way: use https://, or put "
            "`insecure = true` into the settings file",
        )
    return settings


def _fields(merged: Merged) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for setting in SETTINGS:
        value = merged.value(setting)
        parts = value if len(setting.filled) > 1 else (value,) * len(setting.filled)
        for name, part in zip(setting.filled, parts, strict=True):
            # Two settings can fill one field, a token and its file: only one of them is given.
            if part is not None or name not in fields:
                fields[name] = part
    return fields


def _is_safe(url: str) -> bool:
    """Whether nobody but the server hears what is sent there."""
    return url.startswith("https://") or is_loopback(url)


_DEMO: Final = ("starlette", "hypercorn")


def check_demo() -> None:
    """Raise QuietError, which says what to install, without `biofs[demo]`. Imports nothing."""
    if any(find_spec(name) is None for name in _DEMO):
        raise QuietError("the embedded catalogue is not installed: pip install 'biofs[demo]'")

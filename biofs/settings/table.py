"""The settings: one list, from which all that names them is derived.

Options of the command line (cli/options.py), keys of the settings file and variables of the
environment (layers.py), `Settings` (load.py), options of fstab (cli/mount_helper.py) and
docs/configuration.md come from it. A library for settings would say neither which file or variable
is wrong nor who else can read it, and takes longer to import than a command to run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from biofs.settings import fetching, values
from biofs.settings.setting import Group, Setting

__all__ = ["BY_NAME", "SETTINGS", "Group", "LogLevel", "Setting"]

LogLevel = Literal["debug", "info", "warning", "error"]

URL_VARIABLE: Final = "BIOFS_URL"
TOKEN_VARIABLE: Final = "BIOFS_TOKEN"  # noqa: S105 - the variable's name
COOKIE_VARIABLE: Final = "BIOFS_COOKIE"
PASSKEY_VARIABLE: Final = "BIOFS_PASSKEY"

DEFAULT_URL: Final = "https://torrents.bio"
DEMO_URL: Final = "http://demo.invalid"
"""Stands for the embedded catalogue: RFC 6761 keeps the name from ever meaning a host."""
SNAPSHOT_URL: Final = "http://snapshot.invalid"
"""Stands for a snapshot, for the same reason."""


SETTINGS: Final = (
    Setting(
        name="url",
        help="Server.",
        group="account",
        metavar="URL",
        parse=values.url,
        default=DEFAULT_URL,
        fixed_with={"demo": DEMO_URL, "snapshot": SNAPSHOT_URL},
        flags=("--url",),
        variable=URL_VARIABLE,
        example='"https://torrents.bio"',
    ),
    Setting(
        name="token",
        help="API token. Not an option: others could read it on the command line.",
        group="account",
        metavar="TOKEN",
        parse=values.secret,
        variable=TOKEN_VARIABLE,
        secret=True,
        example='"0123456789abcdef"',
    ),
    Setting(
        name="token_file",
        type=Path,
        help="File with the API token; only you can read it.",
        group="account",
        metavar="FILE",
        parse=values.secret_in_file,
        flags=("--token-file",),
        in_fstab=True,
        excludes=("token",),
        fields=("token",),
        example='"token"',
    ),
    Setting(
        name="cookie",
        help="Cookie of a browser session, `session=…; userid=…`, which a few views need.",
        group="account",
        metavar="COOKIE",
        parse=values.secret,
        variable=COOKIE_VARIABLE,
        secret=True,
        example='"session=0123456789abcdef; userid=3"',
    ),
    Setting(
        name="passkey",
        help="Passkey of your account, with which .torrent files are downloaded.",
        group="account",
        metavar="PASSKEY",
        parse=values.secret,
        variable=PASSKEY_VARIABLE,
        secret=True,
        example='"0123456789abcdef0123456789abcdef"',
    ),
    Setting(
        name="cache_dir",
        type=Path,
        help="Cache directory.",
        group="account",
        metavar="DIR",
        parse=values.directory,
        default=values.default_cache_dir,
        default_text="~/.cache/biofs",
        default_with={"demo": None, "snapshot": None},
        flags=("--cache-dir",),
        in_fstab=True,
        example='"~/.cache/biofs"',
    ),
    Setting(
        name="cache_size",
        help="Maximum cache size.",
        group="storage",
        metavar="SIZE",
        parse=values.parse_size,
        default="1G",
        flags=("--cache-size",),
        in_fstab=True,
        example='"1G"',
    ),
    Setting(
        name="rate",
        help="Rate limit, requests/seconds; unlimited for donors.",
        group="pace",
        metavar="N/SECONDS",
        parse=values.rate,
        default="1/6",
        default_with={"demo": "unlimited"},
        flags=("--rate",),
        in_fstab=True,
        example='"1/6"',
    ),
    Setting(
        name="ttl",
        type=float,
        help="How long an answer counts as fresh.",
        group="storage",
        metavar="SECONDS",
        parse=values.seconds(values.LONGEST_TTL),
        default_text="by kind",
        fixed_with={"snapshot": values.LONGEST_TTL},  # there is no server with newer answers
        flags=("--ttl",),
        in_fstab=True,
        example="3600",
    ),
    Setting(
        name="wait",
        type=float,
        help="Seconds a read may wait without progress.",
        group="mount",
        metavar="SECONDS",
        parse=values.seconds(values.LONGEST_WAIT),
        default=60.0,
        flags=("--wait",),
        in_fstab=True,
        example="60",
    ),
    Setting(
        name="offline",
        type=bool,
        help="Send nothing; serve what is cached.",
        group="mount",
        default=False,
        fixed_with={"snapshot": True},
        flags=("--offline/--no-offline",),
        in_fstab=True,
        example="false",
    ),
    Setting(
        name="account",
        type=bool,
        help="Show your account in me/.",
        group="mount",
        default=False,
        flags=("--account/--no-account",),
        in_fstab=True,
        example="false",
    ),
    Setting(
        name="foreground",
        type=bool,
        help="Stay in the foreground.",
        group="mount",
        default=False,
        flags=("-f", "--foreground"),
        in_file=False,
    ),
    Setting(
        name="options",
        type=list[str],
        help="Mount options, such as noatime,allow_other.",
        group="mount",
        metavar="OPTIONS",
        parse=values.parse,
        default=(),
        flags=("-o", "--options"),
        fields=("fuse_options", "uid", "gid"),
        example='["noatime"]',
    ),
    Setting(
        name="data",
        type=list[Path],
        help="Open files whose data are in DIR; repeatable.",
        group="contents",
        metavar="DIR",
        parse=values.directories,
        default=(),
        flags=("--data",),
        in_fstab=True,
        example='["~/Downloads"]',
    ),
    Setting(
        name="torrents",
        type=list[Path],
        help="Look for .torrent files in DIR too; repeatable.",
        group="contents",
        metavar="DIR",
        parse=values.directories,
        default=(),
        flags=("--torrents",),
        in_fstab=True,
        example='["~/torrents"]',
    ),
    *fetching.SETTINGS,
    Setting(
        name="log_file",
        type=Path,
        help="Log file.",
        group="logging",
        metavar="FILE",
        default=values.default_log_file,
        default_text="~/.local/state/biofs/log/biofs.log",
        default_with={"foreground": None},
        flags=("--log-file",),
        in_fstab=True,
        example='"~/.local/state/biofs/log/biofs.log"',
    ),
    Setting(
        name="log_level",
        type=LogLevel,
        help="How much to log: debug, info, warning, error.",
        group="logging",
        metavar="LEVEL",
        default="info",
        flags=("--log-level",),
        in_fstab=True,
        example='"info"',
    ),
    Setting(
        name="demo",
        type=bool,
        help="Mount the embedded catalogue: no token needed.",
        group="catalogue",
        default=False,
        flags=("--demo",),
        in_file=False,
        in_fstab=True,
        alone=True,
        excludes=("url", "token_file", "snapshot"),
    ),
    Setting(
        name="snapshot",
        help="Mount a file that `biofs export` wrote, or what is published at a URL.",
        group="catalogue",
        metavar="FILE|URL",
        parse=values.snapshot,
        default=(),
        flags=("--snapshot",),
        in_file=False,
        in_fstab=True,
        alone=True,
        excludes=("url", "token_file", "cache_dir", "cache_size", "rate", "ttl", "account"),
        left_to_urls=("cache_dir", "ttl", "offline"),
        fields=("snapshot", "snapshot_url"),
    ),
    Setting(
        name="snapshot_key",
        help="Public key (minisign, `RW…`, or a file with it) that has to have signed a snapshot.",
        group="catalogue",
        metavar="KEY",
        parse=values.public_key,
        flags=("--snapshot-key",),
        in_fstab=True,
        also_with=("snapshot",),
        example='"RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"',
    ),
    Setting(
        name="ca_file",
        type=Path,
        help="Certificates to trust in place of the system's; PEM.",
        group="connection",
        metavar="FILE",
        parse=values.existing_file,
        example='"ca.pem"',
    ),
    Setting(
        name="timeout",
        type=float,
        help="Seconds the server may be silent during a request.",
        group="connection",
        metavar="SECONDS",
        parse=values.seconds(values.LONGEST_WAIT, zero=False),
        default=30.0,
        example="30",
    ),
    Setting(
        name="insecure",
        type=bool,
        help="Send token and password over plain http to another machine, too.",
        group="connection",
        default=False,
        example="false",
    ),
)

BY_NAME: Final = {setting.name: setting for setting in SETTINGS}

SECRET_VARIABLES: Final = tuple(s.variable for s in SETTINGS if s.secret and s.variable)
"""Variables of the environment that hold a secret."""

OTHERS_SECRET_VARIABLES: Final = (
    *("BIOFS_SIGNING_PASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
)
"""Those that hold one and are no settings of a mount: of `biofs publish`."""

OTHER_VARIABLES: Final = {
    "BIOFS_SIGNING_PASSWORD": "Password of the key with which `biofs publish --key` signs.",
    "BIOFS_DEBUG": "If set, an unexpected error shows its traceback.",
    "NO_COLOR": "If set, nothing is coloured.",
}
"""Variables that are not settings of a mount."""

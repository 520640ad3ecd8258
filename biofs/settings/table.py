"""The settings: one list, from which all that names them is derived.

Options of the command line (cli/options.py), keys of the settings file and variables of the
environment (layers.py), `Settings` (load.py), options of fstab (cli/mount_helper.py) and
docs/configuration.md come from it. A library for settings would say neither which file or variable
is wrong nor who else can read it, and takes longer to import than a command to run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from biofs.settings import values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LogLevel = Literal["debug", "info", "warning", "error"]
Group = Literal[
    "account", "storage", "pace", "mount", "contents", "logging", "catalogue", "connection"
]

URL_VARIABLE: Final = "BIOFS_URL"
TOKEN_VARIABLE: Final = "BIOFS_TOKEN"  # noqa: S105 - the variable's name
COOKIE_VARIABLE: Final = "BIOFS_COOKIE"
PASSKEY_VARIABLE: Final = "BIOFS_PASSKEY"

DEFAULT_URL: Final = "https://torrents.bio"
DEMO_URL: Final = "http://demo.invalid"
"""Stands for the embedded catalogue: RFC 6761 keeps the name from ever meaning a host."""
SNAPSHOT_URL: Final = "http://snapshot.invalid"
"""Stands for a snapshot, for the same reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: what it means and where it can be given."""

    name: str
    """Its key in the settings file; with `-` for `_` its long option."""
    type: Any = str
    """str, float, bool, Path, list[str], list[Path] or a Literal: what the file holds, a Path as a
    string."""
    help: str
    """One line, without the default."""
    group: Group
    """Commands take options by group."""
    metavar: str = ""
    """The unit or kind of its value."""
    parse: Callable[[Any], Any] = values.as_given
    """Raises ValueError for a value that is wrong. A Path that it gets is absolute."""
    default: Any = None
    """A value still to be parsed, or a function that finds a path; None: there is none."""
    default_text: str = ""
    """The default in words, where it is not the value itself."""
    default_with: Mapping[str, Any] = field(default_factory=dict)
    """The default if another setting is given."""
    fixed_with: Mapping[str, Any] = field(default_factory=dict)
    """The value, parsed, which another setting that is given stands for."""
    flags: tuple[str, ...] = ()
    """Options of the command line, as click declares them; none: it cannot be given there."""
    in_file: bool = True
    variable: str = ""
    """A variable of the environment; its value is a text, so `type` has to be str."""
    in_fstab: bool = False
    secret: bool = False
    """Then no file that others can read can hold it, and no child inherits the variable."""
    alone: bool = False
    """With it only the command line counts: what is set elsewhere is for the real server."""
    excludes: tuple[str, ...] = ()
    """Settings that cannot be given with it; one that a weaker source gives is passed over."""
    fields: tuple[str, ...] | None = None
    """Fields of `Settings` that it fills; None: the one of its name."""
    example: str = ""
    """A TOML value for the documentation."""

    @property
    def option(self) -> str:
        """What messages call it on the command line."""
        return self.flags[0].split("/")[0] if self.flags else f"--{self.name.replace('_', '-')}"

    @property
    def choices(self) -> tuple[str, ...]:
        """The texts it can be, if they are few."""
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    @property
    def shown_default(self) -> str:
        """The default for people; empty if there is none worth a word."""
        if self.default_text or not isinstance(self.default, str | float):
            return self.default_text
        if isinstance(self.default, str):
            return self.default
        return "" if isinstance(self.default, bool) else f"{self.default:g}"

    @property
    def filled(self) -> tuple[str, ...]:
        """The fields of `Settings` that it fills."""
        return (self.name,) if self.fields is None else self.fields


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
        type=Path,
        help="Mount a file that `biofs export` wrote.",
        group="catalogue",
        metavar="FILE",
        parse=values.existing_file,
        flags=("--snapshot",),
        in_file=False,
        in_fstab=True,
        alone=True,
        excludes=("url", "token_file", "cache_dir", "cache_size", "rate", "ttl", "account"),
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
        help="Send the token over plain http to another machine, too.",
        group="connection",
        default=False,
        fields=(),
        example="false",
    ),
)

BY_NAME: Final = {setting.name: setting for setting in SETTINGS}

SECRET_VARIABLES: Final = tuple(s.variable for s in SETTINGS if s.secret and s.variable)
"""Variables of the environment that hold a secret."""

OTHER_VARIABLES: Final = {
    "BIOFS_DEBUG": "If set, an unexpected error shows its traceback.",
    "NO_COLOR": "If set, nothing is coloured.",
}
"""Variables that are not settings of a mount."""

"""Writes docs/configuration.md out of the table of settings: scripts/manual."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from biofs.settings.table import BY_NAME, OTHER_VARIABLES, SETTINGS, Setting
from biofs.settings.values import FUSE_OPTIONS, OWNER_OPTIONS

PAGE = Path(__file__).parents[2] / "docs/configuration.md"

_HEAD = """\
# Configuration

<!-- Written by scripts/manual from biofs/settings/table.py. -->

A setting comes from the first of these that gives it: the command line, the environment, the
settings file, what `biofs login` kept, the default.
"""

_ALONE = """\
With `--demo` and `--snapshot` only the command line counts: what is set for the real server does
not fit them. An empty variable counts as not set. Without a cache directory the cache is in memory;
without a log file the log goes to stderr.
"""

_FILE = """\
`$XDG_CONFIG_HOME/biofs/config.toml`, by default `~/.config/biofs/config.toml`. Every key is
optional; these are all of them. Relative paths are relative to the file's directory, and `~` is the
home directory.
"""

_PRIVATE = """\
A file that holds a token or a cookie is refused if others can read it, or if it belongs to someone
other than you and root. `--token-file <(pass show biotorrents)` works, too.
"""

_FSTAB = """\
`mount -t fuse.biofs SOURCE DIRECTORY -o …` and lines of fstab take these options, which mean what
those of `biofs mount` mean, and the mount options above. SOURCE is the server's URL, the path of a
snapshot, a snapshot's URL if it ends in `.biofs`, `.sqlite`, `.zst` or `.json`, `demo`, or `none`
for the server that the settings name or with the option `snapshot`. See mount.fuse.biofs(8).
"""

EXIT_CODES = {
    "0": "done",
    "1": "it did not work",
    "2": "the command line is wrong",
    "130": "interrupted",
}

ERRNO = {
    "the server says that there is no such thing": "ENOENT",
    "the token is missing, refused or revoked, or a cookie is needed and there is none": "EACCES",
    "the wait ran out": "EAGAIN",
    "no network, and nothing cached": "ETIMEDOUT, EHOSTUNREACH",
    "an invalid answer": "EIO",
    "a file below files/ whose data are not on this machine, or wrong": "ENODATA",
    "any write": "EROFS",
    "the caller was signalled": "EINTR",
}


def page() -> str:
    """The whole page."""
    return "\n".join(
        (
            _HEAD,
            "## Settings\n",
            _table(("option", "key", "default", "meaning"), map(_row, SETTINGS)),
            *_exclusions(),
            _ALONE,
            "## Settings file\n",
            _FILE,
            f"```toml\n{example()}```\n",
            _PRIVATE,
            "## Environment\n",
            _table(("variable", "meaning"), _variables()),
            "## Mount options\n",
            "For `biofs mount -o`, `options` in the settings file, and fstab.\n",
            _table(("option", "meaning"), _mount_options()),
            "## mount(8) and fstab\n",
            _FSTAB,
            _table(("option", "on the command line"), _fstab()),
            "## Exit codes\n",
            _table(("code", "meaning"), EXIT_CODES.items()),
            "Unless it is 0, one line on stderr says what is wrong and what to do.\n",
            "## Errors that programs see\n",
            _table(("what happens", "errno"), ERRNO.items()),
            "The log has each failure once, with its cause and without secrets.\n",
        )
    )


def example(instead: Sequence[str] = ()) -> str:
    """A settings file with every key, those as comments that cannot stand beside another one.

    Of two keys that exclude each other the excluding one stands, but for those in `instead`.
    """
    return "".join(_example_line(setting, instead) for setting in SETTINGS if setting.in_file)


def _example_line(setting: Setting, instead: Sequence[str]) -> str:
    excluders = [other.name for other in SETTINGS if setting.name in other.excludes]
    rivals = [name for name in excluders if BY_NAME[name].in_file]
    preferred = [name for name in setting.excludes if name in instead]
    replaced = preferred or (rivals if setting.name not in instead else [])
    line = f"{setting.name} = {setting.example}"
    return f"# {line}  # instead of {replaced[0]}\n" if replaced else f"{line}\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _row(setting: Setting) -> tuple[str, ...]:
    options = ", ".join(f"`{_usage(setting, flag)}`" for flag in setting.flags)
    key = f"`{setting.name}`" if setting.in_file else ""
    default = setting.shown_default
    if default and setting.default is not None:
        default = f"`{default}`"
    defaults = [default, *_defaults_with(setting)]
    return options, key, "; ".join(filter(None, defaults)), setting.help


def _usage(setting: Setting, flag: str) -> str:
    long = flag.replace("/", "`, `")
    return f"{long} {setting.metavar}" if setting.metavar and flag.startswith("--") else long


def _defaults_with(setting: Setting) -> Iterator[str]:
    for other, value in setting.default_with.items():
        shown = "none" if value is None else f"`{value}`"
        yield f"with `{BY_NAME[other].flags[-1]}` {shown}"


def _exclusions() -> Iterator[str]:
    for setting in SETTINGS:
        if setting.excludes:
            names = [_called(BY_NAME[name]) for name in setting.excludes]
            yield f"{_called(setting)} cannot be combined with {_listed(names)}.\n"


def _called(setting: Setting) -> str:
    return f"`{setting.option if setting.flags else setting.name}`"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _variables() -> Iterator[tuple[str, str]]:
    for setting in SETTINGS:
        if setting.variable:
            yield f"`{setting.variable}`", setting.help
    for name, meaning in OTHER_VARIABLES.items():
        yield f"`{name}`", meaning


def _mount_options() -> Iterator[tuple[str, str]]:
    for name, meaning in FUSE_OPTIONS.items():
        yield f"`{name}`", meaning
    for name, meaning in OWNER_OPTIONS.items():
        yield f"`{name}=NUMBER`", meaning


def _fstab() -> Iterator[tuple[str, str]]:
    for setting in SETTINGS:
        if setting.in_fstab:
            value = f"={setting.metavar}" if setting.metavar else ""
            yield f"`{setting.name}{value}`", f"`{setting.option}`"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print(f"biofs: wrote {PAGE}", file=sys.stderr)

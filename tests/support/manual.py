"""Writes the manual pages: biofs(1) out of the commands themselves, mount.fuse.biofs(8) out of the
table of settings. scripts/manual runs it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from biofs import __version__
from biofs.cli import program
from biofs.settings.table import OTHER_VARIABLES, SETTINGS
from biofs.settings.values import FUSE_OPTIONS, OWNER_OPTIONS

PAGES = Path(__file__).parents[2] / "packaging/man"
PAGE = PAGES / "biofs.1"
HELPER_PAGE = PAGES / "mount.fuse.biofs.8"

_HEAD = """\
.\\" Written by scripts/manual.
.TH BIOFS 1 "" "biofs {version}" "User Commands"
.SH NAME
biofs \\- the catalogue of BioTorrents.de as a read-only directory
.SH SYNOPSIS
.B biofs
.I COMMAND
.RI [ OPTION ]...
.RI [ ARGUMENT ]...
.SH DESCRIPTION
The catalogue of BioTorrents.de, biology data sets shared as torrents, is mounted as a read-only
directory, to be looked at with ls, a file manager, find, du, grep, rg or jq.
The server answers one request in six seconds: so biofs fetches each thing once and only when
you look at it, serves the rest from a cache, and gives up waiting after a minute.
.PP
README.txt in a mount says what is where.
.SH COMMANDS
"""

_TAIL = """\
.SH FILES
.TP
.I $XDG_CONFIG_HOME/biofs/config.toml
Settings: every long option of
.B biofs mount
is a key, with _ for \\-, but for demo, snapshot and foreground.
.TP
.I $XDG_CONFIG_HOME/biofs/login.json
Where
.B biofs login
keeps the token: in the system's keyring, or beside it in
.IR login.token .
.TP
.I $XDG_CACHE_HOME/biofs/
What was fetched.
.TP
.I $XDG_STATE_HOME/biofs/log/biofs.log
The log of mounts in the background.
.SH EXIT STATUS
0: done.
1: it did not work.
2: the command line is wrong.
130: interrupted.
Unless it is 0, one line on stderr says what is wrong and what to do.
.SH SEE ALSO
.BR mount.fuse.biofs (8),
.BR fusermount3 (1),
.BR mount.fuse3 (8)
"""


_HELPER_HEAD = """\
.\\" Written by scripts/manual.
.TH MOUNT.FUSE.BIOFS 8 "" "biofs {version}" "System Administration"
.SH NAME
mount.fuse.biofs \\- mount the catalogue of BioTorrents.de with mount(8) or from fstab(5)
.SH SYNOPSIS
.B mount \\-t fuse.biofs
.RB [ \\-o
.IR OPTIONS ]
.I SOURCE DIRECTORY
.SH DESCRIPTION
.BR mount (8)
runs this program for the type
.BR fuse.biofs ,
and it runs
.BR "biofs mount" .
It has to be in
.I /sbin
for that.
.PP
SOURCE is the server's URL, the path of a file that
.B biofs export
wrote, the URL of such a file or of a
.I biofs\\-snapshot.json
(any other URL of a snapshot is the option
.BR snapshot ,
with
.B none
as SOURCE),
.BR demo ,
or
.B none
for the server that the settings name.
.SH OPTIONS
"""

_HELPER_TAIL = """\
.PP
What fstab says to others, such as
.BR noauto ,
.B nofail
and
.BR x\\-systemd.automount ,
is passed over.
.SH EXAMPLES
.nf
.RS 4
{line}
.RE
.fi
.SH SEE ALSO
.BR biofs (1),
.BR mount (8),
.BR fstab (5)
"""

_EXAMPLE = (
    "https://torrents.bio  /srv/biotorrents  fuse.biofs"
    "  token_file=/etc/biofs/token,allow_other,_netdev,noauto,x-systemd.automount  0 0"
)


def helper_page() -> str:
    """The page of the mount helper: every setting that a line of fstab can hold, and what
    `biofs mount -o` takes."""
    lines: list[str] = []
    for setting in SETTINGS:
        if setting.in_fstab:
            value = "" if setting.type is bool else f"={setting.metavar}"
            default = f" [default: {setting.shown_default}]" if setting.shown_default else ""
            lines += [".TP", f".B {roff(setting.name + value)}", roff(setting.help + default)]
    owners = {f"{name}=NUMBER": meaning for name, meaning in OWNER_OPTIONS.items()}
    for option, meaning in {**FUSE_OPTIONS, **owners}.items():
        lines += [".TP", f".B {roff(option)}", roff(meaning)]
    tail = _HELPER_TAIL.format(line=roff(_EXAMPLE))
    return _HELPER_HEAD.format(version=__version__) + "\n".join(lines) + "\n" + tail


def roff(text: str) -> str:
    """Text as groff_man(7) has it: every character stands for itself."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    text = text.replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    text = text.replace("…", "\\&...")
    return re.sub(r"^\.", "\\&.", text, flags=re.MULTILINE)


def page() -> str:
    """The whole page."""
    lines = [
        line for path, command in all_commands(program, "biofs") for line in _command(path, command)
    ]
    return _HEAD.format(version=__version__) + "\n".join([*lines, *_environment()]) + "\n" + _TAIL


def _environment() -> Iterator[str]:
    yield ".SH ENVIRONMENT"
    settings = {setting.variable: setting.help for setting in SETTINGS if setting.variable}
    for name, meaning in {**settings, **OTHER_VARIABLES}.items():
        yield from (".TP", f".B {name}", roff(meaning))


def all_commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command that is not a group, with what one types to run it."""
    context = click.Context(group, info_name=path, help_option_names=["-h", "--help"])
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from all_commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _command(path: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=path, help_option_names=["-h", "--help"])
    usage = " ".join(command.collect_usage_pieces(context))
    yield f".SS {roff(path)} {roff(usage)}"
    yield from _paragraphs(command.help or "")
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None:
            yield from (".TP", f".B {roff(record[0])}", roff(record[1]))
    yield from _paragraphs(command.epilog or "")


def _paragraphs(text: str) -> Iterable[str]:
    """click's paragraphs; those behind \\b keep their lines."""
    found: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in paragraph.splitlines()]
        if lines and lines[0] == "\b":
            if not lines[1].startswith("biofs"):
                found += [".PP", roff(lines.pop(1))]
            found += [".PP", ".nf", ".RS 4", *map(roff, lines[1:]), ".RE", ".fi"]
        else:
            found += [".PP", roff(" ".join(lines))]
    return found


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    for path, text in ((PAGE, page()), (HELPER_PAGE, helper_page())):
        path.write_text(text, "utf-8")
        print(f"biofs: wrote {path}", file=sys.stderr)

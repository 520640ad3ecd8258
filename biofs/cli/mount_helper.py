"""`mount -t fuse.biofs URL DIRECTORY -o …` and lines of fstab: what mount(8) calls for them.

mount(8) runs `mount.fuse.biofs URL DIRECTORY [-sfnv] [-N namespace] [-o OPTIONS] [-t TYPE]`; this
becomes `biofs mount` with the same in its own words.
"""

import re
import sys
from collections.abc import Sequence
from typing import NamedTuple

from biofs import cli
from biofs.cli.output.report import complain
from biofs.errors import USAGE
from biofs.settings.table import SETTINGS

_WITH_VALUE = {s.name: s.option for s in SETTINGS if s.in_fstab and s.type is not bool}
_ALONE = {s.name: s.option for s in SETTINGS if s.in_fstab and s.type is bool}

# What fstab tells mount(8) and systemd, or asks for what every mount of biofs is or cannot be.
_NOT_FOR_US = frozenset(
    (
        *("rw", "defaults", "auto", "noauto", "user", "nouser", "users", "owner", "group"),
        *("_netdev", "nofail", "async", "atime", "relatime", "norelatime", "strictatime"),
        *("diratime", "nodiratime", "dev", "exec", "suid", "loud", "silent"),
    )
)
_SNAPSHOT = re.compile(r"^https?://[^?]*/[^?]*\.(biofs|sqlite|zst|json)$", re.IGNORECASE)
"""The URL of a snapshot, or of what describes one: no server of a catalogue is at such a path."""

_NOT_FOR_US_BEGIN = ("x-", "X-", "comment=", "user=", "uhelper=")


class _Asked(NamedTuple):
    places: list[str]
    options: list[str]
    fake: bool


def main() -> int:
    """The program `mount.fuse.biofs`; the exit code is that of `biofs mount`."""
    try:
        arguments = translate(sys.argv[1:])
    except ValueError as error:
        complain(str(error))
        return USAGE
    return 0 if arguments is None else cli.main(arguments)


def translate(arguments: Sequence[str]) -> list[str] | None:
    """The arguments of `biofs` for those of mount(8); None if it wants nothing to be mounted.

    Raises ValueError, with a line for people, for what is invalid.
    """
    asked = _read(arguments)
    if len(asked.places) != 2:
        raise ValueError("two are needed: what to mount, a URL or `demo`, and a directory")
    source, directory = asked.places
    translated: list[str] = []
    others: list[str] = []
    for option in asked.options:
        name, _, value = option.partition("=")
        if name in _WITH_VALUE:
            translated.append(f"{_WITH_VALUE[name]}={value}")
        elif option in _ALONE:
            translated.append(_ALONE[option])
        elif option == "remount":
            raise ValueError("a mount cannot be changed: unmount it, and mount it again")
        elif option not in _NOT_FOR_US and not option.startswith(_NOT_FOR_US_BEGIN):
            others.append(option)
    if others:
        translated += ["-o", ",".join(others)]
    if asked.fake:
        return None
    return ["mount", *translated, *_source(source, translated), "--", directory]


def _source(source: str, translated: Sequence[str]) -> list[str]:
    if source in {"none", "biofs", "demo"}:
        return ["--demo"] if source == "demo" and "--demo" not in translated else []
    is_snapshot = source.startswith(("/", "file:")) or _SNAPSHOT.search(source)
    return [f"--snapshot={source}" if is_snapshot else f"--url={source}"]


def _read(arguments: Sequence[str]) -> _Asked:
    places: list[str] = []
    options: list[str] = []
    fake = False
    left = iter(arguments)
    for argument in left:
        if argument in {"-o", "-t", "-N"}:
            value = next(left, None)
            if value is None:
                raise ValueError(f"{argument} needs a value")
            if argument == "-o":
                options.extend(filter(None, value.split(",")))
        elif not argument.startswith("-"):
            places.append(argument)
        elif argument.strip("sfnv") != "-":
            raise ValueError(f"{argument}: no such option")
        else:
            fake = fake or "f" in argument
    return _Asked(places, options, fake)


if __name__ == "__main__":
    sys.exit(main())

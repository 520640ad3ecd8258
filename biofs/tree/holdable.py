"""Path components that a file system can hold, from whatever a torrent names its files.

A name that can be held is kept byte for byte. The others get a stand-in:

=======================================  ====================================================
a name                                   becomes
=======================================  ====================================================
empty                                    ``_``
``.``, ``..``                            ``_.``, ``_..``
with ``/`` in it                         ``-`` in its place
with C0 control characters, NUL or DEL   their pictures in their place: ``␊`` for a line feed
with C1 controls or lone surrogates      U+FFFD in their place
longer than 255 bytes                    its beginning, ``~``, 8 hex digits, its suffix
taken                                    with `` (2)``, `` (3)`` … before its suffix
=======================================  ====================================================

A file system could hold control characters, but a terminal cannot. Backslashes stay. The hex digits
are a hash of the whole name.
"""

import hashlib
import re
from collections.abc import Collection, Container
from typing import Final

from biofs.tree import printable
from biofs.tree.names import NAME_MAX

_RESERVED: Final = {"": "_", ".": "_.", "..": "_.."}
_SURE_TO_FIT: Final = NAME_MAX // 4
# What stands after the last dot, if it looks like a suffix: short, and something before it.
_SUFFIX: Final = re.compile(r"(?<=.)\.[^./\s]{1,16}\Z", re.DOTALL)
_LONGEST_NUMBER: Final = len(" (1234567890)")


def all_holdable(names: Collection[str]) -> bool:
    """Say quickly if all names can be held. May say no when one is long and not ASCII."""
    if "" in names or "." in names or ".." in names:
        return False
    text = "".join(names)
    if "/" in text or (not text.isprintable() and not printable.is_file_name(text)):
        return False
    limit = NAME_MAX if text.isascii() else _SURE_TO_FIT
    return len(text) <= limit or max(map(len, names)) <= limit


def is_holdable(name: str) -> bool:
    """Say if a file system and a terminal can hold this name as it is."""
    return (
        name not in _RESERVED
        and printable.is_file_name(name)
        and (len(name) <= _SURE_TO_FIT or len(name.encode()) <= NAME_MAX)
    )


def stand_in(name: str) -> str:
    """Give the name itself if it can be held, else what stands for it if nothing else does."""
    if is_holdable(name):
        return name
    stem, suffix = _split(_RESERVED.get(name, name))
    # Of megabytes, no more is looked at than can show.
    shown = printable.for_file_name(stem[: NAME_MAX + 1])
    suffix = printable.for_file_name(suffix)
    if len(f"{shown}{suffix}".encode()) <= NAME_MAX:
        return shown + suffix
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return (
        printable.cut(shown, NAME_MAX - len(f"~{digest}{suffix}".encode())) + f"~{digest}{suffix}"
    )


def free_stand_in(name: str, taken: Container[str], numbers: dict[tuple[str, str], int]) -> str:
    """Give a stand-in that is not taken.

    Args:
        name: The name to stand in for.
        taken: The names it must not have.
        numbers: The last number used, by what is numbered. Kept by this function, one for each
            directory, so that a million equal names take no longer than a million different ones.
    """
    free = stand_in(name)
    if free not in taken:
        return free
    stem, suffix = _split(free)
    stem = printable.cut(stem, NAME_MAX - _LONGEST_NUMBER - len(suffix.encode()))
    number = numbers.get((stem, suffix), 1)
    while free in taken:
        number += 1
        free = f"{stem} ({number}){suffix}"
    numbers[stem, suffix] = number
    return free


def _split(name: str) -> tuple[str, str]:
    suffix = _SUFFIX.search(name)
    return (name[: suffix.start()], suffix[0]) if suffix else (name, "")

"""Names that a file system can hold: of directories made from catalogue text, and of files.

A directory's is the text for people and, in brackets, the id for programs: ``Alcohol dehydrogenase
[1]``. The id makes it unique and can be read off it again; the text may be anything.

A file has the name that its torrent gives it, byte for byte if it can be held. The others get a
stand-in:

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
import unicodedata
from collections.abc import Collection, Container, Mapping
from types import MappingProxyType
from typing import Final

from biofs.tree import printable
from biofs.tree.printable import escape, unescape

NAME_MAX: Final = 255
"""The longest name in bytes that Linux takes (limits.h)."""

CATEGORIES: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "Sequences",
        2: "Graphs",
        3: "Systems",
        4: "Geometric",
        5: "Scalars/Vectors",
        6: "Patterns",
        7: "Constraints",
        8: "Images",
        9: "Spatial",
        10: "Models",
        11: "Documents",
        12: "Machine Data",
    }
)
"""The API's categories by id. No action lists them; 0 is "Unknown"."""

LARGEST_CATEGORY: Final = (1 << 32) - 1
"""The largest number of a category that an inode holds (`tree.inodes.MAX_ID`)."""

_UNKNOWN_CATEGORY: Final = "Unknown"
_UNTITLED: Final = "untitled"
_MAX_DIGITS: Final = 200
_LEAST_TEXT: Final = 8
_LEAST_TITLE: Final = 60
"""Bytes, of a torrent and of its group, in a name that holds both and a very long id."""

# Far more than a name can show. Bounds the work: normalising a long run of marks is quadratic.
_MAX_RAW: Final = 8192
_MAX_TEXT: Final = 1024

_YEARS: Final = re.compile(r"([0-9]{1,4})|([0-9]{1,4})-([0-9]{1,4})|([0-9]{1,4})-|-([0-9]{1,4})")
_ZWJ: Final = "\u200d"
_LONGEST_CLUSTER: Final = 16


def category_dirname(category: int) -> str:
    """Name a category's directory: ``Scalars-Vectors``; ``Unknown`` for 0, ``Unknown 13`` for a
    number that this version knows no name of.

    Not by the name that an answer gives: two numbers could come with one name.
    """
    other = f"{_UNKNOWN_CATEGORY} {category}" if category else _UNKNOWN_CATEGORY
    return CATEGORIES.get(category, other).replace("/", "-")


def has_place(category: int) -> bool:
    """Whether groups of a category have a place in the tree: it is `LARGEST_CATEGORY` at most."""
    return 0 <= category <= LARGEST_CATEGORY


_CATEGORY_IDS_FOLDED: Final = {category_dirname(ident).lower(): ident for ident in CATEGORIES}
_OTHER_CATEGORY: Final = re.compile(r"unknown(?: ([1-9][0-9]{0,9}))?", re.ASCII)


def category_typed(name: str) -> int | None:
    """Give the id of the category whose directory has this name in upper or lower case, if any.

    Also of one that is not in CATEGORIES, whether or not it has groups.
    """
    other = _OTHER_CATEGORY.fullmatch(name.lower())
    if other is None:
        return _CATEGORY_IDS_FOLDED.get(name.lower())
    ident = int(other[1] or 0)
    return ident if has_place(ident) and ident not in CATEGORIES else None


def years(text: str) -> tuple[int | None, int | None]:
    """Read years as people type them: ``2005``, ``2000-2005``, ``2000-``, ``-2005``.

    Returns:
        The first and the last year; None for an end that is open.

    Raises:
        ValueError: It is none of these, or an end has more than four digits.
    """
    match = _YEARS.fullmatch(text)
    if match is None:
        raise ValueError("a year, or a span of years such as 2000-2005")
    one, low, high, since, until = (None if part is None else int(part) for part in match.groups())
    if one is not None:
        return one, one
    return (since if low is None else low), (until if high is None else high)


def clean(text: str) -> str:
    """Make one readable path component of at most 255 bytes from HTML-escaped text.

    Character references are decoded and the result is NFC. ``/`` becomes ``-``. A run of white
    space of any kind, line and paragraph separators included, becomes one space; none is left at
    the ends. Bidirectional controls are dropped; other control characters (C0, C1, DEL) and lone
    surrogates become U+FFFD. Joiners stay: emoji and Indic scripts need them. A leading dot or
    hyphen becomes ``_``: nothing is hidden, ``.`` and ``..`` cannot be, and ``tar cf x *`` takes no
    name for an option.

    Returns:
        The component; ``""`` if nothing readable is in the text.
    """
    return _cut(_visible(_readable(text)), NAME_MAX)


def with_id(text: str, ident: int, fallback: str = _UNTITLED) -> str:
    """Name something: `clean` text, cut to fit, and its id in brackets.

    Args:
        text: HTML-escaped text.
        ident: The id, not negative.
        fallback: Stands for the text if nothing of it is readable.

    Raises:
        ValueError: ``ident`` is negative or has more than 200 digits.
    """
    return _named(_readable(text), ident, fallback)


def _named(text: str, ident: int, fallback: str = _UNTITLED) -> str:
    if ident < 0:
        raise ValueError("an id is not negative")
    suffix = f" [{ident}]"
    if len(suffix) > len(" []") + _MAX_DIGITS:
        raise ValueError(f"an id of more than {_MAX_DIGITS} digits does not fit a name")
    shown = _visible(text) or _visible(_readable(fallback)) or _UNTITLED
    return _cut(shown, NAME_MAX - len(suffix)) + suffix


def id_of(name: str) -> int | None:
    """Read the id off a name made by `with_id`.

    Only the canonical form counts: text, a space, and the id in ASCII digits without leading zeros.

    Returns:
        The id, None if the name has none.
    """
    if not name.endswith("]"):
        return None
    text, _, digits = name[:-1].rpartition(" [")
    if not text or not digits.isascii() or not digits.isdigit() or len(digits) > _MAX_DIGITS:
        return None
    if digits[0] == "0" and digits != "0":
        return None
    return int(digits)


def group_dirname(name: str, ident: int) -> str:
    """Name a group's directory: ``Alcohol dehydrogenase ADH1 [1]``."""
    return _named(_readable(name), ident)


def torrent_dirname(format: str, platform: str, scope: str, ident: int) -> str:  # noqa: A002
    """Name a torrent's directory: ``FASTA, Sanger, Contig [1]``.

    Parts without readable text are left out; without any it is ``untitled [1]``.
    """
    parts = (_readable(format), _readable(platform), _readable(scope))
    return _named(", ".join(filter(None, parts)), ident)


def torrent_of_group(group: str, torrent: str) -> str:
    """Name a torrent where its group is not above it: ``Alcohol dehydrogenase ADH1 - FASTA [1]``.

    Args:
        group: The name of the group's directory.
        torrent: That of the torrent's; of a long one at least the id is kept.
    """
    title, text = group.rpartition(" [")[0], torrent.rpartition(" [")[0]
    suffix = torrent[len(text) :]
    # Ids of the API have 19 digits at most: a longer one takes from the torrent's text first.
    room = NAME_MAX - len(suffix.encode())
    text = f" - {_cut(text, min(NAME_MAX // 2, max(_LEAST_TEXT, room - _LEAST_TITLE)))}"
    return _cut(title, NAME_MAX - len(f"{text}{suffix}".encode())) + text + suffix


def text_dirname(text: str, number: int) -> str:
    """Name a tag or format (plain text, not escaped) after itself, or with its number behind it if
    no name can be that text, or it could be mistaken for a name with a number.
    """
    return text if is_plain(text) else with_id(escape(text), number)


def is_plain(text: str) -> bool:
    """Whether a text (not escaped) can be its own name, and no other text has that name."""
    return clean(escape(text)) == text and id_of(text) is None


def _readable(text: str) -> str:
    # Most names are plain ASCII and need nothing.
    if (
        text.isascii()
        and text.isprintable()
        and "&" not in text
        and "/" not in text
        and "  " not in text
        and text[:1] != " "
        and text[-1:] != " "
    ):
        return text
    text = unescape(text[:_MAX_RAW])
    # White space first: some of it is also a control character.
    text = " ".join(text.split())
    text = printable.for_title(text)
    text = " ".join(text.split())[:_MAX_TEXT].rstrip(" ")
    return unicodedata.normalize("NFC", text)


def _visible(text: str) -> str:
    return "_" + text[1:] if text.startswith((".", "-")) else text


def _cut(text: str, limit: int) -> str:
    """Cut to ``limit`` bytes of UTF-8, at a character and if possible between graphemes."""
    if len(text) * 4 <= limit or (text.isascii() and len(text) <= limit):
        return text
    end = whole = len(printable.cut(text, limit))
    if whole == len(text):
        return text
    while end > whole - _LONGEST_CLUSTER and end > 1 and _joined(text[end - 1], text[end]):
        end -= 1
    if _joined(text[end - 1], text[end]):
        # No boundary near: a heap of marks, which may as well be cut anywhere.
        end = whole
    return text[:end].rstrip(" ")


def _joined(before: str, after: str) -> bool:
    return _ZWJ in (before, after) or unicodedata.category(after).startswith("M")


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

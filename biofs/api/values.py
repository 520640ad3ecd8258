"""Conversions of the API's values, whose types vary, to what they stand for.

Every function takes anything that JSON can hold and gives a plain value; none raises. PHP writes
numbers as texts, NULL as `""`, false for a count, a list with gaps as an object, and an empty
object as `[]` (recordings community_stats_userid_3_donor, torrentgroup_odd_row_id_32).
"""

import math
import re
from collections.abc import Mapping, Sequence

LARGEST = 2**63 - 1
"""The largest size or count: what file systems (off_t) and databases hold."""

LARGEST_ID = 2**32 - 1
"""The largest id that fits an inode number (`tree.inodes`). The server's own are of 32 bits up to
release 0.1.3; what has a larger one is left out."""

_END_OF_9999 = 253_402_300_799

_LONGEST_NUMBER = 64
_INTEGER = re.compile(r"\s*([+-]?[0-9]+)(?:\.[0-9]*)?\s*", re.ASCII)
_DIGITS = re.compile(r"[+-]?[0-9]+", re.ASCII)
_INFO_HASH = re.compile(r"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}", re.ASCII)
_FALSE = frozenset({"", "0", "false", "no", "none", "null"})


def to_int(value: object) -> int:
    """A whole number of 64 bits; 0 for anything else, the nearest for what is too large."""
    number = value if type(value) is int else _number(value)
    if -LARGEST <= number <= LARGEST:
        return number
    return LARGEST if number > 0 else -LARGEST


def to_count(value: object) -> int:
    """A number of things or bytes: like to_int, and never negative."""
    number = value if type(value) is int else _number(value)
    if 0 <= number <= LARGEST:
        return number
    return LARGEST if number > 0 else 0


def to_epoch(value: object) -> int:
    """Seconds since 1970, up to the year 9999; 0 for what is out of that."""
    seconds = to_int(value)
    return seconds if 0 <= seconds <= _END_OF_9999 else 0


def to_id(value: object) -> int | None:
    """An id, 0 to 2**32-1, or None for anything else."""
    if type(value) is str and len(value) <= _LONGEST_NUMBER and _INTEGER.fullmatch(value):
        value = _number_in(value)
    if type(value) is int and 0 <= value <= LARGEST_ID:
        return value
    return None


def to_bool(value: object) -> bool:
    """Whether it stands for yes; an empty thing, 0, and the words for no do not."""
    if isinstance(value, str):
        return value.strip().lower() not in _FALSE
    return bool(value)


def to_text(value: object) -> str:
    """A text as the server sent it; numbers in digits; `""` for None, False, lists and objects."""
    if type(value) is str:
        return value
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, int | float):
        return str(to_int(value) if isinstance(value, int) else value)
    return ""


def to_texts(value: object) -> tuple[str, ...]:
    """The texts of a list, without empty ones: no tags are `[""]`. A text alone counts as one."""
    rows = [value] if isinstance(value, str) else to_rows(value) or ()
    return tuple([text for row in rows if (text := to_text(row))])


def to_tags(value: object) -> tuple[str, ...]:
    """The tags of a list, which are texts or objects with a name (release 0.1.3)."""
    if isinstance(value, str):
        return to_texts(value)
    rows = to_rows(value) or ()
    return to_texts([row.get("name") if isinstance(row, Mapping) else row for row in rows])


def is_info_hash(text: str) -> bool:
    """Whether it is 40 (version 2: 64) hexadecimal digits, in any case."""
    return _INFO_HASH.fullmatch(text) is not None


def to_info_hash(value: object) -> str:
    """An info hash in upper case; `""` for anything else."""
    text = to_text(value)
    return text.upper() if is_info_hash(text) else ""


def to_rows(value: object) -> Sequence[object] | None:
    """A list, or what PHP makes of one with gaps (`{"3":…}`) or with nothing in it; else None."""
    if type(value) is list:
        return value
    if value is None or value is False or value == "":
        return ()
    if isinstance(value, Mapping) and all(key.isdecimal() for key in value):
        return list(value.values())
    return None


def to_object(value: object) -> Mapping[str, object] | None:
    """An object, or an empty one for `[]`; else None."""
    if isinstance(value, Mapping):
        return value
    return {} if isinstance(value, list) and not value else None


def _number(value: object) -> int:
    if isinstance(value, str):
        return _number_in(value)
    if isinstance(value, float):
        return 0 if math.isnan(value) else int(max(-LARGEST, min(value, LARGEST)))
    return int(value) if isinstance(value, bool) else 0


def _number_in(text: str) -> int:
    if len(text) <= _LONGEST_NUMBER:
        match = _INTEGER.fullmatch(text)
        return int(match[1]) if match else 0
    # int() takes quadratic time, and refuses more than 4,300 digits.
    if not _DIGITS.fullmatch(text):
        return 0
    return -LARGEST if text.startswith("-") else LARGEST

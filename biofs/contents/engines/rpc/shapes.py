"""Values out of a client's answers, which may be of any shape.

What is not of the shape it should be is taken as the least it can mean: a hostile answer makes a
progress that says little, and nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_MOST: Final = 2**63 - 1


def integer(value: object, default: int = 0) -> int:
    """A whole number from 0 to 2⁶³ - 1, else `default`."""
    if isinstance(value, bool) or not isinstance(value, int):
        return default
    return value if 0 <= value <= _MOST else default


def fraction(value: object) -> float:
    """A number from 0 to 1; 0 for all others."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value <= 1 else 0.0


def text(value: object, most: int = 4096) -> str:
    """A text of at most so many characters, else the empty one."""
    return value if isinstance(value, str) and len(value) <= most else ""


def sequence(value: object) -> Sequence[object]:
    """A list, else an empty one."""
    return value if isinstance(value, list) else ()


def mapping(value: object) -> Mapping[str, Any]:
    """An object of JSON, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """Each element of a list as an object."""
    return [mapping(each) for each in sequence(value)]


def largest(values: Sequence[object]) -> int:
    """The largest of some counts; -1 if there is none."""
    return max((integer(value, -1) for value in values), default=-1)

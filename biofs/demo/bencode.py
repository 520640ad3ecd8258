"""Bencode, the writing half (BEP 3)."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Value: TypeAlias = int | str | bytes | Sequence["Value"] | Mapping[str, "Value"]


def bencode(value: Value) -> bytes:
    """Encode; texts become UTF-8, keys are sorted by their bytes as BEP 3 wants."""
    match value:
        case int():
            return b"i%de" % value
        case bytes():
            return b"%d:%s" % (len(value), value)
        case str():
            return bencode(value.encode())
        case Mapping():
            items = sorted((key.encode(), item) for key, item in value.items())
            return b"d%se" % b"".join(bencode(key) + bencode(item) for key, item in items)
        case _:
            return b"l%se" % b"".join(map(bencode, value))

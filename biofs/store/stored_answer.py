"""A group's answer as the store keeps it (`details.answer`), as JSON.

What the server sent is kept whole, so a document can be rendered again from it at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from biofs.store.database.errors import StoreError


class TorrentFacts(msgspec.Struct, array_like=True, frozen=True):
    """What is computed of a torrent once, when its answer comes: see `details.TorrentDetail`."""

    id: int
    list_key: str
    filelist_size: int
    file_count: int
    size: int
    magnet: str


class StoredAnswer(msgspec.Struct, frozen=True):
    """The group and its torrents as the server sent them, texts decoded, without the file lists.

    `about` has an entry for each of the torrents.
    """

    group: Any
    torrents: list[dict[str, Any]]
    about: list[TorrentFacts]


_decode: Final = msgspec.json.Decoder(StoredAnswer).decode


def encode(group: object, torrents: Sequence[object], about: Sequence[TorrentFacts]) -> bytes:
    """The members of a `StoredAnswer` as they are stored."""
    return msgspec.json.encode({"group": group, "torrents": torrents, "about": about})


def decode(stored: bytes) -> StoredAnswer:
    """Read what is stored. Raises StoreError if it is damaged: a file may come from anybody."""
    try:
        answer = _decode(stored)
    except (msgspec.MsgspecError, ValueError, TypeError):
        answer = None
    if answer is None or len(answer.about) != len(answer.torrents):
        raise StoreError("a detail in the store is damaged")
    return answer

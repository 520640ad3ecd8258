"""What is here of one file, and how much of it was verified before. Nothing is opened."""

from __future__ import annotations

import os
from typing import Literal, NamedTuple

from biofs.contents.disk.places import Found, Place
from biofs.contents.ledger import Identity
from biofs.contents.library import Library
from biofs.contents.matching import NONE, Listed, Local
from biofs.contents.rules import Unverified, key_of
from biofs.contents.survey import text_of


class Look(NamedTuple):
    """What is here of one file.

    Of `pieces`, `verified` were verified and are the same since; `wrong` were not right when they
    were last looked at.
    """

    state: Literal["here", "unfinished", "missing", "unlisted"]
    """ "unlisted": the metainfo does not tell which of its files it is."""
    path: str | None = None
    """Where it lies, as text."""
    source: str | None = None
    """As in `Survey`."""
    pieces: int = 0
    verified: int = 0
    wrong: int = 0
    size: int = 0
    """Bytes on the disk."""

    @property
    def is_verified(self) -> bool:
        """Whether all of it was verified."""
        return self.source is not None and self.path is not None and self.verified == self.pieces


def look(library: Library, listed: Listed, node: int) -> Look:
    """What is here of a file. For a thread. Raises OSError of the disk; opens no data."""
    if library.place(listed) is None:
        return Look("missing")
    local = library.local(listed)
    if local is None:
        length = listed.tree.size(node)
        named = library.found(listed, listed.path(node), length)
        return Look("missing") if named is None else _known(*named, length, None)
    if local.indexes[node] == NONE:
        return Look("unlisted", source=local.source)
    try:
        place, index, found = library.find_file(listed, local, node)
        status = place.directory.status(found.components)
    except (Unverified, FileNotFoundError):
        return Look("missing", source=local.source)
    known = _known(place, found, local.metainfo.files[index].length, local.source)
    return _with_pieces(known, library, local, index, status)


def _known(place: Place, found: Found, length: int, source: str | None) -> Look:
    state: Literal["here", "unfinished"] = "here" if found.is_whole(length) else "unfinished"
    return Look(state, text_of(place, found.components), source, size=found.size)


def _with_pieces(
    known: Look, library: Library, local: Local, index: int, status: os.stat_result
) -> Look:
    metainfo, identity = local.metainfo, Identity.of(status)
    key = key_of(metainfo)
    indexes = metainfo.pieces(index, 0, metainfo.files[index].length).indexes
    marks = library.ledger.verified(identity, key, index, len(indexes)).pieces
    wrong = sum(
        1
        for piece in library.pieces.wrong_in(key, identity)
        if piece in indexes and not marks[piece - indexes.start]
    )
    return known._replace(pieces=len(indexes), verified=marks.count(1), wrong=wrong)


def verified_pieces(library: Library, listed: Listed, local: Local, node: int) -> range | set[int]:
    """The numbers of the pieces of a file that were verified, and are the same since.

    All of them, as a range, of a file that is whole. For a thread; raises OSError of the disk.
    """
    try:
        place, index, found = library.find_file(listed, local, node)
        status = place.directory.status(found.components)
    except (Unverified, FileNotFoundError):
        return set()
    metainfo, identity = local.metainfo, Identity.of(status)
    indexes = metainfo.pieces(index, 0, metainfo.files[index].length).indexes
    marks = library.ledger.verified(identity, key_of(metainfo), index, len(indexes)).pieces
    if marks.count(1) == len(indexes) and found.size == metainfo.files[index].length:
        return indexes
    return {piece for piece, mark in zip(indexes, marks, strict=True) if mark}

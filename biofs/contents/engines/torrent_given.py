"""A .torrent that is handed to an engine, read."""

from __future__ import annotations

from collections.abc import Collection

from biofs.contents.engines.engine import EngineError
from biofs.tree.metainfo import InvalidMetainfo, Metainfo, parse


def read_torrent(torrent: bytes, indexes: Collection[int]) -> Metainfo:
    """The metainfo, which has files of these indexes.

    Raises:
        EngineError: It is no .torrent, nothing is wanted of it, or a file that it does not have.
    """
    problem = ""
    try:
        metainfo = parse(torrent)
    except InvalidMetainfo as error:
        problem = f"the .torrent is not usable: {error}"
    else:
        if not indexes:
            problem = "no file is wanted"
        elif not all(0 <= index < len(metainfo.files) for index in indexes):
            problem = "the torrent does not have all of the wanted files"
    if problem:
        raise EngineError(problem)
    return metainfo


def hash_of(metainfo: Metainfo) -> bytes:
    """The info hash as the catalogue has it: of v1 if there is one, else of v2 cut to 20 bytes."""
    if metainfo.info_hash_v1 is not None:
        return metainfo.info_hash_v1
    assert metainfo.info_hash_v2 is not None  # noqa: S101 - a torrent has one of them
    return metainfo.info_hash_v2[:20]

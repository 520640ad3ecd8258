"""Where a new torrent is put, and whether what is asked for may take so much room."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from biofs.contents.engines.daemon.layout import Layout
from biofs.contents.engines.daemon.torrent import Torrent
from biofs.contents.engines.engine import EngineError, OverLimitError


def directory_for(base: Path, key: str, name: str, torrents: Iterable[Torrent]) -> Path:
    """Where it lies beside nothing that has its name: that would be written into.

    Raises EngineError if `base` is no absolute path.
    """
    if not base.is_absolute():
        raise EngineError("the download directory is no absolute path")
    mine = {each.directory / each.name for each in torrents}
    there = base / name
    return base / key if there in mine or os.path.lexists(there) else base


def check_room(
    limit: int,
    torrents: Iterable[Torrent],
    torrent: Torrent | None,
    layout: Layout,
    files: Collection[int] = (),
    pieces: Collection[int] = (),
) -> None:
    """Raise OverLimitError if all torrents would take more than `limit` bytes; 0 for no limit.

    `files` and `pieces` are asked for of `torrent`; None for one that is not there yet.
    """
    if not limit:
        return
    others = sum(each.committed() for each in torrents if each is not torrent)
    mine = (
        layout.room(layout.priorities(files, pieces))
        if torrent is None
        else torrent.committed(files, pieces)
    )
    if others + mine > limit:
        raise OverLimitError(
            f"what was fetched would take {others + mine:,} bytes, more than the"
            f" {limit:,} that it may"
        )

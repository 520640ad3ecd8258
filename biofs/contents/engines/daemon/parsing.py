"""A .torrent file and resume data, as libtorrent takes them."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Final, NamedTuple

import libtorrent

from biofs.contents.engines.daemon import redaction
from biofs.contents.engines.daemon.layout import Layout, key_of
from biofs.contents.engines.daemon.messages import LARGEST_TORRENT
from biofs.contents.engines.daemon.place import Record
from biofs.contents.engines.engine import EngineError

_ALONE: Final = (
    libtorrent.torrent_flags.disable_dht
    | libtorrent.torrent_flags.disable_pex
    | libtorrent.torrent_flags.disable_lsd
)
_NOT_OURS: Final = libtorrent.torrent_flags.auto_managed | libtorrent.torrent_flags.paused


class Parsed(NamedTuple):
    """What is given to libtorrent to add a torrent, and what of it is asked for often."""

    params: libtorrent.add_torrent_params
    info: libtorrent.torrent_info
    key: str
    layout: Layout


def parse(data: bytes) -> Parsed:
    """Raises EngineError."""
    if len(data) > LARGEST_TORRENT:
        raise EngineError("the .torrent file is too large")
    try:
        params = libtorrent.load_torrent_buffer(data)
    except (RuntimeError, ValueError, UnicodeDecodeError) as error:
        raise EngineError(f"not a .torrent file: {text_of(error)}") from None
    info = params.ti
    if info is None or not info.num_pieces():
        raise EngineError("not a .torrent file")
    return Parsed(params, info, key_of(info), Layout(info))


def resumed(parsed: Parsed, record: Record, resume: bytes | None) -> Parsed:
    """With what libtorrent wrote down; which pieces are there only if none came since."""
    if resume is None:
        return parsed
    try:
        found = libtorrent.read_resume_data(resume)
    except (RuntimeError, ValueError, UnicodeDecodeError):
        return parsed
    found.ti = parsed.info
    found.trackers = parsed.params.trackers
    found.tracker_tiers = parsed.params.tracker_tiers
    if record.unsaved:
        found.have_pieces, found.verified_pieces, found.unfinished_pieces = [], [], {}
    return parsed._replace(params=found)


def prepare(
    parsed: Parsed, directory: Path, priorities: bytearray, *, discovery: bool, paused: bool
) -> None:
    """Set how it is added: where it lies, what of it is wanted, and whether it waits."""
    params, info = parsed.params, parsed.info
    params.save_path = os.fsdecode(directory)
    params.flags = (params.flags & ~_NOT_OURS) | libtorrent.torrent_flags.duplicate_is_error
    if info.priv() or not discovery:
        params.flags |= _ALONE
    if paused:
        params.flags |= libtorrent.torrent_flags.paused
    # Only peers that the tracker names: no web server that a torrent names is asked.
    params.url_seeds, params.http_seeds, params.dht_nodes = [], [], []
    params.file_priorities = [4] * info.num_files()
    params.piece_priorities = list(priorities)


def text_of(error: Exception, hidden: Collection[str] = ()) -> str:
    """What an error of libtorrent says, on one line."""
    return redaction.redacted(str(error), hidden)

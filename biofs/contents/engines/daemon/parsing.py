"""A .torrent file and resume data, as libtorrent takes them."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import libtorrent

from biofs.contents.engines.daemon import redaction
from biofs.contents.engines.daemon.messages import LARGEST_TORRENT
from biofs.contents.engines.daemon.place import Record
from biofs.contents.engines.daemon.torrent import Layout, key_of
from biofs.contents.engines.engine import EngineError


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
    if info is None or not info.is_valid() or not info.num_pieces():
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


def text_of(error: Exception, hidden: Collection[str] = ()) -> str:
    """What an error of libtorrent says, on one line."""
    return redaction.redacted(str(error), hidden)

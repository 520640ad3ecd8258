"""What fetching files of a torrent brings: a client fetches whole pieces, neighbours and all.

A piece of BitTorrent v1 may hold the end of one file and the beginning of the next; so whoever
wants one file gets some bytes of its neighbours as well. Nothing here looks at a disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from biofs.tree.metainfo import Metainfo


class Plan(NamedTuple):
    """What it takes to have some files of a torrent. Sizes are in bytes."""

    pieces: Sequence[range]
    """All pieces that hold bytes of the files, as ranges in order that do not touch."""
    wanted: int
    """The size of the files."""
    whole: int
    """The size of the pieces."""
    here: int
    """Of that, what is here already and was verified."""
    pieces_here: int

    @property
    def coming(self) -> int:
        """What a client has to fetch."""
        return self.whole - self.here

    @property
    def beside(self) -> int:
        """What of the pieces is not of the files: parts of neighbours, and pad files."""
        return self.whole - self.wanted

    @property
    def piece_count(self) -> int:
        """How many pieces hold bytes of the files."""
        return sum(map(len, self.pieces))


def plan(metainfo: Metainfo, indexes: Iterable[int], verified: bytes | bytearray = b"") -> Plan:
    """What it takes to have the files with these indexes in `metainfo.files`.

    `verified` has a byte for each piece of the torrent, not 0 if it is here and right; it may be
    empty. Takes time for each file and each piece. Raises IndexError for a file that is not there.
    """
    chosen = sorted(set(indexes))
    wanted = sum(metainfo.files[index].length for index in chosen)
    spans = (_span(metainfo, index) for index in chosen)
    ranges = list(joined(span for span in spans if span))
    whole = here = pieces_here = 0
    for span in ranges:
        for piece in span:
            size = metainfo.piece_length_of(piece)
            whole += size
            if verified and verified[piece]:
                here += size
                pieces_here += 1
    return Plan(ranges, wanted, whole, here, pieces_here)


def _span(metainfo: Metainfo, index: int) -> range:
    return metainfo.pieces(index, 0, metainfo.files[index].length).indexes


def joined(spans: Iterable[range]) -> Iterator[range]:
    """Ranges that are not empty, as few as hold the same numbers, in order."""
    last: range | None = None
    for span in sorted(spans, key=lambda each: each.start):
        if last is not None and span.start <= last.stop:
            last = range(last.start, max(last.stop, span.stop))
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last

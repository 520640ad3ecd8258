"""Which of some files of a torrent are here and right, and which are still to be fetched.

What was verified before, and is the same since, counts; any other file that is here is hashed. So
what a client has left half done is not fetched twice.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Collection, Iterable
from typing import Final

from biofs.contents.checking import State, TorrentCheck
from biofs.contents.disk.places import Place
from biofs.contents.library import Library
from biofs.contents.look import verified_pieces
from biofs.contents.matching import NONE, Listed, Local
from biofs.contents.rules import Unverified
from biofs.tree.plan import Plan, plan


class Wanted:
    """Files of a torrent that somebody wants, by their numbers in the catalogue's tree.

    `step` until it is `finished`, in threads, one after the other.
    """

    def __init__(
        self,
        library: Library,
        listed: Listed,
        local: Local,
        nodes: Iterable[int],
        clock: Callable[[], float] = time.monotonic,
        coming: Collection[int] = (),
    ) -> None:
        """`coming`: indexes of files that an engine is fetching; they are missing, unhashed."""
        self.listed: Final = listed
        self.local: Final = local
        self.missing: Final = array("I")
        """Files that are not here, or not right; complete when it is finished."""
        self.right: Final = array("I")
        """All others."""
        self.unlisted = 0
        """How many the metainfo does not have: these cannot be fetched."""
        self._library: Final = library
        self._clock: Final = clock
        self._nodes: Final = array("I", nodes)
        self._at = 0
        self._coming: Final = frozenset(coming)
        self._here: Final = array("I")
        self._check: TorrentCheck | None = None

    @property
    def finished(self) -> bool:
        """Whether all files were looked at."""
        return self._at >= len(self._nodes) and self._check is not None and self._check.finished

    def step(self, seconds: float) -> None:
        """Go on for so many seconds. Raises OSError if a disk cannot be looked at."""
        until = self._clock() + seconds
        while self._at < len(self._nodes) and self._clock() < until:
            self._look(self._nodes[self._at])
            self._at += 1
        if self._at < len(self._nodes):
            return
        if self._check is None:
            self._check = self._library.check(self.listed, self.local, self._here)
        while not self._check.finished and self._clock() < until:
            for checked in self._check.step(until - self._clock()):
                files = self.right if checked.state is State.RIGHT else self.missing
                files.append(checked.node)

    def _look(self, node: int) -> None:
        index = self.local.indexes[node]
        if index == NONE or not self.local.metainfo.files[index].servable:
            self.unlisted += 1
            return
        if index in self._coming:
            self.missing.append(node)
            return
        try:
            place, _, _ = self._library.find_file(self.listed, self.local, node)
        except Unverified:
            self.missing.append(node)
            return
        verified = verified_pieces(self._library, self.listed, self.local, node)
        if isinstance(verified, range):
            self.right.append(node)
        elif verified or self._may_be(place, node):
            self._here.append(node)
        else:
            self.missing.append(node)

    def _may_be(self, place: Place, node: int) -> bool:
        """Whether a file may be this one: not if all that it has of it is the size, which others
        may have that were fetched before. Then hashing all of it would find nothing."""
        if not place.single or place.top[-1] == self.local.metainfo.name:
            return True
        try:
            file = self._library.open(self.listed, self.local, node)
        except Unverified:
            return False
        try:
            count = file.piece_count
            return any(map(file.verify, sorted({0, count // 2, count - 1})))
        finally:
            file.close()

    def plan(self) -> Plan:
        """What it takes to have the missing files, once it is finished. Raises as `step`."""
        metainfo = self.local.metainfo
        verified = bytearray(metainfo.piece_count)
        for node in self.missing:
            for piece in verified_pieces(self._library, self.listed, self.local, node):
                verified[piece] = 1
        return plan(metainfo, (self.local.indexes[node] for node in self.missing), verified)

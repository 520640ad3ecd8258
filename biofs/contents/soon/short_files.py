"""Short files that will be read next, brought into memory by the thread that opens one.

A file is opened in a thread if the kernel does not have its name in memory, and then it has its
bytes neither: to read them would take another thread. Who opens files in their order goes on, so
those that follow are found and begun to be read as well, and the event loop opens them.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

from biofs.contents.disk.places import Place
from biofs.contents.disk.walk import Walk
from biofs.contents.matching import Listed, Local

SHORT: Final = 128 << 10
"""Bytes: what the kernel asks for with one request."""

FOLLOWING: Final = 16
"""Files."""


class ShortFiles:
    """See the module. May be used by several threads at once."""

    def __init__(self) -> None:
        self._last: tuple[str, int, int] = ("", 0, 0)
        """Of the last one that was opened in a thread the info hash and the node, and the first
        node that was not brought into memory with it or before."""

    def opened(
        self, listed: Listed, local: Local, node: int, place: Place, descriptor: int
    ) -> None:
        """A file on a file system of this machine was opened. May wait for the disk."""
        with suppress(OSError):  # who reads it is told
            if listed.tree.size(node) <= SHORT:
                os.pread(descriptor, SHORT, 0)
                self._go_on(listed, local, node, place)

    def _go_on(self, listed: Listed, local: Local, node: int, place: Place) -> None:
        info_hash, last, begun = self._last
        in_order = info_hash == listed.info_hash and 0 < node - last <= FOLLOWING + 1
        if not in_order:
            begun = node + 1
        elif begun <= node:
            following = range(node + 1, node + 1 + FOLLOWING)
            siblings = listed.tree.children(listed.tree.parent(node))
            begun = min(following.stop, siblings.stop)
            self._last = listed.info_hash, node, begun
            self._read(local, range(following.start, begun), place)
        self._last = listed.info_hash, node, begun

    def _read(self, local: Local, nodes: range, place: Place) -> None:
        with Walk(place.directory) as walk:
            for node in nodes:
                found = local.indexes.with_path_at_once(node)
                if found is None or (length := local.metainfo.files.length(found[0])) > SHORT:
                    continue
                opened = walk.open(place.components(found[1]))
                try:
                    os.posix_fadvise(opened.descriptor, 0, length, os.POSIX_FADV_WILLNEED)
                finally:
                    os.close(opened.descriptor)

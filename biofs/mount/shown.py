"""Which inodes show which answers: a change of an answer is a change of what shows it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator
from typing import Final

from biofs.mount.views.view import document_in, view_of
from biofs.tree.inodes import Kind, unpack

MOST_KEYS: Final = 65_536
_KINDS: Final = {Kind.VIEW_ENTRY, Kind.VIEW_DOCUMENT}
_DOCUMENTS: Final = range(1, 16)


class Shown:
    """A table from the keys of answers to inodes. It is bounded: what no longer fits is taken out
    as if it had changed, which is never wrong.
    """

    def __init__(self, most: int = MOST_KEYS) -> None:
        self._most: Final = most
        self._inodes: Final[OrderedDict[str, set[int]]] = OrderedDict()
        self._dropped: set[int] = set()

    def __len__(self) -> int:
        return len(self._inodes)

    def note(self, keys: Collection[str], inode: int) -> None:
        """What the kernel was told of `inode` comes from the answers under `keys`.

        Links are none of these: where they lead does not hang on the answer that lists them.
        """
        if keys and unpack(inode).kind not in _KINDS:
            return
        for key in keys:
            self._inodes.setdefault(key, set()).add(inode)
            self._inodes.move_to_end(key)
        while len(self._inodes) > self._most:
            self._dropped |= self._inodes.popitem(last=False)[1]

    def take(self, key: str) -> Iterator[int]:
        """Every inode whose attributes or pages the kernel may not keep, now that the answer under
        `key` has changed; those are forgotten here, too.
        """
        inodes, self._dropped = self._dropped | self._inodes.pop(key, set()), set()
        for inode in sorted(inodes):
            yield inode
            address = unpack(inode)
            if address.kind in {Kind.VIEW, Kind.VIEW_ENTRY}:
                # A listing of it has told of its documents.
                ident = address.ident if address.kind is Kind.VIEW_ENTRY else 0
                for number in _DOCUMENTS:
                    yield document_in(view_of(address), ident, number)

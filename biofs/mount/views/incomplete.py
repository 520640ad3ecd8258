"""`.incomplete`: stands in a directory in which something is missing, and says what and why."""

from __future__ import annotations

import errno
import textwrap
from typing import Final

from biofs.mount import attributes, texts
from biofs.mount.attributes import Stat
from biofs.mount.nodes.base import Bytes, Content, failure
from biofs.mount.views.base import document_in, document_of
from biofs.store.browsing import Gaps
from biofs.tree import names
from biofs.tree.inodes import Address, Kind

NAME: Final = b".incomplete"
_WIDTH: Final = 80


class Incomplete:
    """`.incomplete` in the directories of one view.

    `view` is the view's number, `number` that of the document: part of inode numbers, and for that
    reason not the same in all views. A reason is a text for people; with "" nothing is missing,
    and there is no such document.
    """

    def __init__(self, view: int, number: int) -> None:
        self._view: Final = view
        self._number: Final = number

    def is_at(self, address: Address) -> bool:
        """Whether an address in the view is the document's, in any of its directories."""
        return address.kind is Kind.VIEW_DOCUMENT and document_of(address) == self._number

    def entries(
        self, ident: int, reason: str, mtime: int = texts.WRITTEN
    ) -> list[tuple[bytes, Stat]]:
        """What stands in the directory of an entry, or with 0 in the view's own: one or none."""
        if not reason:
            return []
        inode = document_in(self._view, ident, self._number)
        return [(NAME, attributes.file(inode, len(body(reason)), mtime))]

    @staticmethod
    def content(reason: str) -> Content:
        """What it says. Raises OSError (ENOENT) if nothing is missing."""
        if not reason:
            raise failure(errno.ENOENT)
        return Bytes(body(reason))


def body(reason: str) -> bytes:
    """A reason as the document has it: lines of 80 characters, but for those that begin with a
    blank, such as commands."""
    lines = (
        line if line.startswith(" ") else textwrap.fill(line, _WIDTH)
        for line in reason.splitlines()
    )
    return "".join(f"{line}\n" for line in lines).encode()


def why(gaps: Gaps) -> str:
    """Why what the index knows is a part, and what fills it; "" if it is the whole."""
    sentences = []
    if gaps.unlisted:
        sentences.append(
            "This is what is known so far. More may belong here: of the categories, "
            f"{_named(gaps.unlisted)} were never listed whole. To list them:\n\n    biofs warm"
        )
    if gaps.hidden:
        sentences.append(
            "Of some categories the server counts more groups than it shows, and nothing can be "
            f"done about that: {_named(gaps.hidden)}."
        )
    return "\n".join(sentences)


def _named(categories: list[int]) -> str:
    return ", ".join(map(names.category_dirname, categories))

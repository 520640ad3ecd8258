"""Views of what is known, which can be a part; then `.incomplete` in them says so, and why."""

from __future__ import annotations

import errno
import textwrap
from typing import Final

from biofs.catalogue.caller import Caller
from biofs.mount import attributes, texts
from biofs.mount.attributes import Stat
from biofs.mount.nodes.base import Bytes, Content, failure
from biofs.mount.views.base import View, document_of
from biofs.mount.views.document import INCOMPLETE
from biofs.store.browsing import Gaps
from biofs.tree import names
from biofs.tree.inodes import Address, Kind

NOTE: Final = 1
"""The document number of `.incomplete`."""

_WIDTH: Final = 80


class IndexView(View):
    """See the module."""

    async def missing(self, ident: int, caller: Caller) -> str:
        """Why an entry, or with 0 the view itself, is not known whole, for people; "" if it is."""
        return why(self.catalogue.browsing.gaps())

    async def note(self, ident: int, caller: Caller) -> list[tuple[bytes, Stat]]:
        """`.incomplete` as an entry of an entry's directory, if it has to be there."""
        text = _shown(await self.missing(ident, caller))
        if not text:
            return []
        # Whoever looks at it later is told anew: it goes when all is known.
        shown = attributes.file(self.document(ident, NOTE), len(text), texts.WRITTEN)
        return [(INCOMPLETE, shown._replace(keep=0.0))]

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        if _is_note(address):
            for _, shown in await self.note(address.ident, caller):
                return shown
        raise failure(errno.ENOENT)

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        ident = 0 if address.kind is Kind.VIEW else address.ident
        return dict(await self.note(ident, caller)).get(name) if name == INCOMPLETE else None

    async def open(self, address: Address, caller: Caller) -> Content:
        if address.kind is not Kind.VIEW_DOCUMENT:
            raise failure(errno.EISDIR)
        text = _shown(await self.missing(address.ident, caller)) if _is_note(address) else b""
        if not text:
            raise failure(errno.ENOENT)
        return Bytes(text)

    def volatile(self, address: Address) -> bool:
        return _is_note(address)


def why(gaps: Gaps) -> str:
    """The gaps in words, and what fills them; "" if there are none."""
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


def _shown(text: str) -> bytes:
    lines = (
        line if line.startswith(" ") else textwrap.fill(line, _WIDTH) for line in text.splitlines()
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _is_note(address: Address) -> bool:
    return address.kind is Kind.VIEW_DOCUMENT and document_of(address) == NOTE

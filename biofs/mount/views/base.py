"""What every view answers, how its nodes are numbered, where links lead, which names nobody means.

`.incomplete` stands in a directory in which something is missing, and says what and why.
"""

from __future__ import annotations

import errno
import re
import textwrap
from typing import ClassVar, Final

from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.mount import attributes, texts
from biofs.mount.attributes import Stat
from biofs.mount.nodes.base import Bytes, Content, Nodes, failure
from biofs.store.browsing import Gaps
from biofs.store.groups import KnownGroup, KnownTorrent
from biofs.tree import names
from biofs.tree.inodes import Address, Kind, pack
from biofs.tree.views import ViewLine

_DOCUMENT_SHIFT: Final = 8


class LinkNodes(Nodes):
    """Links from the views to the one place of a group or torrent under `categories/`;
    `address.part` is a link's depth below the root.

    Whether the target is known is found out by readlink, where a caller may wait. A lookup holds
    its directory's lock, so it answers at once for every name that could be right.
    """

    kinds: ClassVar[tuple[Kind, ...]] = (Kind.GROUP_LINK, Kind.TORRENT_LINK)

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        if address.kind is Kind.GROUP_LINK:
            return self.to_group(address.ident, address.part)
        return self.to_torrent(address.ident, address.part)

    def to_group(self, group_id: int, depth: int) -> Stat:
        """A link to a group from a directory `depth` levels below the root; nothing is fetched."""
        group = self.catalogue.index.group(group_id)
        if group is None:
            return attributes.link(pack(Kind.GROUP_LINK, group_id, depth), None, 0)
        return self.to_known_group(group, depth)

    def to_known_group(self, group: KnownGroup, depth: int) -> Stat:
        """A link to a group whose row is at hand; costs no look into the store."""
        inode = pack(Kind.GROUP_LINK, group.id, depth)
        return attributes.link(inode, 3 * depth + len(_path(group)), group.mtime)

    def to_torrent(self, torrent_id: int, depth: int) -> Stat:
        """A link to a torrent, `depth` levels below the root."""
        torrent = self.catalogue.index.torrent(torrent_id)
        group = self.catalogue.index.group(torrent.group_id) if torrent else None
        if torrent is None or group is None:
            return attributes.link(pack(Kind.TORRENT_LINK, torrent_id, depth), None, 0)
        return self.to_known_torrent(torrent, group, depth)

    def to_known_torrent(self, torrent: KnownTorrent, group: KnownGroup, depth: int) -> Stat:
        """A link to a torrent that is at hand with its group."""
        inode = pack(Kind.TORRENT_LINK, torrent.id, depth)
        size = 3 * depth + len(_path(group)) + 1 + len(torrent.name.encode())
        return attributes.link(inode, size, torrent.mtime)

    async def readlink(self, address: Address, caller: Caller) -> bytes:
        if address.kind is Kind.GROUP_LINK:
            path = await self.group_path(address.ident, caller)
        else:
            path = await self.torrent_path(address.ident, caller)
        return b"../" * address.part + path

    async def group_path(self, group_id: int, caller: Caller) -> bytes:
        """The path of a group from the root; one request if it is not known."""
        group = self.catalogue.index.group(group_id)
        if group is None:
            await self.catalogue.placing.place(group_id, caller)
            group = self.catalogue.index.group(group_id)
        if group is None or not names.has_place(group.category):
            raise failure(errno.ENOENT)
        return _path(group)

    async def torrent_path(self, torrent_id: int, caller: Caller) -> bytes:
        """The path of a torrent from the root; one request if it is not known."""
        torrent = self.catalogue.index.torrent(torrent_id)
        if torrent is None:
            await self.catalogue.groups.find_torrent(torrent_id, caller)
            torrent = self.catalogue.index.torrent(torrent_id)
        if torrent is None:
            raise failure(errno.ENOENT)
        return await self.group_path(torrent.group_id, caller) + b"/" + torrent.name.encode()


def _path(group: KnownGroup) -> bytes:
    return f"categories/{names.category_dirname(group.category)}/{group.name}".encode()


class View(Nodes):
    """Answers for the nodes of one view: its directory, the entries in it (directories), and the
    documents in those. What its methods get and raise is as in Nodes; `address` is a VIEW, a
    VIEW_ENTRY, a VIEW_DOCUMENT or a WORD_LINK of this view.

    `links` makes the links to groups and torrents, `line` is what the list of views says of it.
    """

    def __init__(self, catalogue: Catalogue, links: LinkNodes, line: ViewLine) -> None:
        super().__init__(catalogue)
        self.links: Final = links
        self.line: Final = line
        self.number: Final = line.number
        self.depth: Final = line.depth
        self.inside: Final[dict[bytes, View]] = {}
        """The views that stand in this one's directory, by their names; the registry adds them."""

    def top(self) -> Stat:
        """The view's own directory."""
        return attributes.directory(self.inode, 0)._replace(keep=1.0)

    def views_inside(self) -> list[tuple[bytes, Stat]]:
        """The views that stand in this one, as entries of its directory."""
        return [(name, view.top()) for name, view in self.inside.items()]

    @property
    def inode(self) -> int:
        """The inode of the view's own directory."""
        return pack(Kind.VIEW, self.number)

    def entry(self, ident: int, part: int = 0) -> int:
        """The inode of an entry, or of a directory in it (`part` 1 and up)."""
        return pack(Kind.VIEW_ENTRY, ident, self.number | part << _DOCUMENT_SHIFT)

    def document(self, ident: int, document: int) -> int:
        """The inode of a document (1 and up) in an entry, or of the view itself with ident 0."""
        return document_in(self.number, ident, document)

    def above(self, address: Address) -> int:
        """The inode of the directory in which an entry, a directory in it or a document stands."""
        in_top = address.kind is Kind.VIEW_ENTRY and not document_of(address)
        return self.inode if in_top or address.ident == 0 else self.entry(address.ident)


def document_in(view: int, ident: int, document: int) -> int:
    """The inode of a document in an entry of the view with this number."""
    return pack(Kind.VIEW_DOCUMENT, ident, view | document << _DOCUMENT_SHIFT)


def view_of(address: Address) -> int:
    """The number of the view in which a node stands."""
    if address.kind is Kind.VIEW:
        return address.ident
    return address.part & ((1 << _DOCUMENT_SHIFT) - 1)


def document_of(address: Address) -> int:
    """Which document a VIEW_DOCUMENT is, or which part a VIEW_ENTRY is of its entry."""
    return address.part >> _DOCUMENT_SHIFT


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


_PROBED: Final = frozenset(
    {"HEAD", "packed-refs", "objects", "refs", "lost+found", "CVS", "RCS", "SCCS", "_darcs"}
    | {"autorun", "autorun.inf", "autorun.sh", "desktop.ini", "thumbs.db", "cachedir.tag"}
    | {"folder.jpg", "cover.jpg", "albumart.jpg", "AACS", "BDMV", "VIDEO_TS", "AUDIO_TS", "DCIM"}
    | {"system volume information", "$recycle.bin", "recycler", "recycled"}
    | {"Makefile", "makefile", "GNUmakefile", "Cargo.toml", "package.json", "pyproject.toml"}
    | {"go.mod", "index.html"}
)
_FILE: Final = re.compile(r".*\S\.[a-z0-9]{1,5}", re.ASCII)


def is_probed(name: str) -> bool:
    """Whether shells, desktops or version control look for it (`HEAD`, `.hidden`, `Thumbs.db`)."""
    return name.startswith(".") or name in _PROBED or name.lower() in _PROBED


def looks_like_a_file(name: str) -> bool:
    """Whether it has a suffix as files have, such as `Makefile.am`."""
    return _FILE.fullmatch(name) is not None

"""Extended attributes, for mounts with `-o xattr`. They cost no request, whatever is asked for.

What needs a look at a disk is done in a thread.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import orjson

from biofs.api.errors import BadAnswer
from biofs.api.models import Group, GroupRow, Torrent
from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.groups import Groups
from biofs.mount.nodes.base import failure
from biofs.mount.surveys import Surveys, in_words, look_in_words
from biofs.store.database.store import Store
from biofs.store.details import Detail
from biofs.store.groups import Index
from biofs.tree import printable
from biofs.tree.inodes import Address, Kind

_DOCUMENTS: Final = frozenset(
    {Kind.GROUP_JSON, Kind.DESCRIPTION, Kind.TORRENT_JSON, Kind.FILELIST, Kind.MAGNET}
)
_GROUP: Final = frozenset({Kind.GROUP, Kind.GROUP_JSON, Kind.DESCRIPTION})
_TORRENT: Final = frozenset({Kind.TORRENT, Kind.FILES}) | (_DOCUMENTS - _GROUP)
_OURS: Final = b"user."
_CONTENTS: Final = b"user.biofs.contents"


class Xattrs:
    """Names and values of a node's attributes: what is known now.

    What is in a group's or a torrent's directory has the attributes of the group or torrent; the
    documents once they are known: before it hands over an attribute of theirs, the kernel checks
    permissions and so asks for their size, which only a request would tell. `site` is the server's
    address, "" without one. With `surveys`, torrents and their files have `user.biofs.contents`.
    """

    def __init__(
        self, catalogue: Catalogue, site: str = "", surveys: Surveys | None = None
    ) -> None:
        self._values: Final = KnownValues(catalogue.store, catalogue.groups, catalogue.index, site)
        self._surveys: Final = surveys

    async def names(self, address: Address) -> list[bytes]:
        """The names of the node's attributes."""
        found = list(self._of(address))
        return [*found, _CONTENTS] if await self._has_contents(address) else found

    async def value(self, address: Address, name: bytes, caller: Caller) -> bytes:
        """One of them.

        Raises OSError: ENODATA if the node has none of this name; for `user.biofs.contents` also
        those of the disk, and what ends the caller's wait.
        """
        # `ls -l` asks for two of other kinds with each file.
        if name == _CONTENTS:
            found = await self._contents(address, caller)
        else:
            found = self._of(address).get(name) if name.startswith(_OURS) else None
        if found is None:
            raise failure(errno.ENODATA)
        return found

    async def _has_contents(self, address: Address) -> bool:
        if self._surveys is None or address.kind not in {Kind.TORRENT, Kind.FILES}:
            return False
        tree, node = await self._surveys.tree(address.ident), address.part
        return tree is not None and node < len(tree) and not (node and tree.is_dir(node))

    async def _contents(self, address: Address, caller: Caller) -> bytes | None:
        if self._surveys is None or not await self._has_contents(address):
            return None
        if address.part:
            look = await self._surveys.file(address.ident, address.part, caller)
            return look_in_words(look).encode() if look else None
        found = await self._surveys.known(address.ident, caller)
        return in_words(found.survey).encode() if found else None

    def _of(self, address: Address) -> dict[bytes, bytes]:
        values = None
        if address.kind in _GROUP:
            values = self._values.of_group(address.ident)
        elif address.kind in _TORRENT:
            values = self._values.of_torrent(address.ident)
        if values is None or (address.kind in _DOCUMENTS and not values.complete):
            return {}
        return attributes(values)


# Extended attributes of groups and torrents, made from what is known of them.
#
# ``user.xdg.tags``, ``user.xdg.comment`` and ``user.xdg.origin.url`` are what desktops show
# (freedesktop.org, CommonExtendedAttributes; tags are separated by commas as KDE writes them). The
# others are biofs's own.


LONGEST_VALUE: Final = 65536
"""Bytes that Linux takes for a value (XATTR_SIZE_MAX, limits.h)."""

LONGEST_TEXT: Final = 4096
"""Bytes of a comment or an address: desktops show them in a line or a small box."""

_PREFIX: Final = "user.biofs."


@dataclass(frozen=True, kw_only=True)
class XattrValues:
    """What attributes tell of a group or a torrent. Texts are decoded, and may be hostile.

    Of a group, counts and sizes are the sums of its torrents. None and empty: not known.
    """

    ident: int
    url: str = ""
    info_hashes: Sequence[str] = ()
    licenses: Sequence[str] = ()
    tags: Sequence[str] = ()
    size: int | None = None
    """In bytes."""
    seeders: int | None = None
    leechers: int | None = None
    comment: str = ""
    complete: bool = False
    """Whether the detail is known, and not only what a listing tells."""


def attributes(values: XattrValues) -> dict[bytes, bytes]:
    """The attributes by their names: UTF-8 without control characters, none of them empty."""
    tags = _joined(values.tags)
    url = _short(values.url)
    texts = {
        f"{_PREFIX}id": str(values.ident),
        f"{_PREFIX}info_hash": _joined(values.info_hashes),
        f"{_PREFIX}leechers": _number(values.leechers),
        f"{_PREFIX}license": _joined(values.licenses),
        f"{_PREFIX}seeders": _number(values.seeders),
        f"{_PREFIX}size": _number(values.size),
        f"{_PREFIX}tags": tags,
        f"{_PREFIX}url": url,
        "user.xdg.comment": printable.cut(
            printable.for_value(values.comment[:LONGEST_TEXT]), LONGEST_TEXT
        ),
        "user.xdg.origin.url": url,
        "user.xdg.tags": tags,
    }
    return {name.encode(): text.encode() for name, text in texts.items() if text}


def _number(number: int | None) -> str:
    return "" if number is None else str(number)


def _short(text: str) -> str:
    return printable.cut(printable.for_value(text[:LONGEST_TEXT]), LONGEST_TEXT)


def _joined(texts: Sequence[str]) -> str:
    """Texts with commas between them, each once, and whole ones only: as many as fit."""
    joined: dict[str, None] = {}
    left = LONGEST_VALUE
    for text in texts:
        one = printable.for_value(text[:LONGEST_VALUE].replace(",", " "))
        if not one or one in joined:
            continue
        left -= len(one.encode()) + len(",")
        if left < 0:
            break
        joined[one] = None
    return ",".join(joined)


# What is known of a group or a torrent in a few words, and nothing asked for it.


class _Counted(Protocol):
    """What a torrent of a row and one of a detail have in common. `size` is in bytes."""

    @property
    def license(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def seeders(self) -> int: ...
    @property
    def leechers(self) -> int: ...


class KnownValues:
    """Traits from what is at hand: the detail, else the browse row, else the index.

    `site` is the server's address, without a slash at the end; "" if it has no pages to look at.
    """

    def __init__(self, store: Store, documents: Groups, index: Index, site: str = "") -> None:
        self._store: Final = store
        self._documents: Final = documents
        self._index: Final = index
        self._site: Final = site

    def of_group(self, group_id: int) -> XattrValues | None:
        """A group's; None if it is not known."""
        if self._index.group(group_id) is None:
            return None
        url = self._url(f"id={group_id}")
        hashes = _hashes_of(self._store, group_id)
        detail = self._documents.at_hand(group_id)
        if detail is not None:
            group = Group.from_json(orjson.loads(detail.json))
            torrents = _torrents(detail)
            comment = detail.description.decode()
            return _values(group_id, url, hashes, group.tags, torrents, comment)
        row = self._row(group_id)
        if row is not None:
            return _values(group_id, url, hashes, row.tags, row.torrents)
        return XattrValues(ident=group_id, url=url, info_hashes=list(hashes.values()))

    def of_torrent(self, torrent_id: int) -> XattrValues | None:
        """A torrent's, with the tags of its group; None if it is not known."""
        known = self._index.torrent(torrent_id)
        if known is None:
            return None
        url = self._url(f"id={known.group_id}&torrentid={torrent_id}")
        hashes = _hashes_of(self._store, known.group_id)
        own = {torrent_id: hashes[torrent_id]} if torrent_id in hashes else {}
        detail = self._documents.at_hand(known.group_id)
        if detail is not None and torrent_id in detail.torrents:
            tags = Group.from_json(orjson.loads(detail.json)).tags
            torrent = Torrent.from_json(orjson.loads(detail.torrents[torrent_id].json))
            return _values(torrent_id, url, own, tags, [torrent], torrent.description)
        row = self._row(known.group_id)
        for each in row.torrents if row is not None else ():
            if each.id == torrent_id and row is not None:
                return _values(torrent_id, url, own, row.tags, [each])
        return XattrValues(ident=torrent_id, url=url, info_hashes=list(own.values()))

    def _url(self, query: str) -> str:
        return f"{self._site}/torrents.php?{query}" if self._site else ""

    def _row(self, group_id: int) -> GroupRow | None:
        line = self._index.line(group_id)
        if line is None:
            return None
        try:
            return GroupRow.from_json(orjson.loads(line))
        except (BadAnswer, orjson.JSONDecodeError):
            return None  # one that only the standard library could write


def _torrents(detail: Detail) -> list[Torrent]:
    return [Torrent.from_json(orjson.loads(each.json)) for each in detail.torrents.values()]


def _values(
    ident: int,
    url: str,
    hashes: dict[int, str],
    tags: Iterable[str],
    torrents: Sequence[_Counted],
    comment: str | None = None,
) -> XattrValues:
    return XattrValues(
        ident=ident,
        url=url,
        info_hashes=list(hashes.values()),
        licenses=[torrent.license for torrent in torrents],
        tags=list(tags),
        size=sum(torrent.size for torrent in torrents),
        seeders=sum(torrent.seeders for torrent in torrents),
        leechers=sum(torrent.leechers for torrent in torrents),
        comment=comment or "",
        complete=comment is not None,
    )


def _hashes_of(store: Store, group_id: int) -> dict[int, str]:
    """The info hashes (upper-case hex) of a group's torrents by their ids, as far as known."""
    rows = store.rows(
        "SELECT torrent_id, hex(info_hash) FROM hashes JOIN torrents ON id = torrent_id"
        " WHERE group_id = ? ORDER BY torrent_id",
        group_id,
    )
    return {int(str(torrent_id)): str(info_hash) for torrent_id, info_hash in rows}

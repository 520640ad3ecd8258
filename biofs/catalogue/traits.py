"""What is known of a group or a torrent in a few words, and nothing asked for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import orjson

from biofs.api.errors import BadAnswer
from biofs.api.models import Group, GroupRow, Torrent
from biofs.catalogue.details import Detail
from biofs.catalogue.documents import Documents
from biofs.catalogue.index import Index
from biofs.catalogue.store import Store
from biofs.tree.xattrs import Traits


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


class KnownTraits:
    """Traits from what is at hand: the detail, else the browse row, else the index.

    `site` is the server's address, without a slash at the end; "" if it has no pages to look at.
    """

    def __init__(self, store: Store, documents: Documents, index: Index, site: str = "") -> None:
        self._store: Final = store
        self._documents: Final = documents
        self._index: Final = index
        self._site: Final = site

    def of_group(self, group_id: int) -> Traits | None:
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
            return _traits(group_id, url, hashes, group.tags, torrents, comment)
        row = self._row(group_id)
        if row is not None:
            return _traits(group_id, url, hashes, row.tags, row.torrents)
        return Traits(ident=group_id, url=url, info_hashes=list(hashes.values()))

    def of_torrent(self, torrent_id: int) -> Traits | None:
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
            return _traits(torrent_id, url, own, tags, [torrent], torrent.description)
        row = self._row(known.group_id)
        for each in row.torrents if row is not None else ():
            if each.id == torrent_id and row is not None:
                return _traits(torrent_id, url, own, row.tags, [each])
        return Traits(ident=torrent_id, url=url, info_hashes=list(own.values()))

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


def _traits(
    ident: int,
    url: str,
    hashes: dict[int, str],
    tags: Iterable[str],
    torrents: Sequence[_Counted],
    comment: str | None = None,
) -> Traits:
    return Traits(
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

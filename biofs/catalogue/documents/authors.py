"""Authors: author.json, and who is called by a name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson

from biofs.api.actions import Api
from biofs.api.errors import BadAnswer
from biofs.api.models import Artist
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.documents.document import Document, Link, written
from biofs.tree import names
from biofs.tree.printable import escape

_KEEP: Final = frozenset({"name", "artists", "extendedArtists", "body"})
"""Fields that are not escaped: names of authors; or are HTML, as a group's `description`."""


def author(catalogue: Catalogue, ident: int) -> Document:
    """An author's page. The author's name is known to the store when it was fetched."""

    async def fetch(api: Api) -> bytes:
        return await _learn(catalogue, await api.artist(id=ident))

    return Document(f"author {ident}", catalogue.freshness.author, fetch)


def id_of_name(catalogue: Catalogue, name: str) -> Document:
    """The id, in digits, of the author with this name. The answer is the author's page, too, which
    is kept as such."""

    async def fetch(api: Api) -> bytes:
        artist = await api.artist(artistname=name)
        page = await _learn(catalogue, artist)
        await catalogue.answers.keep(author(catalogue, artist.id).key, page)
        return str(artist.id).encode()

    return Document(f"author named {name}", catalogue.freshness.author, fetch)


async def _learn(catalogue: Catalogue, artist: Artist) -> bytes:
    await catalogue.browsing.learn_author(artist.id, artist.name)
    return await written("artist", artist.raw, _KEEP)


def groups_on(page: bytes) -> Iterator[Link]:
    """The groups that author.json names; its texts are decoded already."""
    try:
        artist = Artist.from_json(orjson.loads(page))
    except (ValueError, BadAnswer):
        return
    for group in artist.torrent_groups:
        yield Link(names.group_dirname(escape(group.name), group.id), group.id)

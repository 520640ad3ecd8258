"""The root, its documents, `categories/` and `.biofs/`: what is there without fetching anything."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import ClassVar, Final

import orjson

from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.mount import attributes, texts
from biofs.mount.attributes import Stat
from biofs.mount.entries import FixedListing, Listing
from biofs.mount.nodes.base import Bytes, Content, Nodes, failure
from biofs.mount.views.registry import ViewRouter
from biofs.tree import names
from biofs.tree.inodes import Address, Kind, pack

_ROOT: Final = pack(Kind.ROOT)
_BIOFS: Final = pack(Kind.BIOFS)
_STATUS: Final = pack(Kind.STATUS)
_CATEGORIES: Final = pack(Kind.CATEGORIES)
SNAPSHOT_SECONDS: Final = 2.0


class RootNodes(Nodes):
    """Answers for the root, README.txt, .ignore, `.biofs/` with status.json, and `categories/`.

    status.json is what `state` returns, which is called once in SNAPSHOT_SECONDS at most.
    """

    kinds: ClassVar[tuple[Kind, ...]] = (
        Kind.ROOT,
        Kind.README,
        Kind.IGNORE,
        Kind.BIOFS,
        Kind.STATUS,
        Kind.CATEGORIES,
    )

    def __init__(
        self, catalogue: Catalogue, state: Callable[[], dict[str, object]], views: ViewRouter
    ) -> None:
        super().__init__(catalogue)
        self._views = views
        self._state = state
        self._status = b""
        self._status_at = float("-inf")
        self._documents: Final = {Kind.README: texts.README, Kind.IGNORE: texts.IGNORE}

    def _newest(self) -> int:
        return max(self.catalogue.index.summary(category)[1] for category in names.CATEGORIES)

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        kind = address.kind
        if kind in self._documents:
            return attributes.file(pack(kind), len(self._documents[kind]), texts.WRITTEN)
        if kind is Kind.STATUS:
            # As in /proc, but with a size: what is shown now stays for an open that follows.
            return attributes.file(_STATUS, len(self._snapshot()), self._newest())._replace(
                keep=0.0
            )
        return attributes.directory(pack(kind), self._newest())._replace(keep=1.0)

    def _snapshot(self) -> bytes:
        now = time.monotonic()
        if now - self._status_at > SNAPSHOT_SECONDS:
            self._status = orjson.dumps(
                self._state(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
            )
            self._status_at = now
        return self._status

    def _category(self, category: int) -> tuple[bytes, Stat]:
        newest = self.catalogue.index.summary(category)[1]
        stat = attributes.directory(pack(Kind.CATEGORY, category), newest)
        # One that is not the API's is there as long as there are groups in it.
        stat = stat if category in names.CATEGORIES else stat._replace(keep=1.0)
        return names.category_dirname(category).encode(), stat

    def absence(self, name: bytes) -> float:
        return 0.0 if name.startswith(b"Unknown") else super().absence(name)

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        return dict(await self._entries(address, caller)).get(name)

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        return FixedListing(await self._entries(address, caller))

    async def _entries(self, address: Address, caller: Caller) -> list[tuple[bytes, Stat]]:
        async def entry(name: str, kind: Kind) -> tuple[bytes, Stat]:
            return name.encode(), await self.getattr(Address(kind, 0, 0), caller)

        match address.kind:
            case Kind.ROOT:
                return [
                    await entry("README.txt", Kind.README),
                    await entry(".ignore", Kind.IGNORE),
                    await entry(".biofs", Kind.BIOFS),
                    await entry("categories", Kind.CATEGORIES),
                    *self._views.standing_in(""),
                ]
            case Kind.BIOFS:
                return [await entry("status.json", Kind.STATUS), *self._views.standing_in(".biofs")]
            case Kind.CATEGORIES:
                others = self.catalogue.index.other_categories()
                return [self._category(category) for category in (*names.CATEGORIES, *others)]
        raise failure(errno.ENOTDIR)

    async def parent(self, address: Address) -> int:
        return _BIOFS if address.kind is Kind.STATUS else _ROOT

    async def open(self, address: Address, caller: Caller) -> Content:
        if address.kind is Kind.STATUS:
            return Bytes(self._snapshot())
        if address.kind in self._documents:
            return Bytes(self._documents[address.kind])
        raise failure(errno.EISDIR)

    def volatile(self, address: Address) -> bool:
        return address.kind is Kind.STATUS

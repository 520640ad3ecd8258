"""What a mount with `--data` shows of how much of a torrent is here: contents.json and the like;
and why a file below `files/` opens or does not, for `biofs explain`.

Surveys are made in threads, one at a time for a torrent, and kept for seconds: for longer, the
longer it took. Nothing here sends a request, but for a file list that the store has given up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakValueDictionary

import trio
from cachetools import LRUCache

from biofs.catalogue.caller import Background, Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.contents.library import LOOK_AGAIN, Library
from biofs.contents.look import Look, look
from biofs.contents.matching import Listed
from biofs.contents.survey import Amount, Lacking, Survey, survey, text_of
from biofs.contents.torrent_files import is_hash
from biofs.store.details import TorrentDetail
from biofs.tree import render
from biofs.tree.inodes import Address
from biofs.tree.layout import FileTree

if TYPE_CHECKING:
    from biofs.mount.contents import Contents

SECONDS_FOR_A_DISK: Final = 5.0
"""For so long `facts_of` waits for a disk."""

KEPT_SECONDS: Final = 2.0
_PATIENT: Final = 10
"""A survey is kept for so many times as long as it took."""

_CACHE_BYTES: Final = 8 << 20
_MOST_PATHS: Final = 256 << 10
"""Bytes of paths in a contents.json."""

_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


class Surveyed(NamedTuple):
    """A survey, and contents.json as it says it."""

    survey: Survey
    document: bytes


class _Kept(NamedTuple):
    surveyed: Surveyed
    list_key: str
    until: float


class Surveys:
    """See the module. `clock` gives seconds."""

    def __init__(
        self,
        catalogue: Catalogue,
        library: Library,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalogue: Final = catalogue
        self._library: Final = library
        self._clock: Final = clock
        self._recent: LRUCache[int, _Kept] = LRUCache(
            _CACHE_BYTES, getsizeof=lambda kept: len(kept.surveyed.document) + 1024
        )
        self._making: WeakValueDictionary[int, trio.Lock] = WeakValueDictionary()

    async def of(self, torrent: TorrentDetail, caller: Caller) -> Surveyed | None:
        """How much of a torrent is here; None if the store does not have its file list.

        Raises what ends the caller's wait.
        """
        kept = self._kept(torrent)
        return kept or await caller.within(partial(self._made, torrent))

    async def known(self, torrent_id: int, caller: Caller) -> Surveyed | None:
        """Likewise by the torrent's id; None also if its group's detail is not known."""
        torrent = self._torrent(torrent_id)
        return None if torrent is None else await self.of(torrent, caller)

    async def file(self, torrent_id: int, node: int, caller: Caller) -> Look | None:
        """What is here of a file; None for a directory, or if the file list is not known.

        Raises OSError of the disk, and what ends the caller's wait.
        """
        tree = await self.tree(torrent_id)
        torrent = self._torrent(torrent_id)
        if torrent is None or tree is None or node >= len(tree) or tree.is_dir(node):
            return None
        if not is_hash(torrent.list_key) or self._library.is_absent(torrent.list_key):
            return Look("missing")
        listed = Listed(torrent.list_key, tree)
        work = partial(look, self._library, listed, node)
        return await caller.within(partial(self._library.in_thread, work))

    async def tree(self, torrent_id: int) -> FileTree | None:
        """A torrent's tree, as far as it is in the store."""
        torrent = self._torrent(torrent_id)
        return None if torrent is None else await self._catalogue.trees.tree(torrent)

    def _torrent(self, torrent_id: int) -> TorrentDetail | None:
        known = self._catalogue.index.torrent(torrent_id)
        detail = self._catalogue.groups.at_hand(known.group_id) if known else None
        return detail.torrents.get(torrent_id) if detail else None

    def forget(self) -> None:
        """Give memory back."""
        self._recent.clear()

    def _kept(self, torrent: TorrentDetail) -> Surveyed | None:
        kept = self._recent.get(torrent.id)
        if kept is None or kept.list_key != torrent.list_key:
            return None
        if self._clock() < kept.until:
            return kept.surveyed
        still = kept.surveyed.survey.place is None and self._library.is_absent(
            torrent.list_key, LOOK_AGAIN
        )
        return kept.surveyed if still else None

    async def _made(self, torrent: TorrentDetail) -> Surveyed | None:
        lock = self._making.get(torrent.id)
        if lock is None:
            lock = self._making[torrent.id] = trio.Lock()
        async with lock:
            kept = self._kept(torrent)
            if kept is not None:
                return kept
            tree = await self._catalogue.trees.tree(torrent)
            if tree is None:
                return None
            start = self._clock()
            made: Surveyed = await self._library.in_thread(_surveyed, self._library, torrent, tree)
            now = self._clock()
            until = now + max(KEPT_SECONDS, _PATIENT * (now - start))
            self._recent[torrent.id] = _Kept(made, torrent.list_key, until)
            return made


def _surveyed(library: Library, torrent: TorrentDetail, tree: FileTree) -> Surveyed:
    found = _survey(library, torrent, tree)
    return Surveyed(found, _document(torrent, tree, found))


def _survey(library: Library, torrent: TorrentDetail, tree: FileTree) -> Survey:
    listed = Listed(torrent.list_key, tree)
    if not is_hash(torrent.list_key):
        total = Amount(tree.file_count, tree.total_size)
        return Survey(None, None, total, missing=total)
    if library.place(listed) is None:
        return survey(library, listed, None)  # of what is nowhere no .torrent is looked for
    return survey(library, listed, library.local(listed))


def _document(torrent: TorrentDetail, tree: FileTree, found: Survey) -> bytes:
    lacking = _named(tree, found.lacking)
    left_out = found.unfinished.files + found.missing.files - len(lacking)
    return render.document(
        {
            "torrentId": torrent.id,
            "infoHash": torrent.list_key if is_hash(torrent.list_key) else None,
            "place": text_of(found.place) if found.place else None,
            "metainfo": found.source,
            **{
                name: getattr(found, name)._asdict()
                for name in ("total", "verified", "here", "unfinished", "missing")
            },
            "files": lacking,
            "filesLeftOut": left_out if found.place else 0,
            **({"problem": found.problem} if found.problem else {}),
        }
    )


def _named(tree: FileTree, lacking: tuple[Lacking, ...]) -> list[dict[str, object]]:
    """The unfinished and missing files as contents.json lists them, as many as fit."""
    named: list[dict[str, object]] = []
    room = _MOST_PATHS
    for each in lacking:
        path = tree.path(each.node)
        room -= len(path) + len(each.name or b"")
        if room < 0:
            break
        facts: dict[str, object] = {
            "path": path.decode(),
            "state": "missing" if each.name is None else "unfinished",
            "bytes": tree.size(each.node),
        }
        if each.name is not None:
            found = {"name": each.name.decode("utf-8", "replace"), "bytes": each.size}
            facts["onDisk"] = found
        named.append(facts)
    return named


def in_words(found: Survey) -> str:
    """A survey in a few words."""
    if found.place is None:
        return "not here"
    if found.verified.files == found.total.files:
        return "verified"
    share = f"{found.here.files:,} of {found.total.files:,} files here"
    size = _size(found.verified.bytes)
    return f"{share}, {size if found.verified.files else 'not'} verified"


def look_in_words(found: Look) -> str:
    """What is here of a file in a few words."""
    if found.path is None:
        return "not here"
    if found.is_verified:
        return "verified"
    return "here, not verified" if found.state == "here" else "unfinished"


def _size(number: int) -> str:
    """Bytes in powers of 1,024: `1.2 GiB`."""
    value, unit = float(number), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{number} {_UNITS[0]}"


async def facts_of(contents: Contents | None, address: Address) -> dict[str, object]:
    """The facts about a file's data, for `biofs explain`. Sends no request.

    `data` is one word for what there is: "no directories" without data directories; "missing",
    "unfinished", "unlisted" and "here" as `Look` has them; "wrong" if pieces were not right when
    they were last read; "no metainfo" if a candidate is there and nothing to verify it by;
    "unreadable" with `problem`, or "unknown" if the disk has not answered or the file list is not
    in the store. `disk_path` is where it lies; of its `pieces`, `verified_pieces` were verified.
    `content` says whether opening it may succeed, `downloads` whether it costs a request first.
    """
    facts: dict[str, object] = {"data": "unknown", "content": False, "downloads": False}
    if contents is None:
        return {**facts, "data": "no directories"}
    with trio.move_on_after(SECONDS_FOR_A_DISK):
        try:
            found = await contents.surveys.file(address.ident, address.part, Background())
        except OSError as error:
            return {**facts, "data": "unreadable", "problem": os.strerror(error.errno or 0)}
        return facts if found is None else facts | _found_at(found, contents)
    return facts


def _found_at(found: Look, contents: Contents) -> dict[str, object]:
    if found.path is None:
        return {"data": found.state}
    facts: dict[str, object] = {"data": found.state, "disk_path": found.path}
    if found.source is None:
        downloads = contents.can_download
        return {**facts, "data": "no metainfo", "downloads": downloads, "content": downloads}
    if found.wrong:
        facts |= {"data": "wrong", "wrong_pieces": found.wrong}
    return {
        **facts,
        "metainfo": found.source,
        "pieces": found.pieces,
        "verified_pieces": found.verified,
        "content": found.wrong < found.pieces or not found.pieces,
    }

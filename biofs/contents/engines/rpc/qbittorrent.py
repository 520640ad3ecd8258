"""qBittorrent as an engine, over its Web API (4.5 and later; its wiki, "WebUI API").

What was seen with it:

- It numbers files without the pad files. Which is which says the torrent's own metainfo, which it
  gives out (torrents/export, since 4.5.0).
- A new torrent is in its list some moments after it was added.
- While it loads a torrent, its content_path is not absolute.
- A torrent of both versions is called by its hash of v2; that of v1 is beside it.
- Unfinished files have their true names and full sizes, or ``.!qB`` behind the name if so set.
- What it receives of a file that is not wanted, because a wanted one ends in the same piece, goes
  into a file ``.HASH.parts`` beside the torrent (`biofs.contents.part_file`), not to its place.
- Five wrong passwords, and it refuses the address for an hour. So a refused password is not sent
  again.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from cachetools import LRUCache
from qbittorrentapi.exceptions import LoginFailed, NotFound404Error

from biofs.api.secrets import Secret
from biofs.contents.engines.engine import EngineError, Finding, Progress
from biofs.contents.engines.rpc import directories, marks, shapes
from biofs.contents.engines.rpc.http import Calls, GoneError, address
from biofs.contents.engines.rpc.numbering import OtherFiles, numbering
from biofs.contents.engines.rpc.path_map import PathMap
from biofs.contents.engines.rpc.qbittorrent_answers import (
    STOPPED,
    UNWANTED,
    Fields,
    broken,
    has_place,
    hash_in,
    ident_in,
    is_wanted,
    state_in,
    state_of,
    tags_in,
    trackers_say,
    version_in,
)
from biofs.contents.engines.rpc.qbittorrent_client import LOGIN_REFUSED, Client, explain
from biofs.contents.engines.rpc.qbittorrent_losses import Losses, Order
from biofs.contents.engines.torrent_given import hash_of, read_torrent
from biofs.tree.metainfo import InvalidMetainfo, Metainfo, parse
from biofs.tree.printable import for_terminal

_PORT: Final = 8080
_OLDEST: Final = (4, 5)
_POLL: Final = 0.05
_REMEMBERED: Final = 32
_NORMAL: Final = 1


class QBittorrent:
    """An `Engine`: a qBittorrent that the user runs. It is connected to at the first call.

    Args:
        url: ``http://127.0.0.1:8080``, as its Web UI has it.
        user: None, with `password`, if it asks this machine for none.
        password: Sent when it asks for a login.
        path_map: Pairs of a directory as qBittorrent names it and as it is here; the longest wins.
        timeout: In seconds, for one answer.
        insecure: Allow plain http to another machine.

    Raises:
        EngineError: The address cannot be used, or a path of `path_map` is not absolute.
    """

    name: Final = "qbittorrent"

    def __init__(
        self,
        url: str,
        user: str | None = None,
        password: Secret | None = None,
        path_map: Sequence[tuple[str, str]] = (),
        timeout: float = 30.0,
        *,
        insecure: bool = False,
    ) -> None:
        self._address = address(url, port=_PORT, insecure=insecure)
        self._timeout = timeout
        self._paths: PathMap = directories.path_map(path_map)
        self._client = Client(self._address, user, password, timeout)
        self._refused = False
        self._calls = Calls(
            "qBittorrent", self._address.shown, self._explained, (NotFound404Error,), timeout
        )
        self._losses = Losses()
        self._numbers: LRUCache[str, Sequence[int]] = LRUCache(_REMEMBERED)

    def __repr__(self) -> str:
        return f"QBittorrent({self._address.shown})"

    # Wanting

    def fetch(self, torrent: bytes, indexes: Collection[int]) -> None:
        """Want these files, beside those already wanted; a stopped torrent is started.

        A torrent that qBittorrent has already keeps its directory and what is wanted of it.
        """
        metainfo = read_torrent(torrent, indexes)
        known = self._find(hash_of(metainfo))
        mine = known is None
        if known is None:
            known = self._add(torrent, metainfo)
        ident = ident_in(known)
        files = self._files_when_known(ident)
        numbers = self._numbering(files, metainfo)
        self._numbers[ident] = numbers
        if mine:
            others = [at for at, index in enumerate(numbers) if index not in indexes]
            self._prioritise(ident, others, UNWANTED)
        else:
            self._want(known, files, numbers, set(indexes))
        if mine or state_of(known) in STOPPED:
            self._call(self._client.torrents_start, ident)

    def _add(self, torrent: bytes, metainfo: Metainfo) -> Fields:
        self._call(
            self._client.torrents_add,
            torrent_files=torrent,
            is_stopped=True,
            tags=[marks.LABEL],
            content_layout="Original",
        )
        end = time.monotonic() + self._timeout
        while time.monotonic() < end:
            found = self._find(hash_of(metainfo))
            if found is not None:
                return found
            time.sleep(_POLL)
        raise EngineError("qBittorrent does not take this .torrent")

    def _want(
        self, known: Fields, files: Sequence[Fields], numbers: Sequence[int], wanted: set[int]
    ) -> None:
        new = [
            at
            for at, index in enumerate(numbers)
            if index in wanted and shapes.integer(files[at].get("priority")) == UNWANTED
        ]
        mark = marks.read(tags_in(known))
        # A torrent that nobody marked is its owner's.
        added = mark.added if mark.wanted else frozenset[int]()
        if added is not None:
            added = added | {numbers[at] for at in new}
        # First the mark: what is wanted without one counts as its owner's for ever.
        self._mark(known, marks.Mark(True, added, mark.many))
        self._prioritise(ident_in(known), new, _NORMAL)

    def cancel(self, info_hash: bytes, indexes: Collection[int] | None = None) -> None:
        """Want these files no longer, or none, as far as they are not there. Removes nothing.

        Of a torrent that was there before biofs, only what biofs added is dropped. The torrent goes
        on, to seed what is there; one that biofs brought and of which no file is whole is stopped.

        Raises:
            EngineError: Also if more files were added than tags can list: which are the owner's is
                not known then.
        """
        known = self._find(info_hash)
        if known is None:
            return
        mark = marks.read(tags_in(known))
        if not mark.wanted:
            return
        if mark.many:
            raise marks.too_many("qBittorrent")
        ident = ident_in(known)
        files = self._files(ident)
        numbers = self._known_numbers(ident, files)
        wanted = {at for at, each in enumerate(files) if is_wanted(each)}
        dropped = {
            at
            for at in wanted
            if shapes.fraction(files[at].get("progress")) < 1
            and (mark.added is None or numbers[at] in mark.added)
            and (indexes is None or numbers[at] in indexes)
        }
        self._prioritise(ident, sorted(dropped), UNWANTED)
        if mark.added is not None:
            left = mark.added.difference(numbers[at] for at in dropped)
            left = left if indexes is not None else frozenset()
            self._mark(known, marks.Mark(bool(left), left))
        elif wanted and wanted == dropped:
            self._call(self._client.torrents_stop, ident)

    def _prioritise(self, ident: str, at: Sequence[int], priority: int) -> None:
        if at:
            self._call(self._client.torrents_file_priority, ident, at, priority)

    def _mark(self, known: Fields, mark: marks.Mark) -> None:
        before, ident = tags_in(known), ident_in(known)
        after = marks.written(before, mark)
        new, old = [tag for tag in after if tag not in before], set(before).difference(after)
        if new:
            self._call(self._client.torrents_add_tags, new, ident)
        if old:
            self._call(self._client.torrents_remove_tags, sorted(old), ident)
        # Else a tag that no torrent has any more stays in qBittorrent's list of tags.
        for tag in old:
            if tag != marks.LABEL and not self._list(tag=tag):
                self._call(self._client.torrents_delete_tags, [tag])

    # Looking

    def progress(self, info_hash: bytes) -> Progress | None:
        """How far it is; None if qBittorrent does not have it.

        FINISHED says that qBittorrent has verified all wanted pieces. The data of a piece that ends
        in a file which is not wanted are partly elsewhere: see the module.
        """
        found = self._find(info_hash)
        return None if found is None else self._progress(info_hash, found)

    def all(self) -> Sequence[Progress]:
        """Every torrent with biofs's tag; of one that its owner had, all that is wanted."""
        found = [
            self._progress(info_hash, fields)
            for fields in self._list(tag=marks.LABEL)
            if (info_hash := hash_in(fields)) is not None and marks.read(tags_in(fields)).wanted
        ]
        return [progress for progress in found if progress is not None and progress.wanted]

    def _progress(self, info_hash: bytes, fields: Fields) -> Progress | None:
        ident = ident_in(fields)
        try:
            files = self._files(ident)
            numbers = self._known_numbers(ident, files) if files else ()
            trackers = shapes.mappings(self._call(self._client.torrents_trackers, ident))
        except GoneError:
            return None  # it was removed since it was listed
        wanted = [at for at, each in enumerate(files) if is_wanted(each)]
        lengths = [shapes.integer(files[at].get("size")) for at in wanted]
        parts = [shapes.fraction(files[at].get("progress")) for at in wanted]
        done = [
            length if part == 1 else min(int(length * part), max(length - 1, 0))
            for length, part in zip(lengths, parts, strict=True)
        ]
        match self._losses.order(fields, wanted, sum(done)):
            case Order.CHECK:
                self._call(self._client.torrents_recheck, ident)
            case Order.START_AGAIN:
                self._call(self._client.torrents_stop, ident)
                self._call(self._client.torrents_start, ident)
        whole = bool(files) and all(part == 1 for part in parts)
        return Progress(
            info_hash=info_hash,
            name=for_terminal(shapes.text(fields.get("name"))),
            state=state_in(fields, whole),
            wanted=[numbers[at] for at in wanted],
            done=done,
            size=sum(lengths),
            rate=shapes.integer(fields.get("dlspeed")),
            peers=shapes.integer(fields.get("num_leechs"))
            + shapes.integer(fields.get("num_seeds")),
            seeders=shapes.integer(fields.get("num_complete"), -1),
            message=broken(fields) or trackers_say(trackers),
        )

    def directory(self, info_hash: bytes) -> Path | None:
        """Where the torrent's top name lies now; None if qBittorrent does not have it.

        This is the directory for incomplete torrents as long as it is in there. Of a torrent whose
        top directory its owner has left out, it is the directory with the files themselves.
        """
        found = self._loaded(info_hash)
        if found is None:
            return None
        content = self._local(found.get("content_path"))
        names = [shapes.text(each.get("name")) for each in self._files(ident_in(found))]
        if not names:
            return self._local(found.get("save_path"))
        # The content's path is that of the file, if it is one, or of the directory around all.
        only = tuple(part for part in names[0].split("/") if part)
        top = only if len(names) == 1 else only[:1]
        if len(names) > 1 and not all(name.startswith(f"{top[0]}/") for name in names if top):
            return content
        if top and content.parts[-len(top) :] == top:
            return Path(*content.parts[: -len(top)])
        return content

    def download_directory(self) -> Path:
        """Where new torrents go in the end."""
        return self._local(self._call(self._client.app_default_save_path))

    def check(self) -> Sequence[Finding]:
        """Version, directories, room, and names; an unreachable qBittorrent is a finding."""
        try:
            return list(self._check())
        except EngineError as error:
            return [Finding(False, str(error))]

    def _check(self) -> Iterator[Finding]:
        version = for_terminal(shapes.text(self._call(self._client.app_version), 60))
        if version_in(version) < _OLDEST:
            yield Finding(False, f"qBittorrent {version} is too old: 4.5 is the oldest that works")
        else:
            yield Finding(True, f"qBittorrent {version} at {self._address.shown}")
        settings = shapes.mapping(self._call(self._client.app_preferences))
        directory = self.download_directory()
        yield from directories.readable(directory, "its download directory")
        free = directories.free_here(directory)
        if free is not None:
            yield directories.room(free, "its download directory")
        if settings.get("temp_path_enabled") is True:
            incomplete = self._local(settings.get("temp_path"))
            yield from directories.readable(incomplete, "its directory for incomplete torrents")
        if settings.get("incomplete_files_ext") is True:
            yield Finding(
                True, "files that are not whole have .!qB behind their names, and are not looked at"
            )

    def close(self) -> None:
        """Close the connection. qBittorrent goes on."""
        self._client.close()

    # Asking

    def _call(self, function: Any, *args: Any, **options: Any) -> Any:
        if self._refused:
            raise EngineError(f"qBittorrent at {self._address.shown}: {LOGIN_REFUSED}")
        return self._calls(function, *args, **options)

    def _explained(self, error: Exception) -> str | None:
        self._refused = self._refused or isinstance(error, LoginFailed)
        return explain(error)

    def _list(self, **filters: Any) -> list[Fields]:
        return shapes.mappings(self._call(self._client.torrents_info, **filters))

    def _find(self, info_hash: bytes) -> Fields | None:
        named = self._list(torrent_hashes=info_hash.hex())
        for each in named:
            if ident_in(each) == info_hash.hex():
                return each
        # One of both versions has its name from the other.
        return next((each for each in self._list() if hash_in(each) == info_hash), None)

    def _loaded(self, info_hash: bytes) -> Fields | None:
        """As `_find`, as soon as it says where the torrent's content is."""
        end = time.monotonic() + self._timeout
        while (found := self._find(info_hash)) and not has_place(found) and time.monotonic() < end:
            time.sleep(_POLL)
        return found

    def _files(self, ident: str) -> list[Fields]:
        return shapes.mappings(self._call(self._client.torrents_files, ident))

    def _files_when_known(self, ident: str) -> list[Fields]:
        """The files of a torrent, as soon as it has been loaded."""
        end = time.monotonic() + self._timeout
        while not (files := self._files(ident)):
            if time.monotonic() > end:
                raise EngineError("qBittorrent does not have the list of the torrent's files yet")
            time.sleep(_POLL)
        return files

    def _numbering(self, files: Sequence[Fields], metainfo: Metainfo) -> Sequence[int]:
        lengths = [shapes.integer(each.get("size")) for each in files]
        positions = [shapes.integer(each.get("index"), at) for at, each in enumerate(files)]
        if positions == list(range(len(files))):
            try:
                return numbering(metainfo, lengths)
            except OtherFiles:
                pass
        raise EngineError("qBittorrent lists other files for this torrent than its .torrent has")

    def _known_numbers(self, ident: str, files: Sequence[Fields]) -> Sequence[int]:
        """As `numbering`; the metainfo is asked for once, and only the numbers are kept."""
        known = self._numbers.get(ident)
        if known is not None and len(known) == len(files):
            return known
        exported = self._call(self._client.torrents_export, ident)
        problem = ""
        try:
            metainfo = parse(exported if isinstance(exported, bytes) else b"")
        except InvalidMetainfo as error:
            problem = str(error)
        if problem:
            raise EngineError(f"qBittorrent gives out a .torrent that is not usable: {problem}")
        numbers = self._numbering(files, metainfo)
        self._numbers[ident] = numbers
        return numbers

    def _local(self, remote: object) -> Path:
        return directories.local(self._paths, shapes.text(remote), "qBittorrent")

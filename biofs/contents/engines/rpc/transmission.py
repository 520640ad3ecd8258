"""Transmission as an engine, over its RPC (3.00 and 4; docs/rpc-spec.md of Transmission).

What was seen with it:

- A torrent that is started with nothing wanted finds no peers for minutes. So it is added paused
  with the wanted files, and then started at once, past the queue.
- An empty list of files means all of them, so none is ever sent.
- Received blocks wait in a cache (cache-size-mb, 4 by default) while RPC counts them: up to 114 of
  192 pieces that it called complete were not yet in the file, for seconds. When all bytes of a file
  are there, its blocks are written and ``.part`` goes from its name; those of a neighbour in the
  same piece may still wait. So `Progress.done` is for people to watch, and FINISHED only means that
  Transmission has it all: who waits for a file verifies its pieces, and does so again until they
  are right. `check` asks for ``"cache-size-mb": 0``.
- 3.00 writes down what is wanted, and labels, every six minutes, and when a torrent that runs is
  stopped. Killed before, it comes back without its labels, and wants all of its files. So a new
  torrent is started, stopped, and started again when it is stopped, which takes half a second; or
  longer, if there are data that it hashes first: a thread waits for that.
- What it has received is written down as rarely. Killed, it does not know of what lies in the
  files since, and fetches it again. So a torrent that biofs brought and that is stopped is checked
  before it is started.
- 4.1.0-beta.2 that had all it wanted asks its peers for nothing when a file is wanted beside that,
  until it is stopped and started.
- RPC does not say whether a torrent lies in the incomplete directory: `directory` looks.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

from biofs.api.secrets import Secret
from biofs.contents.engines.engine import EngineError, Finding, Progress
from biofs.contents.engines.rpc import directories, marks, shapes
from biofs.contents.engines.rpc.http import Calls, address
from biofs.contents.engines.rpc.numbering import OtherFiles, numbering
from biofs.contents.engines.rpc.transmission_answers import (
    Fields,
    Status,
    bytes_done,
    has_name,
    hash_in,
    lengths,
    progress_in,
    wanted_in,
)
from biofs.contents.engines.rpc.transmission_client import Client, explain
from biofs.contents.engines.torrent_given import hash_of, read_torrent
from biofs.tree.metainfo import Metainfo
from biofs.tree.printable import for_terminal

_PORT: Final = 9091
_OLDEST_RPC: Final = 16  # Transmission 3.00: the first with labels

_STARTING: Final = 2.0
"""Seconds for which the start of a new torrent is waited for: it is soon if nothing lies there."""
_LONGEST_CHECK: Final = 86_400.0
_STOPPING: Final = 10.0
"""Seconds after which a torrent that is not stopped is started all the same."""
_POLL: Final = 0.05

_BRIEF: Final = ("hashString", "name", "labels", "status", "downloadDir", "leftUntilDone")
_FILES: Final = (*_BRIEF, "files", "fileStats")
_ALL: Final = (
    *_FILES,
    "error",
    "errorString",
    "rateDownload",
    "peersConnected",
    "trackerStats",
)


class Transmission:
    """An `Engine`: a Transmission that the user runs. It is connected to at the first call.

    Args:
        url: ``http://127.0.0.1:9091``; another path than ``/transmission/rpc`` is allowed.
        user: None, with `password`, if Transmission asks for none.
        password: Sent with each request.
        path_map: Pairs of a directory as Transmission names it and as it is here; the longest wins.
        timeout: In seconds, for one answer.
        insecure: Allow plain http to another machine.

    Raises:
        EngineError: The address cannot be used, or a path of `path_map` is not absolute.
    """

    name: Final = "transmission"

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
        self._user, self._password = user, password
        self._timeout = timeout
        self._paths = directories.path_map(path_map)
        self._call = Calls("Transmission", self._address.shown, explain, timeout=timeout)
        self._client: Client | None = None
        self._closed = Event()

    def __repr__(self) -> str:
        return f"Transmission({self._address.shown})"

    # Wanting

    def fetch(self, torrent: bytes, indexes: Collection[int]) -> None:
        """Want these files, beside those already wanted; a stopped torrent is started.

        A torrent that Transmission has already keeps its directory and what is wanted of it.
        """
        metainfo = read_torrent(torrent, indexes)
        known = self._find(hash_of(metainfo), _FILES)
        if known is None:
            self._add(torrent, metainfo, indexes)
        else:
            self._want(known, metainfo, indexes)

    def _add(self, torrent: bytes, metainfo: Metainfo, indexes: Collection[int]) -> None:
        wanted = set(indexes)
        others = [index for index in range(len(metainfo.files)) if index not in wanted]
        client = self._connected()
        with_labels = client.is_4
        self._call(
            client.add_torrent,
            torrent,
            paused=True,
            files_wanted=sorted(wanted),
            files_unwanted=others or None,
            labels=[marks.LABEL] if with_labels else None,
        )
        info_hash = hash_of(metainfo)
        if not with_labels:
            self._set(info_hash, labels=[marks.LABEL])
        self._call(client.start_torrent_now, info_hash.hex())
        if not self._write_down(info_hash, _STARTING, _POLL):
            # It hashes what lies there already, at the speed of the disk.
            Thread(target=self._write_down_later, args=(info_hash,), daemon=True).start()

    def _write_down(self, info_hash: bytes, seconds: float, pause: float) -> bool:
        """Stop a torrent when it runs, and start it again when it is stopped.

        Returns whether it has come to run within so many seconds, or is gone.
        """
        # A new one is verified first; that it is to be stopped is forgotten by then.
        runs = False
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._closed.is_set():
            known = self._find(info_hash, _BRIEF)
            status = None if known is None else shapes.integer(known.get("status"), -1)
            if status is None:
                return True
            if runs and status == Status.STOPPED:
                break
            if not runs and status > Status.CHECKS:
                runs, pause = True, _POLL
                end = time.monotonic() + _STOPPING
                self._call(self._connected().stop_torrent, info_hash.hex())
            self._closed.wait(pause)
        if runs:
            self._call(self._connected().start_torrent_now, info_hash.hex())
        return runs

    def _write_down_later(self, info_hash: bytes) -> None:
        with suppress(EngineError):
            self._write_down(info_hash, _LONGEST_CHECK, 1.0)

    def _want(self, known: Fields, metainfo: Metainfo, indexes: Collection[int]) -> None:
        numbers = self._numbering(known, metainfo)
        wanted = set(wanted_in(known))
        new = sorted(set(indexes).intersection(numbers) - wanted)
        labels = shapes.sequence(known.get("labels"))
        mark = marks.read(labels)
        # A torrent that nobody marked is its owner's.
        added = mark.added if mark.wanted else frozenset[int]()
        if added is not None:
            added = added | frozenset(new)
        # First the mark: what is wanted without one counts as its owner's for ever.
        info_hash = hash_of(metainfo)
        written = marks.written(labels, marks.Mark(True, added, mark.many))
        if written != list(labels):
            self._set(info_hash, labels=written)
        if new:
            self._set(info_hash, files_wanted=new)
        client = self._connected()
        if shapes.integer(known.get("status"), -1) == Status.STOPPED:
            if mark.wanted and mark.added is None:
                self._call(client.verify_torrent, info_hash.hex())
            self._call(client.start_torrent_now, info_hash.hex())
        elif new and client.is_4 and shapes.integer(known.get("leftUntilDone"), -1) == 0:
            self._write_down(info_hash, _STARTING, _POLL)
        elif new:
            # One that had all it wanted has let go of its peers.
            self._call(client.reannounce_torrent, info_hash.hex())

    def cancel(self, info_hash: bytes, indexes: Collection[int] | None = None) -> None:
        """Want these files no longer, or none, as far as they are not there. Removes nothing.

        Of a torrent that was there before biofs, only what biofs added is dropped. The torrent goes
        on, to seed what is there; one that biofs brought and of which no file is whole is stopped.

        Raises:
            EngineError: Also if more files were added than labels can list: which are the owner's
                is not known then.
        """
        known = self._find(info_hash, _FILES)
        if known is None:
            return
        labels = shapes.sequence(known.get("labels"))
        mark = marks.read(labels)
        if not mark.wanted:
            return
        if mark.many:
            raise marks.too_many("Transmission")
        wanted = set(wanted_in(known))
        dropped = wanted if mark.added is None else wanted & mark.added
        if indexes is not None:
            dropped &= set(indexes)
        done, sizes = bytes_done(known), lengths(known)
        dropped = {index for index in dropped if done[index] < sizes[index]}
        if dropped:
            self._set(info_hash, files_unwanted=sorted(dropped))
        if mark.added is not None:
            left = mark.added - dropped if indexes is not None else frozenset[int]()
            mark = marks.Mark(bool(left), left)
        elif wanted and wanted == dropped:
            self._call(self._connected().stop_torrent, info_hash.hex())
            mark = marks.Mark(wanted=True, added=None)
        written = marks.written(labels, mark)
        if written != list(labels):
            self._set(info_hash, labels=written)

    # Looking

    def progress(self, info_hash: bytes) -> Progress | None:
        """How far it is; None if Transmission does not have it.

        FINISHED says that Transmission has all, not that all is in the files: see the module.
        """
        found = self._find(info_hash, _ALL)
        return None if found is None else progress_in(info_hash, found)

    def all(self) -> Sequence[Progress]:
        """Every torrent with biofs's label; of one that its owner had, all that is wanted."""
        hashes = [
            info_hash
            for fields in self._get(None, ("hashString", "labels"))
            if marks.read(shapes.sequence(fields.get("labels"))).wanted
            and (info_hash := hash_in(fields)) is not None
        ]
        found = (self.progress(info_hash) for info_hash in hashes)
        return [progress for progress in found if progress is not None and progress.wanted]

    def directory(self, info_hash: bytes) -> Path | None:
        """Where the torrent's top name lies now; None if Transmission does not have it.

        An unfinished torrent can be in the incomplete directory; it moves when all that is wanted
        is there. Files that are not whole have ``.part`` behind their names, unless
        rename-partial-files is off.
        """
        found = self._find(info_hash, _BRIEF)
        if found is None:
            return None
        final = self._local(found.get("downloadDir"))
        settings = self._settings()
        if settings.get("incomplete-dir-enabled") is not True:
            return final
        incomplete = self._local(settings.get("incomplete-dir"))
        unfinished = shapes.integer(found.get("leftUntilDone")) > 0
        order = (incomplete, final) if unfinished else (final, incomplete)
        name = shapes.text(found.get("name"), 255)
        return next((each for each in order if has_name(each, name)), order[0])

    def download_directory(self) -> Path:
        """Where new torrents go in the end."""
        return self._local(self._settings().get("download-dir"))

    def check(self) -> Sequence[Finding]:
        """Version, directories, room, and the cache; an unreachable Transmission is a finding."""
        try:
            return list(self._check())
        except EngineError as error:
            return [Finding(False, str(error))]

    def _check(self) -> Iterator[Finding]:
        settings = self._settings()
        version = for_terminal(shapes.text(settings.get("version"), 60)) or "of unknown version"
        rpc = shapes.integer(settings.get("rpc-version"))
        if rpc < _OLDEST_RPC:
            yield Finding(
                False, f"Transmission {version} is too old: 3.00 is the oldest that works"
            )
        else:
            yield Finding(True, f"Transmission {version} at {self._address.shown}")
        remote = shapes.text(settings.get("download-dir"))
        yield from directories.readable(self.download_directory(), "its download directory")
        free = shapes.integer(self._call(self._connected().free_space, remote), -1)
        if free >= 0:
            yield directories.room(free, "its download directory")
        if settings.get("incomplete-dir-enabled") is True:
            incomplete = self._local(settings.get("incomplete-dir"))
            yield from directories.readable(incomplete, "its directory for unfinished files")
        cache = settings.get("cache-size-mb")
        if cache != 0:
            yield Finding(
                False,
                "cache-size-mb is not 0: what Transmission calls fetched is seconds later in its "
                'files; stop it, set "cache-size-mb": 0 in settings.json, start it again',
            )
        if settings.get("rename-partial-files") is False:
            yield Finding(
                True,
                "rename-partial-files is off: unfinished files have their true names; biofs tells "
                "them by their hashes",
            )

    def close(self) -> None:
        """Close the connection. Transmission goes on; what it checks will not be written down."""
        self._closed.set()
        if self._client is not None:
            self._client.close()
            self._client = None

    # Asking

    def _connected(self) -> Client:
        if self._client is None:
            self._client = self._call(
                Client, self._address, self._user, self._password, self._timeout
            )
        return self._client

    def _settings(self) -> Fields:
        client = self._connected()
        return shapes.mapping(self._call(lambda: client.get_session().fields))

    def _get(self, info_hash: bytes | None, fields: Sequence[str]) -> list[Fields]:
        client = self._connected()
        ids = None if info_hash is None else info_hash.hex()

        def ask() -> list[Fields]:
            return [shapes.mapping(found.fields) for found in client.get_torrents(ids, fields)]

        return self._call(ask)

    def _find(self, info_hash: bytes, fields: Sequence[str]) -> Fields | None:
        found = self._get(info_hash, fields)
        return next((each for each in found if hash_in(each) == info_hash), None)

    def _set(self, info_hash: bytes, **what: Any) -> None:
        self._call(self._connected().change_torrent, info_hash.hex(), **what)

    def _local(self, remote: object) -> Path:
        return directories.local(self._paths, shapes.text(remote), "Transmission")

    def _numbering(self, known: Fields, metainfo: Metainfo) -> Sequence[int]:
        problem = ""
        try:
            numbers = numbering(metainfo, lengths(known))
            if len(numbers) == len(metainfo.files):
                return numbers
            problem = "without pad files"
        except OtherFiles:
            problem = "other files"
        raise EngineError(f"Transmission lists {problem} for this torrent than its .torrent has")

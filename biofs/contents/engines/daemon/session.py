"""The libtorrent session: its settings, its torrents, and what comes of its alerts.

No method waits for the network. Whoever runs it calls `alerts` when the descriptor `wake` is
readable, and `tick` about once a second.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Final

import libtorrent

from biofs.contents.engines.daemon import options, redaction
from biofs.contents.engines.daemon.ending import settle
from biofs.contents.engines.daemon.layout import Layout
from biofs.contents.engines.daemon.messages import Configure, quoted, unquoted
from biofs.contents.engines.daemon.parsing import Parsed, parse, prepare, resumed, text_of
from biofs.contents.engines.daemon.place import Record, Records
from biofs.contents.engines.daemon.placing import check_room, directory_for
from biofs.contents.engines.daemon.torrent import Torrent
from biofs.contents.engines.daemon.turns import let_run
from biofs.contents.engines.daemon.waiting import Waiter, Waiting
from biofs.contents.engines.engine import EngineError, Progress

_log = logging.getLogger(__name__)

_SAVE_EVERY: Final = 30.0
"""Seconds."""
_SAVE_AFTER: Final = 0.5
_FLUSH_EVERY: Final = 1.0
"""So that a kill loses no more than came in that time."""
_LOOK_EVERY: Final = 1.0
"""At how much was sent: it may be more than the ratio by what is sent in that time."""
_IF_MODIFIED: Final = (
    libtorrent.save_resume_flags_t.only_if_modified
    | libtorrent.save_resume_flags_t.flush_disk_cache
)


class Session:
    """All torrents. Made with the first settings that a client sends. Raises EngineError."""

    def __init__(self, records: Records, settings: Configure) -> None:
        self.wake, self._wake_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._records = records
        self._settings = settings
        self._torrents: dict[str, Torrent] = {}
        self._waiting = Waiting()
        self._saving = 0
        self._saved: set[Torrent] = set()
        """Of which the resume data were written since the session began to end."""
        self._checked: set[Torrent] = set()
        self._saved_at = self._updated_at = time.monotonic()
        try:
            self._session = options.session(settings)
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise EngineError(f"libtorrent takes no such settings: {text_of(error)}") from None
        self._session.set_peer_class_filter(options.everyone_counts())
        self._session.set_alert_fd(self._wake_end)
        for key in records.all():
            self._restore(key)
        self._schedule()

    def configure(self, settings: Configure) -> None:
        """Take other settings. Torrents that are there stay where they are."""
        if settings != self._settings:
            self._session.apply_settings(options.of(settings))
            self._settings = settings
            self._schedule()

    # What clients ask for.

    def fetch(self, data: bytes, indexes: Collection[int]) -> None:
        parsed = parse(data)
        torrent, layout = self._torrents.get(parsed.key), parsed.layout
        if not all(0 <= each < layout.files for each in indexes):
            raise EngineError("the torrent has no such file")
        torrents = self._torrents.values()
        check_room(self._settings.disk, torrents, torrent, layout, files=indexes)
        if torrent is None:
            torrent = self._add_new(data, parsed, layout.priorities(indexes), sync=True)
        torrent.try_now()
        torrent.wanted |= set(indexes)
        self._write(torrent, unsaved=True)
        torrent.want(())
        self._schedule()

    def stream(self, key: str, data: bytes, pieces: Sequence[int]) -> bytes | None:
        """Returns the info hash; None if no torrent is given and it has none with this one."""
        torrent = self._torrents.get(key)
        if torrent is None:
            if not data:
                return None
            parsed = parse(data)
            torrent = self._torrents.get(parsed.key)
            if torrent is None:
                self._may_stream(None, parsed.layout, pieces)
                priorities = parsed.layout.priorities((), pieces)
                torrent = self._add_new(data, parsed, priorities, sync=False)
        self._may_stream(torrent, torrent.layout, pieces)
        if not torrent.unsaved:
            self._write(torrent, unsaved=True, sync=False)
        torrent.try_now()
        torrent.stream(list(dict.fromkeys(pieces)))
        self._schedule()
        return bytes.fromhex(torrent.key)

    def _may_stream(self, torrent: Torrent | None, layout: Layout, pieces: Collection[int]) -> None:
        if not all(0 <= each < layout.pieces for each in pieces):
            raise EngineError("the torrent has no such piece")
        torrents = self._torrents.values()
        check_room(self._settings.disk, torrents, torrent, layout, pieces=pieces)

    def cancel(self, key: str, indexes: Collection[int] | None) -> None:
        torrent = self._torrents.get(key)
        if torrent is not None:
            torrent.unwant(indexes, self.alerts)
            self._write(torrent, unsaved=torrent.unsaved)
            self._schedule()

    def progress(self, key: str) -> Progress | None:
        torrent = self._torrents.get(key)
        return None if torrent is None else torrent.progress(self.alerts)

    def all(self) -> list[Progress]:
        return [
            each.progress(self.alerts) for each in self._torrents.values() if each.is_asked_for()
        ]

    def directory(self, key: str) -> Path | None:
        torrent = self._torrents.get(key)
        return None if torrent is None else torrent.directory

    def wait(self, key: str, waiter: Waiter) -> None:
        """Answer once one of the pieces, or all of it, is in the files, or its time is over."""
        torrent = self._torrents.get(key)
        if torrent is None:
            waiter.answer([])
            return
        self._waiting.add(torrent, waiter)
        self._waiting.look(torrent, self.alerts)
        self._waiting.flush(torrent)

    def leave(self, waiter: Waiter) -> None:
        """Its client is gone."""
        self._waiting.leave(waiter)

    def trackers(self) -> list[tuple[str, bool, str]]:
        """Of each torrent that is asked for: its name, whether its tracker answered, and what."""
        return [
            (redaction.redacted(each.name, each.hidden), each.tracker_answered, each.tracker_says)
            for each in self._torrents.values()
            if each.is_asked_for()
        ]

    # Torrents.

    def _add_new(
        self, data: bytes, parsed: Parsed, priorities: bytearray, *, sync: bool
    ) -> Torrent:
        """The tracker is asked while it is written down: that may take as long as its answer."""
        key = parsed.key
        base, torrents = unquoted(self._settings.directory), self._torrents.values()
        directory = directory_for(base, key, parsed.info.name(), torrents)
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EngineError(f"{directory}: {error.strerror}") from None
        torrent = self._add(parsed, directory, priorities)
        torrent.unsaved = True
        try:
            self._records.write_torrent(key, data, sync=sync)
            self._records.write(key, Record(directory=quoted(directory)), sync=sync)
        except OSError as error:
            self._session.remove_torrent(torrent.handle)
            del self._torrents[key]
            with contextlib.suppress(OSError):
                self._records.forget(key)
            raise EngineError(f"{directory}: {error.strerror}") from None
        return torrent

    def _add(self, parsed: Parsed, directory: Path, priorities: bytearray) -> Torrent:
        trackers = list(parsed.params.trackers)
        # One that has no turn yet announces nothing: a peer that it refuses comes later and later.
        waits = bool(self._settings.at_once)
        handle = self._handle(parsed, directory, priorities, paused=waits)
        torrent = Torrent(handle, parsed.info, directory, trackers, running=not waits)
        self._torrents[torrent.key] = torrent
        return torrent

    def _handle(
        self, parsed: Parsed, directory: Path, priorities: bytearray, *, paused: bool
    ) -> libtorrent.torrent_handle:
        discovery = self._settings.discovery
        prepare(parsed, directory, priorities, discovery=discovery, paused=paused)
        try:
            return self._session.add_torrent(parsed.params)
        except RuntimeError as error:
            hidden = redaction.secrets(parsed.params.trackers)
            raise EngineError(f"libtorrent: {text_of(error, hidden)}") from None

    def _add_again(self, torrent: Torrent) -> None:
        """Have libtorrent forget the torrent, and hash what is there.

        It goes on saying that it has a piece that could not be written, and what is left of such
        pieces in its cache makes later ones wrong, for which it bans the peer that sent them.
        """
        found = self._records.read(torrent.key)
        if found is None:
            return
        self._session.remove_torrent(torrent.handle)
        priorities, paused = torrent.all_priorities(), not torrent.running
        torrent.renew(self._handle(parse(found[0]), torrent.directory, priorities, paused=paused))

    def _restore(self, key: str) -> None:
        found = self._records.read(key)
        if found is None:
            _log.warning("%s: cannot be resumed", key)
            return
        data, record, resume = found
        try:
            parsed = resumed(parse(data), record, resume)
            if parsed.key != key:
                return
            wanted = [each for each in record.wanted if 0 <= each < parsed.layout.files]
            priorities = parsed.layout.priorities(wanted)
            torrent = self._add(parsed, unquoted(record.directory), priorities)
        except EngineError as error:
            _log.warning("%s: %s", key, error)
            return
        torrent.unsaved = record.unsaved
        torrent.want(wanted)

    def _write(self, torrent: Torrent, *, unsaved: bool, sync: bool = True) -> None:
        torrent.unsaved = unsaved
        record = Record(
            directory=quoted(torrent.directory), wanted=sorted(torrent.wanted), unsaved=unsaved
        )
        try:
            self._records.write(torrent.key, record, sync=sync)
        except OSError as error:
            raise EngineError(f"the engine's state cannot be written: {error.strerror}") from None

    # How many fetch at once, and until when they are seeded.

    def _schedule(self) -> None:
        let_run(self._torrents.values(), self._settings.at_once, self._settings.ratio)

    def _look_at_ratios(self, statuses: Sequence[libtorrent.torrent_status]) -> None:
        """Of the torrents of which something has changed."""
        for status in statuses:
            torrent = self._torrent_of(status)
            if torrent is not None and torrent.sent_enough(self._settings.ratio, status):
                torrent.pause()

    def is_idle(self) -> bool:
        """Nobody waits, and there is nothing to fetch and nothing to seed."""
        if self._waiting.anyone() or self._saving > 0:
            return False
        return not any(each.has_to_fetch() or each.may_seed() for each in self._torrents.values())

    # What libtorrent says.

    def alerts(self) -> None:
        """Take note of what happened."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.wake, 4096)  # a byte for each time the queue was empty
        for alert in self._session.pop_alerts():
            take = _TAKES.get(type(alert))
            if isinstance(alert, libtorrent.state_update_alert):
                self._look_at_ratios(alert.status)
            if take is None:
                continue
            torrent = self._torrent_of(alert)
            if torrent is not None:
                take(self, torrent, alert)
            elif take in _ENDS:
                self._saving -= 1
        checked, self._checked = self._checked, set()
        for each in checked:
            self._waiting.look(each, self.alerts)

    def _torrent_of(self, alert: Any) -> Torrent | None:
        """Of an alert or a status."""
        if not alert.handle.is_valid():
            return None
        hashes = alert.handle.info_hashes()
        torrent = self._torrents.get(str(hashes.v1 if hashes.has_v1() else hashes.v2)[:40])
        return torrent if torrent is not None and torrent.handle == alert.handle else None

    def _piece_finished(self, torrent: Torrent, alert: Any) -> None:
        torrent.came(alert.piece_index)
        self._waiting.flush(torrent)

    def _flushed(self, torrent: Torrent, _alert: Any) -> None:
        self._waiting.flushed(torrent)

    def _has_checked(self, torrent: Torrent, _alert: Any) -> None:
        torrent.checked()
        self._checked.add(torrent)

    def _finished(self, torrent: Torrent, _alert: Any) -> None:
        torrent.succeeded()
        self._waiting.flush(torrent, always=True)
        self._schedule()
        # Who reads piece by piece makes it finished again and again.
        torrent.save_at = time.monotonic() + _SAVE_AFTER

    def _resume_data(self, torrent: Torrent, alert: Any) -> None:
        self._saving -= 1
        data = libtorrent.write_resume_data_buf(alert.params)
        try:
            self._records.write_resume(torrent.key, data)
            self._saved.add(torrent)
            covered = torrent.covers(alert.params.have_pieces) and not torrent.failure
            if torrent.unsaved and covered:
                self._write(torrent, unsaved=False, sync=False)
        except (OSError, EngineError) as error:
            _log.warning("%s: resume data cannot be written: %s", torrent.key, error)

    def _no_resume_data(self, torrent: Torrent, _alert: Any) -> None:
        self._saving -= 1

    def _file_error(self, torrent: Torrent, alert: Any) -> None:
        if torrent.fail(alert.error):
            self._add_again(torrent)
        self._waiting.look_at_all(torrent)

    def tick(self) -> None:
        """What is to be done now and then."""
        now = time.monotonic()
        for key, waiter in self._waiting.time_out(now):
            if waiter.pieces and (late := self._torrents.get(key)) is not None:
                late.hurry(waiter.pieces[0])
        for torrent in self._torrents.values():
            torrent.try_again(now, self._settings.retry)
            torrent.hurry_sought(now)
            if torrent.flushed_at + _FLUSH_EVERY <= now and torrent.unflushed:
                torrent.flushed_at = now
                self._waiting.flush(torrent, always=True)
            if torrent.save_at <= now:
                self._save(torrent, libtorrent.save_resume_flags_t.flush_disk_cache)
        if self._settings.ratio is not None and now - self._updated_at >= _LOOK_EVERY:
            self._updated_at = now
            self._session.post_torrent_updates(0)
        if now - self._saved_at >= _SAVE_EVERY:
            self._saved_at = now
            self._schedule()
            for torrent in self._torrents.values():
                self._save(torrent, _IF_MODIFIED)

    def next_tick(self) -> float:
        """Seconds until someone's time is over, at most one."""
        ends = (self._waiting.first_end(), *(each.hurry_at for each in self._torrents.values()))
        return max(0.0, min(1.0, min(ends) - time.monotonic()))

    def _save(self, torrent: Torrent, how: int) -> None:
        torrent.save_at = math.inf
        torrent.handle.save_resume_data(how)
        self._saving += 1

    def close(self, patience: float = 20.0) -> None:
        """Write down how far everything is. Takes at most `patience` seconds; EngineError."""
        now = time.monotonic()
        end, settled = now + patience, now + patience / 2
        self._session.pause()
        settle(self._session, self._torrents.values(), self._waiting, self.alerts, settled)
        self._saved.clear()
        for torrent in self._torrents.values():
            self._save(torrent, libtorrent.save_resume_flags_t.flush_disk_cache)
        while self._saving > 0 and (left := end - time.monotonic()) > 0:
            self._session.wait_for_alert(int(min(left, 0.5) * 1000))
            self.alerts()
        for torrent in self._saved:
            self._write(torrent, unsaved=bool(torrent.failure), sync=False)
        self._records.close()


_TAKES: Final[dict[type, Callable[[Session, Torrent, Any], None]]] = {
    libtorrent.piece_finished_alert: Session._piece_finished,
    libtorrent.hash_failed_alert: lambda _, torrent, __: torrent.hash_failed(),
    libtorrent.cache_flushed_alert: Session._flushed,
    libtorrent.torrent_finished_alert: Session._finished,
    libtorrent.torrent_checked_alert: Session._has_checked,
    libtorrent.save_resume_data_alert: Session._resume_data,
    libtorrent.save_resume_data_failed_alert: Session._no_resume_data,
    libtorrent.file_error_alert: Session._file_error,
    libtorrent.torrent_error_alert: Session._file_error,
    libtorrent.tracker_error_alert: lambda _, torrent, alert: torrent.tracker_failed(alert),
    libtorrent.tracker_reply_alert: lambda _, torrent, __: torrent.tracker_answers(),
}
_ENDS: Final = {Session._resume_data, Session._no_resume_data}

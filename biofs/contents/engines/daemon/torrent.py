"""One torrent of the session: which of its files and pieces are wanted, and how far it is.

All files have libtorrent's priority 4 all the time, and pieces that nobody wants have 0: with a
file's priority 0, its share of a piece would be put into a `.parts` file instead.
"""

from __future__ import annotations

import errno
import math
import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

import libtorrent

from biofs.contents.engines.daemon import redaction
from biofs.contents.engines.daemon.layout import WANTED, Layout, key_of
from biofs.contents.engines.engine import WRONG_DATA, Progress, State

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

_NEXT: Final = 7
_HURRY_AFTER: Final = 0.1
"""Seconds that the piece of a seek may take before it gets a deadline, which takes back what was
asked of peers already. libtorrent asks for such a piece on its ticks, with one request for all
others under way meanwhile: of a fast peer it comes sooner behind what was asked for."""

_ROOM: Final = 64 << 20
"""Bytes of room that are enough to go on with after the disk was full."""
_MOST_TRIES: Final = 7
_ASK_TRACKER_EVERY: Final = 30.0

_CAME: Final = frozenset({2, 3})
"""What `get_download_queue` says of a block that came: it is being written, or was."""

_CHECKING: Final = frozenset(
    {
        libtorrent.torrent_status.states.checking_files,
        libtorrent.torrent_status.states.checking_resume_data,
    }
)


class Torrent:
    """A torrent that the session has.

    Args:
        directory: In which its top name lies.
        trackers: Its announce URLs, to know what never to say.
        running: Whether it may fetch and seed; else it was added paused.
    """

    def __init__(
        self,
        handle: libtorrent.torrent_handle,
        info: libtorrent.torrent_info,
        directory: Path,
        trackers: Iterable[str],
        *,
        running: bool,
    ) -> None:
        self.handle = handle
        self.key = key_of(info)
        self.name = info.name()
        self.directory = directory
        self.layout = Layout(info)
        self.wanted: set[int] = set()
        self.hidden = redaction.secrets(trackers)
        self.running = running
        self.unsaved = False
        self.save_at = math.inf
        """When its resume data are to be written."""
        self.unflushed: set[int] = set()
        """Pieces that came, but whose bytes may not be in the files yet."""
        self.flushing: set[int] | None = None
        self.flushed_at = 0.0
        self.flushed = True
        """Nothing came since all was in the files."""
        self.failure = ""
        self.failed_for_room = False
        self._hashing = False
        self._tries = 0
        self._try_at = 0.0
        self._ask_tracker_at = 0.0
        self.tracker_says = ""
        self.wrong = False
        """The last piece that came did not have its hash, for which libtorrent bans its peer."""
        self.tracker_answered = False
        self._streamed: set[int] = set()
        self._left: set[int] = set()
        """What of it did not come before its reader went elsewhere."""
        self._urgent: set[int] = set()
        """Pieces that were given a deadline."""
        self._sought = -1
        self.hurry_at = math.inf
        """When the piece of the last seek is to be asked for before all others."""
        self._have = bytearray(self.layout.pieces)
        """A 1 for each piece that libtorrent has said is there."""

    # What is wanted.

    def want(self, indexes: Collection[int]) -> None:
        """Want these files too, in whatever order is best for all who have the torrent."""
        self.wanted |= set(indexes)
        self.handle.unset_flags(libtorrent.torrent_flags.sequential_download)
        self.apply()

    def unwant(self, indexes: Collection[int] | None, take_alerts: Callable[[], None]) -> None:
        """Want no longer what of these files is not there."""
        done = self._done(take_alerts)
        dropped = self.wanted if indexes is None else self.wanted & set(indexes)
        self.wanted -= {each for each in dropped if done[each] < self.layout.file_size(each)}
        if indexes is None:
            self._streamed.clear()
        self.apply()

    def apply(self) -> None:
        """Tell libtorrent the priority of every piece."""
        priorities = self.all_priorities()
        self.handle.clear_piece_deadlines()
        self._urgent.clear()
        self.handle.prioritize_pieces(list(priorities))

    def stream(self, pieces: Sequence[int]) -> None:
        """Fetch these pieces before all others, in their order.

        libtorrent takes pieces of the highest priority in any order, all others by their numbers:
        so the first alone has it, but for a torrent of which files are wanted as well. (Once it had
        all that was wanted, 2.1.1 takes others in any order too, whatever the flag says, until it
        has a rate by which it asks for neighbours together: alert `picker_log`.)
        """
        if not self._streamed:
            self.handle.set_flags(libtorrent.torrent_flags.sequential_download)
        left = {piece for piece in self._streamed.difference(pieces) if not self._have[piece]}
        seeks = bool(pieces) and self._streamed.isdisjoint((pieces[0], pieces[0] - 1))
        self._left.intersection_update(left)
        if seeks:
            self._left |= left
        for piece in self._urgent.difference(pieces):
            self.handle.reset_piece_deadline(piece)
        self._urgent.intersection_update(pieces)
        # A deadline that is taken back leaves the piece with the lowest priority.
        changed = [(piece, WANTED) for piece in left]
        ahead = _NEXT if self.wanted else WANTED
        for number, piece in enumerate(pieces):
            if not self._have[piece]:
                changed.append((piece, ahead if number else _NEXT))
        self._streamed = left.union(pieces)
        if changed:
            self.handle.prioritize_pieces(changed)
        if seeks:
            others = bool(self._left) or bool(self.wanted)
            self._sought = pieces[0]
            self.hurry_at = time.monotonic() + _HURRY_AFTER if others else math.inf

    def hurry(self, piece: int) -> None:
        """A piece that is streamed is waited for: ask for it before all that was asked for."""
        if piece in self._streamed and not self._have[piece] and piece not in self._urgent:
            self._urgent.add(piece)
            self.handle.set_piece_deadline(piece, 0)

    def hurry_sought(self, now: float) -> None:
        """Ask for the piece of a seek before what was asked of peers already, if it is time to."""
        if now >= self.hurry_at:
            self.hurry_at = math.inf
            self.hurry(self._sought)

    def came(self, piece: int) -> None:
        """libtorrent has a piece; it need not be in the files yet."""
        self._have[piece] = 1
        self.unflushed.add(piece)
        self._urgent.discard(piece)
        self.flushed = self.wrong = False

    def committed(self, files: Iterable[int] = (), pieces: Iterable[int] = ()) -> int:
        """How much room it takes in the end, in bytes, if these are wanted as well."""
        priorities = self.layout.priorities({*self.wanted, *files}, {*self._streamed, *pieces})
        have = self.handle.status(libtorrent.torrent_handle.query_pieces).pieces
        for piece, there in enumerate(have):
            if there:
                priorities[piece] = WANTED
        return self.layout.room(priorities)

    # How far it is.

    def is_asked_for(self) -> bool:
        return bool(self.wanted or self._streamed)

    def has_to_fetch(self, status: libtorrent.torrent_status | None = None) -> bool:
        """Whether something that is wanted is not there."""
        status = self.handle.status() if status is None else status
        return self.is_asked_for() and not status.is_finished

    def is_at_rest(self) -> bool:
        """Whether all that is wanted is in the files, or nothing comes until it is tried again."""
        return bool(self.failure) or (self.flushed and not self.has_to_fetch())

    def may_seed(self) -> bool:
        """Whether it has something that others can get from it."""
        return self.running and self.handle.status().total_done > 0

    def progress(self, take_alerts: Callable[[], None]) -> Progress:
        status = self.handle.status()
        done = self._done(take_alerts)
        wanted = sorted(self.wanted)
        return Progress(
            info_hash=bytes.fromhex(self.key),
            name=redaction.redacted(self.name, self.hidden),
            state=self._state(status),
            wanted=wanted,
            done=[done[each] for each in wanted],
            size=sum(self.layout.file_size(each) for each in wanted),
            rate=status.download_payload_rate,
            peers=status.num_peers,
            seeders=max(status.num_complete, status.list_seeds, -1),
            message=self.failure or (WRONG_DATA if self.wrong else self.tracker_says),
        )

    def sent_enough(self, ratio: float | None, status: libtorrent.torrent_status) -> bool:
        """Whether it was seeded until this multiple of what is there."""
        if ratio is None or not status.is_finished:
            return False
        return status.all_time_upload >= ratio * max(status.total_done, 1)

    def is_streaming(self) -> bool:
        return bool(self._streamed)

    def has(self, pieces: Iterable[int]) -> set[int]:
        """Those of the pieces whose hash was right; they need not be in the files yet."""
        return {piece for piece in pieces if self._have[piece]}

    def pending(self) -> set[int]:
        """Pieces that came, but need not be in the files yet."""
        return self.unflushed | (self.flushing or set())

    def may_settle(self) -> bool:
        """Whether something that came may have to be hashed or written."""
        return not self.failure and self.handle.status().state not in _CHECKING

    def waits_for_disk(self) -> bool:
        """Whether something that came was not hashed yet, or need not be in the files yet."""
        if self.failure:
            return False
        whole = (
            all(block["state"] in _CAME for block in piece["blocks"])
            for piece in self.handle.get_download_queue()
        )
        return bool(self.pending()) or any(whole)

    def covers(self, pieces: Sequence[bool]) -> bool:
        """Whether all that is wanted is among these."""
        priorities = self.layout.priorities(self.wanted, self._streamed)
        there = [*pieces, *[False] * (len(priorities) - len(pieces))]
        return all(has or not wanted for has, wanted in zip(there, priorities, strict=False))

    def _done(self, take_alerts: Callable[[], None]) -> list[int]:
        """How much of each file is in the file, in bytes: what a kill leaves."""
        done = self.handle.file_progress(libtorrent.torrent_handle.piece_granularity)
        take_alerts()  # of all pieces that were counted, if they came just now
        return self.layout.done(done, self.pending())

    def _state(self, status: libtorrent.torrent_status) -> State:
        if self.failure:
            return State.FAILED  # also while it is hashed
        if status.state in _CHECKING:
            return State.CHECKING
        if not self.is_asked_for():
            return State.STOPPED
        if status.is_finished:
            return State.FINISHED if self.flushed else State.FETCHING
        return State.FETCHING if self.running else State.STOPPED

    # What goes wrong.

    def fail(self, error: libtorrent.error_code) -> bool:
        """The disk, or libtorrent itself, does not go on. Whether it is to be added anew."""
        number = error.value()
        system = error.category().name() in {"system", "generic"}
        self.failed_for_room = system and number in NO_ROOM
        text = os.strerror(number).lower() if system else error.message()
        self.failure = redaction.redacted(text, self.hidden) or "failed"
        self.handle.set_flags(libtorrent.torrent_flags.upload_mode)
        return not self._hashing

    def renew(self, handle: libtorrent.torrent_handle) -> None:
        """It was added anew after it failed: hash what is there, and fetch nothing yet."""
        self.handle = handle
        handle.set_flags(libtorrent.torrent_flags.upload_mode)
        if self._streamed:
            handle.set_flags(libtorrent.torrent_flags.sequential_download)
        self._hashing = True
        self._have = bytearray(self.layout.pieces)
        self._urgent.clear()
        self.unflushed, self.flushing, self.flushed = set(), None, True

    def all_priorities(self) -> bytearray:
        """Of each piece, as things are."""
        return self.layout.priorities(self.wanted, self._streamed)

    def checked(self) -> None:
        """All that is there was hashed."""
        self._hashing = False
        pieces = self.handle.status(libtorrent.torrent_handle.query_pieces).pieces
        self._have[: len(pieces)] = bytes(map(bool, pieces))

    def try_again(self, now: float, every: float) -> None:
        """Go on after a failure, if it is time to and the room that lacked is there.

        Each time it fails again it is left alone for longer: the hashing is work.
        """
        if not self.failure or self._hashing or now < self._try_at:
            return
        self._try_at = now + every
        if self.failed_for_room and self._room() < self._room_needed():
            return
        self._tries = min(self._tries + 1, _MOST_TRIES)
        self._try_at = now + every * 2**self._tries
        self.failure = ""
        self.failed_for_room = False
        self.handle.unset_flags(libtorrent.torrent_flags.upload_mode)

    def try_now(self) -> None:
        """Somebody asks for it: what failed is not left alone until it is time to."""
        now = time.monotonic()
        if self.failed_for_room:
            self._try_at = now
        if self.tracker_says and now >= self._ask_tracker_at:
            # libtorrent waits for longer each time, for an hour in the end.
            self._ask_tracker_at = now + _ASK_TRACKER_EVERY
            self.handle.force_reannounce()

    def succeeded(self) -> None:
        """All that is wanted came."""
        if not self.failure:
            self._tries = 0

    def hash_failed(self) -> None:
        """A piece came that is not right."""
        self.wrong = True

    def tracker_failed(self, alert: libtorrent.tracker_error_alert) -> None:
        """The tracker refuses, or is not reached."""
        says = alert.failure_reason() or alert.error.message()
        self.tracker_says = redaction.redacted(f"the tracker: {says}", self.hidden)
        self.tracker_answered = False

    def tracker_answers(self) -> None:
        """The tracker gave peers, or that there are none."""
        self.tracker_says = ""
        self.tracker_answered = True

    def pause(self) -> None:
        if self.running:
            self.running = False
            self.handle.pause()

    def resume(self) -> None:
        if not self.running:
            self.running = True
            self.handle.resume()

    def _room_needed(self) -> int:
        status = self.handle.status()
        left = status.total_wanted - status.total_wanted_done
        return min(max(left, 2 * self.layout.piece_length), _ROOM)

    def _room(self) -> int:
        try:
            found = os.statvfs(self.directory)
        except OSError:
            return 0
        return found.f_bavail * found.f_frsize

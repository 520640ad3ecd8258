"""Of which torrents something lies in the data directories, found out for all of them at once.

Torrents are looked at whose top's name is in the index of names, and those of which something was
verified before, whatever their top is called. Of each it is remembered what was found, for as long
as the names that led to it stay: a look at thousands of torrents costs no disk if nothing changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from biofs.contents.disk.places import Place
from biofs.contents.library import Library
from biofs.contents.matching import Listed
from biofs.store.tops import Top

_VERIFIED: Final = 256
"""So many torrents are looked for under other names: that walks through all names of the index."""

_AGAIN: Final = 600.0
"""Seconds after which what was found is looked at again: a file may have another size."""
_PATIENT: Final = 20
"""Or so many times as long as the last look took, if that is longer."""


class _Verdict(NamedTuple):
    """Where a torrent lies, if anywhere, and what that was concluded from (`Tops.called`)."""

    place: Place | None
    beneath: int | None
    called: int
    made: float


class Present:
    """See the module. Its methods are for a thread, one after another.

    A look is `outdated`, then `confirm` or `skip` for each torrent that this returns, then `ids`.
    """

    def __init__(self, library: Library, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._library: Final = library
        self._clock: Final = clock
        self._tops: Sequence[Top] = ()
        self._names: frozenset[bytes] = frozenset()
        self._called: dict[str, int] = {}
        self._verdicts: dict[str, _Verdict] = {}
        self._beneath: dict[Place, int | None] = {}
        self._began = self._oldest = 0.0
        self._lasts = _AGAIN
        self._looked: tuple[int, int] | None = None

    def outdated(self, tops: Sequence[Top]) -> Sequence[str]:
        """Have the data directories looked at: the info hashes of torrents to be confirmed.

        `tops` are those of the catalogue, the same object if they are as before. The first call
        reads the data directories, as `Tops.find` does.
        """
        now = self._clock()
        looked = (self._library.tops.check(), self._library.ledger.written)
        if tops is self._tops and looked == self._looked and now < self._oldest + self._lasts:
            return ()
        if tops is not self._tops:
            self._tops = tops
            self._names = frozenset(name for top in tops for name in top.names)
        self._looked, self._began = looked, now
        self._beneath.clear()
        self._called = self._candidates()
        found = [key for key, called in self._called.items() if not self._holds(key, called, now)]
        self._verdicts = {key: self._verdicts[key] for key in self._called if key in self._verdicts}
        renewed = set(found)
        kept = (each.made for key, each in self._verdicts.items() if key not in renewed)
        self._oldest = min(kept, default=now)
        return found

    def _candidates(self) -> dict[str, int]:
        called = self._library.tops.called(self._names)
        verified = {each.hex().upper() for each in self._library.ledger.torrents(_VERIFIED)}
        verified |= {each[:40] for each in verified}  # a v2 hash, as some have it
        found: dict[str, int] = {}
        for top in self._tops:
            states = tuple(called[name] for name in top.names if name in called)
            if states or top.info_hash in verified:
                found[top.info_hash] = hash(states)
        return found

    def _holds(self, key: str, called: int, now: float) -> bool:
        verdict = self._verdicts.get(key)
        return (
            verdict is not None
            and verdict.called == called
            and now < verdict.made + self._lasts
            and verdict.beneath == self._beneath_of(verdict.place)
        )

    def _beneath_of(self, place: Place | None) -> int | None:
        """See `Tops.beneath`; computed once in a look for torrents that have the same top."""
        if place is None:
            return None
        if place not in self._beneath:
            self._beneath[place] = self._library.tops.beneath(place)
        return self._beneath[place]

    def confirm(self, listed: Listed) -> None:
        """Find out whether something of a torrent is here."""
        self._conclude(listed.info_hash, self._library.place(listed))

    def skip(self, info_hash: str) -> None:
        """A torrent's files are not known: nothing of it is here."""
        self._conclude(info_hash, None)

    def _conclude(self, key: str, place: Place | None) -> None:
        now = self._clock()
        called = self._called.get(key, 0)
        self._verdicts[key] = _Verdict(place, self._beneath_of(place), called, now)
        self._lasts = max(_AGAIN, _PATIENT * (now - self._began))

    def forget_look(self) -> None:
        """The last look was not finished."""
        self._looked = None

    def ids(self) -> list[int]:
        """The ids of torrents of which something is here, in their order."""
        here = {key for key, verdict in self._verdicts.items() if verdict.place is not None}
        return sorted(top.torrent_id for top in self._tops if top.info_hash in here)


def confirm_all(present: Present, found: Iterable[tuple[str, Listed | None]]) -> None:
    """Confirm several torrents, by info hash."""
    for info_hash, listed in found:
        if listed is None:
            present.skip(info_hash)
        else:
            present.confirm(listed)

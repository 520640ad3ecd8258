"""Which torrent's data lie where: by the torrent's name, or by the names and sizes of its files.

Names and sizes prove nothing, and need not: bytes are served only after they were verified. So a
place is good if files are there that may be the torrent's, and of several the one with most.
"""

from __future__ import annotations

import heapq
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final

from biofs.contents.disk.beneath import Components, DataDirectory
from biofs.contents.disk.entries import UNFINISHED, Entries, Listing
from biofs.contents.disk.places import ABSENT, File, Place, Presence, presence

_PROBES: Final = 20
"""So many files of a torrent are looked at, however many it has."""

_ENOUGH: Final = 4
"""So many of them, from all over the torrent, tell that a directory with its name has it: each one
that is looked at may cost a seek."""

_LARGEST: Final = 8
"""Of so many files, the largest, a renamed top is known."""

_AGREEING: Final = 2

_CANDIDATES: Final = 64
"""So many directories are looked at for one torrent."""

_NAMED: Final = 8
"""So many directories with a torrent's name are looked into for each of its files."""

_TELLING: Final = 1 << 20
"""Bytes: a file that is larger can be known by its size alone."""

_MOST_SIZES: Final = 4096
"""So many files are looked at for one that has a certain size."""

_NAME: Final = re.compile(rb"[^\0]+")


class Tops:
    """Finds the tops of torrents in data directories. May be used by several threads at once."""

    def __init__(
        self,
        directories: Sequence[DataDirectory],
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`clock` and `wall` as in `Entries`."""
        self._clock: Final = clock
        self._wall: Final = wall
        self._entries: Final = [Entries(each, clock=clock, wall=wall) for each in directories]
        self._added = 0

    def add(self, directory: DataDirectory) -> None:
        """Look in one more data directory, after the others."""
        self._entries.append(Entries(directory, clock=self._clock, wall=self._wall))
        self._added += 1

    def look_soon(self, directories: Collection[DataDirectory]) -> None:
        """Something has just come into these: the next `check` looks, whenever it is."""
        for entries in self._entries:
            if entries.directory in directories:
                entries.look_soon()

    @property
    def generation(self) -> int:
        """Grows when names have come or gone, as of the last `find`.

        As long as it stays, what was not found can be found only if a file's size has changed.
        """
        found = self._added
        for entries in self._entries:
            found += entries.generation
        return found

    def check(self) -> int:
        """Look for what has changed, if it is time to: see `Entries.check`. The generation then."""
        for entries in self._entries:
            entries.check()
        return self.generation

    def called(self, names: frozenset[bytes]) -> dict[bytes, int]:
        """Those of these names that something in a data directory has, or in a directory in it.

        With each a number that is another one when names there or beneath have come or gone. As
        of the last `check`: nothing is read.
        """
        states: defaultdict[bytes, list[int]] = defaultdict(list)
        for number, entries in enumerate(self._entries):
            for listing in (entries.root, *entries.root.folders):
                for name in names.intersection(_complete_names(listing)):
                    states[name].append(hash((number, listing.name)))
                for folder in listing.folders:
                    if folder.name in names:
                        states[folder.name].append(hash((number, listing.name, _state(folder))))
        return {name: hash(tuple(found)) for name, found in states.items()}

    def beneath(self, place: Place) -> int | None:
        """A number that is another one when names at a place or beneath have come or gone; None
        if nothing is there. As of the last `check`: nothing is read.
        """
        entries = next(each for each in self._entries if each.directory is place.directory)
        above = place.top[:-1] if place.single else place.top
        for _, listing in entries.walk(above):
            if not place.single:
                return _state(listing)
            return 1 if listing.holds(place.top[-1]) else None
        return None

    def find(self, name: bytes, files: Sequence[File], *, single: bool) -> Place | None:
        """Where a torrent's data lie; None if they are nowhere, or too little of them is.

        `name` is the torrent's own, `files` are its files in the order of its metainfo; of a
        `single` file only the length counts. The first call reads the data directories, which can
        take minutes on a network; the next ones look at what has changed since.

        Looked for are, in this order: the name in a data directory and in the directories in it;
        then files with the name and size of the torrent's largest ones, wherever they lie; then for
        a single file one of the same size and kind, if there is only one.
        """
        if not files:
            return None
        if single:
            return self._single(name, files[0][1])
        place, known = self._by_name(name, files)
        if known.full:
            return place
        return self._renamed(files) or place

    def named(self, name: bytes, *, single: bool) -> list[Place]:
        """Some places with a torrent's name, whatever is in them; none without a name."""
        return list(islice(self._called(name, single), _NAMED)) if name else []

    def _by_name(self, name: bytes, files: Sequence[File]) -> tuple[Place | None, Presence]:
        best = _best(self._called(name, False), _spread(files))
        return best if best[0] else self._with_any(self._called(name, False), files)

    def _called(self, name: bytes, single: bool) -> Iterator[Place]:
        """The places with the torrent's name; those that need no index first."""
        for entries in self._entries:
            place = Place(entries.directory, (name,), single)
            if single or _exists(place):
                yield place
        for entries in self._entries:
            entries.check()
            for folder in entries.root.folders:
                if folder.holds(name) if single else folder.folder(name):
                    yield Place(entries.directory, (folder.name, name), single)

    def _with_any(
        self, places: Iterable[Place], files: Sequence[File]
    ) -> tuple[Place | None, Presence]:
        """The first of these that has any file: of a large torrent few may have been wanted."""
        lengths: dict[Components, int] = {}
        for place in islice(places, _CANDIDATES):
            entries = next(each for each in self._entries if each.directory is place.directory)
            lengths = lengths or {tuple(path): length for path, length in files}
            named = islice(_named(entries, place.top, lengths), _PROBES)
            known = presence(place, list(named))
            if known > ABSENT:
                return place, known
        return None, ABSENT

    def _renamed(self, files: Sequence[File]) -> Place | None:
        probes = _largest(files)
        needed = min(_AGREEING, len(probes))
        if not probes:
            return None
        best: Place | None = None
        most = needed - 1
        for place in self._holding(probes, needed):
            found = presence(place, probes).full
            if found > most:
                best, most = place, found
            if found == len(probes):
                break
        return best

    def _holding(self, probes: Sequence[File], needed: int) -> Iterator[Place]:
        """The directories beneath which `needed` of these files have their names, most first."""
        for entries in self._entries:
            entries.check()
            tops: Counter[Components] = Counter()
            for number, path in entries.holding([path[-1] for path, _ in probes]):
                above = tuple(probes[number][0][:-1])
                cut = len(path) - len(above)
                if cut >= 0 and path[cut:] == above:
                    tops[path[:cut]] += 1
            for top, count in tops.most_common(_CANDIDATES):
                if count >= needed:
                    yield Place(entries.directory, top, False)

    def _single(self, name: bytes, length: int) -> Place | None:
        places = chain(self._called(name, True), self._of_that_name(name))
        best, _ = _best(places, [((), length)])
        return best or self._of_that_size(name, length)

    def _of_that_name(self, name: bytes) -> Iterator[Place]:
        for entries in self._entries:
            entries.check()
            paths = [path for _, path in entries.holding([name])]
            for path in paths[:_CANDIDATES]:
                yield Place(entries.directory, (*path, name), True)

    def _of_that_size(self, name: bytes, length: int) -> Place | None:
        """The only file of that length that has the same kind of name; None if there are several.

        None as well if there are so many of this kind that looking at each would take long.
        """
        if length <= _TELLING:
            return None
        found: list[Place] = []
        looked_at = 0
        for entries, path, names in self._of_that_kind(_ending(name)):
            looked_at += len(names)
            if looked_at > _MOST_SIZES:
                return None
            found += _with_size(entries.directory, path, names, length)
            if len(found) > 1:
                return None
        return found[0] if found else None

    def _of_that_kind(self, ending: bytes) -> Iterator[tuple[Entries, Components, list[bytes]]]:
        for entries in self._entries:
            for path, listing in entries.walk():
                if ending + b"\0" in listing.files:
                    names = [each for each in listing.names() if each.endswith(ending)]
                    yield entries, path, names


def _best(places: Iterable[Place], probes: Sequence[File]) -> tuple[Place | None, Presence]:
    """The place with most of these files, the first of several; all of them are enough, and in the
    first one _ENOUGH."""
    best: Place | None = None
    most = ABSENT
    step = max(1, (len(probes) - 1) // (_ENOUGH - 1))
    few, rest = probes[::step], [probe for at, probe in enumerate(probes) if at % step]
    for number, place in enumerate(islice(places, _CANDIDATES)):
        found = presence(place, few)
        if number == 0 and found.full == len(few):
            return place, found
        found = found.plus(presence(place, rest))
        if found > most:
            best, most = place, found
        if found.full == len(probes):
            break
    return best, most


def _named(entries: Entries, top: Components, lengths: Mapping[Components, int]) -> Iterator[File]:
    """The files of a torrent whose names are known beneath a directory."""
    for path, listing in entries.walk(top):
        inner = path[len(top) :]
        for name in listing.names():
            whole = (*inner, _complete(name))
            if whole in lengths:
                yield whole, lengths[whole]


def _with_size(
    directory: DataDirectory, path: Components, names: Sequence[bytes], length: int
) -> list[Place]:
    found: list[Place] = []
    try:
        with directory.folder(path) as handle:
            for name in names:
                if handle.size_of(name) == length:
                    found.append(Place(directory, (*path, name), True))
    except OSError:
        pass  # it vanished, or may not be entered any more
    return found


def _exists(place: Place) -> bool:
    try:
        with place.directory.folder(place.top):
            return True
    except OSError:
        return False


def _spread(files: Sequence[File]) -> Sequence[File]:
    """Some files from all over the torrent. An empty one tells nothing, if there are others."""
    if len(files) > _PROBES:
        last = len(files) - 1
        files = [files[number * last // (_PROBES - 1)] for number in range(_PROBES)]
    return [file for file in files if file[1]] or files


def _largest(files: Sequence[File]) -> list[File]:
    """The largest files, such of different sizes first; none that is empty or without a name."""
    few = heapq.nlargest(_LARGEST * 4, files, key=lambda file: file[1])
    sizes: set[int] = set()
    distinct: list[File] = []
    alike: list[File] = []
    for file in few:
        path, length = file
        if path and length > 0:
            (alike if length in sizes else distinct).append(file)
            sizes.add(length)
    return [*distinct, *alike][:_LARGEST]


def _complete_names(listing: Listing) -> Iterator[bytes]:
    """The names of the files, and those that unfinished ones will have, one after another."""
    unfinished = any(suffix + b"\0" in listing.files for suffix in UNFINISHED)
    for match in _NAME.finditer(listing.files):
        yield match[0]
        if unfinished:
            yield _complete(match[0])


def _state(listing: Listing) -> int:
    """A hash of all names beneath; that of a directory's files is computed once (bytes)."""
    return hash((listing.name, listing.files, *map(_state, listing.folders)))


def _complete(name: bytes) -> bytes:
    """A file's name without the suffix of an unfinished one."""
    for suffix in UNFINISHED:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def _ending(name: bytes) -> bytes:
    """The last part of a name with its dot, such as ``.gz``; empty without one."""
    _, dot, ending = name.rpartition(b".")
    return dot + ending if dot and ending else b""

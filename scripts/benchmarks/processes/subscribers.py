"""Many who follow one URL, without FUSE: what their refreshing costs one web server, and when.

`python -m scripts.benchmarks.processes.subscribers [NUMBER [INTERVAL]]` measures this alone; by
default 1,000 with an interval of 240 seconds.

All begin at the same moment with yesterday's snapshot, as after a power failure, and today's is
there. The interval is shorter than the hour of a mount; a minute of it is its sixtieth part.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import trio

from biofs.catalogue.subscription.following import Following
from biofs.catalogue.subscription.update import Updater
from biofs.catalogue.subscription.web import Web
from biofs.store.snapshots import description
from biofs.store.snapshots.difference import Difference
from biofs.store.snapshots.kept import Kept, Known
from biofs.store.snapshots.places import Directory
from biofs.store.snapshots.publication import Publication
from scripts.benchmarks.making import publishing
from scripts.benchmarks.peers import web
from scripts.benchmarks.peers.web import Answer

GROUPS: Final = 60
ROUNDS: Final = 1.25
"""Intervals: the first look comes within a twelfth of one, the second within one after it."""
_TIMEOUT: Final = 30.0
_NOTHING: Final = Difference(array("q"), array("q"), 0, frozenset())
_NOT_MODIFIED: Final = 304


@dataclass
class Subscribers:
    """What `number` subscribers asked for in `seconds`, with an interval of `interval` seconds.

    `current` have today's snapshot at the end. `conditional` requests were answered with 304.
    `first` and `later` are the most looks in any minute of an interval: of the first looks, which
    come after all have begun together, and of those after them.
    """

    number: int
    interval: float
    seconds: float
    current: int
    requests: int
    conditional: int
    sent: int
    delta: int
    first: int
    later: int
    cpu: float


def subscribers(
    base: Path, number: int, interval: float, say: Callable[[str], None]
) -> Subscribers:
    """Measure in an empty directory."""
    figures = publishing.Figures("subscribers", lambda _: None)
    publishing.two_days(GROUPS, base, figures)
    root = base / "www"
    root.mkdir()
    with web.counted(root, base / "nginx") as (url, log):
        _publish(base, base / publishing.YESTERDAY, time.time() - 2 * 86_400)
        trio.run(_look_once, base, url)
        _publish(base, base / publishing.TODAYS, time.time() - 86_400)
        before = len(web.answers(log))
        say(f"{number:,} subscribers: {ROUNDS * interval:.0f} s")
        start, worked = time.time(), time.process_time()
        current = trio.run(_follow, base, url, number, interval)
        seconds, worked = time.time() - start, time.process_time() - worked
        answers = web.answers(log)[before:]
    made = description.parse((root / description.FILE).read_bytes())
    found = _counted(answers, number, interval, seconds)
    found.current, found.delta, found.cpu = current, made.deltas[-1].size, worked
    say(f"{number:,} subscribers: {found.requests:,} requests, {found.sent:,} bytes")
    return found


def _publish(base: Path, snapshot: Path, made: float) -> None:
    work = base / "work"
    work.mkdir(exist_ok=True)
    Publication(Directory(base / "www"), work, None, made).publish(snapshot)


def _updater(base: Path, url: str) -> Updater:
    return Updater(Kept(base, url), Web(url, timeout=_TIMEOUT))


async def _look_once(base: Path, url: str) -> None:
    updater = _updater(base / "first", url)
    async with updater.running():
        await updater.update()


async def _follow(base: Path, url: str, number: int, interval: float) -> int:
    """Have so many follow for ROUNDS intervals; how many have what is published then."""
    first = Kept(base / "first", url)
    known = first.known()
    assert known is not None
    following = [
        _subscriber(base / str(each), url, first.path(known), known, interval)
        for each in range(number)
    ]
    ident = description.parse((base / "www" / description.FILE).read_bytes()).snapshot.id
    with trio.move_on_after(ROUNDS * interval):
        async with trio.open_nursery() as nursery:
            for each in following:
                nursery.start_soon(each.run)
    return sum(each.shown.id == ident for each in following)


def _subscriber(base: Path, url: str, file: Path, known: Known, interval: float) -> Following:
    """One that has a snapshot at hand, and looked for another two intervals ago."""
    updater = _updater(base, url)
    updater.kept.make()
    known = msgspec.structs.replace(known, checked=time.time() - 2 * interval)
    os.link(file, updater.kept.path(known))
    updater.kept.write(known)
    return Following(updater, known, _exchange, interval=interval)


async def _exchange(_known: Known) -> Difference:
    return _NOTHING


def _counted(
    answers: Sequence[Answer], number: int, interval: float, seconds: float
) -> Subscribers:
    looks = sorted(each.time for each in answers if each.path == f"/{description.FILE}")
    minute = interval / 60
    return Subscribers(
        number=number,
        interval=interval,
        seconds=seconds,
        current=0,
        requests=len(answers),
        conditional=sum(each.status == _NOT_MODIFIED for each in answers),
        sent=sum(each.sent for each in answers),
        delta=0,
        first=most_within(looks[:number], minute),
        later=most_within(looks[number:], minute),
        cpu=0.0,
    )


def most_within(times: Sequence[float], seconds: float) -> int:
    """The most of these moments, which are in order, that lie within so many seconds."""
    return max(
        (bisect_left(times, start + seconds) - at for at, start in enumerate(times)), default=0
    )


def main() -> None:
    """Measure, and print every figure."""
    given = [int(text) for text in sys.argv[1:]]
    number, interval = given + [1000, 240][len(given) :]
    with tempfile.TemporaryDirectory(prefix="biofs-subscribers-") as directory:
        found = subscribers(Path(directory), number, float(interval), partial(print, flush=True))
    for name, value in asdict(found).items():
        print(f"{name}: {value:,}")


if __name__ == "__main__":
    main()

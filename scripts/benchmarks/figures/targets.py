"""What the figures ought to be, and by how much they are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any, Final, NamedTuple

from scripts.benchmarks.figures import table

_MIB: Final = 1 << 20
_FLOOR: Final = 0.9
_LIMIT: Final = 0.8
_VERIFYING: Final = 0.6
"""Of the disk's rate or the hash's, whichever is lower, where files are verified."""
_AHEAD: Final = {"grep -r": 1.3, "ls -l": 20.0, "ls -l, large": 20.0}
_FROM_CACHE: Final = {("stat", "warm"), ("pages", "warm")}
"""What the kernel answers by itself, and so ought to be as fast as tmpfs."""


_PARTS: Final = {("pages", "cold")}
"""A part of `read`, which has its target: what a system does when a file is opened and what when it
is read is its own affair."""


class Target(NamedTuple):
    """A figure and what it ought to be: at least that, or with `most` at most."""

    name: str
    wanted: float
    found: float
    most: bool = False

    @property
    def held(self) -> bool:
        """Whether it is as it ought to be."""
        return self.found <= self.wanted if self.most else self.found >= self.wanted

    def __str__(self) -> str:
        bound = "at most" if self.most else "at least"
        return f"{self.name}: {table.number(self.found)}, {bound} {table.number(self.wanted)}"


def all_of(results: Mapping[str, Any]) -> list[Target]:
    """Every target for which something was measured."""
    found: list[Target] = []
    for section, targets in _TARGETS.items():
        if section in results:
            found += targets(results[section])
    return found


def page(results: Mapping[str, Any]) -> str:
    """How many hold, and the others, for docs/benchmarks.md."""
    wanted = all_of(results)
    missed = [f"- {target}" for target in wanted if not target.held]
    said = f"{len(wanted) - len(missed)} of {len(wanted)} targets hold"
    return f"{said}. Missed:\n\n" + "\n".join(missed) + "\n" if missed else f"{said}.\n"


def _tree(series: Any) -> Iterator[Target]:
    rates = {
        (each["operation"], each["state"], each["system"]): table.rate(each) for each in series
    }
    for (operation, state, system), own in rates.items():
        if system != "biofs" or (operation, state) in _PARTS:
            continue
        beside = {"floor": _FLOOR, "ratarmount": _AHEAD.get(operation, 1.0)}
        if (operation, state) in _FROM_CACHE:
            beside["tmpfs"] = _LIMIT
        for other, wanted in beside.items():
            rate = rates.get((operation, state, other))
            if rate:
                yield Target(f"{operation}, {state}, biofs / {other}", wanted, own / rate)


def _scale(sizes: Any) -> Iterator[Target]:
    for size in sizes:
        groups = f"{size['groups']:,} groups"
        yield Target(f"{groups}: mounted, s", 1.0, size["mount"], most=True)
        yield Target(f"{groups}: first entry, ms", 50.0, size["first"] * 1000, most=True)
        if size["walked"]:
            yield Target(f"{groups}: after find, MiB", 200.0, size["after"] / _MIB, most=True)
            yield Target(f"{groups}: settled, MiB", 120.0, size["settled"] / _MIB, most=True)


def _giant(found: Any) -> Iterator[Target]:
    files, rate = f"{found['files']:,} files", found["entries_a_second"]
    yield Target(f"{files}: opened, s", 2.0, found["open_seconds"], most=True)
    ratio = rate / found["floor_entries_a_second"]
    yield Target(f"{files}: find, biofs / floor", _FLOOR, ratio)


def _network(clients: Any) -> Iterator[Target]:
    rates = {each["name"]: each["requests"] / median(each["seconds"]) for each in clients}
    yield Target("warming, biofs / httpx", 0.8, rates["biofs"] / rates["httpx"])


def _start(measured: Any) -> Iterator[Target]:
    wanted = {"`biofs --help`": 0.15, "`biofs mount --demo M; ls M`": 0.5}
    for name, seconds in wanted.items():
        yield Target(f"{name}, s", seconds, median(measured[name]), most=True)


def _contents(found: Any) -> Iterator[Target]:
    for name, rates in table.contents_rates(found["series"]).items():
        if "limit" in rates:
            ratio = rates["biofs"] / rates["limit"]
            yield Target(f"{name}, biofs / limit", _VERIFYING, ratio)
        else:
            yield Target(f"{name}, biofs / floor", _FLOOR, rates["biofs"] / rates["floor"])
    for what, times in found["opened"].items():
        if not what.startswith("pieces of 16"):
            milliseconds = 1000 * median(opened for opened, _ in times)
            yield Target(f"{what}: `open`, ms", 10.0, milliseconds, most=True)


_AT_HAND: Final = 0.6
_WAIT_MS: Final = 50.0
_HERD: Final = 1 / 4
"""Of the subscribers, in a minute: the first looks are spread over five (`CATCH_UP`)."""


def _snapshot(found: Any) -> Iterator[Target]:
    for size in found["sizes"]:
        groups, figures = f"{size['groups']:,} groups", size["figures"]
        again = median(size["again"])
        yield Target(f"{groups}: mounted from what is at hand, s", _AT_HAND, again, most=True)
        longest = 1000 * max(size["longest"])
        yield Target(f"{groups}: a reader waits, ms", _WAIT_MS, longest, most=True)
        budget = 2 * figures[table.FLOOR] + 0.01 * figures["compressed"]
        yield Target(f"{groups}: 1 % changed, bytes", budget, size["changed"], most=True)
    many = found["subscribers"]
    number = many["number"]
    yield Target(f"{number:,} subscribers: show the newest", number, many["current"])
    for when in ("first", "later"):
        name = f"{number:,} subscribers: {when} looks in a minute"
        yield Target(name, _HERD * number, many[when], most=True)


_BEHIND_MS: Final = 50.0
_AHEAD_OF_BTFS: Final = 5.0


def _swarm(found: Any) -> Iterator[Target]:
    series = {(each["system"], each["rate"]): each for each in found["series"]}
    for (system, rate), own in series.items():
        if not system.startswith("biofs"):
            continue
        named = f"{system}, {f'{rate} MB/s' if rate else 'unlimited'}"
        seconds = median(own["whole"])
        engine, btfs = series.get(("engine", rate)), series.get(("btfs", rate))
        if engine is not None:
            if own["seek"]:  # `biofs fetch` opens a file when it is whole
                for step, said in (("first", "first byte"), ("seek", "seek")):
                    behind = 1000 * (median(own[step]) - median(engine[step]))
                    name = f"{named}: {said} after the engine's, ms"
                    yield Target(name, _BEHIND_MS, behind, most=True)
            yield Target(f"{named}, / engine", _LIMIT, median(engine["whole"]) / seconds)
        if btfs is not None and not rate:  # all reach what the seeder sends
            yield Target(f"{named}, / btfs", _AHEAD_OF_BTFS, median(btfs["whole"]) / seconds)


_TARGETS: Final = {
    "tree": _tree,
    "scale": _scale,
    "giant": _giant,
    "network": _network,
    "start": _start,
    "contents": _contents,
    "snapshot": _snapshot,
    "swarm": _swarm,
}

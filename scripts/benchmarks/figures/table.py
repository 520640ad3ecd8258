"""The results as tables: plain for a terminal, and as Markdown for docs/benchmarks.md.

Works on what the results file holds, so that a table can always be made again from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any, Final

from scripts.benchmarks.measuring import STATES
from scripts.benchmarks.peers.systems import SYSTEMS
from scripts.benchmarks.sections import reading

Rows = list[list[str]]
_BESIDE: Final = ("floor", "floor+", "ratarmount", "tmpfs")
_MIB: Final = 1 << 20


def plain(rows: Sequence[Sequence[str]]) -> str:
    """Rows under one another; the first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a table, of which the first is the head."""
    head, *body = rows
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *body))


def number(value: float) -> str:
    """A number with three digits that mean something."""
    if value < 1000:
        return f"{value:.3g}"
    return f"{round(value, 3 - len(str(int(value)))):,.0f}"


def rate(series: Mapping[str, Any]) -> float:
    """The median of a series, in units a second."""
    count: float = series["count"]
    seconds: list[float] = series["seconds"]
    return count / median(seconds)


def _by_key(series: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    return {(each["operation"], each["state"], each["system"]): each for each in series}


def _systems(series: Iterable[Mapping[str, Any]]) -> list[str]:
    known = {each["system"] for each in series}
    return [system for system in SYSTEMS if system in known]


def tree(results: Mapping[str, Any]) -> list[Rows]:
    """A row for each operation and state: medians a second, and biofs's ratios to some others."""
    series = results["tree"]
    found, systems = _by_key(series), _systems(series)
    beside = [system for system in _BESIDE if "biofs" in systems and system in systems]
    rows = [["", *systems, *[f"biofs / {system}" for system in beside]]]
    for operation in dict.fromkeys(each["operation"] for each in series):
        for state in STATES:
            rates = {system: rate(found[operation, state, system]) for system in systems}
            unit = found[operation, state, systems[0]]["unit"]
            cells = [number(rates[system]) for system in systems]
            ratios = [f"{rates['biofs'] / rates[system]:.2f}" for system in beside]
            rows.append([f"{operation}, {state}, {unit}/s", *cells, *ratios])
    return [rows]


def calls(results: Mapping[str, Any]) -> Rows:
    """Likewise what reached each process: median calls, and its processor time in seconds."""
    series = [each for each in results["tree"] if each["system"] != "tmpfs"]
    found, systems = _by_key(series), _systems(series)
    rows = [["", *[f"{system} {what}" for system in systems for what in ("calls", "CPU")]]]
    for operation, state in dict.fromkeys((each["operation"], each["state"]) for each in series):
        cells = []
        for system in systems:
            each = found[operation, state, system]
            cells += [f"{median(each['calls']):,.0f}", f"{median(each['cpu']):.2f}"]
        rows.append([f"{operation}, {state}", *cells])
    return rows


def scale(results: Mapping[str, Any]) -> list[Rows]:
    """A row for each thing, a column for each size."""
    sizes = results["scale"]
    lines: list[tuple[str, Callable[[Mapping[str, Any]], str]]] = [
        ("mount until `ls` of it answers, s", lambda s: number(s["mount"])),
        ("first entry of the category, ms", lambda s: number(s["first"] * 1000)),
        ("names of the category, entries/s", lambda s: number(s["names"])),
        ("`find` in some groups, cold, entries/s", lambda s: number(s["rates"]["find"])),
        ("`ls -lR` in some groups, cold, entries/s", lambda s: number(s["rates"]["ls -lR"])),
        ("stat in some groups, cold, entries/s", lambda s: number(s["rates"]["stat"])),
        ("read in some groups, cold, files/s", lambda s: number(s["rates"]["read"])),
        ("resident memory after the mount, MiB", lambda s: number(s["before"] / _MIB)),
        ("after a find over everything, MiB", lambda s: _walked(s, "after")),
        ("half a minute later, MiB", lambda s: _walked(s, "settled")),
        ("size of the store, MB", lambda s: number(s["store_bytes"] / 1e6)),
    ]
    head = ["groups", *[f"{size['groups']:,}" for size in sizes]]
    return [[head, *[[name, *map(show, sizes)] for name, show in lines]]]


def _walked(size: Mapping[str, Any], field: str) -> str:
    return number(size[field] / _MIB) if size["walked"] else "-"


def giant(results: Mapping[str, Any]) -> list[Rows]:
    """One column."""
    found = results["giant"]
    ratio = found["entries_a_second"] / found["floor_entries_a_second"]
    return [
        [
            [f"a torrent of {found['files']:,} files", ""],
            ["`files/` opened, s", number(found["open_seconds"])],
            ["`find` in it, entries/s", number(found["entries_a_second"])],
            ["floor's, entries/s", number(found["floor_entries_a_second"])],
            ["biofs / floor", f"{ratio:.2f}"],
            ["memory, bytes a file", number(found["bytes_a_file"])],
            ["most memory ever held, MiB", number(found["peak_bytes"] / _MIB)],
        ]
    ]


def network(results: Mapping[str, Any]) -> list[Rows]:
    """A row for each client."""
    clients = results["network"]
    rates = {each["name"]: each["requests"] / median(each["seconds"]) for each in clients}
    head = [f"{clients[0]['requests']:,} requests", "requests/s", "/ httpx", "CPU, s", "nginx, s"]
    return [
        [
            head,
            *[
                [
                    each["name"],
                    number(rates[each["name"]]),
                    f"{rates[each['name']] / rates['httpx']:.2f}",
                    number(median(each["cpu"])),
                    number(median(each["server_cpu"])),
                ]
                for each in clients
            ],
        ]
    ]


def start(results: Mapping[str, Any]) -> list[Rows]:
    """A row for each command."""
    measured = results["start"]
    return [[["", "s"], *[[name, f"{median(each):.2f}"] for name, each in measured.items()]]]


def contents(results: Mapping[str, Any]) -> list[Rows]:
    """A row for each kind of files and state, then one for each that is opened."""
    found = results["contents"]
    rates = contents_rates(found["series"])
    systems = [each for each in reading.SYSTEMS if any(each in row for row in rates.values())]
    beside = ("limit", *_BESIDE_BIOFS)
    rows = [["", *systems, *[f"biofs / {each}" for each in beside]]]
    for name, row in rates.items():
        cells = [number(row[each]) if each in row else "-" for each in systems]
        ratios = [f"{row['biofs'] / row[each]:.2f}" if each in row else "-" for each in beside]
        rows.append([name, *cells, *ratios])
    opened = [["a first time", "`open`, ms", "first byte, ms"]]
    for what, times in found["opened"].items():
        middle = [number(1000 * median(each)) for each in zip(*times, strict=True)]
        opened.append([what, *middle])
    return [rows, opened, *[[["not measured"], [reason]] for reason in found["without"]]]


_BESIDE_BIOFS: Final = ("floor", "floor+", "sshfs", "ratarmount")


def contents_rates(series: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """The rates of the systems by what is read in which state; "limit" is the lower one of the
    disk's and the hash's where files are to be verified."""
    found = _by_key(series)
    rates: dict[str, dict[str, float]] = {}
    for what, unit in dict.fromkeys((each["operation"], each["unit"]) for each in found.values()):
        for state in reading.STATES:
            row = rates[f"{what}, {state}, {unit}/s"] = {}
            for system in reading.SYSTEMS:
                each = found.get((what, reading.state_of(system, state), system))
                if each is not None:
                    row[system] = rate(each)
            if state.startswith("first"):
                row["limit"] = min(row["disk"], row["hash"])
    return rates


def snapshot(results: Mapping[str, Any]) -> list[Rows]:
    """A column for each size of the catalogue, then what many subscribers cost."""
    found = results["snapshot"]
    sizes = found["sizes"]
    lines: list[tuple[str, Callable[[Mapping[str, Any]], float]]] = [
        ("a group, plain, bytes", lambda s: s["figures"]["per group, raw"]),
        ("a group, compressed, bytes", lambda s: s["figures"]["per group, compressed"]),
        ("from nothing until `ls`, s", lambda s: median(s["first"])),
        ("from what is at hand until `ls`, s", lambda s: median(s["again"])),
        ("from yesterday's to today's, s", lambda s: median(s["refresh"])),
        ("whole, on the wire, bytes", lambda s: s["whole"]),
        ("1 % changed, on the wire, bytes", lambda s: s["changed"]),
        ("of which the delta, bytes", lambda s: s["figures"]["delta, 1 % changed"]),
        ("changed documents, compressed, bytes", lambda s: s["figures"][FLOOR]),
        ("`zstd --patch-from`, bytes", lambda s: s["figures"].get(PATCH, 0)),
        ("`rsync -z`, bytes", lambda s: s["figures"].get(RSYNC, 0)),
        ("longest wait in an exchange, ms", lambda s: 1000 * max(s["longest"])),
        ("longest wait without one, ms", lambda s: 1000 * max(s["undisturbed"])),
        ("memory before an exchange, MiB", lambda s: median(s["before"]) / _MIB),
        ("most memory in an exchange, MiB", lambda s: max(s["peak"]) / _MIB),
    ]
    head = ["groups", *[f"{size['groups']:,}" for size in sizes]]
    many = found["subscribers"]
    asked = {
        "requests": many["requests"],
        "of which nothing was new": many["conditional"],
        "sent, bytes": many["sent"],
        "the delta, bytes": many["delta"],
        "show the newest at the end": many["current"],
        "most first looks in any minute of an hour": many["first"],
        "most later looks in any minute of an hour": many["later"],
        "CPU of all of them, s": many["cpu"],
    }
    return [
        [head, *[[name, *[number(show(size)) for size in sizes]] for name, show in lines]],
        [
            [f"{many['number']:,} subscribers, {many['interval']:.0f} s for an hour", ""],
            *[[name, number(value)] for name, value in asked.items()],
        ],
    ]


FLOOR: Final = "changed documents, compressed"
PATCH: Final = "zstd --patch-from, size"
RSYNC: Final = "rsync -z, both ways"


def swarm(results: Mapping[str, Any]) -> list[Rows]:
    """A row for each system and rate of the seeder."""
    found = results["swarm"]
    head = ["one seeder", "first byte, ms", "a seek, ms", "MB/s"]
    rows = [[*head, "CPU of the engine, s/MB", "of the mount, s/MB"]]
    for each in found["series"]:
        rate, size = each["rate"], each["megabytes"]
        rows.append(
            [
                f"{each['system']}, {f'{rate} MB/s' if rate else 'unlimited'}",
                number(1000 * median(each["first"])),
                number(1000 * median(each["seek"])) if each["seek"] else "-",
                number(size / median(each["whole"])),
                *[number(median(each[part]) / size) for part in ("engine_cpu", "mount_cpu")],
            ]
        )
    return [rows, *[[["not measured"], [reason]] for reason in found["without"]]]


TABLES: Final[dict[str, Callable[[Mapping[str, Any]], list[Rows]]]] = {
    "tree": tree,
    "scale": scale,
    "giant": giant,
    "network": network,
    "start": start,
    "contents": contents,
    "snapshot": snapshot,
    "swarm": swarm,
}


def page(results: Mapping[str, Any]) -> str:
    """The page's tables, and what they were measured on."""
    found = [_machine(results["about"])]
    for name, make in TABLES.items():
        if name in results.get("others", {}):
            found.append(_machine(results["others"][name]))
        if name in results:
            found += [markdown(rows) for rows in make(results)]
    return "\n\n".join(found) + "\n"


def _machine(about: Mapping[str, Any]) -> str:
    machine = (
        f"Measured on {about['date']} with {about['cpus']} processors ({about['processor']}),"
        f" Linux {about['kernel']}, Python {about['python']}, pyfuse3 {about['pyfuse3']},"
        f" ratarmount {about['ratarmount']}, squashfuse {about['squashfuse']},"
        f" rclone {about['rclone']}"
    )
    quick = ", in a quick run that says little" if about["quick"] else ""
    return f"{machine}{quick}."

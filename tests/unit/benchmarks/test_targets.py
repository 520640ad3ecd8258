"""Targets are held against the figures, and say by how much they are missed."""

from __future__ import annotations

from typing import Any

from scripts.benchmarks.figures import targets


def series(system: str, rate: float, operation: str, state: str = "cold") -> dict[str, Any]:
    return {
        "system": system,
        "operation": operation,
        "state": state,
        "count": 1000,
        "seconds": [1000 / rate],
    }


def missed(results: dict[str, Any]) -> list[str]:
    return [str(target) for target in targets.all_of(results) if not target.held]


def test_every_operation_has_the_floor_and_ratarmount_beside_it() -> None:
    rates = {"biofs": 89.0, "floor": 100.0, "ratarmount": 70.0, "tmpfs": 1000.0}
    tree = [series(system, rate, "grep -r") for system, rate in rates.items()]
    assert missed({"tree": tree}) == [
        "grep -r, cold, biofs / floor: 0.89, at least 0.9",
        "grep -r, cold, biofs / ratarmount: 1.27, at least 1.3",
    ]
    tree[0] = series("biofs", 91.5, "grep -r")
    assert missed({"tree": tree}) == []


def test_what_the_kernel_keeps_has_tmpfs_beside_it() -> None:
    rates = {"biofs": 79.0, "floor": 80.0, "tmpfs": 100.0}
    warm = [series(system, rate, "stat", "warm") for system, rate in rates.items()]
    assert missed({"tree": warm}) == ["stat, warm, biofs / tmpfs: 0.79, at least 0.8"]
    cold = [series(system, rate, "stat", "cold") for system, rate in rates.items()]
    assert missed({"tree": cold}) == []


def test_memory_counts_where_all_was_walked() -> None:
    size = {
        "groups": 1_000,
        "mount": 1.25,
        "first": 0.049,
        "walked": 0,
        "after": 300 << 20,
        "settled": 119 << 20,
    }
    assert missed({"scale": [size]}) == ["1,000 groups: mounted, s: 1.25, at most 1"]
    assert missed({"scale": [size | {"walked": 85_000}]}) == [
        "1,000 groups: mounted, s: 1.25, at most 1",
        "1,000 groups: after find, MiB: 300, at most 200",
    ]


def test_the_others() -> None:
    giant = {
        "files": 10,
        "open_seconds": 2.5,
        "entries_a_second": 8.0,
        "floor_entries_a_second": 10.0,
    }
    network = [
        {"name": "biofs", "requests": 10, "seconds": [2.0]},
        {"name": "httpx", "requests": 10, "seconds": [1.0]},
    ]
    start = {"`biofs --help`": [0.1], "`biofs mount --demo M; ls M`": [0.6]}
    assert missed({"giant": giant, "network": network, "start": start}) == [
        "10 files: opened, s: 2.5, at most 2",
        "10 files: find, biofs / floor: 0.8, at least 0.9",
        "warming, biofs / httpx: 0.5, at least 0.8",
        "`biofs mount --demo M; ls M`, s: 0.6, at most 0.5",
    ]


def test_the_readme_says_what_is_missed() -> None:
    start = {"`biofs --help`": [0.1], "`biofs mount --demo M; ls M`": [0.6]}
    assert targets.page({"start": start}) == (
        "1 of 2 targets hold. Missed:\n\n- `biofs mount --demo M; ls M`, s: 0.6, at most 0.5\n"
    )
    start["`biofs mount --demo M; ls M`"] = [0.4]
    assert targets.page({"start": start}) == "2 of 2 targets hold.\n"

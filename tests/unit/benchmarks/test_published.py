"""What the sections about snapshots and swarms count, and what they are held to."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from biofs.errors import QuietError
from biofs.store.snapshots import identity
from biofs.store.snapshots.description import FILE, parse
from scripts.benchmarks.figures import table, targets
from scripts.benchmarks.making import publishing
from scripts.benchmarks.making.publishing import Figures
from scripts.benchmarks.peers import web
from scripts.benchmarks.processes.subscribers import most_within
from scripts.benchmarks.sections import registry, snapshots, swarms


def missed(results: dict[str, Any]) -> list[str]:
    return [str(target) for target in targets.all_of(results) if not target.held]


@pytest.mark.parametrize(
    ("times", "most"),
    [([], 0), ([5.0], 1), ([0.0, 1.0, 2.0], 1), ([0.0, 0.5, 0.9, 1.2, 9.0], 3)],
)
def test_the_most_within_a_second_is_counted_wherever_it_begins(
    times: list[float], most: int
) -> None:
    assert most_within(times, 1.0) == most


def test_answers_are_read_from_what_nginx_wrote(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("17.250 200 433 /biofs-snapshot.json\n18.000 304 180 /a b\n")
    assert web.answers(log) == [
        web.Answer(17.25, 200, 433, "/biofs-snapshot.json"),
        web.Answer(18.0, 304, 180, "/a b"),
    ]


def test_rsync_says_what_went_both_ways() -> None:
    told = "Literal data: 7 bytes\nTotal bytes sent: 1,234\nTotal bytes received: 66\n\nsent 1\n"
    assert publishing.on_the_wire(told) == 1300


def test_one_group_of_a_hundred_is_another_the_next_day(tmp_path: Path) -> None:
    told: list[str] = []
    assert publishing.two_days(120, tmp_path, Figures("120", told.append)) == 120
    answers = []
    for name in (publishing.YESTERDAY, publishing.TODAYS):
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            rows = connection.execute("SELECT group_id, description FROM details ORDER BY group_id")
            answers.append(dict(rows.fetchall()))
    assert {key for key in answers[0] if answers[0][key] != answers[1][key]} == {1, 101}
    ids = [identity.verify(tmp_path / name) for name in (publishing.YESTERDAY, publishing.TODAYS)]
    assert ids[0] != ids[1]
    floor = publishing.documents(tmp_path / publishing.TODAYS, tmp_path / "documents")
    assert 0 < floor < 20_000
    assert [line.split(" ")[1] for line in told] == ["export:", "export:"]


def test_each_publication_is_a_day_later(tmp_path: Path) -> None:
    publishing.two_days(3, tmp_path, Figures("3", lambda _: None))
    published = snapshots.Published(tmp_path)
    times = []
    for name in (publishing.YESTERDAY, publishing.TODAYS):
        published.publish(tmp_path / name)
        times.append(parse((published.root / FILE).read_bytes()).made)
    assert times[1] - times[0] == 86_400
    assert len(list(published.root.glob("delta-*"))) == 1


def size(**changed: Any) -> dict[str, Any]:
    figures = {
        "per group, raw": 10_000.0,
        "per group, compressed": 1_000.0,
        "compressed": 100_000.0,
        "delta, 1 % changed": 2_000.0,
        table.FLOOR: 1_500.0,
        table.PATCH: 2_500.0,
    }
    known: dict[str, Any] = {
        "groups": 100,
        "figures": figures,
        "first": [1.0, 2.0, 9.0],
        "again": [0.5, 0.6, 9.0],
        "refresh": [0.7],
        "longest": [0.01, 0.05],
        "undisturbed": [0.004],
        "whole": 100_500,
        "changed": 4_000,
        "before": [64 << 20],
        "peak": [80 << 20],
    }
    return known | changed


def snapshot(many: dict[str, Any], *sizes: dict[str, Any]) -> dict[str, Any]:
    known = {"number": 1_000, "interval": 240.0, "seconds": 300.0, "current": 1_000}
    known |= {"requests": 3_000, "conditional": 1_000, "sent": 900_000, "delta": 700}
    known |= {"first": 230, "later": 90, "cpu": 20.0}
    return {"snapshot": {"sizes": list(sizes), "subscribers": known | many}}


def test_a_snapshots_figures_are_shown_and_held_to_their_targets() -> None:
    good = snapshot({}, size())
    assert missed(good) == []
    rows, many = table.snapshot(good)
    shown = dict(rows)
    assert shown["from nothing until `ls`, s"] == "2"
    assert shown["longest wait in an exchange, ms"] == "50"
    assert shown["most memory in an exchange, MiB"] == "80"
    assert many[0] == ["1,000 subscribers, 240 s for an hour", ""]
    bad = size(again=[0.7], longest=[0.051], changed=4_001)
    assert missed(snapshot({"current": 999, "first": 251}, bad)) == [
        "100 groups: mounted from what is at hand, s: 0.7, at most 0.6",
        "100 groups: a reader waits, ms: 51, at most 50",
        "100 groups: 1 % changed, bytes: 4,000, at most 4,000",
        "1,000 subscribers: show the newest: 999, at least 1,000",
        "1,000 subscribers: first looks in a minute: 251, at most 250",
    ]


def fetched(system: str, rate: int, first: float, whole: float) -> dict[str, Any]:
    return {
        "system": system,
        "rate": rate,
        "megabytes": 10.0,
        "first": [first],
        "seek": [] if system == "biofs fetch" else [0.1],
        "whole": [whole],
        "engine_cpu": [1.0],
        "mount_cpu": [0.5],
    }


def test_a_swarm_is_held_to_the_engine_and_to_btfs() -> None:
    series = [
        fetched("engine", 0, 0.01, 1.0),
        fetched("engine", 5, 0.2, 2.0),
        fetched("biofs, read", 0, 0.07, 1.3),
        fetched("biofs, read", 5, 0.2, 2.0) | {"seek": [0.16]},
        fetched("biofs fetch", 0, 1.0, 1.0),
        fetched("btfs", 0, 1.0, 4.0),
        fetched("btfs", 5, 1.0, 2.0),
    ]
    found = {"swarm": {"series": series, "without": ["sshfs: no"]}}
    assert missed(found) == [
        "biofs, read, unlimited: first byte after the engine's, ms: 60, at most 50",
        "biofs, read, unlimited, / engine: 0.769, at least 0.8",
        "biofs, read, unlimited, / btfs: 3.08, at least 5",
        "biofs, read, 5 MB/s: seek after the engine's, ms: 60, at most 50",
        "biofs fetch, unlimited, / btfs: 4, at least 5",
    ]
    rows, without = table.swarm(found)
    assert rows[1] == ["engine, unlimited", "10", "100", "10", "0.1", "0.05"]
    assert rows[5][:3] == ["biofs fetch, unlimited", "1,000", "-"]
    assert without == [["not measured"], ["sshfs: no"]]


def test_a_file_that_is_there_is_read_in_steps(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(300_000))
    took = swarms.Reader(path, 300_000).read(0.0, 0, 0)
    assert took.first > 0
    assert took.seek is not None
    assert took.whole > took.first
    with pytest.raises(QuietError, match="ends after"):
        swarms.Reader(path, 300_001).read(0.0, 0, 0)


def test_every_section_has_tables() -> None:
    assert set(registry.NAMES) == set(table.TABLES)
    assert set(registry.NAMES) > registry.ON_DISK

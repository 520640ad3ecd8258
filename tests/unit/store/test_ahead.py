"""What a walk over a category comes to next is read some groups at a time, and is what it was."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from biofs.store import ahead
from biofs.store.ahead import Ahead
from biofs.store.database.files import StoreError
from biofs.store.database.store import Store
from biofs.store.details import Details
from biofs.store.groups import Index
from scripts.benchmarks.making.filling import fill
from tests.support.publishing import made_up

GROUPS = 60
EVEN = range(2, GROUPS + 1, 2)


class Walked:
    """A store with an index and details that share what is read ahead, and its statements."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store(path)
        self.ahead = Ahead(self.store)
        self.index = Index(self.store, self.ahead)
        self.details = Details(self.store, 1 << 30, self.ahead)
        self.said: list[str] = []
        self.store._reader.set_trace_callback(self.said.append)

    def look(self, group: int) -> Any:
        """All that a walk that reads everything asks about a group."""
        detail = self.details.load(group)
        torrents = detail.torrents.values() if detail else ()
        lists = [self.details.file_list(torrent.list_key) for torrent in torrents]
        return self.index.group(group), detail, self.index.torrents_of(group), lists

    def walk(self, groups: Sequence[int]) -> list[Any]:
        return [self.look(group) for group in groups]

    def statements(self, action: Callable[[], object]) -> int:
        self.said.clear()
        action()
        return len(self.said)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Groups of two categories that take turns."""
    path = tmp_path_factory.mktemp("ahead") / "store.sqlite"
    fill(path, [replace(group, category=1 + group.id % 2) for group in made_up(GROUPS)])
    return path


@pytest.fixture
def walked(filled: Path, tmp_path: Path) -> Iterator[Walked]:
    path = tmp_path / "store.sqlite"
    shutil.copyfile(filled, path)
    walked = Walked(path)
    yield walked
    walked.store.close()


def alter(path: Path, statement: str) -> None:
    """As another process does it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute(statement).rowcount > 0


def each_by_itself(path: Path, groups: Sequence[int]) -> list[object]:
    """What is found by who has not walked."""
    found = []
    for group in groups:
        walked = Walked(path)
        found.append(walked.look(group))
        walked.store.close()
    return found


@pytest.mark.parametrize("order", [EVEN, EVEN[::-1]])
def test_a_walk_finds_what_is_found_without(walked: Walked, order: Sequence[int]) -> None:
    found = walked.walk(order)
    assert found == each_by_itself(walked.path, order)
    assert all(detail and len(torrents) == 2 and all(lists) for _, detail, torrents, lists in found)


def test_a_walk_takes_three_statements_for_sixteen_groups_together(walked: Walked) -> None:
    alone = walked.statements(lambda: walked.look(EVEN[0]))
    assert alone == 5  # two of them for file lists
    walked.walk(EVEN[1:15])  # 2, 4 and 8 at once
    assert walked.statements(lambda: walked.walk(EVEN[15:])) == 3
    walked.walk(EVEN[15::-1])
    assert walked.statements(lambda: walked.walk(EVEN[14::-1])) <= 3 * 4 + 5


def test_groups_in_no_order_take_what_they_took(walked: Walked) -> None:
    there_and_back = [group for pair in zip(EVEN[10:20], EVEN[:10], strict=True) for group in pair]
    assert walked.statements(lambda: walked.walk(there_and_back)) == 5 * len(there_and_back)
    again = there_and_back[-1:] * 3
    assert walked.statements(lambda: walked.walk(again)) == 4 * len(again)  # the group is known


def test_who_takes_every_tenth_group_has_few_read_in_vain(walked: Walked) -> None:
    some = range(2, GROUPS, 10)
    assert walked.statements(lambda: walked.walk(some)) <= 5 * len(some)
    assert sum("BETWEEN" in said for said in walked.said) <= len(some)


def test_two_walks_that_take_turns_find_what_is_there(walked: Walked) -> None:
    turns = [group for pair in zip(EVEN, EVEN[3:], strict=False) for group in pair]
    assert walked.walk(turns) == each_by_itself(walked.path, turns)


def test_a_change_is_seen_at_once(walked: Walked) -> None:
    walked.walk(EVEN[:5])
    change = "UPDATE details SET description = x'6e6577' WHERE group_id > 10"
    walked.store.write_now(lambda connection: connection.execute(change))
    detail = walked.details.load(EVEN[5])
    assert detail is not None
    assert detail.description == b"new"


def test_a_detail_that_another_process_has_just_fetched_is_found(walked: Walked) -> None:
    with closing(sqlite3.connect(walked.path)) as connection:
        row = connection.execute("SELECT * FROM details WHERE group_id = 12").fetchone()
    alter(walked.path, "DELETE FROM details WHERE group_id = 12")
    walked.walk(EVEN[:5])
    values = ", ".join(f"x'{each.hex()}'" if isinstance(each, bytes) else str(each) for each in row)
    alter(walked.path, f"INSERT INTO details VALUES ({values})")
    assert walked.details.load(12) is not None


def test_groups_without_a_detail_take_no_statement_more(walked: Walked) -> None:
    alter(walked.path, "DELETE FROM details")
    for group in EVEN:
        assert walked.statements(lambda group=group: walked.details.load(group)) == 1


def test_few_details_among_many_groups_are_not_looked_for(walked: Walked) -> None:
    alter(walked.path, "DELETE FROM details WHERE group_id NOT IN (2, 4, 6, 50)")
    for group in EVEN:
        assert walked.statements(lambda group=group: walked.details.load(group)) <= 2


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE details SET answer = 'no bytes' WHERE group_id = 12",
        "UPDATE details SET answer = x'00' WHERE group_id = 12",
        "UPDATE details SET description = 7 WHERE group_id = 12",
        "UPDATE groups SET name = CAST(x'ff' AS TEXT) WHERE id = 12",
    ],
)
def test_one_that_is_damaged_spoils_no_other(walked: Walked, damage: str) -> None:
    alter(walked.path, damage)
    others = [group for group in EVEN if group != 12]
    found = walked.walk(others[:5])
    with suppress(StoreError, sqlite3.OperationalError):
        walked.look(12)
    found += walked.walk(others[5:])
    assert found == each_by_itself(walked.path, others)


def test_what_is_long_is_read_when_it_is_needed(
    walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    alter(walked.path, "UPDATE details SET description = zeroblob(70000) WHERE group_id % 3 = 0")
    alter(walked.path, "UPDATE file_lists SET list = CAST(printf('p%3000s', '') AS BLOB)")
    early, sizes = walked.store.early, []

    def measured(query: str, *parameters: object) -> list[tuple[object, ...]]:
        rows = early(query, *parameters)
        sizes.extend(len(value) for row in rows for value in row if isinstance(value, bytes))
        return rows

    monkeypatch.setattr(walked.store, "early", measured)
    assert walked.walk(EVEN) == each_by_itself(walked.path, EVEN)
    assert 0 < max(sizes) < 65536
    assert walked.statements(lambda: walked.walk(EVEN)) <= 6 * len(EVEN)


def test_a_group_of_very_many_torrents_has_all_of_them(
    walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "_MOST_ROWS", 3)
    assert walked.walk(EVEN) == each_by_itself(walked.path, EVEN)


def test_nothing_stays_in_memory_that_was_forgotten(walked: Walked) -> None:
    walked.walk(EVEN[:5])
    walked.ahead.clear()
    held = walked.ahead._groups, walked.ahead._details, walked.ahead._torrents, walked.ahead._lists
    assert not any(held)
    assert walked.walk(EVEN[:5]) == each_by_itself(walked.path, EVEN[:5])

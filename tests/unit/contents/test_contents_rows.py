"""What the ledger reads for who opens a torrent's files in their order: statements counted."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.contents.ledger import Identity, Ledger

HASH, OTHER = bytes(20), bytes(range(20))
COUNT = 400


def identity(file: int) -> Identity:
    return Identity(7, 2**64 - 1 - file, 1000 + file, 5, 6)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "contents.sqlite"
    ledger, some = Ledger(found), random.Random(1)
    for file in range(COUNT):
        for info_hash in (HASH, OTHER):
            # Of every tenth only one of two pieces is right, and one has too many pieces for later.
            verified = ledger.verified(identity(file), info_hash, file, pieces_of(file))
            verified.mark(0)
            if file % 10:
                verified.mark(1)
            for number in some.sample(
                range(2, len(verified.pieces)), len(verified.pieces) // 2 - 1
            ):
                verified.mark(number)
            ledger.save(identity(file), info_hash, file, verified)
    ledger.close()
    return found


def pieces_of(file: int) -> int:
    return 40_000 if file == 33 else 2


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    found = Ledger(path)
    yield found
    found.close()


@pytest.fixture
def statements(ledger: Ledger) -> list[str]:
    found: list[str] = []
    ledger._connection.set_trace_callback(found.append)
    return found


def known(ledger: Ledger, file: int, info_hash: bytes = HASH) -> bytes:
    return bytes(ledger.verified(identity(file), info_hash, file, pieces_of(file)).pieces[:2])


def right(file: int) -> bytes:
    return bytes([1, file % 10 != 0])


def test_of_files_in_their_order_many_are_read_at_once(
    ledger: Ledger, statements: list[str]
) -> None:
    assert [known(ledger, file) for file in range(COUNT)] == [right(file) for file in range(COUNT)]
    # The first, the one that is too long to be read for later, and all others, 64 at a time.
    assert len(statements) == 2 + -(-(COUNT - 1) // 64)


def test_of_any_others_each_by_itself(ledger: Ledger, statements: list[str]) -> None:
    for file in range(COUNT - 1, 0, -50):
        assert known(ledger, file) == right(file)
    assert len(statements) == COUNT // 50


def test_what_is_of_another_torrent_is_not_taken_for_it(ledger: Ledger) -> None:
    for file in range(3):
        known(ledger, file)
    other = Identity(7, 5, 1, 2, 3)
    assert not any(ledger.verified(other, HASH, 4, 2).pieces)
    assert not any(ledger.verified(identity(5), bytes(reversed(OTHER)), 5, 2).pieces)
    assert known(ledger, 6, OTHER) == right(6)
    assert known(ledger, 7) == right(7)


def test_what_is_written_is_read_again(ledger: Ledger) -> None:
    for file in range(3):
        known(ledger, file)
    verified = ledger.verified(identity(10), HASH, 10, 2)
    assert not verified.has(0, 2)
    verified.mark(1)
    ledger.save(identity(10), HASH, 10, verified)
    ledger.flush()
    del verified
    ledger._recent.clear()
    assert ledger.verified(identity(10), HASH, 10, 2).has(0, 2)


def test_what_another_process_writes_is_read_after_a_second(path: Path, ledger: Ledger) -> None:
    now = [100.0]
    ledger._stored_rows._clock = lambda: now[0]  # type: ignore[misc]
    for file in range(3):
        known(ledger, file)
    second = Ledger(path)
    second.verified(identity(10), HASH, 10, 2).mark(1)
    second.verified(identity(20), HASH, 20, 2).mark(1)
    for file in (10, 20):
        second.save(identity(file), HASH, file, second.verified(identity(file), HASH, file, 2))
    second.close()
    now[0] += 0.9
    assert known(ledger, 10) == right(10), "as it was read"
    now[0] += 0.2
    assert known(ledger, 20) == bytes([1, 1])


def test_a_ledger_of_an_older_version_gets_the_index(path: Path) -> None:
    first = Ledger(path)
    first._connection.executescript(
        "DROP INDEX verified_by_file; CREATE INDEX verified_by_torrent ON verified (info_hash)"
    )
    first.close()
    second = Ledger(path)
    query = "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'verified%'"
    assert second._connection.execute(query).fetchall() == [("verified_by_file",)]
    (plan,) = second._connection.execute(
        "EXPLAIN QUERY PLAN SELECT 1 FROM verified WHERE info_hash = ? AND file BETWEEN 1 AND 9",
        (HASH,),
    ).fetchall()
    assert "verified_by_file (info_hash=? AND file>? AND file<?)" in plan[3]
    second.close()

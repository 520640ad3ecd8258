"""What holds for all tests without a mount."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.contents import ledger


@pytest.fixture(autouse=True)
def ledgers_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Many tests make a ledger in memory, which a mount would close when it ends. From Python 3.13
    on a connection that nobody has closed is a warning, in whichever test it is found."""
    prepared, opened = ledger._prepared, []

    def noted(path: Path | None) -> sqlite3.Connection:
        opened.append(prepared(path))
        return opened[-1]

    monkeypatch.setattr(ledger, "_prepared", noted)
    yield
    for connection in opened:
        connection.close()

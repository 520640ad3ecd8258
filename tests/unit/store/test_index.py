"""The index's totals are kept, not counted, and stay right through every change."""

from __future__ import annotations

import sqlite3

from hypothesis import given, settings
from hypothesis import strategies as st

from biofs.store.database.store import Store
from biofs.store.groups import Index

GROUPS = st.integers(1, 6)
CHANGES = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"),
            GROUPS,
            st.integers(1, 3),
            st.none() | st.binary(max_size=9),
            st.integers(0, 99),
        ),
        st.tuples(st.just("drop"), GROUPS),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(CHANGES)
def test_totals_agree_with_counting(changes: list[tuple[object, ...]]) -> None:
    store = Store(None)
    model: dict[object, tuple[object, bytes | None, int]] = {}

    def apply(connection: sqlite3.Connection) -> None:
        for change in changes:
            if change[0] == "drop":
                connection.execute("DELETE FROM groups WHERE id = ?", (change[1],))
                model.pop(change[1], None)
                continue
            _, group, category, line, mtime = change
            connection.execute(
                "INSERT INTO groups (id, category, name, mtime, line, seen)"
                " VALUES (?, ?, 'x', ?, ?, 0) ON CONFLICT (id) DO UPDATE SET"
                " category = excluded.category, mtime = excluded.mtime, line = excluded.line",
                (group, category, mtime, line),
            )
            model[group] = (category, line, mtime)  # type: ignore[assignment]

    store.write_now(apply)
    index = Index(store)
    for category in (1, 2, 3):
        mine = [(line, mtime) for found, line, mtime in model.values() if found == category]
        assert index.summary(category) == (
            len(mine),
            max((mtime for _, mtime in mine), default=0),
            sum(len(line or b"") for line, _ in mine),
        )
    store.close()

"""The cache bounded by bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from biofs.store.memory import Recent


def test_what_is_looked_at_stays_and_what_is_not_goes() -> None:
    recent: Recent[int, bytes] = Recent(100, len)
    recent[0] = b"x" * 10
    for number in range(1, 50):
        recent[number] = b"y" * 10
        assert recent.get(0) == b"x" * 10
    assert recent.get(1) is None
    assert recent.get(49) is not None


def test_what_is_too_large_is_not_kept_and_does_not_leave_the_old_one() -> None:
    recent: Recent[int, bytes] = Recent(100, len)
    recent[1] = b"small"
    recent[1] = b"z" * 101
    assert recent.get(1) is None


def test_forgetting() -> None:
    recent: Recent[int, bytes] = Recent(100, len)
    for number in range(3):
        recent[number] = b"y" * 30
    recent.pop(2)
    assert recent.get(2) is None
    recent.clear()
    assert [recent.get(number) for number in range(3)] == [None, None, None]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60)), max_size=60))
def test_it_never_holds_more_than_it_may_nor_anything_else_than_was_put(
    puts: list[tuple[int, int]],
) -> None:
    recent: Recent[int, bytes] = Recent(100, len)
    latest: dict[int, bytes] = {}
    for key, size in puts:
        latest[key] = bytes([key]) * size
        recent[key] = latest[key]
        held = {key: value for key in range(10) if (value := recent.get(key)) is not None}
        assert all(latest[key] == value for key, value in held.items())
        assert sum(map(len, held.values())) <= 100

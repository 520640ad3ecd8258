"""When a client is told to check what it had, and how long one that is away is waited for."""

from __future__ import annotations

from biofs.contents.engines.rpc.marks import read
from biofs.contents.engines.rpc.qbittorrent_losses import Losses, Order
from biofs.control.handlers.follow import Away


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _order(
    losses: Losses, done: int, *, name: str = "a", files: tuple[int, ...] = (1,)
) -> Order | None:
    return losses.order({"hash": name, "state": "downloading", "progress": 0.5}, files, done)


def _checking(losses: Losses, checked: float, state: str = "checkingDL") -> Order | None:
    return losses.order({"hash": "a", "state": state, "progress": checked}, (1,), 0)


def test_far_fewer_bytes_than_before_are_checked_twice_at_most() -> None:
    clock = Clock()
    losses = Losses(clock)
    assert _order(losses, 1000) is None
    assert _order(losses, 0) is None  # it may be checked right now
    orders = []
    for now in range(1, 30):
        clock.now = now
        if _order(losses, 100) is Order.CHECK:
            orders.append(now)
    assert orders == [3, 6]


def test_what_is_found_again_at_once_is_not_checked() -> None:
    clock = Clock()
    losses = Losses(clock)
    for done in (1000, 0, 1000, 0, 1000):
        clock.now += 2
        assert _order(losses, done) is None


def _lost(losses: Losses, clock: Clock, done: int, name: str) -> bool:
    """Whether it is to be checked when it has only so many bytes for some seconds."""
    first = _order(losses, done, name=name)
    clock.now += 3
    return first is None and _order(losses, done, name=name) is Order.CHECK


def test_a_wrong_piece_or_other_files_are_no_loss() -> None:
    clock = Clock()
    losses = Losses(clock)
    assert _order(losses, 1000, name="a") is None
    assert not _lost(losses, clock, 900, "a")
    assert _order(losses, 1000, name="b", files=(2,)) is None
    assert not _lost(losses, clock, 0, "b")
    assert _order(losses, 10 << 30, name="c") is None
    assert _lost(losses, clock, 9 << 30, "c")


def test_only_so_many_torrents_are_remembered() -> None:
    clock = Clock()
    losses = Losses(clock)
    for number in range(1000):
        assert _order(losses, 1000, name=str(number)) is None
    assert not _lost(losses, clock, 0, "0")
    assert _lost(losses, clock, 0, "999")


def test_a_check_that_never_begins_is_begun_again_twice_at_most() -> None:
    clock = Clock()
    losses = Losses(clock)
    _order(losses, 1000, name="a")
    assert _lost(losses, clock, 0, "a")
    orders = []
    for now in range(3, 60):
        clock.now = now
        assert _checking(losses, 0, "checkingResumeData") is None
        if _checking(losses, 0) is Order.START_AGAIN:
            orders.append(now)
    assert orders == [13, 23]
    assert _order(losses, 1000) is None  # it is well again
    assert _lost(losses, clock, 0, "a")
    clock.now += 10
    assert _checking(losses, 0, "checkingUP") is Order.START_AGAIN


def test_a_check_that_goes_on_or_that_somebody_else_ordered_is_left_alone() -> None:
    clock = Clock()
    losses = Losses(clock)
    assert _checking(losses, 0) is None
    _order(losses, 1000)
    for _ in range(100):
        clock.now += 1
        assert _checking(losses, 0) is None
    assert _lost(losses, clock, 0, "a")
    for _ in range(100):
        clock.now += 1
        assert _checking(losses, 1e-9) is None


def test_only_an_engine_that_has_answered_is_waited_for() -> None:
    away = Away(20.0)
    assert not away.may_return(0.0)
    away.is_back()
    assert away.may_return(100.0)
    assert away.may_return(119.0)
    assert not away.may_return(121.0)
    away.is_back()
    assert away.may_return(130.0)


def test_a_label_whose_ranges_do_not_ascend_is_none_of_ours() -> None:
    assert read(["biofs: 1-3 5"]).added == {1, 2, 3, 5}
    for text in ("biofs: 5 1-3", "biofs: " + "0-999998 " * 200, "biofs: 3-1"):
        assert read([text.strip()]).many

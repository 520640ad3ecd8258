"""When a client is told to check what it had, and how long one that is away is waited for."""

from __future__ import annotations

from biofs.contents.engines.rpc.marks import read
from biofs.contents.engines.rpc.qbittorrent_answers import Losses
from biofs.control.handlers.follow import Away


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_far_fewer_bytes_than_before_are_checked_twice_at_most() -> None:
    clock = Clock()
    losses = Losses(clock)
    assert not losses.is_to_be_checked("a", [1, 2], 1000)
    assert not losses.is_to_be_checked("a", [1, 2], 0)  # it may be checked right now
    orders = []
    for now in range(1, 30):
        clock.now = now
        if losses.is_to_be_checked("a", [1, 2], 100):
            orders.append(now)
    assert orders == [3, 6]


def test_what_is_found_again_at_once_is_not_checked() -> None:
    clock = Clock()
    losses = Losses(clock)
    for done in (1000, 0, 1000, 0, 1000):
        clock.now += 2
        assert not losses.is_to_be_checked("a", [1], done)


def _checked(losses: Losses, clock: Clock, name: str, done: int) -> bool:
    first = losses.is_to_be_checked(name, [1], done)
    clock.now += 3
    return losses.is_to_be_checked(name, [1], done) and not first


def test_a_wrong_piece_or_other_files_are_no_loss() -> None:
    clock = Clock()
    losses = Losses(clock)
    assert not losses.is_to_be_checked("a", [1], 1000)
    assert not _checked(losses, clock, "a", 900)
    assert not losses.is_to_be_checked("b", [2], 1000)
    assert not _checked(losses, clock, "b", 0)
    assert not losses.is_to_be_checked("c", [1], 10 << 30)
    assert _checked(losses, clock, "c", 9 << 30)


def test_only_so_many_torrents_are_remembered() -> None:
    clock = Clock()
    losses = Losses(clock)
    for number in range(1000):
        assert not losses.is_to_be_checked(str(number), [1], 1000)
    assert not _checked(losses, clock, "0", 0)
    assert _checked(losses, clock, "999", 0)


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

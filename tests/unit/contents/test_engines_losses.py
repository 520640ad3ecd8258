"""When a client is told to check what it had, and how long one that is away is waited for."""

from __future__ import annotations

from biofs.contents.engines.rpc.losses import Losses
from biofs.contents.engines.rpc.marks import read
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
    assert losses.is_to_be_checked("a", [1, 2], 0)
    assert not losses.is_to_be_checked("a", [1, 2], 0)  # its answer may be of before the order
    clock.now = 5
    assert losses.is_to_be_checked("a", [1, 2], 100)
    clock.now = 10
    assert not losses.is_to_be_checked("a", [1, 2], 100)
    clock.now = 20
    assert not losses.is_to_be_checked("a", [1, 2], 100)  # so much it has now


def test_a_wrong_piece_or_other_files_are_no_loss() -> None:
    losses = Losses()
    assert not losses.is_to_be_checked("a", [1], 1000)
    assert not losses.is_to_be_checked("a", [1], 900)
    assert not losses.is_to_be_checked("a", [2], 0)
    assert not losses.is_to_be_checked("b", [2], 0)
    assert not losses.is_to_be_checked("c", [1], 10 << 30)
    assert losses.is_to_be_checked("c", [1], 9 << 30)


def test_what_is_found_again_can_be_lost_again() -> None:
    clock = Clock()
    losses = Losses(clock)
    for now in (0.0, 1.0, 2.0):
        clock.now = now
        assert not losses.is_to_be_checked("a", [1], 1000)
        assert losses.is_to_be_checked("a", [1], 10)


def test_only_so_many_torrents_are_remembered() -> None:
    losses = Losses()
    for number in range(1000):
        assert not losses.is_to_be_checked(str(number), [1], 1000)
    assert not losses.is_to_be_checked("0", [1], 0)
    assert losses.is_to_be_checked("999", [1], 0)


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

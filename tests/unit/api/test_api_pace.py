"""The pace: what the server sees, never what we think it sees."""

import math
import random

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from biofs.api.errors import (
    DialectChanged,
    NotFound,
    RateLimited,
    StaleConnection,
    TokenMissing,
    TryAgain,
)
from biofs.api.pace import Pace
from biofs.api.requests import Answer, Request
from biofs.api.server import Rate
from tests.support.pacing import PacedSender

ONE_IN_SIX = Rate(1, 6.0)
WANT = Request("stats")


def at_most(requests, seconds, seen):
    """No window of `seconds` holds more than `requests` of the moments in `seen`."""
    return all(
        later - earlier >= seconds - 1e-6
        for earlier, later in zip(seen, seen[requests:], strict=False)
    )


async def request(pace, seen, before=0.0, after=0.0):
    slot = await pace.slot()
    await trio.sleep(before)
    seen.append(trio.current_time())
    await trio.sleep(after)
    slot.arrived()


async def test_the_first_request_waits_for_nothing(autojump_clock):
    pace = Pace(ONE_IN_SIX)
    assert pace.delay() == 0
    await pace.slot()
    assert trio.current_time() == 0


async def test_the_next_starts_one_window_after_the_last_arrived(autojump_clock):
    pace = Pace(ONE_IN_SIX)
    slot = await pace.slot()
    await trio.sleep(2.5)
    slot.arrived()
    slot.arrived()
    await pace.slot()
    assert trio.current_time() == pytest.approx(8.5)


async def test_nothing_starts_while_a_request_may_still_reach_the_server(autojump_clock):
    pace = Pace(ONE_IN_SIX)
    slot = await pace.slot()
    with trio.move_on_after(100) as patience:
        await pace.slot()
    assert patience.cancelled_caught
    slot.arrived()
    await pace.slot()
    assert trio.current_time() == pytest.approx(106)


async def test_a_forgotten_slot_stops_nobody_for_ever(autojump_clock):
    pace = Pace(ONE_IN_SIX, lost_after=180)
    await pace.slot()
    await pace.slot()
    assert trio.current_time() == pytest.approx(186, abs=0.1)


async def test_first_come_first_served(autojump_clock):
    pace = Pace(ONE_IN_SIX)
    order = []

    async def ask(name):
        slot = await pace.slot()
        order.append((name, trio.current_time()))
        slot.arrived()

    async with trio.open_nursery() as nursery:
        for name in range(5):
            nursery.start_soon(ask, name)
            await trio.sleep(0.1)
    assert [name for name, _ in order] == list(range(5))
    assert [when for _, when in order] == pytest.approx([0, 6, 12, 18, 24])


async def test_who_gives_up_waiting_takes_no_slot(autojump_clock):
    pace = Pace(ONE_IN_SIX)
    (await pace.slot()).arrived()
    for _ in range(3):
        with trio.move_on_after(1):
            await pace.slot()
    await pace.slot()
    assert trio.current_time() == pytest.approx(6)


async def test_a_slot_given_back_is_free_at_once(autojump_clock):
    pace = Pace(ONE_IN_SIX)
    (await pace.slot()).arrived()
    await trio.sleep(6)
    given = await pace.slot()
    pace.give_back(given)
    assert pace.delay() == 0
    given.arrived()
    await pace.slot()
    assert trio.current_time() == pytest.approx(6)


async def test_unlimited_waits_for_nothing_but_a_penalty(autojump_clock):
    pace = Pace(Rate.parse("unlimited"))
    for _ in range(1000):
        await pace.slot()
    assert trio.current_time() == 0
    assert pace.delay() == 0
    pace.penalise(None)
    assert pace.delay() == pytest.approx(6)
    await pace.slot()
    assert trio.current_time() == pytest.approx(6)


@settings(max_examples=60, deadline=None)
@given(
    rate=st.sampled_from([Rate(1, 6.0), Rate(2, 6.0), Rate(3, 1.0), Rate(5, 0.3)]),
    seed=st.integers(0, 2**32),
    jitter=st.sampled_from([0.0, 0.1, 4.0, 30.0]),
)
def test_no_window_at_the_server_holds_more_than_allowed(rate, seed, jitter):
    chance = random.Random(seed)
    seen = []

    async def crowd():
        pace = Pace(rate)
        async with trio.open_nursery() as nursery:
            for _ in range(15):
                await trio.sleep(chance.choice([0, 0, chance.uniform(0, 2 * rate.seconds)]))
                delays = chance.uniform(0, jitter), chance.uniform(0, jitter)
                nursery.start_soon(request, pace, seen, *delays)

    trio.run(crowd, clock=trio.testing.MockClock(autojump_threshold=0))
    assert len(seen) == 15
    assert at_most(rate.requests, rate.seconds, sorted(seen))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-5, 20), max_size=6), st.sampled_from([Rate(1, 6.0), Rate(2, 6.0)]))
def test_what_was_sent_before_a_restart_counts(ages, rate):
    earlier = sorted(-max(age, 0.0) for age in ages)[-rate.requests :]
    seen = []

    async def crowd():
        pace = Pace(rate)
        pace.restore(ages)
        for _ in range(4):
            await request(pace, seen)

    trio.run(crowd, clock=trio.testing.MockClock(autojump_threshold=0))
    assert at_most(rate.requests, rate.seconds, earlier + seen)
    assert seen[0] <= rate.seconds + 1e-9


async def test_its_state_can_be_kept(autojump_clock):
    pace = Pace(Rate(3, 6.0))
    (await pace.slot()).arrived()
    await trio.sleep(2)
    (await pace.slot()).arrived()
    await trio.sleep(1)
    await pace.slot()  # in flight: it counts as now
    assert pace.delay() == pytest.approx(3)  # as the first was sent three seconds ago

    heir = Pace(Rate(3, 6.0))
    heir.restore([3, 1, 0])
    assert heir.delay() == pytest.approx(3)
    await trio.sleep(3.5)
    assert pace.delay() == heir.delay() == 0
    await pace.slot()
    await heir.slot()
    assert pace.delay() == heir.delay() == pytest.approx(1.5)
    heir.restore([])
    assert heir.delay() == 0


async def test_ages_that_make_no_sense_cost_one_window_at_most(autojump_clock):
    pace = Pace(ONE_IN_SIX)
    pace.restore([math.nan, math.inf, -math.inf, -1e18, 1e18] * 1000)
    assert pace.delay() == pytest.approx(6)


async def test_a_clock_that_jumps_back_costs_one_window_and_the_penalty(autojump_clock):
    now = [1_000_000.0]
    pace = Pace(ONE_IN_SIX, clock=lambda: now[0])
    (await pace.slot()).arrived()
    now[0] -= 86_400
    assert pace.delay() == pytest.approx(6)
    pace.penalise(None)
    now[0] -= 86_400
    assert pace.delay() == pytest.approx(6)
    now[0] += 10
    assert pace.delay() == 0


async def test_penalties_double_up_to_a_minute_and_end_with_a_success(autojump_clock):
    pace = Pace(Rate.parse("unlimited"))
    waits = []
    for _ in range(7):
        pace.penalise(None)
        waits.append(pace.delay())
        await pace.slot()
    assert waits == pytest.approx([6, 12, 24, 48, 60, 60, 60])
    pace.success()
    pace.penalise(None)
    assert pace.delay() == pytest.approx(6)


async def test_refusals_in_flight_together_count_once(autojump_clock):
    pace = Pace(Rate.parse("unlimited"))
    for _ in range(8):
        pace.penalise(None)
    assert pace.delay() == pytest.approx(6)
    await pace.slot()
    pace.penalise(None)
    assert pace.delay() == pytest.approx(12)


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [(20, 20), (0, 6), (-5, 6), (2, 6), (math.nan, 6), (math.inf, 600), (1e9, 600)],
)
async def test_what_the_server_asks_for_is_kept_within_reason(autojump_clock, retry_after, wait):
    pace = Pace(ONE_IN_SIX)
    pace.penalise(retry_after)
    assert pace.delay() == pytest.approx(wait)


async def test_a_penalty_reaches_those_who_wait_already(autojump_clock):
    pace = Pace(ONE_IN_SIX)
    (await pace.slot()).arrived()
    started = []

    async def ask():
        await pace.slot()
        started.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.sleep(1)
        pace.penalise(30)
    assert started == pytest.approx([31])


async def test_the_delay_counts_who_waits_already(autojump_clock):
    pace = Pace(Rate(2, 6.0))
    assert pace.delay() == 0
    (await pace.slot()).arrived()
    assert pace.delay() == 0
    (await pace.slot()).arrived()
    assert pace.delay() == pytest.approx(6)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(pace.slot)
        await trio.testing.wait_all_tasks_blocked()
        assert pace.delay() == pytest.approx(12)
        nursery.cancel_scope.cancel()


class Script:
    """A transport that does one thing after another."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.sent = []
        self.anew = []

    def check(self, request):
        if request.action == "forbidden":
            raise TokenMissing(request.action, "no")

    async def send(self, request, arrived=None, *, anew=False):
        self.anew.append(anew)
        self.sent.append(trio.current_time())
        await trio.sleep(0.25)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        arrived()
        return outcome


ANSWER = Answer(WANT, 200, "application/json", b"{}")


async def test_a_sender_keeps_the_pace(autojump_clock):
    transport = Script(ANSWER, NotFound("stats", "no"), ANSWER)
    send = PacedSender(transport, Pace(ONE_IN_SIX))
    assert await send(WANT) is ANSWER
    with pytest.raises(NotFound):
        await send(WANT)
    await send(WANT)
    assert transport.sent == pytest.approx([0, 6.25, 12.5])


async def test_a_sender_tries_again_what_can_be_sent_again(autojump_clock):
    transport = Script(
        RateLimited("stats"), RateLimited("stats"), DialectChanged("stats", ""), ANSWER
    )
    assert await PacedSender(transport, Pace(ONE_IN_SIX))(WANT) is ANSWER
    assert transport.sent == pytest.approx([0, 6.25, 18.5, 24.75])


async def test_what_a_kept_connection_lost_is_sent_anew_at_the_pace(autojump_clock):
    stale = StaleConnection("stats", "")
    transport = Script(stale, RateLimited("stats"), stale, ANSWER, ANSWER)
    send = PacedSender(transport, Pace(ONE_IN_SIX))
    assert await send(WANT) is await send(WANT) is ANSWER
    assert transport.sent == pytest.approx([0, 6.25, 12.5, 18.75, 25])
    assert transport.anew == [False, True, False, True, False]


async def test_a_sender_gives_up_in_the_end(autojump_clock):
    transport = Script(*[RateLimited("stats") for _ in range(9)])
    with pytest.raises(TryAgain):
        await PacedSender(transport, Pace(ONE_IN_SIX), attempts=4)(WANT)
    assert len(transport.sent) == 4


async def test_a_request_that_cannot_work_takes_no_slot(autojump_clock):
    transport, pace = Script(ANSWER), Pace(ONE_IN_SIX)
    with pytest.raises(TokenMissing):
        await PacedSender(transport, pace)(Request("forbidden"))
    assert pace.delay() == 0
    assert transport.sent == []

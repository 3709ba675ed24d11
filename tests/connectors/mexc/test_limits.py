"""Pacing, the pause after a ban, and waits that spread clients out."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.mexc.backoff import Backoff
from connectors.mexc.limits import CircuitBreaker, TokenBucket
from operators.errors import UsageError


class HandClock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_the_limit_may_be_used_up_at_once_and_the_next_turn_comes_when_the_first_has_aged() -> None:
    clock = HandClock()
    bucket = TokenBucket(3, 0.1, clock)

    async def scenario() -> None:
        for _ in range(3):
            assert bucket.wait_seconds() == 0.0
            await bucket.take()
            clock.seconds += 0.02
        assert bucket.wait_seconds() == pytest.approx(0.04)
        clock.seconds += 0.04
        await bucket.take()
        assert bucket.wait_seconds() == pytest.approx(0.02)

    asyncio.run(scenario())


def test_whoever_has_to_wait_for_a_turn_does() -> None:
    async def scenario() -> list[float]:
        bucket = TokenBucket(3, 0.1)
        times = []
        for _ in range(7):
            await bucket.take()
            times.append(time.monotonic())
        return times

    times = asyncio.run(scenario())
    for earlier, later in zip(times, times[4:], strict=False):
        assert later - earlier >= 0.1


@settings(max_examples=50, deadline=None)
@given(pauses=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60), limit=st.integers(1, 6))
def test_no_stretch_of_the_window_has_more_turns_than_the_limit(pauses: list[float], limit: int) -> None:
    clock = HandClock()
    bucket = TokenBucket(limit, 2.0, clock)
    taken = []

    async def take() -> None:
        for pause in pauses:
            clock.seconds += pause
            clock.seconds += bucket.wait_seconds()
            await bucket.take()
            taken.append(clock.seconds)

    asyncio.run(take())
    for first, over in zip(taken, taken[limit:], strict=False):
        assert over - first >= 2.0 - 1e-9


def test_turns_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    async def scenario() -> list[int]:
        bucket = TokenBucket(1, 0.01)
        order: list[int] = []

        async def one(number: int) -> None:
            await bucket.take()
            order.append(number)

        await asyncio.gather(*(one(number) for number in range(5)))
        return order

    assert asyncio.run(scenario()) == [0, 1, 2, 3, 4]


def test_a_hold_stops_those_who_already_wait_too() -> None:
    async def scenario() -> float:
        bucket = TokenBucket(1, 0.02)
        loop = asyncio.get_running_loop()
        await bucket.take()
        start = loop.time()
        waiting = asyncio.create_task(bucket.take())
        await asyncio.sleep(0)
        bucket.hold(0.1)
        await waiting
        return loop.time() - start

    assert asyncio.run(scenario()) >= 0.1


def test_a_cancelled_wait_costs_no_turn() -> None:
    clock = HandClock()
    bucket = TokenBucket(1, 600.0, clock)

    async def scenario() -> None:
        await bucket.take()
        waiting = asyncio.create_task(bucket.take())
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        clock.seconds += 600.0
        assert bucket.wait_seconds() == 0.0
        await asyncio.wait_for(bucket.take(), 30.0)

    asyncio.run(scenario())


def test_a_pace_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        TokenBucket(0, 2.0)


def test_an_open_breaker_lets_nothing_through_until_its_time_then_one_trial() -> None:
    clock = HandClock()
    breaker = CircuitBreaker(clock)
    assert breaker.admit() == 0.0
    breaker.trip(60.0)
    assert breaker.admit() == pytest.approx(60.0)
    clock.seconds += 59.0
    assert breaker.admit() == pytest.approx(1.0)
    clock.seconds += 1.0
    assert breaker.admit() == 0.0
    assert breaker.admit() > 0.0, "one trial at a time"
    breaker.succeed()
    assert breaker.is_closed
    assert breaker.admit() == breaker.admit() == 0.0


def test_a_late_answer_to_an_older_request_does_not_close_the_breaker() -> None:
    breaker = CircuitBreaker(HandClock())
    breaker.trip(60.0)
    breaker.succeed()
    assert not breaker.is_closed


def test_a_failed_trial_opens_again_and_an_abandoned_one_leaves_the_place_to_the_next() -> None:
    clock = HandClock()
    breaker = CircuitBreaker(clock)
    breaker.trip(60.0)
    clock.seconds += 60.0
    assert breaker.admit() == 0.0
    breaker.trip(75.0)
    assert breaker.admit() == pytest.approx(75.0)
    clock.seconds += 75.0
    assert breaker.admit() == 0.0
    breaker.abandon()
    assert breaker.admit() == 0.0


def test_waits_stay_under_a_doubling_ceiling_and_under_the_longest() -> None:
    backoff = Backoff(0.5, 30.0, Random(7))
    ceilings = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    for ceiling in ceilings:
        assert 0.0 <= backoff.next() <= ceiling
    assert backoff.failures == len(ceilings)
    backoff.reset()
    assert backoff.next() <= 0.5
    for _ in range(2_000):
        assert backoff.next() <= 30.0


def test_clients_that_fail_together_do_not_come_back_together() -> None:
    waits = sorted(Backoff(8.0, 30.0, Random(seed)).next() for seed in range(200))
    assert waits[0] < 0.5
    assert waits[-1] > 7.5
    assert max(later - earlier for earlier, later in pairwise(waits)) < 1.0

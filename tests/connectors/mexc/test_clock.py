"""Exchange time from ping exchanges."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.mexc.clock import ExchangeClock, LocalClock, OffsetSummary

START_US = 1_790_000_000_000_000


class Machine:
    """A machine's two clocks, moved by hand (ns)."""

    def __init__(self) -> None:
        self.wall = START_US * 1_000
        self.counter = 5_000_000_000

    def pass_seconds(self, seconds: float) -> None:
        self.wall += int(seconds * 1e9)
        self.counter += int(seconds * 1e9)

    def local(self) -> LocalClock:
        return LocalClock(lambda: self.wall, lambda: self.counter)


def ping(machine: Machine, clock: ExchangeClock, offset_us: int, there: float = 0.05, back: float = 0.05) -> None:
    """One exchange with a server whose clock is `offset_us` ahead of the wall."""
    sent = clock.local_us()
    machine.pass_seconds(there)
    server_ms = (machine.wall // 1_000 + offset_us) // 1_000
    machine.pass_seconds(back)
    clock.observe(sent, server_ms, clock.local_us())


def test_before_the_first_answer_exchange_time_is_local_time() -> None:
    machine = Machine()
    clock = ExchangeClock(local=machine.local())
    assert not clock.synchronised
    assert clock.now_us() == START_US
    assert math.isinf(clock.uncertainty_us)
    assert clock.summary().measured == 0


@pytest.mark.parametrize("offset_us", [0, 108_000, -55_000, 11_000_000, -11_000_000])
def test_a_symmetric_round_trip_gives_the_offset_to_half_a_millisecond(offset_us: int) -> None:
    machine = Machine()
    clock = ExchangeClock(local=machine.local())
    ping(machine, clock, offset_us)
    assert clock.offset_us == pytest.approx(offset_us, abs=501)
    assert clock.now_us() == pytest.approx(machine.wall // 1_000 + offset_us, abs=501)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), offset_us=st.integers(-20_000_000, 20_000_000))
def test_the_error_is_never_larger_than_the_uncertainty(seed: int, offset_us: int) -> None:
    machine, random = Machine(), Random(seed)
    clock = ExchangeClock(local=machine.local())
    for _ in range(20):
        ping(machine, clock, offset_us, random.expovariate(20.0), random.expovariate(20.0))
        machine.pass_seconds(12.0)
        assert abs(clock.offset_us - offset_us) <= clock.uncertainty_us + 1.0


def test_the_shortest_round_trip_counts_more_than_the_latest() -> None:
    machine = Machine()
    clock = ExchangeClock(local=machine.local())
    ping(machine, clock, 40_000, 0.01, 0.01)
    machine.pass_seconds(12.0)
    ping(machine, clock, 40_000, 0.01, 2.0)
    assert clock.offset_us == pytest.approx(40_000, abs=501)


def test_a_server_clock_that_is_set_is_followed_from_the_second_answer() -> None:
    machine = Machine()
    clock = ExchangeClock(local=machine.local())
    for _ in range(5):
        ping(machine, clock, 0)
        machine.pass_seconds(12.0)
    ping(machine, clock, -11_000_000)
    assert clock.offset_us == pytest.approx(0, abs=501)
    machine.pass_seconds(12.0)
    ping(machine, clock, -11_000_000)
    assert clock.offset_us == pytest.approx(-11_000_000, abs=501)


def test_one_strange_answer_is_left_aside() -> None:
    machine = Machine()
    clock = ExchangeClock(local=machine.local())
    for strange in (0, -12_000_000, 0, 0, -12_000_000, 0):
        ping(machine, clock, strange)
        machine.pass_seconds(12.0)
        assert clock.offset_us == pytest.approx(0, abs=501)


def test_slow_drift_is_followed() -> None:
    machine = Machine()
    clock = ExchangeClock(local=machine.local())
    offset = 0
    for _ in range(2_000):
        ping(machine, clock, offset, 0.045, 0.045)
        machine.pass_seconds(12.0)
        offset += 240
        assert abs(clock.offset_us - offset) < 30_000


def test_a_wall_clock_set_back_does_not_turn_local_time_back() -> None:
    machine = Machine()
    local = machine.local()
    before = local.now_us()
    machine.wall -= 3_600_000_000_000
    machine.pass_seconds(1.0)
    assert local.follow_wall() == 0
    assert local.now_us() == pytest.approx(before + 1_000_000, abs=51)


def test_small_differences_to_the_wall_clock_are_made_up_slowly() -> None:
    machine = Machine()
    local = machine.local()
    machine.wall += 4_000_000
    for _ in range(100):
        machine.pass_seconds(12.0)
        earlier = local.now_us()
        assert local.follow_wall() == 0
        assert 0 <= local.now_us() - earlier <= 600
    assert local.now_us() == machine.wall // 1_000


def test_after_sleep_local_time_catches_up_and_exchange_time_is_right_at_once() -> None:
    machine = Machine()
    clock = ExchangeClock(local=machine.local())
    ping(machine, clock, 25_000)
    machine.wall += 7_200_000_000_000
    machine.pass_seconds(12.0)
    ping(machine, clock, 25_000)
    assert clock.local_us() == machine.wall // 1_000
    assert clock.offset_us == pytest.approx(25_000, abs=501)


def test_a_sped_up_exchange_runs_its_rate() -> None:
    machine = Machine()
    clock = ExchangeClock(rate=60.0, local=machine.local())
    exchange_start_us = 1_600_000_000_000_000
    sent = clock.local_us()
    clock.observe(sent, exchange_start_us // 1_000, sent)
    machine.pass_seconds(10.0)
    assert clock.now_us() == pytest.approx(exchange_start_us + 600_000_000, abs=1_000)


def test_an_answer_from_before_the_question_is_ignored() -> None:
    clock = ExchangeClock(local=Machine().local())
    clock.observe(START_US + 10, START_US // 1_000, START_US)
    assert not clock.synchronised


def test_the_summary_has_the_median_and_the_size_of_the_99th_percentile() -> None:
    machine = Machine()
    clock = ExchangeClock(local=machine.local())
    for offset in range(-100_000, 1_000, 1_000):
        ping(machine, clock, offset, 0.05, 0.05)
    summary = clock.summary()
    assert isinstance(summary, OffsetSummary)
    assert summary.measured == 101
    assert summary.median_us == pytest.approx(-50_000, abs=600)
    assert summary.p99_us == pytest.approx(99_000, abs=600)

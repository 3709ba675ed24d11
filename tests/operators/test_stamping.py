"""Live stamping (architecture, "The tape"): late below 2 s behind the watermark, disbelieved above 1 s ahead."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.stamping import Stamper

SECOND = 1_000_000
NOW = 1_000 * SECOND


def stamp(stamper: Stamper, *times: int, now: int = NOW, late: list[bool] | None = None):
    return stamper.stamp(np.array(times, np.int64), now, None if late is None else np.array(late))


def test_an_event_after_the_watermark_keeps_its_exchange_time() -> None:
    stamps = stamp(Stamper(NOW - 5 * SECOND, 0), NOW - SECOND)
    assert stamps.ts.tolist() == [NOW - SECOND]


def test_an_event_less_than_two_seconds_behind_comes_right_after_the_watermark() -> None:
    stamper = Stamper(NOW, 0)
    stamps = stamp(stamper, NOW - 2 * SECOND + 1)
    assert stamps.ts.tolist() == [NOW + 1]
    assert not stamps.late[0]
    assert stamper.watermark == NOW + 1


def test_an_event_two_seconds_behind_is_late_and_keeps_its_true_time() -> None:
    stamper = Stamper(NOW, 3)
    stamps = stamp(stamper, NOW - 2 * SECOND)
    assert stamps.ts.tolist() == [NOW - 2 * SECOND]
    assert stamps.late.tolist() == [True]
    assert stamps.order.tolist() == []
    assert (stamper.watermark, stamper.next_seq) == (NOW, 4)


def test_an_exchange_time_more_than_a_second_ahead_becomes_the_exchange_clock() -> None:
    stamps = stamp(Stamper(NOW - SECOND, 0), NOW + SECOND, NOW + SECOND + 1)
    assert stamps.ts.tolist() == [NOW + SECOND, NOW]
    assert stamps.ahead == 1


def test_what_was_fetched_afterwards_is_late_whatever_its_time() -> None:
    stamps = stamp(Stamper(NOW - SECOND, 0), NOW, NOW, late=[True, False])
    assert stamps.late.tolist() == [True, False]
    assert stamps.seq.tolist() == [1, 0]


def test_a_heartbeat_never_moves_the_watermark_back() -> None:
    stamper = Stamper(NOW, 0)
    stamper.advance(NOW - SECOND)
    assert stamper.watermark == NOW


@given(
    st.lists(st.lists(st.integers(NOW - 6 * SECOND, NOW + 6 * SECOND), max_size=20), max_size=6),
    st.integers(NOW - SECOND, NOW + SECOND),
)
def test_the_tape_never_goes_back_and_numbers_everything_once(batches: list[list[int]], now: int) -> None:
    stamper = Stamper(NOW - 5 * SECOND, 0)
    tape: list[tuple[int, int]] = []
    numbers: list[int] = []
    for batch in batches:
        before = stamper.watermark
        stamps = stamp(stamper, *batch, now=now)
        numbers += stamps.seq.tolist()
        emitted = [(int(stamps.ts[row]), int(stamps.seq[row])) for row in stamps.order]
        assert all(ts > before for ts, _ in emitted)
        tape += emitted
        now += SECOND
    assert tape == sorted(tape)
    assert sorted(numbers) == list(range(sum(len(batch) for batch in batches)))

"""The quality score: the share of time in which both streams were healthy (sessions, "Quality report")."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.quality.intervals import clip, total, union
from operators.quality.score import Gap, quality

MINUTE = 60_000_000
HOUR = (0, 60 * MINUTE)
BOTH = {"trades", "books"}
FROM_THE_START = {"trades": 0, "books": 0}


def gap(stream: str, start: int, end: int | None, cause: str = "disconnected: no pong", **counts: int | None) -> Gap:
    return Gap("A_USDT", stream, start * MINUTE, None if end is None else end * MINUTE, cause, **counts)


def test_a_tape_without_gaps_has_100_however_quiet() -> None:
    found = quality("A_USDT", HOUR, BOTH, FROM_THE_START, [])
    assert (found.score, found.connected, found.gaps) == (100.0, 1.0, 0)


def test_overlapping_gaps_of_both_streams_count_once() -> None:
    found = quality("A_USDT", HOUR, BOTH, FROM_THE_START, [gap("trades", 10, 16), gap("books", 13, 22)])
    assert found.score == pytest.approx(80.0)
    assert (found.gaps, found.gap_us, found.longest_gap_us) == (2, 12 * MINUTE, 9 * MINUTE)


def test_a_desynchronised_book_is_unhealthy_but_connected() -> None:
    found = quality("A_USDT", HOUR, BOTH, FROM_THE_START, [gap("books", 0, 6, "book desynchronised: version gap")])
    assert found.score == pytest.approx(90.0)
    assert found.connected == 1.0


def test_time_before_a_stream_is_first_observed_is_not_healthy() -> None:
    found = quality("A_USDT", HOUR, BOTH, {"trades": 0, "books": 3 * MINUTE}, [])
    assert found.score == pytest.approx(95.0)


def test_a_stream_that_was_never_observed_makes_the_score_zero() -> None:
    assert quality("A_USDT", HOUR, BOTH, {"trades": 0}, []).score == 0.0


def test_a_gap_that_was_never_closed_lasts_to_the_end() -> None:
    found = quality("A_USDT", HOUR, BOTH, FROM_THE_START, [gap("trades", 45, None)])
    assert found.score == pytest.approx(75.0)


def test_gaps_of_a_stream_that_is_not_recorded_do_not_count() -> None:
    assert quality("A_USDT", HOUR, {"trades"}, {"trades": 0}, [gap("books", 0, 60)]).score == 100.0


def test_losses_are_unknown_as_soon_as_one_gap_does_not_know() -> None:
    known = gap("trades", 1, 2, recovered=5, lost=0)
    unknown = gap("trades", 3, 4, recovered=100, lost=None)
    assert quality("A_USDT", HOUR, BOTH, FROM_THE_START, [known]).lost == 0
    found = quality("A_USDT", HOUR, BOTH, FROM_THE_START, [known, unknown])
    assert (found.recovered, found.lost) == (105, None)


def test_nothing_recorded_has_no_score() -> None:
    assert quality("A_USDT", (5, 5), BOTH, {}, []).score is None


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=12), st.integers(0, 50), st.integers(0, 50))
def test_stretches_measure_what_counting_every_instant_measures(
    stretches: list[tuple[int, int]], start: int, end: int
) -> None:
    inside = {moment for low, high in stretches for moment in range(low, high)}
    assert total(union(stretches)) == len(inside)
    assert total(clip(union(stretches), start, end)) == len({moment for moment in inside if start <= moment < end})

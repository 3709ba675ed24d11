"""What is observed: tape events at every change, a row for every gap, written when it opens and when it closes."""

from __future__ import annotations

from connectors.mexc.inbox import Inbox
from connectors.mexc.observation import Observation, OpenGap

A, B = "A_USDT", "B_USDT"


def observation() -> tuple[Observation, Inbox]:
    inbox = Inbox()
    return Observation(inbox, "collect_x", ("trades", "books")), inbox


def events(inbox: Inbox) -> list[tuple[int, str, str, str | None]]:
    taken = inbox.take()
    inbox.last_rows = taken.rows  # type: ignore[attr-defined]
    return [(event.exchange_us, event.symbol, event.kind, event.payload.get("stream")) for event in taken.events]


def test_a_stream_that_begins_is_observed_and_had_no_gap() -> None:
    found, inbox = observation()
    assert found.began(A, "trades", 10, "the first trade") is None
    assert events(inbox) == [(10, A, "observed_on", "trades")]
    assert found.is_observed(A, "trades")
    assert not found.is_observed(A, "books")


def test_a_gap_is_a_row_when_it_opens_and_again_when_it_closes() -> None:
    found, inbox = observation()
    found.began(A, "trades", 10, "the first trade")
    found.ended(A, "trades", 50, 60, "disconnected: pong overdue")
    gap = found.began(A, "trades", 90, "the first trade")
    assert gap == OpenGap(A, "trades", 50, "disconnected: pong overdue", 90)
    rows = inbox.take().rows["data_gaps"]
    assert [(row["timestamp"], row["end_ts"]) for row in rows] == [(50, None), (50, 90)]
    assert found.gaps == 1


def test_the_end_of_what_never_began_is_no_gap() -> None:
    found, inbox = observation()
    found.ended(A, "trades", 50, 60, "disconnected: pong overdue")
    assert events(inbox) == []
    assert found.gaps == 0


def test_a_book_that_cannot_be_trusted_is_a_gap_though_its_stream_goes_on() -> None:
    found, inbox = observation()
    found.began(A, "books", 10, "snapshot")
    found.invalid_book(A, "books", 20, 21, "book: a change is missing before it")
    assert not found.is_observed(A, "books")
    found.began(A, "books", 30, "snapshot")
    assert events(inbox) == [(10, A, "observed_on", "books"), (21, A, "book_invalid", None)]
    assert found.is_observed(A, "books")


def test_a_symbol_is_healthy_while_all_its_streams_are_observed() -> None:
    found, _ = observation()
    found.began(A, "trades", 10, "")
    found.began(A, "books", 20, "")
    found.ended(A, "trades", 50, 60, "stalled")
    found.began(A, "trades", 70, "")
    assert found.healthy_us(A, 100) == (50 - 20) + (100 - 70)
    assert found.healthy_us(B, 100) == 0


def test_gaps_from_before_a_restart_go_on_and_close() -> None:
    found, inbox = observation()
    found.interrupted([OpenGap(A, "trades", 40, "restart of the collector")])
    assert events(inbox) == [(40, A, "observed_off", "trades")]
    gap = found.began(A, "trades", 95, "the first trade")
    assert gap is not None
    assert (gap.start_us, gap.end_us) == (40, 95)


def test_the_end_of_the_session_closes_everything() -> None:
    found, inbox = observation()
    found.began(A, "trades", 10, "")
    found.began(A, "books", 10, "")
    found.invalid_book(A, "books", 20, 21, "crossed")
    inbox.take()
    found.close_all(98, 99, "the session ended")
    assert events(inbox) == [(98, A, "observed_off", "books"), (98, A, "observed_off", "trades")]
    assert [row["end_ts"] for row in inbox.last_rows["data_gaps"]] == [99]  # type: ignore[attr-defined]


def test_no_change_of_a_stream_is_told_before_the_one_before() -> None:
    found, inbox = observation()
    found.began(A, "trades", 10, "")
    found.ended(A, "trades", 50, 90, "stale data")
    gap = found.began(A, "trades", 80, "")
    found.began(A, "books", 70, "")
    assert gap is not None
    assert (gap.start_us, gap.end_us) == (50, 90)
    assert [at for at, *_ in events(inbox)] == [10, 90, 90, 70]


def test_health_is_never_less_than_nothing() -> None:
    found, _ = observation()
    found.missed(OpenGap(A, "trades", 10, "lost", 90))
    assert found.healthy_us(A, 100) == 0


def test_gaps_of_a_symbol_that_is_gone_end_with_it() -> None:
    found, inbox = observation()
    found.interrupted([OpenGap(A, "trades", 40, "restart of the collector")])
    found.removed(A, 50, "the exchange lists it no longer")
    assert [row["end_ts"] for row in inbox.take().rows["data_gaps"]] == [None, 50]


def test_a_symbol_that_is_gone_ends_with_an_event() -> None:
    found, inbox = observation()
    found.began(A, "trades", 10, "")
    inbox.take()
    found.removed(A, 50, "the exchange lists it no longer")
    assert events(inbox) == [(50, A, "observed_off", "trades"), (50, A, "symbol_removed", None)]


def test_a_gap_does_not_begin_before_its_stream_was_observed() -> None:
    found, inbox = observation()
    found.began(A, "trades", 100, "quiet")
    found.ended(A, "trades", 0, 200, "stalled")
    found.began(A, "books", 150, "the first book")
    found.invalid_book(A, "books", 20, 200, "crossed")
    assert [row["timestamp"] for row in inbox.take().rows["data_gaps"]] == [100, 150]

"""The inbox is bounded, and everything in it counts."""

from __future__ import annotations

from connectors.mexc.inbox import Inbox


def test_events_and_rows_fill_it_too_and_taking_empties_it() -> None:
    inbox = Inbox(most_rows=3)
    inbox.add_trade(0, 1, 1, 1.0, 1.0, 1, 1)
    inbox.add_event(2, "A_USDT", "mark", {"fair": 1.0, "index": 1.0})
    assert not inbox.full
    inbox.add_row("dead_letters", {"raw": "{"})
    assert inbox.full
    assert inbox.take().stamped == 2
    assert not inbox.full


def test_where_there_is_no_room_prices_are_left_out_and_counted_but_no_change_of_what_is_observed() -> None:
    inbox = Inbox(most_rows=1)
    inbox.add_trade(0, 1, 1, 1.0, 1.0, 1, 1)
    inbox.add_event(2, "A_USDT", "mark", {"fair": 1.0, "index": 1.0})
    inbox.add_event(3, "A_USDT", "observed_off", {"stream": "trades", "cause": "our queue was full"})
    assert inbox.left_out == 1
    assert [event.kind for event in inbox.take().events] == ["observed_off"]


def test_what_arrives_is_numbered_over_all_kinds() -> None:
    inbox = Inbox()
    inbox.add_event(3, "A_USDT", "observed_on", {"stream": "trades", "cause": ""})
    inbox.add_trade(0, 1, 1, 1.0, 1.0, 1, 1)
    taken = inbox.take()
    assert (taken.events[0].arrival, list(taken.trades.arrival)) == (1, [2])

"""Two results compared row for row."""

import dataclasses
from typing import Any

from operators.statistics import Difference, differences


def test_equal_results_have_no_difference(ledger: Any) -> None:
    ledger.fill(ledger.order(0, "open_long"), 1, 100.0, 1.0)
    assert differences(ledger.tables(), ledger.tables()) == []


def test_a_difference_names_table_row_field_and_both_values(ledger: Any) -> None:
    order = ledger.order(0, "open_long")
    ledger.fill(order, 1, 100.0, 1.0)
    ledger.fill(order, 2, 100.0, 1.0)
    other = ledger.tables()
    other["fills"] = [ledger.fills[0], dataclasses.replace(ledger.fills[1], price=101.0, fee=float("nan"))]
    key = "main peak_fade_short AAA_USDT 2026-11-07T00:00:00.000000Z number=1"
    assert differences(ledger.tables(), other) == [
        Difference("fills", key, "price", 100.0, 101.0),
        Difference("fills", key, "fee", 0.0, None),
    ]


def test_a_row_that_only_one_side_has_is_shown_whole(ledger: Any) -> None:
    ledger.transition(0, "MONITORING", "SIGNAL_DETECTED", "s1_signal")
    with_one = ledger.tables()
    (found,) = differences(with_one, {})
    assert (found.table, found.key, found.field) == ("state_transitions", "main peak_fade_short AAA_USDT n=0", "row")
    assert found.a["to_state"] == "SIGNAL_DETECTED"
    assert found.b is None
    (found,) = differences({}, with_one)
    assert found.a is None


def test_a_transition_at_another_time_is_the_same_row_with_another_time(ledger: Any) -> None:
    row = ledger.transition(0, "MONITORING", "SIGNAL_DETECTED", "s1_signal")
    later = {"state_transitions": [dataclasses.replace(row, timestamp=row.timestamp + 1)]}
    (found,) = differences(ledger.tables(), later)
    assert (found.field, found.b - found.a) == ("timestamp", 1)


def test_zero_and_minus_zero_differ_as_their_hashes_do(ledger: Any) -> None:
    row = ledger.sample(1, 0.0)
    (found,) = differences({"equity": [row]}, {"equity": [dataclasses.replace(row, equity=-0.0)]})
    assert found.field == "equity"

"""The result hash: equal for equal decisions, different for any other bit."""

import dataclasses
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from operators.errors import UsageError
from operators.statistics import differences, result_hash, table_hashes
from operators.statistics.canonical import TABLES

Rows = dict[str, list[Any]]


@pytest.fixture
def result(ledger_type: Any) -> Callable[..., Rows]:
    """The tables of one small session; the arguments change how it is named, not what it decided."""

    def build(session_id: str = "backtest_20261122_153000_ab12cd34", account: str = "main") -> Rows:
        ledger = ledger_type(session_id=session_id, account=account)
        ledger.transition(100, "MONITORING", "SIGNAL_DETECTED", "s1_signal", conditions='[{"value": 9.5}]')
        ledger.signal(100, "S1_SIGNAL", 100.0)
        ledger.transition(110, "SIGNAL_DETECTED", "ENTRY_PENDING", "z1_entry")
        entry = ledger.order(110, "open_long", quantity=10.0)
        ledger.fill(entry, 110.1, 100.0, 4.0, fee=0.3)
        ledger.fill(entry, 110.2, 100.5, 6.0, fee=0.5)
        # two orders of one strategy, symbol and instant: only their contents tell them apart
        first, second = ledger.order(400, "close_long", quantity=4.0), ledger.order(400, "close_long", leg=1)
        ledger.fill(first, 400.1, 110.0, 4.0, fee=0.4)
        ledger.fill(second, 400.1, 111.0, 6.0, fee=0.6)
        ledger.position(110.1, 400.1, 101.0, fees=1.8)
        ledger.sample(60, 10_000.0)
        ledger.sample(460, 10_099.2)
        ledger.risk_event(400, f"order {first.order_id} of {session_id} cost more than the schedule says")
        tables: Rows = ledger.tables()
        return tables

    return build


def changed(tables: Rows, table: str, index: int, **fields: Any) -> Rows:
    rows = list(tables[table])
    rows[index] = dataclasses.replace(rows[index], **fields)
    return {**tables, table: rows}


def test_the_name_of_the_session_and_its_ids_do_not_matter(result: Callable[..., Rows]) -> None:
    a, b = result(), result("paper_20270101_000000_00000000")
    assert a["fills"][0].order_id != b["fills"][0].order_id
    assert result_hash(a) == result_hash(b)
    assert differences(a, b) == []


@pytest.mark.parametrize("seed", range(20))
def test_the_order_in_which_rows_arrive_does_not_matter(result: Callable[..., Rows], seed: int) -> None:
    shuffled = result(f"backtest_20261122_153000_{seed:08x}")
    for rows in shuffled.values():
        random.Random(seed).shuffle(rows)
    assert result_hash(shuffled) == result_hash(result())


def test_rows_written_twice_count_once_and_the_last_stands(result: Callable[..., Rows]) -> None:
    tables = result()
    early = dataclasses.replace(tables["orders"][0], state="SUBMITTED", filled_quantity=0.0)
    again = {table: rows + rows for table, rows in tables.items()}
    again["orders"] = [early, *tables["orders"]]
    assert result_hash(again) == result_hash(tables)


def test_rows_may_come_from_generators(result: Callable[..., Rows]) -> None:
    tables = result()
    assert result_hash({table: iter(rows) for table, rows in tables.items()}) == result_hash(tables)


@pytest.mark.parametrize(
    ("table", "index", "fields"),
    [
        ("state_transitions", 0, {"conditions": '[{"value": 9.500000000000002}]'}),
        ("state_transitions", 1, {"refused": True}),
        ("strategy_signals", 0, {"price": None}),
        ("orders", 0, {"state": "CANCELLED"}),
        ("order_events", 1, {"average_price": 0.0}),
        ("fills", 0, {"price": math.nextafter(100.0, 101.0)}),
        ("fills", 3, {"timestamp": 1_794_009_600_000_000}),
        ("positions", 0, {"stop": 0.0}),
        ("equity", 1, {"equity": math.nextafter(10_099.2, 0.0)}),
        ("risk_events", 0, {"severity": "CRITICAL"}),
    ],
)
def test_any_other_bit_makes_another_hash(
    result: Callable[..., Rows], table: str, index: int, fields: dict[str, Any]
) -> None:
    tables = result()
    other = changed(tables, table, index, **fields)
    assert result_hash(other) != result_hash(tables)
    hashes, other_hashes = table_hashes(tables), table_hashes(other)
    assert [name for name in TABLES if hashes[name] != other_hashes[name]] == [table]
    assert {difference.table for difference in differences(tables, other)} == {table}


def test_a_fill_that_belongs_to_another_order_makes_another_hash(result: Callable[..., Rows]) -> None:
    tables = result()
    swapped = changed(tables, "fills", 2, order_id=tables["fills"][3].order_id)
    swapped = changed(swapped, "fills", 3, order_id=tables["fills"][2].order_id)
    assert result_hash(swapped) != result_hash(tables)


def test_nan_none_and_infinity_are_null_and_numpy_scalars_are_numbers(result: Callable[..., Rows]) -> None:
    tables = result()
    for nothing in (math.nan, np.float64("nan"), math.inf):
        assert result_hash(changed(tables, "orders", 0, average_price=nothing)) == result_hash(tables)
    sample = tables["equity"][0]
    same = {"equity": np.float64(sample.equity), "timestamp": np.int64(sample.timestamp), "margin_used": 0}
    assert result_hash(changed(tables, "equity", 0, **same)) == result_hash(tables)


def test_ids_inside_texts_do_not_matter_but_other_digits_do(result: Callable[..., Rows]) -> None:
    tables = result()
    other = changed(tables, "risk_events", 0, message="order " + "0" * 32 + " cost more than the schedule says")
    assert result_hash(other) != result_hash(tables)


def test_what_a_person_or_an_exchange_adds_is_no_result(result: Callable[..., Rows]) -> None:
    tables = result()
    tables = changed(tables, "risk_events", 0, acknowledged_at=5)
    assert result_hash(changed(tables, "orders", 0, exchange_order_id="77")) == result_hash(result())


def test_accounts_are_part_of_the_result(result: Callable[..., Rows]) -> None:
    assert result_hash(result(account="other")) != result_hash(result())


def test_fills_of_an_unknown_order_still_count(result: Callable[..., Rows]) -> None:
    tables = {**result(), "orders": [], "order_events": []}
    assert result_hash(tables) != result_hash({**tables, "fills": tables["fills"][:-1]})
    assert result_hash(tables) == result_hash(
        {**result("paper_20270101_000000_00000000"), "orders": [], "order_events": []}
    )


def test_an_unknown_table_or_a_row_in_the_wrong_one_is_refused(result: Callable[..., Rows]) -> None:
    with pytest.raises(UsageError, match="'tick_prices' is not a result table"):
        result_hash({"tick_prices": []})
    with pytest.raises(UsageError, match="a row of equity was given as a row of fills"):
        result_hash({"fills": result()["equity"]})

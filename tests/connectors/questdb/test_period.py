"""The head of a stretch of tape: what is still in force of everything before it, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from connectors.questdb.bulk import BulkInserter
from connectors.questdb.period import PeriodTape

SYMBOLS = ("A_USDT", "B_USDT")
MINUTE = 60_000_000


@pytest.fixture
def start(new_session_id: str) -> int:
    """A day that no other test uses."""
    return 86_400_000_000 * (3_000 + int(new_session_id[-8:], 16) % 12_000)


@pytest.fixture
def write(database, new_session_id, start):
    """Writes rows given as (seconds after the start, seq, symbol, …) to a table."""

    def insert(table: str, rows: list[tuple], **columns) -> None:
        stamps = pa.array([start + round(row[0] * 1e6) for row in rows], pa.timestamp("us", "UTC"))
        own = {
            "timestamp": stamps,
            "session_id": [new_session_id] * len(rows),
            "symbol": [row[2] for row in rows],
            "seq": np.array([row[1] for row in rows], np.int64),
        }
        given = {name: make([row[3:] for row in rows]) for name, make in columns.items()}
        with BulkInserter(database) as inserter:
            inserter.insert(table, pa.table({**own, **given}))

    return insert


@pytest.fixture
def read(database, new_session_id, start):
    """The pages of a stretch (seconds after the start) of a tape of which only the head is read up to `whole`."""

    def pages(whole: float, since: float | None, until: float, symbols=SYMBOLS):
        tape = PeriodTape(
            database,
            new_session_id,
            symbols,
            tape_from=start,
            whole_from=start + round(whole * 1e6),
            page_rows=500_000,
        )
        begin = tape.begin() if since is None else start + round(since * 1e6)
        return list(tape.pages(begin, start + round(until * 1e6)))

    return pages


def write_trades(write, rows: list[tuple]) -> None:
    """(second, seq, symbol, price, late)."""
    write(
        "tick_prices",
        rows,
        price=lambda more: [price for price, _ in more],
        volume=lambda more: [1.0] * len(more),
        side=lambda more: np.ones(len(more), np.int8),
        late=lambda more: [late for _, late in more],
    )


def write_events(write, rows: list[tuple]) -> None:
    """(second, seq, symbol, kind, payload)."""
    write(
        "tape_events",
        rows,
        kind=lambda more: [kind for kind, _ in more],
        payload=lambda more: [json.dumps(payload) for _, payload in more],
    )


def prices(page) -> list[tuple[int, float]]:
    return list(zip(page.trade_symbols.tolist(), page.trades.price.tolist(), strict=True))


def test_of_each_symbol_the_newest_trade_and_then_all(write, read):
    write_trades(
        write,
        [
            (1, 1, "A_USDT", 1.0, False),
            (2, 2, "B_USDT", 2.0, False),
            (3, 3, "A_USDT", 3.0, False),
            (3, 4, "A_USDT", 4.0, False),
            (4, 5, "A_USDT", 5.0, True),
            (5, 6, "C_USDT", 6.0, False),
            (10, 7, "B_USDT", 7.0, False),
            (11, 8, "B_USDT", 8.0, False),
            (11.5, 9, "A_USDT", 9.0, False),
        ],
    )
    head, whole = read(10.5, None, 20)
    # two trades at the newest time, no late one, none of a symbol that was not chosen
    assert prices(head) == [(0, 3.0), (0, 4.0), (1, 7.0)]
    assert prices(whole) == [(1, 8.0), (0, 9.0)]
    assert (head.from_ts, head.to_ts) == (int(head.trades.ts[0]) - 1, whole.from_ts)


def test_going_on_in_the_head_and_after_it(write, read):
    write_trades(write, [(1, 1, "A_USDT", 1.0, False), (4, 2, "B_USDT", 2.0, False), (9, 3, "B_USDT", 3.0, False)])
    head, whole = read(5, 2, 20)
    assert (prices(head), prices(whole)) == ([(1, 2.0)], [(1, 3.0)])
    assert [prices(page) for page in read(5, 7, 20)] == [[(1, 3.0)]]
    assert [prices(page) for page in read(5, 2, 3)] == [[]]


def test_the_newest_book(write, read):
    levels = [[[9.0, 8.0], [1.0, 2.0]], [[9.5, 8.5], [3.0, 4.0]]]
    write(
        "tick_orderbook",
        [(1, 1, "A_USDT", 0), (2, 2, "A_USDT", 1)],
        bids=lambda more: [levels[index] for (index,) in more],
        asks=lambda more: [levels[index] for (index,) in more],
    )
    head, *_ = read(5, None, 10)
    assert head.books.bid_px.tolist() == [[9.5, 8.5]]
    assert head.book_symbols.tolist() == [0]


def test_of_each_kind_the_newest_event_of_both_streams_and_of_everybody(write, read, start):
    def stream(name: str) -> dict:
        return {"stream": name, "cause": "test"}

    write_events(
        write,
        [
            (0.5, 1, "A_USDT", "contract", {"n": 1}),
            (0.5, 2, "A_USDT", "observed_on", stream("books")),
            (1, 3, "A_USDT", "observed_on", stream("trades")),
            (2, 4, "A_USDT", "contract", {"n": 2}),
            (3, 5, "A_USDT", "observed_off", stream("books")),
            (4, 6, "A_USDT", "observed_on", stream("books")),
            (5, 7, "", "entries_blocked", {}),
            (5, 8, "", "command", {"command": "stop"}),
            (6, 9, "B_USDT", "symbol_removed", {}),
            (7, 10, "A_USDT", "book_invalid", {}),
            (8, 11, "C_USDT", "contract", {"n": 3}),
        ],
    )
    write("mark_prices", [(1, 20, "A_USDT", 1.0), (2, 21, "A_USDT", 2.0)],
          fair=lambda more: [fair for (fair,) in more], index=lambda more: [fair for (fair,) in more])  # fmt: skip
    rates = [(1, 30, "A_USDT", 0.1, False), (2, 31, "A_USDT", 0.2, True), (3, 32, "A_USDT", 0.3, False)]
    write("funding_rates", rates, rate=lambda more: [rate for rate, _ in more],
          settled=lambda more: [settled for _, settled in more],
          next_settle_ts=lambda more: pa.array([start + MINUTE] * len(more), pa.timestamp("us", "UTC")))  # fmt: skip
    head, *_ = read(30, None, 31)
    assert [(event.seq, event.symbol, event.kind) for event in head.events] == [
        (3, "A_USDT", "observed_on"),
        (4, "A_USDT", "contract"),
        (21, "A_USDT", "mark"),
        (31, "A_USDT", "funding"),
        (5, "A_USDT", "observed_off"),
        (32, "A_USDT", "funding"),
        (6, "A_USDT", "observed_on"),
        (7, "", "entries_blocked"),
        (9, "B_USDT", "symbol_removed"),
        (10, "A_USDT", "book_invalid"),
    ]
    assert head.events[1].payload == {"n": 2}


def test_nothing_before_is_an_empty_head(write, read, start):
    write_trades(write, [(9, 3, "B_USDT", 3.0, False)])
    (whole,) = read(5, None, 20)
    assert whole.from_ts == start + 5_000_000
    assert prices(whole) == [(1, 3.0)]


def test_a_head_of_many_times_is_read_in_parts(write, read):
    symbols = tuple(f"S{number:03d}_USDT" for number in range(450))
    write_trades(write, [(1 + number / 100, number, name, float(number), False) for number, name in enumerate(symbols)])
    head, *_ = read(60, None, 61, symbols)
    assert head.trades.price.tolist() == list(map(float, range(450)))
    assert head.trade_symbols.tolist() == list(range(450))

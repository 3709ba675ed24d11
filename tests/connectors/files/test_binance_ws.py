"""Raw Binance WebSocket logs: what of them comes on the tape, and when a book is one."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.files.binance_frames import LoggedChange, LoggedSnapshot, read_line
from connectors.files.blocks import NULL, Block, BookBlock, EventBlock, Rejected, TradeBlock
from connectors.files.containers import parts_of
from connectors.files.format import AUTO, ReadOptions
from connectors.files.formats import open_part
from connectors.files.logged_book import LoggedBook
from connectors.files.tape_rows import TapeRows, joined
from connectors.simulated.exchange.recorded_tapes import read_tapes
from operators.tape import Int64

START = 1_700_000_000_000
"""Milliseconds."""
LOGS = ("spot_ethusdt_20240809.gz", "usdm_btcusdt_20240808.gz", "usdm_ethusdt_20240808.gz")

Levels = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Log:
    """A log's rows by kind, each with its numbers on the tape."""

    format: str
    trades: TradeBlock
    trade_seq: Int64
    books: BookBlock | None
    book_seq: Int64
    events: EventBlock | None
    event_seq: Int64
    rejected: tuple[Rejected, ...]
    stepped_back: int

    @property
    def complaints(self) -> list[tuple[int, str, str | None]]:
        return [(entry.line, entry.reason, entry.stream) for entry in self.rejected]

    def tops(self) -> list[tuple[float, float, float]]:
        """When (ms after START), best bid and best ask of each book."""
        assert self.books is not None
        ms = ((self.books.ts - START * 1_000) / 1_000).tolist()
        return list(zip(ms, self.books.bid_px[:, 0].tolist(), self.books.ask_px[:, 0].tolist(), strict=True))


def read_log(path: Path, *, block_bytes: int = 4 << 20, sort: bool = False, symbol: str | None = None) -> Log:
    name, reader = open_part(parts_of(path)[0], AUTO, ReadOptions(symbol))
    tape = TapeRows([reader], symbol=symbol, sort=sort, block_bytes=block_bytes)
    steps = list(tape.steps())

    def of_kind(kind: type[Block]) -> tuple[Any, Int64]:
        found: list[tuple[Any, Int64]] = [(step.block, step.seq) for step in steps if type(step.block) is kind]
        found = [(block, seq) for block, seq in found if len(block)]
        if not found:
            return None, np.zeros(0, np.int64)
        return joined([block for block, _ in found]), np.concatenate([seq for _, seq in found])

    rows = (*of_kind(TradeBlock), *of_kind(BookBlock), *of_kind(EventBlock))
    refused = tuple(entry for step in steps for entry in step.rejected)
    return Log(name, *rows, refused, tape.stepped_back)


def message(stream: str, data: object, at: int | None) -> str:
    text = json.dumps(data if stream == "" else {"stream": stream, "data": data}, separators=(",", ":"))
    # the receiver's clock is half a second slow
    return text if at is None else f"{(START + at - 500) * 1_000_000 + 7} {text}"


def trade(at: int, number: int, price: float, *, maker: bool = False, prefix: bool = True, **more: object) -> str:
    data = {"e": "trade", "E": START + at + 1, "T": START + at, "s": "AB", "t": number, "p": str(price), "q": "2.50"}
    return message("ab@trade", data | {"m": maker} | more, at if prefix else None)


def texts(levels: Levels) -> list[list[str]]:
    return [[str(price), str(quantity)] for price, quantity in levels]


def change(at: int, numbers: tuple[int, int], before: int | None, bids: Levels = (), asks: Levels = ()) -> str:
    """A change of a futures book, or without `before` of a spot book (no arrival time, no transaction time)."""
    data = {"e": "depthUpdate", "E": START + at, "s": "AB", "U": numbers[0], "u": numbers[1]}
    data |= {"b": texts(bids), "a": texts(asks)}
    if before is None:
        return message("ab@depth@100ms", data, None)
    return message("ab@depth@0ms", data | {"E": START + at + 3, "T": START + at, "pu": before}, at)


def ladder(best: float, step: int, quantity: float = 1.0) -> list[tuple[float, float]]:
    return [(best + step * level, quantity) for level in range(12)]


def snapshot(at: int | None, version: int, bid: float, ask: float) -> str:
    data: dict[str, object] = {"lastUpdateId": version}
    if at is not None:
        data |= {"E": START + at + 2, "T": START + at}
    return message("", data | {"bids": texts(ladder(bid, -1)), "asks": texts(ladder(ask, 1))}, at)


FUTURES = (
    trade(0, 70, 100.5),
    change(10, (5, 9), 4, bids=[(90, 3)]),
    change(40, (15, 20), 9, bids=[(100.5, 4)]),
    snapshot(30, 12, 100, 101),
    trade(60, 71, 100.5, maker=True),
    change(80, (22, 30), 20, asks=[(101, 0)]),
    change(110, (31, 34), 30, bids=[(100.5, 0)]),
    trade(160, 72, 101.0),
    change(170, (35, 35), 34, bids=[(50, 1)]),
    change(400, (36, 40), 35, bids=[(100, 9)]),
    change(420, (60, 61), 55, bids=[(100.9, 9)]),
    trade(430, 73, 101.0),
    change(440, (62, 63), 61, bids=[(100.7, 9)]),
    snapshot(435, 61, 100, 102),
    trade(600, 74, 101.0),
)


def write(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_a_futures_log_becomes_trades_and_books(tmp_path: Path) -> None:
    log = read_log(write(tmp_path / "log", FUTURES))
    assert log.format == "binance-ws"
    assert log.rejected == ()
    trades = log.trades
    assert trades.trade_id.tolist() == [70, 71, 72, 73, 74]
    assert trades.side.tolist() == [1, -1, 1, 1, 1]
    assert trades.quantity.tolist() == [2.5] * 5
    assert ((trades.exchange_ts - START * 1_000) // 1_000).tolist() == [0, 60, 160, 430, 600]
    assert trades.received_ts[0] == (START - 500) * 1_000
    assert {trades.symbols[code] for code in trades.symbol_codes.tolist()} == {"AB"}


def test_books_begin_with_a_snapshot_and_end_with_a_gap(tmp_path: Path) -> None:
    log = read_log(write(tmp_path / "log", FUTURES))
    # the snapshot is known when the log has come to 40 ms; changes at 80 and 110 ms wait until 140; the one at 170
    # lies below the best ten; at 420 one is missing, so the change at 440 waits for the snapshot after it
    assert log.tops() == [(40, 100.5, 101), (140, 100, 102), (400, 100, 102), (500, 100.7, 102)]
    books = log.books
    assert books is not None
    assert books.bid_px.shape == (4, 10)
    assert books.bid_px[0].tolist() == [100.5, *range(100, 91, -1)]
    assert books.bid_qty[0].tolist() == [4, *[1] * 9]
    assert books.bid_qty[2, 0] == 9
    assert ((books.exchange_ts - START * 1_000) // 1_000).tolist() == [40, 110, 400, 440]
    assert books.received_ts[1] == (START + 110 - 500) * 1_000
    events = log.events
    assert events is not None
    assert events.kind.tolist() == ["book_invalid"]
    assert json.loads(events.payload[0]) == {"cause": "book: a change is missing before it"}
    assert events.ts.tolist() == [(START + 420) * 1_000]


def test_books_trades_and_events_are_numbered_as_the_lines_came(tmp_path: Path) -> None:
    log = read_log(write(tmp_path / "log", FUTURES))
    assert log.trade_seq.tolist() == [0, 2, 4, 7, 9]
    assert log.book_seq.tolist() == [1, 3, 5, 8]
    assert log.event_seq.tolist() == [6]
    assert log.stepped_back == 0


@pytest.mark.parametrize("block_bytes", [64, 700, 5_000])
@pytest.mark.parametrize("sort", [False, True])
def test_neither_blocks_nor_sorting_change_the_tape(
    block_bytes: int, sort: bool, tmp_path: Path, assert_same: Callable[[Block, Block], None]
) -> None:
    file = write(tmp_path / "log", FUTURES)
    whole, pieces = read_log(file), read_log(file, block_bytes=block_bytes, sort=sort)
    for one, two in ((whole.trades, pieces.trades), (whole.books, pieces.books), (whole.events, pieces.events)):
        assert one is not None
        assert two is not None
        assert_same(one, two)
    assert whole.trade_seq.tolist() == pieces.trade_seq.tolist()
    assert whole.book_seq.tolist() == pieces.book_seq.tolist()
    assert whole.event_seq.tolist() == pieces.event_seq.tolist()


def test_a_spot_log_may_begin_with_its_snapshot_and_need_no_times_of_arrival(tmp_path: Path) -> None:
    lines = [
        snapshot(None, 8, 100, 101),
        change(0, (6, 8), None, bids=[(100.5, 1)]),
        change(100, (9, 11), None, bids=[(100.25, 1)]),
        change(200, (12, 12), None, bids=[(100.25, 0)]),
        trade(210, 1, 101, prefix=False),
        change(300, (14, 15), None, bids=[(100.25, 1)]),
    ]
    log = read_log(write(tmp_path / "log", lines))
    assert log.tops() == [(0, 100, 101), (100, 100.25, 101), (200, 100, 101)]
    assert log.books is not None
    assert set(log.books.received_ts.tolist()) == {NULL}
    assert log.complaints == [(6, "no book: no snapshot joins the 1 changes of AB from here on", "books")]
    assert log.events is not None
    assert len(log.events) == 1


def test_changes_without_a_snapshot_are_no_book(tmp_path: Path) -> None:
    lines = [change(at, (at, at), None, bids=[(100, 1)], asks=[(101, 1)]) for at in range(1, 5)]
    log = read_log(write(tmp_path / "log", [*lines, trade(9, 1, 100)]))
    assert log.books is None
    assert log.events is None
    assert log.complaints == [(1, "no book: no snapshot joins the 4 changes of AB from here on", "books")]


def test_a_snapshot_that_is_too_old_makes_no_book(tmp_path: Path) -> None:
    lines = [change(1, (5, 6), None), snapshot(2, 3, 100, 101), trade(9, 1, 100), snapshot(10, 6, 100, 101)]
    log = read_log(write(tmp_path / "log", lines))
    assert log.tops() == [(9, 100, 101)]
    assert log.complaints == [(2, "a snapshot that makes no book: older than the first change that is held", "books")]


def test_a_snapshot_must_be_of_the_logs_only_symbol(tmp_path: Path) -> None:
    other = change(2, (1, 2), None).replace("AB", "CD").replace("ab@", "cd@")
    log = read_log(write(tmp_path / "log", [change(1, (1, 2), None), other, snapshot(3, 2, 100, 101), trade(9, 1, 9)]))
    assert log.books is None
    assert log.complaints[0] == (3, "a snapshot that does not say which of the log's symbols it is of", "books")


def test_the_best_prices_alone_are_no_book(tmp_path: Path) -> None:
    ticker = message("ab@bookTicker", {"u": 1, "s": "AB", "b": "1", "B": "1", "a": "2", "A": "1"}, 5)
    log = read_log(write(tmp_path / "log", [ticker, trade(9, 1, 9), ticker]))
    assert log.books is None
    assert log.rejected == ()


def test_pushed_best_levels_are_books(tmp_path: Path) -> None:
    spot = {"lastUpdateId": 5, "bids": texts([(1, 2)]), "asks": texts([(2, 2)])}
    futures = {"e": "depthUpdate", "E": START + 301, "T": START + 300, "s": "AB", "U": 6, "u": 9, "pu": 2}
    futures |= {"b": texts([(1.5, 2)]), "a": texts([(2, 2)])}
    crossed = futures | {"T": START + 500, "u": 10, "b": texts([(3, 1)])}
    lines = [
        trade(0, 1, 9),
        message("ab@depth5@100ms", spot, 5),
        message("ab@depth5", futures, 9),
        message("ab@depth5", crossed, 9),
    ]
    log = read_log(write(tmp_path / "log", lines))
    assert log.tops() == [(0, 1, 2), (300, 1.5, 2)]
    assert log.books is not None
    assert np.isnan(log.books.bid_px[:, 1:]).all()
    assert log.events is not None
    assert json.loads(log.events.payload[0]) == {"cause": "book: bids and asks have met"}


def test_of_trades_and_aggregated_trades_those_that_come_first_are_read(tmp_path: Path) -> None:
    whole = {"e": "aggTrade", "E": START, "T": START, "s": "AB", "a": 7, "p": "9", "q": "1", "m": True}
    aggregated = message("ab@aggTrade", whole, 0)
    one = read_log(write(tmp_path / "1", [aggregated, trade(1, 1, 9), aggregated.replace('"a":7', '"a":8')]))
    two = read_log(write(tmp_path / "2", [trade(1, 1, 9), aggregated, trade(2, 2, 9)]))
    assert one.trades.trade_id.tolist() == [7, 8]
    assert two.trades.trade_id.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("line", "reason", "stream"),
    [
        ("1700 {}", "'1700' is no time of arrival and no JSON object", "websocket"),
        ("nonsense", "'nonsense' is no time of arrival and no JSON object", "websocket"),
        (trade(1, 1, 9)[:-9], "no JSON: Input data was truncated", "websocket"),
        (trade(1, 1, 0), "price 0 is not a finite number above zero", "trades"),
        (trade(1, 1, 9, q="nan"), "quantity nan is not a finite number above zero", "trades"),
        (trade(1, 1, 9, p="x"), "Expected `float`, got `str` - at `$.p`", "trades"),
        (trade(1, 1, 9, T=5), "time 5 is not in the years 2009 to 2100", "trades"),
        (trade(1, 1, 9, X="ADL"), "no trade of the order book: its kind (X) is ADL", "trades"),
        (trade(1, 1, 9, s=" "), "no symbol", "trades"),
        (change(1, (5, 4), None), "the numbers of the change go backwards, from 5 to 4", "books"),
        (change(1, (5, 6), None, [(1, -2)]), "a level with price 1 and quantity -2", "books"),
        (change(1, (5, 6), None).replace('"u":6,', ""), "Object missing required field `u`", "books"),
    ],
)
def test_a_line_that_cannot_be_meant_is_rejected_with_its_number(
    line: str, reason: str, stream: str, tmp_path: Path
) -> None:
    log = read_log(write(tmp_path / "log", [trade(0, 70, 9), "", line, trade(2, 71, 9)]))
    assert log.complaints == [(3, reason, stream)]
    assert log.rejected[0].raw == line
    assert log.trades.trade_id.tolist() == [70, 71]


def test_answers_and_other_streams_are_passed_over(tmp_path: Path) -> None:
    lines = [message("", {"result": None, "id": 1}, 0), message("ab@markPrice", {"e": "markPriceUpdate"}, 1)]
    log = read_log(write(tmp_path / "log", [*lines, trade(5, 1, 9)]))
    assert log.rejected == ()
    assert len(log.trades) == 1


def test_a_log_in_any_container_can_be_renamed(packed: Callable[[str, str], Path]) -> None:
    log = read_log(packed("log", "\n".join(FUTURES)), symbol="OTHER")
    assert log.trades.symbols == ("OTHER",)
    assert log.books is not None
    assert log.books.symbols == ("OTHER",)
    assert len(log.books) == 4


def test_a_log_is_a_recorded_tape_with_its_books(tmp_path: Path) -> None:
    (tape,) = read_tapes([write(tmp_path / "log", FUTURES)])
    assert tape.symbol == "AB"
    assert len(tape.trades) == 5
    assert tape.books is not None
    assert tape.books.seq.tolist() == [1, 3, 5, 8]
    assert (tape.contract.price_unit, tape.contract.contract_size) == (0.1, 0.1)
    assert not set(tape.trades.seq.tolist()) & set(tape.books.seq.tolist())


def real(shared: Path, name: str) -> Path:
    path = shared / "binance_ws" / name
    if not path.is_file():
        pytest.skip("the sample logs are not here")
    return path


@pytest.mark.parametrize(
    ("name", "trades", "books", "rejected"),
    [(LOGS[0], 8_409, 0, 1), (LOGS[1], 21_313, 2_144, 1), (LOGS[2], 14_076, 3_410, 0)],
)
def test_real_logs_make_sound_books(shared: Path, name: str, trades: int, books: int, rejected: int) -> None:
    log = read_log(real(shared, name))
    assert len(log.trades) == trades
    assert len(np.unique(log.trades.trade_id)) == trades
    assert len(log.rejected) == rejected
    assert len(log.book_seq) == books
    if log.books is None:
        return
    bid, ask = log.books.bid_px, log.books.ask_px
    assert np.all(bid[:, 0] < ask[:, 0])
    assert np.all(np.diff(bid, axis=1) < 0)
    assert np.all(np.diff(ask, axis=1) > 0)
    assert not np.isnan(log.books.bid_qty).any()
    # trades come one at a time, books every 100 ms: a price lies between the best ones before and after it
    at = np.searchsorted(log.book_seq, log.trade_seq) - 1
    end = log.event_seq[0] if len(log.event_seq) else np.inf
    known = (at >= 0) & (at < books - 1) & (log.trade_seq < end)
    at, price = at[known], log.trades.price[known]
    inside = (price >= np.minimum(bid[at, 0], bid[at + 1, 0])) & (price <= np.maximum(ask[at, 0], ask[at + 1, 0]))
    assert inside.mean() > 0.85


@pytest.mark.parametrize("name", LOGS[1:])
def test_real_books_have_the_best_prices_that_the_exchange_tells(shared: Path, name: str) -> None:
    book: LoggedBook | None = None
    told: list[tuple[int, float, float]] = []
    found: list[tuple[int, float | None, float | None]] = []
    with gzip.open(real(shared, name)) as stream:
        for number, line in enumerate(stream):
            _, frame = read_line(line)
            if isinstance(frame, LoggedChange):
                book = book or LoggedBook(frame.delta.symbol)
                book.on_change(frame, NULL, number, line)
                if book.book.synced:
                    found.append((book.book.version, book.book.best_bid, book.book.best_ask))
            elif isinstance(frame, LoggedSnapshot) and book is not None and frame.us is not None:
                book.on_snapshot(frame.full, frame.us, NULL)
            elif b"@bookTicker" in line:
                data = json.loads(line.partition(b" ")[2])["data"]
                told.append((data["u"], float(data["b"]), float(data["a"])))
    # the newest best prices of the other stream that are not newer than the book
    at = np.searchsorted([number for number, *_ in told], [version for version, *_ in found], side="right") - 1
    same = [told[row][1:] == tuple(best) for row, (_, *best) in zip(at.tolist(), found, strict=True) if row >= 0]
    assert len(same) > 3_000
    assert np.mean(same) > 0.99

"""What a session has stored, held against what the exchange says has really happened.

The tests here run whole programs: this compares the rows of a session with the truth log of the simulated exchange
that it recorded, row by row, without any code of the collector.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from connectors.questdb import arrow
from connectors.questdb.database import Database
from connectors.questdb.literals import text
from connectors.simulated.exchange.truth_reader import Truth

TRADES: Final = "trades"
BOOKS: Final = "books"
TABLES: Final = ("tick_prices", "tick_orderbook", "tape_events", "data_gaps", "dead_letters", "collection_counters")
_CLOSE: Final = 1e-9
_DETAIL_LAG_MS: Final = 10_000
_EXAMPLES: Final = 5
_ON_ITS_WAY_US: Final = 1_000_000


class Span(NamedTuple):
    """A stretch of exchange time in µs, both ends included."""

    start: int
    end: int


@dataclass(slots=True)
class Comparison:
    """What was found. The lists are what must be empty; their entries say symbol, time and what is wrong.

    `recorded` and `in_gaps` count true trades of the session's time: stored, or missing in a recorded gap. A trade
    that is stored though it happened in a gap (fetched afterwards) counts as recorded.
    """

    true_trades: int = 0
    recorded: int = 0
    in_gaps: int = 0
    on_time: int = 0
    """Rows of trades that replays see; `late` are the others."""
    late: int = 0
    books: int = 0
    books_in_gaps: int = 0
    gaps: int = 0
    gap_seconds: float = 0.0
    causes: Counter[str] = field(default_factory=Counter)
    invented: list[str] = field(default_factory=list)
    """Stored trades that never happened."""
    duplicated: list[str] = field(default_factory=list)
    """Trades that are stored more than once."""
    wrong_trades: list[str] = field(default_factory=list)
    """Stored under the id of a trade with another price, size, side or time."""
    missing: list[str] = field(default_factory=list)
    """Trades that are not stored though no gap says so."""
    wrong_books: list[str] = field(default_factory=list)
    """Stored books, outside of gaps, that differ from the exchange's at that version."""
    stale_books: list[str] = field(default_factory=list)
    """Changes of the best levels, outside of gaps, after which no book was stored in time."""
    disorder: list[str] = field(default_factory=list)
    """Rows of the tape with the same number, or numbers that do not grow with the tape's time."""

    @property
    def faults(self) -> dict[str, list[str]]:
        """What must be empty and is not, with a few examples each."""
        names = ("invented", "duplicated", "wrong_trades", "missing", "wrong_books", "stale_books", "disorder")
        found = {name: getattr(self, name) for name in names if getattr(self, name)}
        return {name: [f"{len(rows)} in all", *rows[:_EXAMPLES]] for name, rows in found.items()}

    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.true_trades:,} trades happened: {self.recorded:,} stored ({self.late:,} of them late), "
            f"{self.in_gaps:,} missing in gaps, {len(self.missing):,} missing elsewhere, "
            f"{len(self.invented):,} invented, "
            f"{len(self.duplicated):,} doubled, {len(self.wrong_trades):,} wrong; {self.books:,} books "
            f"({self.books_in_gaps:,} in gaps), {len(self.wrong_books):,} wrong, {len(self.stale_books):,} stale; "
            f"{self.gaps:,} gaps of {self.gap_seconds:.1f} s in all: {dict(self.causes)}"
        )


def compare(
    database: Database,
    session_id: str,
    truth_folder: Path,
    *,
    check_times: bool = True,
    check_sides: bool = True,
    book_delay_us: int = 5_000_000,
) -> Comparison:
    """Compare everything that a session has stored with the log of its exchange.

    A trade must be stored if it happened while its stream was observed, from the first `observed_on` to the last
    `observed_off`, and not in a gap. Where the exchange told wrong times or sides (a fault), those are not compared.
    `book_delay_us` of exchange time may pass until a change of the best levels is stored: the exchange gathers changes
    for 200 ms, the collector for `--book-interval`, both wait for their turn, and a faster clock multiplies that.
    """
    database.wait_applied(*TABLES)
    truth = Truth(truth_folder)
    found = Comparison()
    levels = int(json.loads(_config(database, session_id))["book_levels"])
    gaps, periods = _gaps(database, session_id, found), _periods(database, session_id)
    trades, books = _stored_trades(database, session_id), _stored_books(database, session_id)
    for symbol in truth.symbols:
        sizes = _Sizes(truth, symbol)
        stream = _Stream(symbol, gaps.get((symbol, TRADES), ()), periods.get((symbol, TRADES)))
        _compare_trades(found, truth, stream, sizes, trades.get(symbol, []), check_times, check_sides)
        stream = _Stream(symbol, gaps.get((symbol, BOOKS), ()), periods.get((symbol, BOOKS)))
        _compare_books(found, truth, stream, sizes, books.get(symbol), levels, book_delay_us)
    for symbol in sorted(set(trades) - set(truth.symbols)):
        found.invented += [f"{symbol}: the exchange has no such symbol"] * len(trades[symbol])
    _check_order(found, database, session_id)
    return found


class _StoredTrade(NamedTuple):
    number: int | None
    ms: int
    price: float
    volume: float
    side: int
    late: bool


class _StoredBooks(NamedTuple):
    """Of one symbol, in tape order; the sides are `[rows, levels]`."""

    ts: Sequence[int]
    version: Sequence[int]
    exchange_us: Sequence[int]
    bids: tuple[Any, Any]
    asks: tuple[Any, Any]


class _Stream:
    """When one stream of a symbol was observed."""

    def __init__(self, symbol: str, gaps: Sequence[Span], period: Span | None) -> None:
        self.symbol = symbol
        self.period = period
        self._gaps = sorted(gaps)

    def is_gap(self, at: int, until: int | None = None) -> bool:
        """Whether any of this time lies in a recorded gap (µs, ends included)."""
        return any(gap.start <= (at if until is None else until) and at <= gap.end for gap in self._gaps)

    def is_observed(self, at: int) -> bool:
        return self.period is not None and self.period.start <= at <= self.period.end and not self.is_gap(at)


class _Sizes:
    """Base coins per contract of a symbol, over time."""

    def __init__(self, truth: Truth, symbol: str) -> None:
        self.inverse = symbol.endswith("_USD")
        self._sizes = [(0, float(truth.details[symbol]["contractSize"]))]
        for each in truth.happenings("contract"):
            if each["symbol"] == symbol:
                self._sizes.append((each["ms"], float(each["detail"]["contractSize"])))

    def possible(self, ms: int) -> list[float]:
        """What the contract is worth now, and where that has just changed what it was worth before."""
        known = [row for row in self._sizes if row[0] <= ms]
        sizes = [known[-1][1]]
        for (_, before), (since, _) in pairwise(known):
            if ms - since < _DETAIL_LAG_MS:
                sizes.append(before)
        return sizes

    def contracts(self, ms: int, volume: float, price: float) -> list[float]:
        """How many contracts a stored quantity may be."""
        return [(volume * price if self.inverse else volume) / size for size in self.possible(ms)]


def _compare_trades(
    found: Comparison,
    truth: Truth,
    stream: _Stream,
    sizes: _Sizes,
    stored: Sequence[_StoredTrade],
    check_times: bool,
    check_sides: bool,
) -> None:
    symbol = stream.symbol
    deals = {row["deal_id"].item(): row for row in truth.table("deals", symbol)}
    taken: Counter[int] = Counter()
    unnumbered: list[_StoredTrade] = []
    for trade in stored:
        found.late += trade.late
        found.on_time += not trade.late
        if trade.number is None:
            unnumbered.append(trade)
        elif trade.number in deals:
            deal = deals[trade.number]
            taken[trade.number] += 1
            right = trade.price == deal["price"] and _is_near(
                sizes.contracts(trade.ms, trade.volume, trade.price), deal
            )
            right &= trade.ms == deal["ms"] or not check_times
            right &= trade.side == _side(deal) or not check_sides
            if not right:
                found.wrong_trades.append(f"{symbol}: stored {trade}, true {deal}")
        else:
            found.invented.append(f"{symbol}: {trade}")
    _match_unnumbered(found, symbol, sizes, deals, unnumbered, taken)
    for number, count in taken.items():
        if count > 1:
            found.duplicated += [f"{symbol}: {count} times {deals[number]}"] * (count - 1)
    period = stream.period
    if period is None:
        return
    for number, deal in deals.items():
        at = int(deal["ms"]) * 1_000
        if not period.start <= at <= period.end:
            continue
        found.true_trades += 1
        if number in taken:
            found.recorded += 1
        elif stream.is_gap(at):
            found.in_gaps += 1
        else:
            found.missing.append(f"{symbol}: {deal} at {at}")


def _match_unnumbered(
    found: Comparison,
    symbol: str,
    sizes: _Sizes,
    deals: dict[int, Any],
    trades: Iterable[_StoredTrade],
    taken: Counter[int],
) -> None:
    """Trades without an id: each is one that looks like it and is not stored yet."""
    looks: dict[tuple[int, float, int], list[int]] = defaultdict(list)
    for number, deal in deals.items():
        looks[int(deal["ms"]), float(deal["price"]), _side(deal)].append(number)
    for trade in trades:
        contracts = sizes.contracts(trade.ms, trade.volume, trade.price)
        alike = [number for number in looks[trade.ms, trade.price, trade.side] if _is_near(contracts, deals[number])]
        free = [number for number in alike if not taken[number]]
        if free or alike:
            taken[(free or alike)[0]] += 1
        else:
            found.invented.append(f"{symbol}: {trade}")


def _side(deal: Any) -> int:
    return 1 if deal["taker"] == 1 else -1


def _is_near(contracts: Iterable[float], deal: Any) -> bool:
    return any(math.isclose(each, deal["contracts"], rel_tol=_CLOSE) for each in contracts)


class _Side:
    """One side of the true book, best first when read; `sign` 1 for bids, −1 for asks."""

    def __init__(self, levels: Iterable[tuple[float, int]], sign: float) -> None:
        self._sign = sign
        self._sizes = {price * sign: size for price, size in levels}
        self._keys = sorted(self._sizes)

    def set(self, price: float, contracts: int) -> None:
        key = price * self._sign
        if contracts:
            if key not in self._sizes:
                insort(self._keys, key)
            self._sizes[key] = contracts
        elif self._sizes.pop(key, None) is not None:
            del self._keys[bisect_left(self._keys, key)]

    def best(self, levels: int) -> tuple[tuple[float, int], ...]:
        return tuple((key * self._sign, self._sizes[key]) for key in self._keys[: -levels - 1 : -1])


def _true_books(truth: Truth, symbol: str, levels: int) -> Iterator[tuple[int, int, Any]]:
    """(version, ms, best levels of both sides) after every change, from the market's beginning."""
    opening = truth.opening(symbol)
    bids = _Side([(level.price, level.contracts) for level in opening.bids], 1.0)
    asks = _Side([(level.price, level.contracts) for level in opening.asks], -1.0)
    top = (bids.best(levels), asks.best(levels))
    yield opening.version, opening.ms, top
    changes = truth.table("changes", symbol)
    columns = (changes[name].tolist() for name in ("version", "ms", "is_bid", "price", "contracts"))
    for version, ms, is_bid, price, contracts in zip(*columns, strict=True):
        side = bids if is_bid else asks
        side.set(price, contracts)
        best = side.best(levels)
        top = (best, top[1]) if is_bid else (top[0], best)
        yield version, ms, top


def _compare_books(
    found: Comparison,
    truth: Truth,
    stream: _Stream,
    sizes: _Sizes,
    stored: _StoredBooks | None,
    levels: int,
    delay_us: int,
) -> None:
    """Each stored book must be the true one of its version, and no change of the true one may wait for too long."""
    if stored is None or stream.period is None:
        return
    symbol = stream.symbol
    rows = list(zip(stored.version, stored.ts, stored.exchange_us, range(len(stored.ts)), strict=True))
    found.books += len(rows)
    by_version: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for version, ts, exchange_us, row in rows:
        by_version[version].append((ts, exchange_us, row))
    changed_ms: list[int] = []
    changed_versions: list[int] = []
    before: Any = None
    seen: set[int] = set()
    for version, ms, top in _true_books(truth, symbol, levels):
        if top != before:
            changed_ms.append(ms)
            changed_versions.append(version)
            before = top
        for ts, _, row in by_version.get(version, ()):
            seen.add(row)
            if stream.is_gap(ts):
                found.books_in_gaps += 1
            elif not _is_book(stored, row, top, sizes, ms):
                found.wrong_books.append(f"{symbol}: version {version} at {ts} (row {row}), true {top}")
    for version, ts, _, row in rows:
        if row not in seen and not stream.is_gap(ts):
            found.wrong_books.append(f"{symbol}: version {version} at {ts} was never there")
    _find_stale(found, stream, rows, changed_ms, changed_versions, delay_us)


def _find_stale(
    found: Comparison,
    stream: _Stream,
    rows: Sequence[tuple[int, int, int, int]],
    changed_ms: Sequence[int],
    changed_versions: Sequence[int],
    delay_us: int,
) -> None:
    """The first change after each stored book must be followed by a newer book, soon."""
    period = stream.period
    if period is None:
        return
    for place, (version, ts, _, _) in enumerate(rows):
        change = bisect_left(changed_versions, version + 1)
        if change == len(changed_versions):
            continue
        due = max(changed_ms[change] * 1_000, ts) + delay_us
        following = rows[place + 1][1] if place + 1 < len(rows) else math.inf
        if following <= due or due > period.end or stream.is_gap(ts, due):
            continue
        found.stale_books.append(
            f"{stream.symbol}: version {version} at {ts} stood until {following}, changed at {changed_ms[change]} ms"
        )


def _is_book(stored: _StoredBooks, row: int, top: Any, sizes: _Sizes, ms: int) -> bool:
    return any(
        all(
            _is_side(prices[row], quantities[row], levels, size, sizes.inverse)
            for (prices, quantities), levels in zip((stored.bids, stored.asks), top, strict=True)
        )
        for size in sizes.possible(ms)
    )


def _is_side(prices: Any, quantities: Any, levels: Sequence[tuple[float, int]], size: float, inverse: bool) -> bool:
    count = int(np.isfinite(prices).sum())
    if count != len(levels) or np.isfinite(prices[count:]).any():
        return False
    for price, quantity, (true_price, contracts) in zip(prices.tolist(), quantities.tolist(), levels, strict=False):
        base = contracts * size / true_price if inverse else contracts * size
        if price != true_price or not math.isclose(quantity, base, rel_tol=_CLOSE):
            return False
    return True


def _stored_trades(database: Database, session_id: str) -> dict[str, list[_StoredTrade]]:
    trades: dict[str, list[_StoredTrade]] = defaultdict(list)
    for symbol, number, at, price, volume, side, late in database.query(
        "SELECT symbol, trade_id, exchange_ts::long, price, volume, side, late FROM tick_prices "
        "WHERE session_id = %s ORDER BY timestamp, seq",
        (session_id,),
    ):
        trades[symbol].append(_StoredTrade(number, at // 1_000, price, volume, side, late))
    return trades


def _stored_books(database: Database, session_id: str) -> dict[str, _StoredBooks]:
    rows = database.export(
        "SELECT timestamp, symbol, seq, version, exchange_ts, bids, asks FROM tick_orderbook "
        f"WHERE session_id = {text(session_id)} ORDER BY timestamp, seq"
    )
    if not len(rows):
        return {}
    names = np.array(rows["symbol"].to_pylist())
    ts, seq = arrow.micros(rows["timestamp"]), arrow.integers(rows["seq"])
    version, exchange_us = arrow.integers(rows["version"]), arrow.micros(rows["exchange_ts"])
    bids, asks = arrow.levels(rows["bids"]), arrow.levels(rows["asks"])
    books = {}
    for symbol in sorted(set(names.tolist())):
        mine = np.flatnonzero(names == symbol)
        mine = mine[np.lexsort((seq[mine], ts[mine]))]
        books[symbol] = _StoredBooks(
            ts[mine].tolist(),
            version[mine].tolist(),
            exchange_us[mine].tolist(),
            (bids[0][mine], bids[1][mine]),
            (asks[0][mine], asks[1][mine]),
        )
    return books


def _config(database: Database, session_id: str) -> str:
    rows = database.query("SELECT config FROM data_collection_sessions WHERE session_id = %s LIMIT -1", (session_id,))
    return str(rows[0][0])


def _gaps(database: Database, session_id: str, found: Comparison) -> dict[tuple[str, str], list[Span]]:
    gaps: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for symbol, stream, start, end, cause in database.query(
        "SELECT symbol, stream, timestamp::long, end_ts::long, cause FROM data_gaps WHERE session_id = %s",
        (session_id,),
    ):
        gaps[symbol, stream].append(Span(start, 2**62 if end is None else end))
        found.gaps += 1
        found.causes[cause] += 1
        found.gap_seconds += 0.0 if end is None else (end - start) / 1e6
    return gaps


def _periods(database: Database, session_id: str) -> dict[tuple[str, str], Span]:
    """From the first to the last moment at which each stream was observed; where the session did not say that it ended,
    that is the end of its tape, but for what may have been on its way to it then."""
    tape_end = max(
        database.query(f"SELECT max(timestamp)::long FROM {table} WHERE session_id = %s", (session_id,))[0][0] or 0
        for table in ("tick_prices", "tick_orderbook", "mark_prices")
    )
    rate = float(json.loads(_config(database, session_id))["clock_rate"])
    periods: dict[tuple[str, str], Span] = {}
    for symbol, kind, payload, at in database.query(
        "SELECT symbol, kind, payload, timestamp::long FROM tape_events WHERE session_id = %s "
        "AND kind IN ('observed_on', 'observed_off') ORDER BY timestamp, seq",
        (session_id,),
    ):
        key = (symbol, json.loads(payload)["stream"])
        if kind == "observed_on":
            start = periods[key].start if key in periods else at
            periods[key] = Span(start, max(tape_end - round(rate * _ON_ITS_WAY_US), start))
        elif key in periods:
            periods[key] = Span(periods[key].start, at)
    return periods


def _check_order(found: Comparison, database: Database, session_id: str) -> None:
    """Numbers are unique and grow with the tape's time, over all tables of the tape."""
    rows: list[tuple[int, int, str]] = []
    for table, condition in (
        ("tick_prices", " AND NOT late"),
        ("tick_orderbook", ""),
        ("tape_events", ""),
        ("funding_rates", ""),
        ("mark_prices", ""),
    ):
        rows += [
            (ts, seq, table)
            for ts, seq in database.query(
                f"SELECT timestamp::long, seq FROM {table} WHERE session_id = %s{condition}", (session_id,)
            )
        ]
    rows.sort()
    for (ts, seq, table), (later, after, other) in pairwise(rows):
        if after <= seq:
            found.disorder.append(f"{table} {ts} has number {seq}, {other} {later} has {after}")

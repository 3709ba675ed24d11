"""Raw logs of Binance's WebSocket streams: trades, and order books rebuilt from their changes.

A log has every message as it came, one a line. Read are `trade`, `aggTrade`, `depth` (changes), `depth5`, `depth10`,
`depth20` (whole best levels), and snapshots that were asked for over REST; other streams are passed over.

Changes alone are no book: there is one from the first snapshot on that they join, and none after a gap in their numbers
until the next. Best prices (`bookTicker`) are no book either: nothing is known about what lies behind them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from connectors.files.binance_frames import (
    LogFrame,
    LoggedBest,
    LoggedChange,
    LoggedSnapshot,
    LoggedTrade,
    UnreadableLine,
    read_line,
)
from connectors.files.blocks import Reading, rejected
from connectors.files.containers import OnBytes, Part, ignore_bytes
from connectors.files.format import ReadOptions
from connectors.files.lines import BLOCK_BYTES, line_blocks
from connectors.files.log_rows import LogRows
from connectors.files.logged_book import INTERVAL_US, LoggedBook
from connectors.files.sample import Sample
from connectors.mexc.book import Seed
from operators.tape import BOOKS_STREAM, TRADES_STREAM

_SAMPLED_LINES: Final = 64
_MOST_EARLY: Final = 16
"""Snapshots that are kept until the first change follows."""
_LONG_SNAPSHOT: Final = re.compile(r'(\d+ )?\{"lastUpdateId":')


@dataclass(frozen=True, slots=True)
class BinanceWs:
    """Logs of spot and USDⓈ-M futures streams, with or without the time of arrival before each message."""

    name: str = "binance-ws"
    description: str = "raw Binance WebSocket logs: trades, and depth rebuilt to books"

    def detect(self, sample: Sample) -> bool:
        """One of the first lines is a message of Binance, or the only one the beginning of a snapshot."""
        if sample.schema is not None or not sample.lines:
            return False
        return bool(_LONG_SNAPSHOT.match(sample.lines[0])) or next(_frames(sample.lines), None) is not None

    def open(self, sample: Sample, options: ReadOptions) -> LogReader:
        """Symbols are used as they are unless one is given."""
        changes = (frame for frame in _frames(sample.lines) if isinstance(frame, LoggedChange))
        return LogReader(sample.part, frozenset(change.delta.symbol for change in changes))


@dataclass(frozen=True, slots=True)
class LogReader:
    """A log, ready to be read: see `connectors.files.format.PartReader`. `expected` are symbols with changes in it."""

    part: Part
    expected: frozenset[str]

    @property
    def streams(self) -> tuple[str, ...]:
        """Both, though a log may turn out to have only one."""
        return TRADES_STREAM, BOOKS_STREAM

    @property
    def symbols(self) -> tuple[str, ...] | None:
        """Only the lines tell."""
        return None

    def readings(self, on_bytes: OnBytes = ignore_bytes, block_bytes: int = BLOCK_BYTES) -> Iterator[Reading]:
        """Everything in the part, in order."""
        log = _Log(self.expected)
        with self.part.open(on_bytes) as stream:
            for block in line_blocks(stream, self.part.label, block_bytes=block_bytes):
                for line, text in enumerate(block.lines(), block.first_line):
                    log.take(line, text)
                yield log.rows.harvest()
        log.finish()
        yield log.rows.harvest()


class _Log:
    """The state of a log while it is read line by line. Time is the newest exchange time of any line so far."""

    def __init__(self, expected: Iterable[str]) -> None:
        self.rows = LogRows()
        self._books: dict[str, LoggedBook] = {}
        self._changing = set(expected)
        self._waiting: dict[str, LoggedBook] = {}
        self._kinds: dict[tuple[str, str], str] = {}
        self._early: list[tuple[int, LoggedSnapshot, int, bytes]] = []
        self._now_us = 0

    def take(self, line: int, text: bytes) -> None:
        """Take the next line."""
        if not text or text.isspace():
            return
        try:
            received_us, frame = read_line(text)
        except UnreadableLine as error:
            self.rows.add_rejected(rejected(line, str(error), text, error.us, error.stream))
            return
        if frame is None:
            return
        if not isinstance(frame, LoggedSnapshot) and frame.us is not None and frame.us > self._now_us:
            # what has been waiting was so before this line
            self._now_us = frame.us
            self._write_due(line)
        match frame:
            case LoggedTrade():
                if self._is_read(frame.symbol, TRADES_STREAM, frame.kind):
                    self.rows.add_trade(line, frame, received_us)
            case LoggedChange():
                self._take_change(line, frame, received_us, text)
            case LoggedBest():
                self._take_best(line, frame, received_us)
            case LoggedSnapshot():
                self._early.append((line, frame, received_us, text))
                self._take_snapshots(line)
                if len(self._early) > _MOST_EARLY:
                    self._reject_early(1)
        self._write_due(line)

    def finish(self) -> None:
        """The log is over: tell of changes that no snapshot has made a book of."""
        self._reject_early(len(self._early))
        for book in self._books.values():
            if (left := book.unjoined) is not None and left.count:
                reason = f"no book: no snapshot joins the {left.count:,} changes of {book.symbol} from here on"
                self.rows.add_rejected(rejected(left.line, reason, left.raw, left.us, BOOKS_STREAM))

    def _reject_early(self, count: int) -> None:
        for line, snapshot, _, text in self._early[:count]:
            reason = "a snapshot without changes that follow it"
            self.rows.add_rejected(rejected(line, reason, text, snapshot.us, BOOKS_STREAM))
        del self._early[:count]

    def _is_read(self, symbol: str, stream: str, kind: str) -> bool:
        """Whether rows of this kind are used: of two kinds that tell the same, the one that came first."""
        return self._kinds.setdefault((symbol, stream), kind) == kind

    def _book(self, symbol: str) -> LoggedBook:
        if symbol not in self._books:
            self._books[symbol] = LoggedBook(symbol)
        return self._books[symbol]

    def _take_change(self, line: int, change: LoggedChange, received_us: int, text: bytes) -> None:
        symbol = change.delta.symbol
        if not self._is_read(symbol, BOOKS_STREAM, "changes"):
            return
        self._changing.add(symbol)
        self._take_snapshots(line)
        book = self._book(symbol)
        self._after(line, book, book.on_change(change, received_us, line, text))

    def _take_best(self, line: int, best: LoggedBest, received_us: int) -> None:
        symbol = best.full.symbol
        if self._now_us and self._is_read(symbol, BOOKS_STREAM, "best levels"):
            book = self._book(symbol)
            self._after(line, book, book.on_best(best, self._now_us, received_us))

    def _take_snapshots(self, line: int) -> None:
        """Take the snapshots that have come, as soon as a time and the symbol are known.

        Most do not say whose they are: they are the only symbol's. A log of several is no place for such a snapshot.
        """
        if not self._now_us or not self._changing:
            return
        for at, snapshot, received_us, text in self._early:
            us = self._now_us if snapshot.us is None else snapshot.us
            full = snapshot.full._replace(ms=us // 1_000)
            if not full.symbol and len(self._changing) > 1:
                reason = "a snapshot that does not say which of the log's symbols it is of"
                self.rows.add_rejected(rejected(at, reason, text, us, BOOKS_STREAM))
                continue
            book = self._book(full.symbol or next(iter(self._changing)))
            seed = book.on_snapshot(full, self._now_us, received_us)
            if seed is Seed.ACCEPTED:
                self._after(line, book, None)
            elif not book.book.synced:
                reason = f"a snapshot that makes no book: {seed.value}"
                self.rows.add_rejected(rejected(at, reason, text, us, BOOKS_STREAM))
        self._early.clear()

    def _after(self, line: int, book: LoggedBook, invalid: str | None) -> None:
        if invalid is not None:
            self.rows.add_event(line, book.symbol, self._now_us, "book_invalid", json.dumps({"cause": invalid}))
        if book.waiting is not None:
            self._waiting[book.symbol] = book
        else:
            self._waiting.pop(book.symbol, None)

    def _write_due(self, line: int) -> None:
        """Rows for the books that have changed, where it is time: not sooner after the row before than allowed."""
        if not self._waiting:
            return
        for symbol, book in list(self._waiting.items()):
            if book.due_us <= self._now_us and (change := book.waiting) is not None:
                ts = max(book.due_us, change.known_us)
                self.rows.add_book(line, symbol, ts, change.exchange_us, change.received_us, book.book)
                book.due_us, book.waiting = ts + INTERVAL_US, None
                del self._waiting[symbol]


def _frames(lines: Iterable[str]) -> Iterator[LogFrame]:
    for line in list(lines)[:_SAMPLED_LINES]:
        with suppress(UnreadableLine):
            _, frame = read_line(line.encode())
            if frame is not None:
                yield frame

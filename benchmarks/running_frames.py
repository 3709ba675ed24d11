"""Frames of an exchange, built once and sent again and again as if the market went on.

The numbers in them that must never repeat (times, versions of books, trade ids) have a fixed width, so that each round
overwrites only their digits: the cost of a frame is far below that of making one, and all of them are consistent.
Books are ladders around a price that stands still; levels come, change and go, bids and asks never meet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operators.tape import Int64

CHUNK_FRAMES: Final = 500
"""Frames of one chunk bear the same time."""
DEAL_SHARE: Final = 0.4
LADDER: Final = 25
_WIDTH: Final = 13
_FIRST_NUMBER: Final = 1_000_000_000_000
"""Of versions and trade ids alike, so that they have as many digits as milliseconds."""
_TEN: Final = 10 ** np.arange(_WIDTH - 1, -1, -1, dtype=np.int64)
_COLUMNS: Final = np.arange(_WIDTH)


@dataclass(slots=True)
class MadeBook:
    """A symbol's book while frames are made: sizes by rung, 0 = none, and its version."""

    bids: list[int]
    asks: list[int]
    version: int = _FIRST_NUMBER

    def reply(self, version: int, ms: int) -> dict[str, object]:
        """What REST says of it."""
        bids = [[_bid(rung), size, 1] for rung, size in enumerate(self.bids) if size]
        asks = [[_ask(rung), size, 1] for rung, size in enumerate(self.asks) if size]
        return {"asks": asks, "bids": bids, "version": version, "timestamp": ms}


class _Chunk:
    """Some frames in one piece, and where in it the numbers are."""

    def __init__(self) -> None:
        self.frames = 0
        self.trades = 0
        self._text = bytearray()
        self._times: list[int] = []
        self._numbers: list[tuple[int, int, int]] = []

    def add(self, make: Callable[[_Marks], str], trades: int) -> None:
        marks = _Marks()
        content = make(marks).encode()
        size = len(content)
        head = bytes([0x81, size]) if size < 126 else bytes([0x81, 126]) + size.to_bytes(2, "big")
        start = len(self._text) + len(head)
        self._text += head + content
        for word, (value, step) in marks.numbers.items():
            position = content.find(word)
            while position >= 0:
                self._numbers.append((start + position, value, step))
                position = content.find(word, position + _WIDTH)
        position = content.find(_TIME)
        while position >= 0:
            self._times.append(start + position)
            position = content.find(_TIME, position + _WIDTH)
        self.frames += 1
        self.trades += trades

    def finished(self) -> Chunk:
        numbers = np.array(self._numbers, np.int64).reshape(-1, 3)
        return Chunk(
            np.frombuffer(bytes(self._text), np.uint8).copy(),
            np.array(self._times, np.int64)[:, None] + _COLUMNS,
            numbers[:, :1] + _COLUMNS,
            numbers[:, 1],
            numbers[:, 2],
            self.frames,
            self.trades,
        )


_TIME: Final = b"T" * _WIDTH


@dataclass(slots=True)
class _Marks:
    """Words of the right width in the text of a frame, for numbers that differ from round to round."""

    numbers: dict[bytes, tuple[int, int]] = field(default_factory=dict)

    def number(self, value: int, step: int) -> str:
        word = f"N{len(self.numbers):0{_WIDTH - 1}d}"
        self.numbers[word.encode()] = (value, step)
        return word


@dataclass(frozen=True, slots=True)
class Chunk:
    """Frames to be sent together. `at(round_, ms)` gives their bytes."""

    text: NDArray[np.uint8]
    times: NDArray[np.int64]
    numbers: NDArray[np.int64]
    first: Int64
    step: Int64
    frames: int
    trades: int

    def at(self, round_: int, ms: int) -> memoryview:
        """The bytes in a round, at a time; they are overwritten by the next call."""
        self.text[self.times] = ms // _TEN % 10 + ord("0")
        self.text[self.numbers] = (self.first + round_ * self.step)[:, None] // _TEN % 10 + ord("0")
        return self.text.data


class RunningFrames:
    """What an exchange sends of its symbols' streams: a frame of each at first, then rounds without end.

    A round has so many `frames` of all `symbols`; `chunks` gives those of some streams, (channel, symbol) pairs. Books
    are as REST should tell them: `first_books` before the first round, `books` after every one.
    """

    def __init__(self, symbols: Sequence[str], frames: int, seed: int) -> None:
        self.symbols = tuple(symbols)
        random = Random(seed)
        self.books = {symbol: _full_book(random) for symbol in symbols}
        self.first_books = {symbol: MadeBook(list(book.bids), list(book.asks)) for symbol, book in self.books.items()}
        self._trade_id = _FIRST_NUMBER
        picks = [(random.choice(self.symbols), random.random() < DEAL_SHARE) for _ in range(frames)]
        changes = dict.fromkeys(symbols, 0)
        self._plans: list[tuple[str, str, list[tuple[int, ...]]]] = []
        for symbol, is_deal in picks:
            if is_deal:
                self._plans.append(("deal", symbol, _trades(random)))
            else:
                levels = self._touch(symbol, random)
                changes[symbol] += len(levels)
                self._plans.append(("depth", symbol, levels))
        self._changes = changes
        self.trades_of_round = sum(len(parts) for channel, _, parts in self._plans if channel == "deal")

    def chunks(self, streams: set[tuple[str, str]]) -> list[Chunk]:
        """A round of these streams."""
        versions = dict.fromkeys(self.symbols, _FIRST_NUMBER)
        number = _FIRST_NUMBER
        chunks: list[Chunk] = []
        chunk = _Chunk()
        for channel, symbol, parts in self._plans:
            if channel == "deal":
                first, number = number, number + len(parts)
            else:
                first, versions[symbol] = versions[symbol], versions[symbol] + len(parts)
            if (channel, symbol) not in streams:
                continue
            if channel == "deal":
                step = self.trades_of_round
                chunk.add(lambda marks: _deal_frame(marks, symbol, parts, first, step), len(parts))  # noqa: B023
            else:
                step = self._changes[symbol]
                chunk.add(lambda marks: _depth_frame(marks, symbol, parts, first, step), 0)  # noqa: B023
            if chunk.frames == CHUNK_FRAMES:
                chunks.append(chunk.finished())
                chunk = _Chunk()
        if chunk.frames:
            chunks.append(chunk.finished())
        return chunks

    def version_after(self, symbol: str, rounds: int) -> int:
        """The book's version after so many rounds."""
        return _FIRST_NUMBER + rounds * self._changes[symbol]

    def first_frame(self, channel: str, symbol: str, ms: int) -> bytes:
        """What a new subscriber is sent at once: a trade from before the first round, or a change that changes
        nothing."""
        if channel == "deal":
            trade = {"p": _bid(0), "v": 1, "T": 2, "O": 3, "M": 1, "t": ms, "i": str(ms), "cts": str(ms)}
            return _text({"symbol": symbol, "data": [trade], "channel": "push.deal", "ts": ms})
        version = _FIRST_NUMBER
        level = [_bid(0), self.first_books[symbol].bids[0], 1]
        data = {"cts": ms, "asks": [], "bids": [level], "end": version, "begin": version, "version": version}
        return _text({"symbol": symbol, "data": data, "channel": "push.depth", "ts": ms})

    def _touch(self, symbol: str, random: Random) -> list[tuple[int, ...]]:
        """Change one to eight levels on both sides, near the best ones as a rule."""
        book = self.books[symbol]
        levels: list[tuple[int, ...]] = []
        for side, sizes in enumerate((book.bids, book.asks)):
            for rung in sorted({min(int(random.expovariate(0.15)), LADDER - 1) for _ in range(random.randint(1, 8))}):
                sizes[rung] = 0 if random.random() < 0.2 else random.randint(1, 9_999)
                levels.append((side, rung, sizes[rung]))
        return levels


def _full_book(random: Random) -> MadeBook:
    bids, asks = ([random.randint(1, 9_999) for _ in range(LADDER)] for _ in range(2))
    return MadeBook(bids, asks)


def _trades(random: Random) -> list[tuple[int, ...]]:
    return [(random.randint(1, 499), random.choice((1, 2))) for _ in range(random.choice((1, 1, 1, 2)))]


def _bid(rung: int) -> float:
    return round(99.99 - 0.01 * rung, 2)


def _ask(rung: int) -> float:
    return round(100.01 + 0.01 * rung, 2)


def _deal_frame(marks: _Marks, symbol: str, trades: Sequence[tuple[int, ...]], first: int, step: int) -> str:
    ms = _TIME.decode()
    parts = []
    for place, (size, taker) in enumerate(trades):
        price, number = (_ask if taker == 1 else _bid)(0), marks.number(first + place, step)
        parts.append(f'{{"p":{price},"v":{size},"T":{taker},"O":3,"M":1,"t":{ms},"i":"{number}","cts":"{ms}"}}')
    return f'{{"symbol":"{symbol}","data":[{",".join(parts)}],"channel":"push.deal","ts":{ms}}}'


def _depth_frame(marks: _Marks, symbol: str, levels: Sequence[tuple[int, ...]], first: int, step: int) -> str:
    ms = _TIME.decode()
    bids, asks = (
        ",".join(f"[{price(rung):.2f},{size},{size % 9}]" for each, rung, size in levels if each == side)
        for side, price in enumerate((_bid, _ask))
    )
    begin, end = marks.number(first + 1, step), marks.number(first + len(levels), step)
    data = f'{{"cts":{ms},"asks":[{asks}],"bids":[{bids}],"end":{end},"begin":{begin},"version":{end}}}'
    return f'{{"symbol":"{symbol}","data":{data},"channel":"push.depth","ts":{ms}}}'


def _text(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()

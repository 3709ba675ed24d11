"""Kinds of the order book."""

from __future__ import annotations

import math
from collections.abc import Callable

from tests.reference.answers import (
    Answer,
    Parameters,
    Reference,
    average_price,
    change_pct,
    over,
    pieces_in,
    time_mean,
    us,
)
from tests.reference.tape import NAN, Book, View

OfBook = Callable[[Book], float]


def spread_of(book: Book) -> float:
    return 100 * (book.ask - book.bid) / ((book.ask + book.bid) / 2)


def mid_of(book: Book) -> float:
    return (book.bid + book.ask) / 2


def imbalance_of(book: Book, levels: int) -> float:
    """A side without a level, or fewer stored levels than asked for: no value."""
    bids, asks = book.side("bids", levels), book.side("asks", levels)
    if levels > len(book.levels) or not bids or not asks:
        return NAN
    bid, ask = math.fsum(qty for _, qty in bids), math.fsum(qty for _, qty in asks)
    return 100 * over(bid - ask, bid + ask)


def depth_of(book: Book, levels: int) -> float:
    bids, asks = book.side("bids", levels), book.side("asks", levels)
    if levels > len(book.levels) or not bids or not asks:
        return NAN
    return math.fsum(price * qty for price, qty in bids + asks)


def book_mean(view: View, measure: OfBook, t1: int, t2: int) -> tuple[float, float]:
    """Mean over time of a measure of the book in force, and its cover."""
    pieces, cover = pieces_in(view, "books", [measure(book) for book in view.books], t1, t2)
    return time_mean(pieces), cover


def _mean(measure: Callable[[Book, Parameters], float]) -> Reference:
    def reference(view: View, p: Parameters) -> Answer:
        value, cover = book_mean(view, lambda book: measure(book, p), us(p["t1"]), us(p["t2"]))
        return Answer(value, [cover], ["books"])

    return reference


def spread(view: View, _p: Parameters) -> Answer:
    return Answer(spread_of(view.books[-1]) if view.books else NAN, [float(view.observed_now("books"))], ["books"])


def spread_volatility(view: View, p: Parameters) -> Answer:
    pieces, cover = pieces_in(view, "books", [spread_of(book) for book in view.books], us(p["t1"]), us(p["t2"]))
    mean = time_mean(pieces)
    squares = [((value - mean) ** 2, held) for value, held in pieces]
    return Answer(math.sqrt(time_mean(squares)) if pieces else NAN, [cover], ["books"])


def spread_widening(view: View, p: Parameters) -> Answer:
    current, cover = book_mean(view, spread_of, us(p["t1"]), us(p["t2"]))
    baseline, baseline_cover = book_mean(view, spread_of, us(p["t3"]), us(p["t4"]))
    return Answer(over(current, baseline), [cover, baseline_cover], ["books"])


def liquidity_drain(view: View, p: Parameters) -> Answer:
    def depth(book: Book) -> float:
        return depth_of(book, int(p["levels"]))

    current, cover = book_mean(view, depth, us(p["t1"]), us(p["t2"]))
    baseline, baseline_cover = book_mean(view, depth, us(p["t3"]), us(p["t4"]))
    return Answer(-change_pct(current, baseline), [cover, baseline_cover], ["books"])


def deal_vs_mid(view: View, p: Parameters) -> Answer:
    deals, cover = average_price(view, us(p["t1"]), us(p["t2"]))
    mid, mid_cover = book_mean(view, mid_of, us(p["t1"]), us(p["t2"]))
    return Answer(abs(change_pct(deals, mid)), [cover, mid_cover], ["trades", "books"])


ORDER_BOOKS: dict[str, Reference] = {
    "SPREAD_PCT": spread,
    "SPREAD_VOLATILITY": spread_volatility,
    "SPREAD_WIDENING_RATIO": spread_widening,
    "BID_ASK_IMBALANCE_PCT": _mean(lambda book, p: imbalance_of(book, int(p["levels"]))),
    "LIQUIDITY_QUOTE": _mean(lambda book, p: depth_of(book, int(p["levels"]))),
    "LIQUIDITY_DRAIN_PCT": liquidity_drain,
    "DEAL_VS_MID_PCT": deal_vs_mid,
    "AVG_BEST_BID": _mean(lambda book, _p: book.bid),
    "AVG_BEST_ASK": _mean(lambda book, _p: book.ask),
    "TW_MIDPRICE": _mean(lambda book, _p: mid_of(book)),
}

"""Equity over the tape, sampled per UTC day or hour, and the returns between samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.tape import MICROSECONDS, Float64, Int64

HOUR: Final = 3_600 * MICROSECONDS
DAY: Final = 24 * HOUR
YEAR: Final = 365 * DAY
SHORT_SESSION: Final = 10 * DAY
"""Sessions under this length are sampled per hour."""
CAGR_FROM: Final = 30 * DAY
"""Growth is annualised from this length on: a good hour says nothing about a year."""


@dataclass(frozen=True, slots=True)
class EquityCurve:
    """Equity of one account in tape order: `ts` µs `[n]`, `equity` quote `[n]`.

    The first point is the initial equity at `tape_from`; the others are stored samples, the newest of each instant.
    """

    ts: Int64
    equity: Float64
    tape_to: int

    @property
    def tape_from(self) -> int:
        return int(self.ts[0])

    def __len__(self) -> int:
        return len(self.ts)


@dataclass(frozen=True, slots=True)
class PeriodReturns:
    """Returns per `basis` ("day" or "hour"), and how many such periods a year has."""

    basis: str
    periods_per_year: int
    returns: Float64


def equity_curve(ts: Int64, equity: Float64, initial_equity: float, tape_from: int, tape_to: int) -> EquityCurve:
    """The curve through `initial_equity` at `tape_from` and the samples, which may come in any order of instants."""
    order = np.argsort(ts, kind="stable")
    ts, equity = ts[order], equity[order]
    newest = np.ones(len(ts), np.bool_)
    newest[:-1] = ts[1:] != ts[:-1]
    keep = newest & (ts > tape_from)
    return EquityCurve(
        np.concatenate((np.array([tape_from], np.int64), ts[keep])),
        np.concatenate((np.array([initial_equity], np.float64), equity[keep])),
        tape_to,
    )


def period_edges(tape_from: int, tape_to: int, period: int) -> Int64:
    """Where the returns of a session are measured: its start, every multiple of `period` inside it, its end.

    A stretch at either end that is shorter than half a period counts with its neighbour: ten minutes before midnight
    are no trading day. So the returns always compound to the total return.

    >>> [int(edge) // HOUR for edge in period_edges(0, 4 * HOUR, HOUR)]
    [0, 1, 2, 3, 4]
    >>> [round(int(edge) / HOUR, 2) for edge in period_edges(int(0.75 * HOUR), int(3.25 * HOUR), HOUR)]
    [0.75, 2.0, 3.25]
    """
    first = (tape_from // period + 1) * period
    inside = np.arange(first, tape_to, period, dtype=np.int64)
    if len(inside) and 2 * (int(inside[0]) - tape_from) < period:
        inside = inside[1:]
    if len(inside) and 2 * (tape_to - int(inside[-1])) < period:
        inside = inside[:-1]
    return np.concatenate((np.array([tape_from], np.int64), inside, np.array([tape_to], np.int64)))


def period_returns(curve: EquityCurve) -> PeriodReturns:
    """Returns of equity between period edges, per UTC day, per UTC hour for sessions under ten days.

    The equity at an edge is the newest sample not later than it. There are no returns where equity was not positive
    at the start of a period, because a return from nothing has no meaning: all returns are left out then.
    """
    short = curve.tape_to - curve.tape_from < SHORT_SESSION
    basis, period, periods_per_year = ("hour", HOUR, 24 * 365) if short else ("day", DAY, 365)
    returns = np.zeros(0, np.float64)
    if curve.tape_to > curve.tape_from and len(curve) > 1:
        edges = period_edges(curve.tape_from, curve.tape_to, period)
        values = curve.equity[np.searchsorted(curve.ts, edges, side="right") - 1]
        if np.all(values[:-1] > 0):
            returns = values[1:] / values[:-1] - 1.0
    return PeriodReturns(basis, periods_per_year, returns)


def total_return_pct(curve: EquityCurve) -> float | None:
    """(last / first − 1) · 100; None without a sample or without initial equity."""
    if len(curve) < 2 or curve.equity[0] <= 0:
        return None
    return float(curve.equity[-1] / curve.equity[0] - 1.0) * 100.0


def cagr_pct(curve: EquityCurve) -> float | None:
    """Compound annual growth ((last / first)^(365 days / duration) − 1) · 100.

    None for sessions under 30 days, and where equity ended below zero (growth has no rate then).
    """
    duration = curve.tape_to - curve.tape_from
    if len(curve) < 2 or duration < CAGR_FROM or curve.equity[0] <= 0 or curve.equity[-1] < 0:
        return None
    return (float(curve.equity[-1] / curve.equity[0]) ** (YEAR / duration) - 1.0) * 100.0

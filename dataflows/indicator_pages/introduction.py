"""The beginning of the page of the catalogue: what holds for every indicator."""

from __future__ import annotations

from typing import Final

INTRODUCTION: Final = """\
# Indicators

Everything that a strategy can ask about a market or about its position: what it is, how it is computed, and what it
does in a pump. `tapeflow indicators list` and `tapeflow indicators describe KIND` say the same in the terminal;
`tapeflow indicators compute` writes values over a recorded tape to a file.

This page is made from the catalogue in `operators/indicators/` by `make docs`.

## What holds for all of them

**Windows are written in seconds ago.** `(t1, t2)` begins t1 seconds before the moment of evaluation and ends t2 seconds
before it: `(300, 0)` is the last five minutes, `(300, 60)` the same without the last minute. What happened exactly t1
seconds ago is outside, what happened exactly t2 seconds ago is inside, so windows that touch share nothing. `t1` is the
older edge and must be greater than `t2`; nothing is ever swapped for you. Where a *baseline* is written `(t3, d)`, it
begins t3 seconds ago and lasts d seconds, and it ends before the current window begins.

**An evaluation sees what has happened, no more.** A symbol is evaluated after each of its trades, after each change of
its book and once a second. The evaluation after a trade sees that trade and all before it; trades of the same
microsecond that come later on the tape are not seen yet. No clock but the tape's is ever read, so the same tape gives
the same values, to the last bit.

**A price holds until the next one.** Averages over time (TWPA, mid price, spread, imbalance and depth of the book)
weigh each value by how long it was in force, including the one that was in force when the window began. Indicators of
the *trades* of a window (VWAP, sums, counts, first, last, largest, smallest) look at those trades alone.

**No value is an answer.** Zero means zero; what cannot be known has *no value* (`null`), and a condition on it does not
fire. An indicator has no value

* while too little of one of its windows was observed: less than `min_coverage` of it, after a start or around a gap in
  the stream. An observed window in which nobody traded is known well enough: volume 0, count 0, and no mean;
* when the newest event of a stream that it reads is older than `max_staleness` seconds;
* when it would divide by zero, or the symbol lacks the stream;
* while the book is out of step with the exchange, for what reads the book.

Rates per second and averages over time use the observed seconds of a window. The *warm-up* below is how much tape is
read; with the usual `min_coverage` the first value comes a little earlier.

**Bars** (RSI, EMA, SMA, Bollinger, volatility) are cut at whole multiples of their length, UTC. A bar counts once it is
over. One without trades keeps the last price; there is none before the first trade. Between two ends of bars nothing
moves except where the last price itself is compared.

**Whole seconds.** MOMENTUM_REVERSAL_INDEX looks back at the velocity of each whole second of tape time, not of each
trade, so a burst of trades does not weigh more than a calm second.

**One computation, one id.** `VELOCITY(d=5, t1=5.0, t3=15)` and `PRICE_VELOCITY(t1=5,t3=15,d=5)` are the same thing, and
the second is its canonical id: aliases resolved, parameters in the order given here, defaults written out. Ids are what
the database, reports and files use, and what has the same id is computed once however many strategies ask for it. In a
strategy a bare name stands for the defaults; a [variant](indicators-variants.md) is a name
of your own for a kind with parameters.

**Units.** Prices are quote per base, quantities are base coin (contracts × contract size), names that end in `_PCT` are
percent, velocities are percent per second, ratios are plain numbers.

Two parameters belong to every kind that reads trades or books. They stand in an id only where they are not the default:
"""

EXAMPLES_HEADING: Final = """\
## How to read the rest

All plots show one pump of the [generated market](generated-market.md), with the default parameters: an hour of calm, a
rise by a third in about a minute, and what comes after. The price is on top, the indicator in blue below it; the dashed
line is the value that the example condition compares with. What is drawn on the axis of the price has the price behind
it in grey. Examples show how a condition is written; their thresholds are no advice. """

"""Observed time: how many microseconds of a stream have been observed up to any moment of the tape.

The observed clock O(t) runs while the stream is observed and stands still in gaps, so ∫ value dO needs no special
case for gaps, and the observed share of a window is (O(end) − O(start)) / length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from operators.evaluation import NO_SEQ
from operators.indicators.kernels.layout import CLOCK_TS
from operators.tape import Int64, TapeEvent

NEVER: Final = -(2**62)
"""A ts before every tape."""

Moment = tuple[int, int]
"""(ts, seq): a place on the tape."""


class ObservedClock:
    """The observed clock of one stream of one symbol.

    `breaks[4, b]` = (ts, seq, value, rate) where the clock starts or stops, in tape order; between them it runs by
    `rate` (1 or 0). A stream is observed from observed_on to observed_off. With `synchronised` (books) it also needs
    a book since the last book_invalid or gap: what came before says nothing about the book in force.
    """

    __slots__ = ("_on", "_stream", "_synchronised", "_valid", "breaks")

    def __init__(self, stream: str, *, synchronised: bool = False) -> None:
        self._stream = stream
        self._synchronised = synchronised
        self._on = False
        self._valid = not synchronised
        self.breaks: Int64 = np.array([[NEVER], [NO_SEQ], [0], [0]], np.int64)

    @property
    def waiting(self) -> bool:
        """Whether the stream's next event matters to the clock."""
        return not self._valid

    def follow(self, events: Sequence[TapeEvent], ts: Int64, seq: Int64) -> Moment | None:
        """Takes in a batch: its tape events in tape order and the (ts, seq) of the stream's own events.

        Returns where observation was switched on, if it was.
        """
        started: Moment | None = None
        row = 0
        for event in events:
            moment = (event.ts, event.seq)
            rows_before = _first_after(ts, seq, row, moment)
            self._receive(ts[row:rows_before], seq[row:rows_before])
            row = rows_before
            if event.kind == "book_invalid" and self._synchronised:
                self._valid = False
            elif event.kind in ("observed_on", "observed_off") and event.payload.get("stream") == self._stream:
                self._on = event.kind == "observed_on"
                if self._on:
                    started = started or moment
                else:
                    self._valid = not self._synchronised
            self._run(moment)
        self._receive(ts[row:], seq[row:])
        return started

    def since(self, ts: int) -> Int64:
        """The breaks that are needed from `ts` on: the last at or before it, and all later ones (a copy)."""
        first = max(0, int(np.searchsorted(self.breaks[CLOCK_TS], ts, side="right")) - 1)
        return self.breaks[:, first:].copy()

    def forget(self, ts: int) -> int:
        """Drops what is not needed from `ts` on; returns how many breaks went."""
        kept = self.since(ts)
        dropped = int(self.breaks.shape[1] - kept.shape[1])
        self.breaks = kept
        return dropped

    def state(self) -> tuple[bool, bool]:
        """(switched on, valid): what a snapshot keeps beside the breaks."""
        return self._on, self._valid

    def restore(self, breaks: Int64, state: tuple[bool, bool]) -> None:
        """Goes on from a snapshot."""
        self.breaks = breaks.copy()
        self._on, self._valid = state

    def _receive(self, ts: Int64, seq: Int64) -> None:
        """Events of the stream itself: where one was waited for, the first makes the stream valid."""
        if len(ts) and not self._valid:
            self._valid = True
            self._run((int(ts[0]), int(seq[0])))

    def _run(self, moment: Moment) -> None:
        """Starts or stops the clock at a moment, if that is a change."""
        rate = int(self._on and self._valid)
        ts, _, value, running = (int(entry) for entry in self.breaks[:, -1])
        if rate != running:
            value += running * (moment[0] - ts)
            added = np.array([*moment, value, rate], np.int64)
            self.breaks = np.ascontiguousarray(np.column_stack((self.breaks, added)))


def _first_after(ts: Int64, seq: Int64, row: int, moment: Moment) -> int:
    """The first row from `row` on that comes after `moment`."""
    at = row + int(np.searchsorted(ts[row:], moment[0], side="left"))
    while at < len(ts) and (ts[at], seq[at]) < moment:
        at += 1
    return at

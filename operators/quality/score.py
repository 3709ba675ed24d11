"""The quality of what was recorded of one symbol.

score = 100 · (time in which every recorded stream was healthy) / (time in which the symbol was recorded)

A stream is healthy from the moment it is first observed, except in recorded gaps. A quiet coin is not a gap: health
comes from the connection and the checks against the exchange, not from how often somebody trades.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from operators.quality.intervals import Stretch, clip, intersection, total, union

SCORE_FORMULA: Final = "score = 100 × time with every stream healthy / time recorded"
CONNECTION_CAUSES: Final = ("disconnected", "restart", "the session was stopped")
"""How the causes of gaps begin in which there was no connection at all."""
BEFORE_FIRST: Final = {"trades": "before the first trade", "books": "before the first book"}
"""The cause of time that is not healthy because a stream had not begun: no gap, for nothing was interrupted."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which a stream of a symbol was not observed, µs; `end` None while it lasts.

    `recovered` = records fetched afterwards (stored as late), `lost` an estimate of those that could not be, 0 where
    everything came back, None where nothing is known.
    """

    symbol: str
    stream: str
    start: int
    end: int | None
    cause: str
    recovered: int | None = None
    lost: int | None = None


@dataclass(frozen=True, slots=True)
class Unobserved:
    """A stretch of the recording in which a stream was not healthy, and why, µs."""

    stream: str
    start: int
    end: int
    cause: str


@dataclass(frozen=True, slots=True)
class Quality:
    """What can be said of one symbol; shares are 0..1, times µs.

    `connected` is the share of time in which at least one stream had begun and was not cut off from the exchange; None
    where nothing was recorded at all. `waited_us` passed before every stream was observed for the first time: part of
    the score, but none of the gaps. `unobserved` is all that the score lacks.
    """

    symbol: str
    recorded_us: int
    score: float | None
    connected: float | None
    gaps: int
    gap_us: int
    longest_gap_us: int
    waited_us: int
    recovered: int
    lost: int | None
    unobserved: tuple[Unobserved, ...] = ()


def quality(
    symbol: str,
    period: tuple[int, int],
    streams: Collection[str],
    observed_from: dict[str, int],
    gaps: Sequence[Gap],
) -> Quality:
    """The quality of a symbol that was recorded over `period` (from, to].

    `streams` are those that were to be recorded, `observed_from` the first moment each was observed (absent: never),
    `gaps` those of this symbol. Time before the first moment counts as not healthy.

    >>> minute = 60_000_000
    >>> gap = Gap("A_USDT", "trades", 10 * minute, 11 * minute, "disconnected: pong overdue", recovered=3, lost=0)
    >>> quality("A_USDT", (0, 100 * minute), {"trades"}, {"trades": 0}, [gap]).score
    99.0
    """
    start, end = period
    recorded = max(end - start, 0)
    own = [gap for gap in gaps if gap.stream in streams]
    # a gap that was never closed lasts to the end
    stretches = [(gap.start, end if gap.end is None else gap.end) for gap in own]
    closed = union(clip(stretches, start, end))
    waited = {stream: (start, min(observed_from.get(stream, end), end)) for stream in sorted(streams)}
    before = union(waited.values())
    unhealthy = union([*closed, *before])
    unobserved = [
        Unobserved(stream, *wait, BEFORE_FIRST[stream]) for stream, wait in waited.items() if wait[0] < wait[1]
    ]
    unobserved += [
        Unobserved(gap.stream, *within, gap.cause)
        for gap, stretch in zip(own, stretches, strict=True)
        for within in clip([stretch], start, end)
    ]
    apart = _apart(unobserved, waited)
    losses = [gap.lost for gap in own if gap.stream == "trades"]
    return Quality(
        symbol=symbol,
        recorded_us=recorded,
        score=100.0 * (recorded - total(unhealthy)) / recorded if recorded else None,
        connected=(recorded - total(apart)) / recorded if recorded else None,
        gaps=len(own),
        gap_us=total(closed),
        longest_gap_us=max((until - since for since, until in clip(stretches, start, end)), default=0),
        waited_us=total(before),
        recovered=sum(gap.recovered or 0 for gap in own),
        lost=None if any(lost is None for lost in losses) else sum(lost or 0 for lost in losses),
        unobserved=tuple(unobserved),
    )


def _apart(unobserved: Sequence[Unobserved], streams: Collection[str]) -> list[Stretch]:
    """The time without any connection: what one stream still received shows that there was one."""
    causes = (*CONNECTION_CAUSES, *BEFORE_FIRST.values())
    common: list[Stretch] | None = None
    for stream in streams:
        own = union(
            (each.start, each.end) for each in unobserved if each.stream == stream and each.cause.startswith(causes)
        )
        common = own if common is None else intersection(common, own)
    return common or []

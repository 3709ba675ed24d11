"""How near a section came to being TRUE while it was looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from operators.strategy.compiled import Condition
from operators.strategy.kernels import ASK_THE_VALUE, Bool
from operators.strategy.single_change import SectionRows, SingleChange, single_changes
from operators.strategy.verdict import FALSE, PENDING, TRUE
from operators.tape import MICROSECONDS, Float64


@dataclass(frozen=True, slots=True)
class ConditionApproach:
    """The value of a condition that came nearest to what it asks for (NaN: it never had one) and its tape time in µs.

    Seconds of tape time, of the time in which the section was looked at. PENDING in three parts: before the
    indicator's first value, without a value later on, and on a tape without the stream it needs.
    """

    condition: Condition
    best_value: float
    best_at: int | None
    true_seconds: float
    false_seconds: float
    warmup_seconds: float
    missing_seconds: float
    no_stream_seconds: float

    @property
    def pending_seconds(self) -> float:
        """All PENDING time."""
        return self.warmup_seconds + self.missing_seconds + self.no_stream_seconds


@dataclass(frozen=True, slots=True)
class SectionApproach:
    """One section of one strategy on one symbol.

    `max_true` conditions were TRUE at once, first at `max_true_at` (None: the section was never looked at); `lacking`
    are the others then. `fired`: the section was TRUE at an instant at which it was looked at; None where that depends
    on a signal or position. `changes` are the single changes that would have made it so.
    """

    section: str
    looked_seconds: float
    conditions: tuple[ConditionApproach, ...]
    fired: bool | None
    max_true: int | None
    max_true_at: int | None
    lacking: tuple[Condition, ...]
    changes: tuple[SingleChange, ...]


def section_approach(section: str, rows: SectionRows, until: int) -> SectionApproach:
    """What the rows of a section tell; the last instant holds until tape time `until`.

    A section with conditions on a signal or position has no changes: what they would be depends on the position.
    """
    seconds = np.diff(rows.ts, append=until) / MICROSECONDS * rows.looked
    looked = np.flatnonzero(rows.looked)
    max_true, max_true_at, lacking = None, None, rows.conditions
    if len(looked):
        true_at_once = (rows.verdicts == TRUE).sum(axis=0)
        most = int(looked[np.argmax(true_at_once[looked])])
        max_true, max_true_at = int(true_at_once[most]), int(rows.ts[most])
        lacking = tuple(
            condition
            for condition, verdict in zip(rows.conditions, rows.verdicts[:, most], strict=True)
            if verdict != TRUE
        )
    on_position = any(condition.on_position for condition in rows.conditions)
    return SectionApproach(
        section=section,
        looked_seconds=float(seconds.sum()),
        conditions=tuple(_condition(rows, place, seconds) for place in range(len(rows.conditions))),
        fired=None if on_position else bool(np.any(rows.section(rows.verdicts)[looked] == TRUE)),
        max_true=max_true,
        max_true_at=max_true_at,
        lacking=lacking,
        changes=() if on_position else tuple(single_changes(rows)),
    )


def distance(condition: Condition, values: Float64) -> Float64:
    """How far values are from what the condition accepts; below 0 where they are accepted, the further in the lower,
    except that all that `==` and `!=` accept is equally good. NaN stays NaN."""
    match condition.op:
        case ">" | ">=":
            return condition.low - values
        case "<" | "<=":
            return values - condition.low
        case "==":
            return np.abs(values - condition.low)
        case "!=":
            return np.where(np.isnan(values), np.nan, (values == condition.low).astype(np.float64))
        case "between":
            return np.maximum(condition.low - values, values - condition.high)
        case _:
            return np.minimum(values - condition.low, condition.high - values)


def _condition(rows: SectionRows, place: int, seconds: Float64) -> ConditionApproach:
    condition, values, verdicts = rows.conditions[place], rows.values[place], rows.verdicts[place]
    away = np.where(rows.looked, distance(condition, values), np.nan)
    known = np.flatnonzero(~np.isnan(away))
    best = int(known[np.argmin(away[known])]) if len(known) else None
    has_value = np.flatnonzero(~np.isnan(values))
    begun = int(has_value[0]) if len(has_value) else len(values)
    pending: Bool = verdicts == PENDING
    warming: Bool = np.arange(len(values)) < begun
    without_stream = rows.given[place] != ASK_THE_VALUE

    def spent(where: Bool) -> float:
        return float(seconds[where].sum())

    return ConditionApproach(
        condition=condition,
        best_value=float("nan") if best is None else float(values[best]),
        best_at=None if best is None else int(rows.ts[best]),
        true_seconds=spent(verdicts == TRUE),
        false_seconds=spent(verdicts == FALSE),
        warmup_seconds=0.0 if without_stream else spent(pending & warming),
        missing_seconds=0.0 if without_stream else spent(pending & ~warming),
        no_stream_seconds=spent(pending) if without_stream else 0.0,
    )

"""Which indicators a session stores and how often: what was asked for, checked and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from connectors.questdb.database import Database
from dataflows.sessions.plan import BacktestPlan
from operators.errors import UsageError
from operators.indicator_rows import IndicatorRows
from operators.indicators.ids import parse_indicator
from operators.tape import MICROSECONDS

NONE: Final = "none"
USED: Final = "used"
ALL: Final = "all"
CHOICES: Final = (NONE, USED, ALL)
GRID: Final = "grid"
CHANGE: Final = "change"


def market_variants(variants: Mapping[str, str], problems: list[str]) -> tuple[str, ...]:
    """The canonical ids of all variants that market data alone decides; a variant that cannot be read is a problem."""
    ids: dict[str, None] = {}
    for name, indicator in variants.items():
        try:
            key = parse_indicator(indicator)
        except UsageError as error:
            problems.append(f"the variant {name} cannot be recorded: {error}")
            continue
        if not key.kind.on_position:
            ids[key.id] = None
    return tuple(ids)


def chosen(choice: str, used: Iterable[str], variants: Sequence[str]) -> tuple[str, ...]:
    """The canonical ids to record: those in use first, each once."""
    return {NONE: (), USED: tuple(used), ALL: tuple(dict.fromkeys((*used, *variants)))}[choice]


def every_us(choice: str, text: str, interval_us: int, problems: list[str]) -> int | None:
    """Every how many microseconds of the grid what was chosen is recorded; None = where a value changes, or nothing is.

    `choice` and `text` are the options' values; what is wrong with them is added to the problems.
    """
    if choice not in CHOICES:
        problems.append(f"--record-indicators is {choice!r}; allowed: {', '.join(CHOICES)}")
    if choice == NONE:
        if text != GRID:
            problems.append(
                f"--record-every is {text!r}, and nothing is recorded; add --record-indicators {USED} or {ALL}"
            )
        return None
    if text == CHANGE:
        return None
    allowed = f"allowed: {GRID}, {CHANGE}, or seconds of the grid, a multiple of {interval_us / MICROSECONDS:g}"
    if interval_us == 0:
        problems.append(f"--record-every is {text}, and there is no grid; allowed: {CHANGE}")
        return None
    if text == GRID:
        return interval_us
    try:
        wanted = round(float(text) * MICROSECONDS)
    except (ValueError, OverflowError):
        wanted = 0
    if wanted <= 0 or wanted % interval_us:
        problems.append(f"--record-every is {text!r}; {allowed}")
        return interval_us
    return wanted


def in_words(recorded: Sequence[str], every_us: int | None) -> str:
    """What a session records and when (as in its plan), in a sentence; empty where it records nothing."""
    if not recorded:
        return ""
    count = f"{len(recorded)} indicator{'' if len(recorded) == 1 else 's'}"
    if every_us is None:
        return f"{count} where a value changes"
    seconds = every_us / MICROSECONDS
    return f"{count} every {'second' if seconds == 1 else f'{seconds:g} s'} of the grid"


def most_rows(plan: BacktestPlan) -> int | None:
    """The most rows that a recording on the grid can have, None where that depends on the tape."""
    if plan.record_every_us is None:
        return None
    instants = plan.to_ts // plan.record_every_us - plan.from_ts // plan.record_every_us
    return instants * len(plan.symbols) * len(plan.recorded)


def recorded_rows(database: Database, session_id: str) -> int:
    """How many indicator values a session has stored."""
    database.wait_applied(IndicatorRows.TABLE)
    rows = database.query(f"SELECT count() FROM {IndicatorRows.TABLE} WHERE session_id = %s", (session_id,))  # noqa: S608
    return int(rows[0][0])

"""The signal funnel: how many signals survived each step from S1 to a closed position."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import Any, Final

from operators.results import StateTransition

_HOLDING: Final = ("POSITION_ACTIVE", "CLOSE_PENDING")
_NO_REASON: Final = ("close_escalated", "late_fill", "next_leg")
_GIVEN_UP: Final = ("SIGNAL_CANCELLED", "INACTIVE")


@dataclass(frozen=True, slots=True)
class Funnel:
    """Counts of state transitions.

    `refused_signals` S1 fired but found no slot or the symbol taken; `signals` S1 fired; of these `cancelled` were
    false alarms, too old or ended by a stop, `refused_entries` were confirmed but refused by sizing or risk,
    `entries` sent an order; of these `unfilled` got nothing and `entered` became positions, of which `closed` ended.
    `reasons` counts the triggers of every cancelled, refused or unfilled signal, `exits` those that closed positions,
    the last one where a more severe one followed; most frequent first.
    """

    refused_signals: int
    signals: int
    cancelled: int
    refused_entries: int
    entries: int
    unfilled: int
    entered: int
    closed: int
    reasons: tuple[tuple[str, int], ...]
    exits: tuple[tuple[str, int], ...]

    def plain(self) -> dict[str, Any]:
        """The counts as plain JSON."""
        return {**asdict(self), "reasons": dict(self.reasons), "exits": dict(self.exits)}


def funnel(transitions: Iterable[StateTransition]) -> Funnel:
    """Count the transitions of one account, one strategy or a whole session."""
    moves: Counter[tuple[str, str, bool]] = Counter()
    reasons: Counter[str] = Counter()
    exits: Counter[str] = Counter()
    closing: dict[tuple[str, str, str], str] = {}
    for transition in sorted(transitions, key=attrgetter("timestamp", "n")):
        machine = transition.account, transition.strategy, transition.symbol
        moves[transition.from_state, transition.to_state, transition.refused] += 1
        if transition.refused or transition.to_state == "SIGNAL_CANCELLED":
            reasons[transition.trigger.removeprefix("refused:").strip()] += 1
        elif transition.to_state == "CLOSE_PENDING" and transition.trigger not in _NO_REASON:
            closing[machine] = transition.trigger
        elif transition.to_state in ("EXITED", "INACTIVE") and machine in closing:
            exits[closing.pop(machine)] += 1
    return Funnel(
        refused_signals=moves["MONITORING", "MONITORING", True],
        signals=moves["MONITORING", "SIGNAL_DETECTED", False],
        cancelled=sum(moves["SIGNAL_DETECTED", after, False] for after in _GIVEN_UP),
        refused_entries=moves["SIGNAL_DETECTED", "SIGNAL_CANCELLED", True],
        entries=moves["SIGNAL_DETECTED", "ENTRY_PENDING", False],
        unfilled=sum(moves["ENTRY_PENDING", after, refused] for after in _GIVEN_UP for refused in (False, True)),
        entered=moves["ENTRY_PENDING", "POSITION_ACTIVE", False],
        closed=sum(moves[before, after, False] for before in _HOLDING for after in ("EXITED", "INACTIVE")),
        reasons=_frequent(reasons),
        exits=_frequent(exits),
    )


def _frequent(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))

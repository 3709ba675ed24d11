"""The rules of a strategy that no single part can check: indicator names, what is known where, how a position ends.

They look at the document as it was given, so that they speak up together with everything else that is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from operators.strategy.compiled import E1, O1, Z1, ZE1
from operators.strategy.names import PRICE_UNIT, Meaning, Variants, meaning
from operators.strategy.problems import Problem, path_of, shown
from operators.strategy.raw import at, conditions_in, number_at, texts_at

MUCH_LEVERAGE: Final = 3.0
"""More leverage than this is allowed, with a warning."""

MOST_LEVERAGE: Final = 20.0

_SIGNAL_SECTIONS: Final = frozenset({O1, Z1})
_POSITION_SECTIONS: Final = frozenset({ZE1, E1})
_SECTION_NAMES: Final = {_SIGNAL_SECTIONS: "o1_cancel and z1_entry", _POSITION_SECTIONS: "ze1_close and e1_emergency"}
_RISK_SCALING: Final = ("z1_entry", "size", "risk_scaling", "indicator")
_LEVELS: Final = (("z1_entry", "stop_loss", "indicator"), ("z1_entry", "take_profit", "indicator"))


def sections_of(kind: str) -> frozenset[str]:
    """The sections that may ask for a position value: the signal's age before the entry, the others after it."""
    return _SIGNAL_SECTIONS if kind == "SIGNAL_AGE_SECONDS" else _POSITION_SECTIONS


def rule_problems(data: object, variants: Variants) -> list[Problem]:
    """Everything that is wrong with the document as a whole."""
    return [
        *_condition_problems(data, variants),
        *_entry_indicator_problems(data, variants),
        *_leverage_problems(data),
        *_closing_problems(data),
    ]


def rule_warnings(data: object) -> list[Problem]:
    """What is allowed and still worth a second thought."""
    warnings = []
    leverage = number_at(data, "z1_entry", "leverage")
    if leverage is not None and MUCH_LEVERAGE < leverage <= MOST_LEVERAGE:
        warnings.append(
            Problem(
                "$.z1_entry.leverage",
                shown(at(data, "z1_entry", "leverage")),
                f"up to {MOST_LEVERAGE:g}; above {MUCH_LEVERAGE:g} the liquidation price is near: "
                f"{100 / leverage:.1f} % from the entry, less the contract's maintenance margin and liquidation fee",
            )
        )
    if at(data, "direction") == "SHORT":
        target = number_at(data, "z1_entry", "take_profit", "percent")
        if target is not None and target >= 100:
            warnings.append(
                Problem("$.z1_entry.take_profit.percent", shown(target), "below 100 for SHORT: no price reaches it")
            )
    return warnings


def _condition_problems(data: object, variants: Variants) -> Iterator[Problem]:
    for section, (location, node) in conditions_in(data):
        text = node.get("indicator")
        if not isinstance(text, str) or not text:
            continue
        place = (*location, "indicator")
        known = meaning(text, variants)
        if not isinstance(known, Meaning):
            yield from (Problem(path_of(place), one.found, one.allowed) for one in known)
        elif known.on_position and section not in sections_of(known.kind):
            allowed = _SECTION_NAMES[sections_of(known.kind)]
            yield Problem(path_of(place), f"{known.kind} in {section}", f"{known.kind} in {allowed} only")


def _entry_indicator_problems(data: object, variants: Variants) -> Iterator[Problem]:
    for found in texts_at(data, _RISK_SCALING, *_LEVELS):
        known = meaning(found.value, variants) if found.value else []
        if not isinstance(known, Meaning):
            yield from (Problem(path_of(found.location), one.found, one.allowed) for one in known)
        elif known.on_position:
            yield Problem(path_of(found.location), known.kind, "an indicator of the market (there is no position yet)")
        elif found.location in _LEVELS and known.unit != PRICE_UNIT:
            yield Problem(path_of(found.location), f"{known.kind} ({known.unit})", f"an indicator in {PRICE_UNIT}")


def _leverage_problems(data: object) -> Iterator[Problem]:
    leverage, largest = number_at(data, "z1_entry", "leverage"), number_at(data, "limits", "max_leverage")
    if leverage is not None and largest is not None and leverage > largest:
        yield Problem(
            "$.z1_entry.leverage", f"{leverage:g} with limits.max_leverage {largest:g}", "at most limits.max_leverage"
        )


def _closing_problems(data: object) -> Iterator[Problem]:
    if not isinstance(at(data, "z1_entry"), dict):
        return
    ways = (
        ("ze1_close", "when"),
        ("e1_emergency", "when"),
        ("z1_entry", "stop_loss"),
        ("z1_entry", "trailing_stop"),
        ("z1_entry", "take_profit"),
        ("limits", "max_position_seconds"),
    )
    if all(at(data, *way) is None for way in ways):
        yield Problem(
            "$.z1_entry",
            "an entry whose position could never be closed",
            "at least one of " + ", ".join(".".join(way) for way in ways),
        )

"""Names of states, triggers and exit reasons in words."""

from __future__ import annotations

import re
from typing import Final

STATES: Final = {
    "INACTIVE": "Off",
    "MONITORING": "Watching",
    "SIGNAL_DETECTED": "Signal found",
    "SIGNAL_CANCELLED": "False alarm",
    "ENTRY_PENDING": "Entering",
    "POSITION_ACTIVE": "In position",
    "CLOSE_PENDING": "Closing",
    "EXITED": "Exited",
}

TRIGGERS: Final = {
    "activated": "switched on",
    "s1": "S1 fired",
    "o1": "O1: false alarm",
    "o1_timeout": "O1: signal too old",
    "z1": "Z1 confirmed",
    "first_fill": "first fill",
    "order_timeout": "order timed out",
    "next_leg": "next order sent",
    "entry_rejected": "entry rejected",
    "entry_unfilled": "entry not filled",
    "liquidation": "liquidation",
    "stop_loss": "stop loss",
    "e1": "E1 emergency",
    "trailing_stop": "trailing stop",
    "take_profit": "take profit",
    "max_position_seconds": "time limit",
    "ze1": "ZE1 planned",
    "close_escalated": "close sent again",
    "late_fill": "late fill",
    "flat": "flat",
    "cooldown_over": "cooldown over",
    "deactivated": "switched off",
    "session_stop": "session stopped",
    "kill_switch": "kill switch",
    "flatten": "flattened",
    "end_of_tape": "end of tape",
}


def state(name: str) -> str:
    """A state in words.

    >>> state("CLOSE_PENDING")
    'Closing'
    """
    return STATES.get(name, _spoken(name))


def trigger(name: str) -> str:
    """A trigger, a refusal or an exit reason in words.

    >>> trigger("ze1"), trigger("TAKE_PROFIT"), trigger("refused: no_slot, kill_switch")
    ('ZE1 planned', 'take profit', 'refused: no slot, kill switch')
    """
    known = TRIGGERS.get(name.lower())
    if known is not None:
        return known
    head, colon, rest = name.partition(":")
    if colon:
        return f"{_spoken(head)}: {_spoken(rest.strip())}"
    return _spoken(name)


def strategy(name: str) -> str:
    """The name of a strategy; of one that is a file, the file's own without its folders.

    >>> strategy("peak_fade_short"), strategy("strategies/mine.json"), strategy(r"strategies\\mine.json")
    ('peak_fade_short', 'mine.json', 'mine.json')
    """
    return re.split(r"[/\\]", name)[-1]


def _spoken(name: str) -> str:
    return name.replace("_", " ").lower()

"""Strategies that come with the program: ready to run, and examples to start from."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from operators.errors import UsageError
from operators.strategy.document import StrategyDocument
from operators.strategy.problems import did_you_mean
from operators.strategy.validation import load_strategy

TEMPLATES: Final = ("peak_fade_short", "pump_follow_long", "flash_pump_long", "pump_alert_only")
"""Names, in the order in which they are listed; a template's file and its document have this name."""


class UnknownTemplate(UsageError):
    """A template name that does not exist."""


def template_text(name: str) -> str:
    """The JSON text of a template as it is shipped. Raises `UnknownTemplate`."""
    if name not in TEMPLATES:
        raise UnknownTemplate(f"strategy template {name!r}; {did_you_mean(name, TEMPLATES)}")
    return (files("operators.strategy") / "templates" / f"{name}.json").read_text(encoding="utf-8")


def load_template(name: str) -> StrategyDocument:
    """A template's document. Raises `UnknownTemplate`.

    >>> load_template("peak_fade_short").direction
    'SHORT'
    """
    return load_strategy(template_text(name), name)

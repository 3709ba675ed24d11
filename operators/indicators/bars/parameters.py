"""Parameters that kinds over bars share."""

from __future__ import annotations

from operators.indicators.parameters import Number, whole_number


def bar_length(default: float = 60.0) -> Number:
    """How long a bar is."""
    return Number("bar", default, 1.0, 3600.0, "s", "length of a bar: [k · bar, (k + 1) · bar) UTC")


def bar_count(default: int, least: int, most: int) -> Number:
    """Over how many bars."""
    return whole_number("period", default, least, most, "closed bars")

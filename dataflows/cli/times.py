"""Dates and times as options take them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def parse_instant(option: str, text: str) -> int:
    """Microseconds UTC of a date or date and time; without a zone it is UTC.

    >>> parse_instant("--from", "2020-05-28T16:00:58.618")
    1590681658618000
    """
    from operators.errors import UsageError

    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is no date or time; write 2020-05-28 or 2020-05-28T16:00:58.618") from None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

"""SQL literals for the statements that cannot take parameters (`/exp`, `INSERT INTO … SELECT`)."""

from __future__ import annotations

import re
from typing import Final

from connectors.questdb.timestamps import to_timestamp
from operators.errors import UsageError

_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f]")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_LAST: Final = 253_402_300_799_999_999
"""The last microsecond of the year 9999."""


def text(value: str) -> str:
    """A string literal; quotes are doubled, control characters refused.

    >>> text("it's")
    "'it''s'"
    """
    if found := _FORBIDDEN.search(value):
        raise UsageError(f"a text for the database has the control character {found[0]!r}: {value[:60]!r}")
    if value.startswith("'"):
        # QuestDB 9.3 takes a literal that begins with a doubled quote for an empty text.
        raise UsageError(f"a text for the database begins with a quote: {value[:60]!r}")
    return "'" + value.replace("'", "''") + "'"


def instant(us: int) -> str:
    """A timestamp literal from microseconds UTC (years 1970 to 9999).

    >>> instant(1_794_000_000_123_456)
    "'2026-11-06T21:20:00.123456Z'"
    """
    if not 0 <= us <= _LAST:
        raise UsageError(f"{us} is not a time in microseconds between the years 1970 and 9999")
    return f"'{to_timestamp(us).isoformat(timespec='microseconds')}Z'"


def name(value: str) -> str:
    """A table or column name of ours, unquoted.

    >>> name("tick_prices")
    'tick_prices'
    """
    if not _NAME.fullmatch(value):
        raise UsageError(f"{value!r} is not a table or column name: lower-case letters, digits and underscores")
    return value

"""What the exchange, or the way to it, can refuse; and frames that nobody can read."""

from __future__ import annotations

from typing import Final

from operators.errors import TapeflowError

PASSING_CODES: Final = frozenset({500, 501, 604, 801, 9999})
"""Codes of a busy, maintained or generally unwell exchange: the same request may succeed later."""
TOO_FREQUENT: Final = 510
UNKNOWN_CONTRACT: Final = 1001

_LONGEST_TEXT: Final = 300


class MalformedFrame(TapeflowError):
    """A WebSocket frame that cannot be read. `channel` and `symbol` are known where at least those could be."""

    def __init__(self, reason: str, channel: str | None = None, symbol: str | None = None) -> None:
        self.reason = one_line(reason)
        self.channel = channel
        self.symbol = symbol
        where = " of ".join(one_line(part) for part in (channel, symbol) if part)
        super().__init__(f"{where}: {self.reason}" if where else self.reason)


class ExchangeError(TapeflowError):
    """The root of everything that the exchange's REST interface, or the way to it, refuses."""


class ExchangeRejected(ExchangeError):
    """The exchange understood and said no. `code` is its own number (the text may be Chinese: never match on it)."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.message = one_line(message)
        self.retryable = code in PASSING_CODES
        super().__init__(f"the exchange says no: code {code}: {self.message or '(no text)'}")


class ExchangeThrottled(ExchangeRejected):
    """Too many requests: code 510 inside HTTP 200, or HTTP 429. The next window of two seconds is usually free."""

    def __init__(self, message: str = "", code: int = TOO_FREQUENT) -> None:
        super().__init__(code, message or "requests are too frequent")
        self.retryable = True


class ExchangeBlocked(ExchangeError):
    """HTTP 403 without JSON: the exchange's edge shuts this address out, as a rule for a minute or more."""

    retryable = True


class ExchangeDown(ExchangeError):
    """HTTP 5xx, or nobody answers."""

    retryable = True


class ExchangeUnreadable(ExchangeError):
    """An answer that is not JSON, or not of the shape that its endpoint promises."""

    retryable = True


def one_line(text: str) -> str:
    """A foreign text on one line and not too long, for messages.

    >>> one_line("a\\n b")
    'a b'
    """
    line = " ".join(text[: 2 * _LONGEST_TEXT].split())
    return line if len(line) <= _LONGEST_TEXT else f"{line[: _LONGEST_TEXT - 1]}…"


def innermost(error: BaseException) -> BaseException:
    """The first error itself, without the groups of tasks that it ended."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

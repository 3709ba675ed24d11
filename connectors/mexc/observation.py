"""What is being observed: per symbol and stream, on or off, and the gaps between.

Every change is a tape event (decisions must know what they cannot see) and every gap a row of `data_gaps`, written
when it opens, so that a crash leaves it visible, and again when it closes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from connectors.mexc.inbox import Inbox


@dataclass(slots=True)
class OpenGap:
    """A gap from `start_us` (exchange time); `end_us` None while it lasts. `recovered` and `lost` are None until
    somebody has looked."""

    symbol: str
    stream: str
    start_us: int
    cause: str
    end_us: int | None = None
    recovered: int | None = None
    lost: int | None = None


class Observation:
    """Keeps what is observed and tells the inbox. All times are exchange times in µs."""

    def __init__(self, inbox: Inbox, session_id: str, streams: Collection[str]) -> None:
        self._inbox = inbox
        self._session_id = session_id
        self._streams = tuple(streams)
        self._observed: dict[tuple[str, str], int] = {}
        self._told: dict[tuple[str, str], int] = {}
        self._open: dict[tuple[str, str], OpenGap] = {}
        self.gaps = 0
        """Gaps since the start."""
        self._gaps_of: Counter[str] = Counter()
        self._healthy_since: dict[str, int] = {}
        self._healthy_us: dict[str, int] = {}

    def is_observed(self, symbol: str, stream: str) -> bool:
        """Whether the stream is delivering now; a book that cannot be trusted is not observed."""
        return (symbol, stream) in self._observed and (symbol, stream) not in self._open

    def gaps_of(self, symbol: str) -> int:
        """Gaps of a symbol since the start."""
        return self._gaps_of[symbol]

    def healthy_us(self, symbol: str, now_us: int) -> int:
        """For how long all streams of the symbol have been observed since the start."""
        since = self._healthy_since.get(symbol, now_us)
        return max(self._healthy_us.get(symbol, 0) + max(now_us - since, 0), 0)

    def open_gap(self, symbol: str, stream: str) -> OpenGap | None:
        """The gap that lasts, if one does."""
        return self._open.get((symbol, stream))

    def began(self, symbol: str, stream: str, at_us: int, cause: str) -> OpenGap | None:
        """The stream delivers from `at_us` on (not before its last change, though). Returns the gap that this closes,
        None where there was none."""
        key = (symbol, stream)
        at_us = max(at_us, self._told.get(key, at_us))
        if key not in self._observed:
            at_us = self._tell(key, "observed_on", at_us, {"stream": stream, "cause": cause})
        gap = self._close(key, at_us)
        if gap is not None or key not in self._observed:
            # a book that is whole again was not known before, however old what it was made of is
            self._observed[key] = at_us
        if all(self.is_observed(symbol, each) for each in self._streams):
            self._healthy_since.setdefault(symbol, at_us)
        return gap

    def ended(self, symbol: str, stream: str, since_us: int, at_us: int, cause: str) -> None:
        """Noticed at `at_us`: since `since_us` the stream delivers no more (not before it was observed, though).
        Harmless where it did not before."""
        key = (symbol, stream)
        if key in self._observed:
            since_us = max(since_us, self._observed.pop(key))
            self._tell(key, "observed_off", at_us, {"stream": stream, "cause": cause})
            self._begin_gap(key, since_us, cause)

    def missed(self, gap: OpenGap) -> None:
        """A gap that is over, and that nobody had noticed."""
        self._count(gap)
        if gap.end_us is not None:
            self._healthy_us[gap.symbol] = self._healthy_us.get(gap.symbol, 0) - (gap.end_us - gap.start_us)
        self.store(gap)

    def unsound_until(self, symbol: str, stream: str, since_us: int, until_us: int, cause: str) -> None:
        """What is known of the book had been wrong from `since_us` (not before it was observed, though) to `until_us`,
        and nobody had noticed. Nothing where it is not observed: the gap that lasts began before."""
        key = (symbol, stream)
        since_us = max(since_us, self._observed.get(key, until_us))
        if since_us < until_us and self.is_observed(symbol, stream):
            self._observed[key] = until_us
            self.missed(OpenGap(symbol, stream, since_us, cause, until_us))

    def invalid_book(self, symbol: str, stream: str, since_us: int, at_us: int, cause: str) -> None:
        """Noticed at `at_us`: what is known of the book since `since_us` may be wrong, though its stream goes on."""
        key = (symbol, stream)
        if key in self._observed and key not in self._open:
            self._tell(key, "book_invalid", at_us, {"cause": cause})
            self._begin_gap(key, max(since_us, self._observed[key]), cause)

    def interrupted(self, gaps: Iterable[OpenGap]) -> None:
        """The session goes on after an interruption: these streams had been observed and were not since then."""
        for gap in gaps:
            payload = {"stream": gap.stream, "cause": gap.cause}
            self._tell((gap.symbol, gap.stream), "observed_off", gap.start_us, payload)
            self._open_gap(gap)

    def close_all(self, until_us: int, at_us: int, cause: str) -> None:
        """The session ends at `at_us`, and gaps that last end with it; the others were observed until `until_us`.

        Of a book that cannot be trusted the stream ends too: whoever goes on must not take it for observed.
        """
        for key in sorted(self._observed):
            self._tell(key, "observed_off", until_us, {"stream": key[1], "cause": cause})
        self._observed.clear()
        for key in list(self._open):
            self._close(key, at_us)

    def removed(self, symbol: str, at_us: int, cause: str) -> None:
        """The symbol is no longer traded: its streams and gaps end."""
        for stream in sorted(stream for name, stream in self._observed.keys() | self._open.keys() if name == symbol):
            self._observed.pop((symbol, stream), None)
            self._close((symbol, stream), at_us)
            self._tell((symbol, stream), "observed_off", at_us, {"stream": stream, "cause": cause})
        self._inbox.add_event(at_us, symbol, "symbol_removed", {"cause": cause})

    def store(self, gap: OpenGap) -> None:
        """Write the gap as it is now; rows of one gap replace one another."""
        row: dict[str, Any] = {
            "timestamp": gap.start_us,
            "session_id": self._session_id,
            "symbol": gap.symbol,
            "stream": gap.stream,
            "end_ts": gap.end_us,
            "cause": gap.cause,
            "recovered": gap.recovered,
            "lost_estimate": gap.lost,
        }
        self._inbox.add_row("data_gaps", row)

    def _tell(self, key: tuple[str, str], kind: str, at_us: int, payload: dict[str, str]) -> int:
        """Put a change of a stream on the tape, never before the one before it; returns its time."""
        at_us = self._told[key] = max(at_us, self._told.get(key, at_us))
        self._inbox.add_event(at_us, key[0], kind, payload)
        return at_us

    def _begin_gap(self, key: tuple[str, str], start_us: int, cause: str) -> None:
        symbol, _ = key
        since = self._healthy_since.pop(symbol, None)
        if since is not None:
            self._healthy_us[symbol] = self._healthy_us.get(symbol, 0) + max(start_us - since, 0)
        if key not in self._open:
            self._open_gap(OpenGap(*key, start_us, cause))

    def _count(self, gap: OpenGap) -> None:
        self.gaps += 1
        self._gaps_of[gap.symbol] += 1

    def _open_gap(self, gap: OpenGap) -> None:
        self._count(gap)
        self._open[gap.symbol, gap.stream] = gap
        self.store(gap)

    def _close(self, key: tuple[str, str], at_us: int) -> OpenGap | None:
        """End the gap that lasts, if one does, and return it."""
        gap = self._open.pop(key, None)
        if gap is not None:
            gap.end_us = max(at_us, gap.start_us)
            self.store(gap)
        return gap

"""The collect dataflow: an exchange's streams → journal → database; nothing is decided."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import bytewax.operators as op
import msgspec
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors.journal.drainer import Drainer
from connectors.journal.journal import Journal
from connectors.mexc.connected import ConnectedFeed
from connectors.mexc.feed import MexcFeed
from connectors.mexc.feed_settings import FeedSettings
from connectors.mexc.source import LiveProgress, LiveSettings, LiveSource
from connectors.mexc.symbol_feed import SymbolFeed
from connectors.questdb.server import revive_database
from dataflows.resuming import Resumption
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.plan import CollectPlan
from dataflows.sessions.reporter import Reporter
from dataflows.sessions.worker_report import CollectProgress
from dataflows.totals import Totals, write_totals
from operators.errors import UsageError
from operators.tape import Int64, MarketBatch

FINAL_DRAIN_SECONDS: Final = 60.0
_SHOW_SECONDS: Final = 1.0
_LAG_SLICES: Final = 20


@contextmanager
def collection(
    plan: CollectPlan, folder: SessionFolder, reporter: Reporter, stop_requested: Callable[[], bool]
) -> Iterator[Dataflow]:
    """The flow of a collect session with its journal and drainer around it.

    At the end it waits until the database has everything, or leaves the rest in the journal where the database is
    away: `tapeflow db drain` writes it.
    """
    journal = Journal(folder.journal, bound_bytes=plan.journal_bytes)
    drainer = Drainer(journal, lambda: revive_database(Path(plan.home), plan.database))
    drainer.start()
    resumption = Resumption(plan, folder, journal, drainer)
    feed = MexcFeed(feed_settings(plan), resumption.interrupted, stop_requested)
    display = _Display(folder, feed, drainer, resumption, reporter)
    try:
        yield _flow(plan, journal, drainer, reporter, resumption, feed, display, stop_requested)
        display.finish()
        _drain(drainer, reporter)
    finally:
        drainer.close()
        journal.close()


def _drain(drainer: Drainer, reporter: Reporter) -> None:
    """Give the database a minute to take what waits; one that is away now is not waited for."""
    until = time.monotonic() + FINAL_DRAIN_SECONDS
    done = False
    while not done and time.monotonic() < until:
        done = drainer.flush(_SHOW_SECONDS)
        status = drainer.status
        away = status.unavailable_since_us is not None
        reporter.on_drained(status.rows_waiting, status.bytes_waiting, away=away)
        if away:
            return


def _flow(
    plan: CollectPlan,
    journal: Journal,
    drainer: Drainer,
    reporter: Reporter,
    resumption: Resumption,
    feed: MexcFeed,
    display: _Display,
    stop_requested: Callable[[], bool],
) -> Dataflow:
    settings = LiveSettings(
        session_id=plan.session_id,
        symbols=plan.symbols,
        levels=plan.book_levels,
        linger_ms=plan.linger_ms,
        clock_rate=plan.clock_rate,
        duration_us=plan.duration_us,
    )
    source = LiveSource(
        settings,
        feed,
        journal,
        resumption.position,
        stop_requested=stop_requested,
        on_progress=display.show,
    )
    flow = Dataflow("collect")
    tape = op.input("exchange", flow, source)
    op.output("recorded", op.key_on("by_session", tape, lambda _: plan.session_id), _Recorded(drainer, reporter))
    return flow


def feed_settings(plan: CollectPlan) -> FeedSettings:
    """What a feed is to receive for a session. Raises `UsageError` for settings that make no sense."""
    usual = {
        "session_id": plan.session_id,
        "exchange": plan.exchange,
        "rest_url": plan.rest_url,
        "websocket_url": plan.websocket_url,
        "symbols": plan.symbols,
        "levels": plan.book_levels,
        "book_interval_us": plan.book_interval_ms * 1_000,
        "full_depth": plan.depth_mode == "full",
        "clock_rate": plan.clock_rate,
    }
    unknown = plan.feed.keys() - {each.name for each in fields(FeedSettings)}
    if unknown:
        raise UsageError(f"the plan's feed: found {', '.join(sorted(unknown))}, which no feed has")
    try:
        return msgspec.convert({**usual, **plan.feed}, FeedSettings)
    except msgspec.ValidationError as error:
        raise UsageError(f"the plan's feed: {error}") from None


class _Recorded(FixedPartitionedSink[MarketBatch, None]):
    """The end of the flow: the journal has had everything since before it flowed, so this only watches the drainer."""

    def __init__(self, drainer: Drainer, reporter: Reporter) -> None:
        self._drainer = drainer
        self._reporter = reporter

    def list_parts(self) -> list[str]:
        return ["journal"]

    def part_fn(self, item_key: str) -> int:
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _DrainerWatch:
        return _DrainerWatch(self._drainer, self._reporter)


class _DrainerWatch(StatefulSinkPartition[MarketBatch, None]):
    def __init__(self, drainer: Drainer, reporter: Reporter) -> None:
        self._drainer = drainer
        self._reporter = reporter

    def write_batch(self, values: list[MarketBatch]) -> None:
        self._check()

    def snapshot(self) -> None:
        self._check()

    def _check(self) -> None:
        try:
            self._drainer.check()
        except BaseException as error:
            # what a sink raises can end the process before anybody else hears of it
            self._reporter.fail(error)
            raise


class _Display:
    """Tells once a second how the collection is doing."""

    def __init__(
        self, folder: SessionFolder, feed: MexcFeed, drainer: Drainer, resumption: Resumption, reporter: Reporter
    ) -> None:
        self._folder = folder
        self._feed = feed
        self._drainer = drainer
        self._resumption = resumption
        self._reporter = reporter
        self._shown = 0.0
        self._lags: deque[Int64] = deque(maxlen=_LAG_SLICES)
        self._before: dict[str, tuple[int, int]] = {}
        self._started_us: int | None = None
        self._newest: LiveProgress | None = None

    def show(self, progress: LiveProgress) -> None:
        """The tape has come this far."""
        self._newest = progress
        if len(progress.lag_us):
            self._lags.append(progress.lag_us)
        if time.monotonic() - self._shown >= _SHOW_SECONDS:
            self._tell(progress)

    def finish(self) -> None:
        """The tape has come to its end: the last counts are those that stay."""
        if self._newest is not None:
            self._tell(self._newest)

    def _tell(self, progress: LiveProgress) -> None:
        now = time.monotonic()
        seconds, self._shown = max(now - self._shown, 1e-9), now
        state = progress.state
        self._started_us = self._started_us or state.watermark
        connected = self._feed.connected
        symbols = [] if connected is None else list(connected.receiver.symbols.values())
        totals = self._totals(connected)
        write_totals(self._folder, totals)
        lags = np.concatenate(self._lags) if self._lags else np.empty(0)
        p50, p99 = (np.percentile(lags, (50, 99)) / 1_000).tolist() if len(lags) else (None, None)
        drained = self._drainer.status
        stored = (np.percentile(drained.delays, (50, 99)) * 1_000).tolist() if drained.delays else (None, None)
        self._reporter.on_collected(
            CollectProgress(
                tape_from=state.tape_from,
                tape_ts=state.watermark,
                trades=state.trades,
                books=state.books,
                late=state.late,
                **msgspec.structs.asdict(totals),
                journal_rows=drained.rows_waiting,
                journal_bytes=drained.bytes_waiting,
                database_away=drained.unavailable_since_us is not None,
                lag_ms_p50=p50,
                lag_ms_p99=p99,
                stored_ms_p50=stored[0],
                stored_ms_p99=stored[1],
            )
        )
        self._reporter.on_symbols([self._row(feed, seconds, state.watermark) for feed in symbols])

    def _totals(self, connected: ConnectedFeed | None) -> Totals:
        """What was counted before and by this process."""
        before = self._resumption.totals
        if connected is None:
            return before
        counters = [feed.counters for feed in connected.receiver.symbols.values()]
        return Totals(
            gaps=before.gaps + self._feed.observation.gaps,
            duplicates=before.duplicates + sum(each.duplicates for each in counters),
            malformed=before.malformed + sum(each.malformed for each in counters) + connected.receiver.malformed,
            dropped=before.dropped + sum(each.dropped for each in counters),
            reconnects=before.reconnects + sum(connected.stream.counters.disconnects.values()),
        )

    def _row(self, feed: SymbolFeed, seconds: float, now_us: int) -> Mapping[str, Any]:
        counts = (feed.counters.trades, feed.counters.books)
        trades, books = self._before.get(feed.name, (0, 0))
        self._before[feed.name] = counts
        bid, ask = feed.evidence.best_bid, feed.evidence.best_ask
        observed = max(now_us - (self._started_us or now_us), 1)
        healthy = self._feed.observation.healthy_us(feed.name, now_us)
        return {
            "symbol": feed.name,
            "trades": feed.counters.trades,
            "books": feed.counters.books,
            "trades_per_second": (feed.counters.trades - trades) / seconds,
            "books_per_second": (feed.counters.books - books) / seconds,
            "spread_pct": None if bid is None or ask is None else 200.0 * (ask - bid) / (ask + bid),
            "lag_ms": None if feed.lag_us is None else feed.lag_us / 1_000,
            "gaps": self._feed.observation.gaps_of(feed.name),
            "healthy_pct": min(100.0, max(0.0, 100.0 * healthy / observed)),
            "removed": feed.removed,
        }

"""One exchange that misbehaves and one collector that records it, both whole: processes, sockets, database."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from connectors.questdb.database import Database
from connectors.simulated.exchange.fault_orders import FaultOrder
from connectors.simulated.exchange.fault_table import kind_of
from connectors.simulated.exchange.running import RunningExchange, running_exchange
from connectors.simulated.exchange.server import ServerSettings
from connectors.simulated.exchange.serving import MarketRequest
from connectors.simulated.exchange.truth_reader import Truth
from dataflows.sessions.control import request_stop
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.launcher import follow, launch, read_progress
from dataflows.sessions.plan import CollectPlan
from tests.campaign.comparison import Comparison, compare

START_SECONDS: Final = 90.0
RECOVERY_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.25
_MARGIN_US: Final = 2_500_000


class Step(NamedTuple):
    """So many seconds after its failure begins: a switch goes on or off, or something happens at once."""

    after: float
    name: str
    parameters: dict[str, Any]
    is_off: bool = False


def on(after: float, name: str, **parameters: Any) -> Step:
    """A switch goes on, or a happening happens."""
    return Step(after, name, parameters)


def off(after: float, name: str) -> Step:
    """A switch goes off."""
    return Step(after, name, {}, is_off=True)


class Gap(NamedTuple):
    """A row of `data_gaps`; times in µs."""

    symbol: str
    stream: str
    start: int
    end: int | None
    cause: str
    recovered: int | None
    lost: int | None


@dataclass(slots=True)
class Finding:
    """What became of one failure. `began_us` and `ended_us` are exchange times; `seconds` is exchange time per second
    of ours."""

    began_us: int
    ended_us: int
    rate: float
    symbols: tuple[str, ...]
    gaps: list[Gap]
    wrong: list[str]
    """Whatever the comparison with the truth found fault with, of these symbols."""
    counters: Counter[str]
    comparison: Comparison
    session_id: str
    database: Database
    truth: Truth
    state: dict[str, Any]

    def of(self, stream: str) -> list[Gap]:
        return [gap for gap in self.gaps if gap.stream == stream]

    @property
    def recovery(self) -> float | None:
        """Seconds from the end of the failure, or from its beginning where that was sooner overcome, until all of its
        streams were observed again; None where none was interrupted."""
        ends = [gap.end for gap in self.gaps if gap.end is not None]
        if not ends:
            return None
        since = self.ended_us if max(ends) >= self.ended_us else self.began_us
        return (max(ends) - since) / 1e6 / self.rate

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the session; `sql` has one placeholder, its id."""
        return self.database.query(sql, (self.session_id,))


@dataclass(frozen=True, slots=True)
class Failure:
    """One way to fail. `row` is its number among the failures of the protocol notes.

    It hits `symbols` (none named: all of its campaign) and its `steps` begin `at` seconds after everything is observed
    (None: before the collector starts). `trades` and `books` are the causes which gaps of those streams must have; an
    empty one: there must be no gap. `check` looks at anything else.
    """

    row: int
    title: str
    simulated: str
    answer: str
    steps: tuple[Step, ...] = ()
    at: float | None = None
    symbols: tuple[str, ...] = ()
    trades: tuple[str, ...] = ()
    books: tuple[str, ...] = ()
    tolerated: tuple[str, ...] = ()
    """Causes that gaps may also have."""
    stored: str = ""
    """In words, what the database has afterwards, where that is not what happened outside of the gaps, and what the
    exchange could still tell of the time inside."""
    ahead_seconds: float = 0.0
    """So much later than its end the failure still moves the times of what is stored."""
    excused: tuple[str, ...] = ()
    """Kinds of differences from the truth that the exchange brings about itself."""
    check: Callable[[Finding], None] = field(default=lambda _: None)

    @property
    def name(self) -> str:
        return f"{self.row} {self.title}"


@dataclass(frozen=True, slots=True)
class Campaign:
    """Failures that one exchange and one collector go through together."""

    name: str
    symbols: tuple[str, ...]
    failures: tuple[Failure, ...]
    speed: float = 4.0
    tempo: float = 4.0
    full_depth: bool = False
    feed: dict[str, Any] = field(default_factory=dict)
    settle_seconds: float = 0.0
    """So long everything goes on after the last step."""
    mute_at_start: int = 0
    """Symbols of which nothing is to be seen at first."""
    check_sides: bool = True
    check_times: bool = True
    book_interval_ms: int = 100


class _Recording(NamedTuple):
    """What a campaign leaves behind."""

    session_id: str
    truth: Path
    times: dict[str, list[int]]
    state: dict[str, Any]


def _record(campaign: Campaign, home: Path, database: Database, folder: Path) -> _Recording:
    """Let everything happen, and stop the collector."""
    truth_folder = folder / campaign.name
    request = MarketRequest(
        names=campaign.symbols,
        speed=campaign.speed,
        tempo=campaign.tempo,
        seed=7,
        server=ServerSettings(truth=truth_folder),
    )
    with running_exchange(request) as exchange:
        marks = _Marks(exchange)
        for failure in campaign.failures:
            if failure.at is None:
                for step in failure.steps:
                    if step.after == 0.0:
                        marks.take(failure, step)
        session_id = f"collect_20261122_153000_{campaign.name}_{time.time_ns() % 1_000_000_000:09d}"
        with _collector(campaign, exchange, home, session_id) as session:
            _wait_for_books(campaign, session, database, session_id)
            began = time.monotonic()
            for due, failure, step in _timetable(campaign):
                time.sleep(max(began + due - time.monotonic(), 0.0))
                marks.take(failure, step)
            time.sleep(campaign.settle_seconds)
            _wait_for_recovery(database, session_id)
            state = exchange.state()
            session.stop()
    return _Recording(session_id, truth_folder, marks.times, state)


def run_all(campaigns: Sequence[Campaign], home: Path, database: Database, folder: Path) -> dict[str, Finding]:
    """All campaigns side by side, because they wait most of the time: per failure (by name) what was stored."""
    with ThreadPoolExecutor(len(campaigns)) as pool:
        jobs = [pool.submit(_record, campaign, home, database, folder) for campaign in campaigns]
        recordings = [job.result() for job in jobs]
    # a comparison would take the time from the exchanges, which run in this process
    found: dict[str, Finding] = {}
    for campaign, recording in zip(campaigns, recordings, strict=True):
        found |= _findings(campaign, recording, database)
    return found


class _Marks:
    """When each failure began and ended, by the exchange's clock."""

    def __init__(self, exchange: RunningExchange) -> None:
        self._exchange = exchange
        self.times: dict[str, list[int]] = {}

    def take(self, failure: Failure, step: Step) -> None:
        if step.is_off:
            self._exchange.clear(step.name)
        else:
            order = FaultOrder(step.name, kind_of(step.name).values(step.parameters))
            self._exchange.ask(lambda server: server.carry_out(order))
        now_us = self._exchange.ask(lambda server: server.stage.venue.now_ms) * 1_000
        self.times.setdefault(failure.name, []).append(now_us)


def _timetable(campaign: Campaign) -> list[tuple[float, Failure, Step]]:
    steps = [
        ((failure.at or 0.0) + step.after, failure, step)
        for failure in campaign.failures
        for step in failure.steps
        if failure.at is not None or step.after > 0.0
    ]
    return sorted(steps, key=lambda each: each[0])


@dataclass(frozen=True, slots=True)
class _Session:
    folder: SessionFolder
    process: Any

    def check(self) -> None:
        progress = read_progress(self.folder)
        assert progress is None or not progress.done, f"the session has ended: {progress}"

    def stop(self) -> None:
        request_stop(self.folder)
        progress = follow(self.folder, self.process, lambda _: None)
        log = self.folder.log.read_text() if self.folder.log.is_file() else ""
        assert progress.error is None, f"{progress.error}\n{log[-2000:]}"
        assert "Traceback" not in log, log[-2000:]


@contextlib.contextmanager
def _collector(campaign: Campaign, exchange: RunningExchange, home: Path, session_id: str) -> Iterator[_Session]:
    plan = CollectPlan(
        session_id=session_id,
        home=str(home),
        database=None,
        symbols=campaign.symbols,
        exchange="simulated",
        rest_url=exchange.rest_url,
        websocket_url=exchange.websocket_url,
        clock_rate=campaign.speed,
        depth_mode="full" if campaign.full_depth else "merged",
        book_interval_ms=campaign.book_interval_ms,
        feed=campaign.feed,
    )
    folder = SessionFolder.of(home, session_id)
    folder.write_plan(plan)
    process = launch(folder)
    try:
        yield _Session(folder, process)
    finally:
        if process.poll() is None:
            with contextlib.suppress(Exception):
                process.wait(10.0)
            process.kill()
        process.wait()


def _wait_for_books(campaign: Campaign, session: _Session, database: Database, session_id: str) -> None:
    wanted = 2 * (len(campaign.symbols) - campaign.mute_at_start)
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        session.check()
        observed = database.query(
            "SELECT count_distinct(concat(symbol, payload)) FROM tape_events "
            "WHERE session_id = %s AND kind = 'observed_on'",
            (session_id,),
        )[0][0]
        if observed >= wanted:
            return
        time.sleep(_LOOK_SECONDS)
    raise TimeoutError(f"{campaign.name}: not all streams are observed after {START_SECONDS:g} s")


def _wait_for_recovery(database: Database, session_id: str) -> None:
    """Until no gap is open any more, for two looks in a row, but not for ever."""
    until = time.monotonic() + RECOVERY_SECONDS
    healthy = 0
    while healthy < 4 and time.monotonic() < until:
        open_gaps = database.query(
            "SELECT count() FROM data_gaps WHERE session_id = %s AND end_ts IS NULL", (session_id,)
        )[0][0]
        healthy = 0 if open_gaps else healthy + 1
        time.sleep(_LOOK_SECONDS)


def _findings(campaign: Campaign, recording: _Recording, database: Database) -> dict[str, Finding]:
    session_id, truth = recording.session_id, Truth(recording.truth)
    comparison = compare(
        database,
        session_id,
        recording.truth,
        check_times=campaign.check_times,
        check_sides=campaign.check_sides,
        book_delay_us=round(3_000_000 * campaign.speed),
    )
    print(f"{campaign.name}: {comparison.summary()}")
    gaps = [
        Gap(*row)
        for row in database.query(
            "SELECT symbol, stream, timestamp::long, end_ts::long, cause, recovered, lost_estimate FROM data_gaps "
            "WHERE session_id = %s ORDER BY timestamp",
            (session_id,),
        )
    ]
    names = ("trades", "books", "duplicates", "late", "malformed", "dropped", "resyncs", "crossed", "contrary_sides")
    sums = ", ".join(f"sum({name})" for name in names)
    counters = {
        symbol: Counter(dict(zip(names, values, strict=True)))
        for symbol, *values in database.query(
            f"SELECT symbol, {sums} FROM collection_counters WHERE session_id = %s", (session_id,)
        )
    }
    wrong = [
        (entry.partition(":")[0], f"{kind}: {entry}")
        for kind in ("invented", "duplicated", "wrong_trades", "missing", "wrong_books", "stale_books", "disorder")
        for entry in getattr(comparison, kind)
    ]
    found: dict[str, Finding] = {}
    ordered = sorted(campaign.failures, key=lambda each: recording.times.get(each.name, [0])[0])
    for place, failure in enumerate(ordered):
        times = recording.times.get(failure.name, [truth.start_ms * 1_000])
        symbols = failure.symbols or campaign.symbols
        since, until = 0, 1 << 62
        if not failure.symbols:
            # failures of the whole exchange come one after the other; a gap may begin a little before it is noticed
            margin = round(_MARGIN_US * campaign.speed)
            since = times[0] - margin
            later = [recording.times[each.name][0] for each in ordered[place + 1 :] if not each.symbols]
            until = min(later, default=until + margin) - margin
        found[failure.name] = Finding(
            began_us=times[0],
            ended_us=times[-1] + round(failure.ahead_seconds * 1e6),
            rate=campaign.speed,
            symbols=symbols,
            gaps=[gap for gap in gaps if gap.symbol in symbols and since <= gap.start < until],
            wrong=[words for symbol, words in wrong if symbol in symbols or symbol not in campaign.symbols],
            counters=sum((counters.get(symbol, Counter()) for symbol in symbols), Counter()),
            comparison=comparison,
            session_id=session_id,
            database=database,
            truth=truth,
            state=recording.state,
        )
    return found


def payloads(finding: Finding, kind: str, symbol: str) -> list[dict[str, Any]]:
    """The payloads of a symbol's tape events of one kind, in tape order."""
    rows = finding.query(
        f"SELECT payload FROM tape_events WHERE session_id = %s AND kind = '{kind}' AND symbol = '{symbol}' "
        "ORDER BY timestamp, seq"
    )
    return [json.loads(payload) for (payload,) in rows]

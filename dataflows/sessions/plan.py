"""What a session is going to do: complete, so that it can be started, restarted and looked at later."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from connectors.questdb.reader import DEFAULT_PAGE_ROWS
from operators.session import SessionRecord
from operators.slices import DEFAULT_SLICE_ROWS


class SessionPlan(msgspec.Struct, frozen=True, kw_only=True, tag_field="mode"):
    """What the processes of every session need to know.

    `database` is the configuration of an external database, None = the managed server of `home`. `workers` processes
    of `threads` threads each; with `recovery` a snapshot every `epoch_seconds`, from which a crashed flow goes on.
    """

    session_id: str
    home: str
    database: str | None
    symbols: tuple[str, ...]
    workers: int = 1
    threads: int = 1
    recovery: bool = False
    epoch_seconds: float = 10.0

    @property
    def mode(self) -> str:
        """`backtest`, `collect`, …: the tag under which the plan is stored."""
        return str(self.__struct_config__.tag)


class BacktestPlan(SessionPlan, frozen=True, kw_only=True, tag="backtest"):
    """A replay of a recorded tape. Times in µs, `(from_ts, to_ts]` of the source session's tape, which begins after
    `tape_from`.

    `accounts` is the accounts document (JSON text), `strategies` maps the names it uses to strategy documents (JSON
    text), `variants` the names that these use to what they stood for when the session was prepared. `indicators` are
    the canonical ids that the strategies read; those of `recorded` are stored, on every `record_every_us`-th instant of
    the grid, or where a value changes (None). `strategies_of` is the session from which strategies and accounts are.
    """

    source_session_id: str
    streams: dict[str, tuple[str, ...]]
    tape_from: int
    from_ts: int
    to_ts: int
    accounts: str
    strategies: dict[str, str]
    strategy_hashes: str
    accounts_hash: str
    speed: float | None = None
    slice_rows: int = DEFAULT_SLICE_ROWS
    page_rows: int = DEFAULT_PAGE_ROWS
    evaluation_interval_us: int = 1_000_000
    variants: dict[str, str] = {}
    indicators: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()
    record_every_us: int | None = None
    strategies_of: str | None = None


class CollectPlan(SessionPlan, frozen=True, kw_only=True, tag="collect"):
    """A recording of an exchange's streams; goes on by itself whatever dies, also while the database is away.

    `exchange` is `mexc`, `simulated` or an address, `clock_rate` how many times as fast as ours its clock runs, and
    `duration_us` how long to record in its time (None = until somebody stops it). Books keep the best `book_levels`,
    at most every `book_interval_ms`; `depth_mode` is `merged` (deltas) or `full`. Streams are held back `linger_ms`
    so that what arrives out of order can be put in order. At most `journal_bytes` wait for the database. With
    `simulated` the session runs the exchange itself: options of `tapeflow exchange serve`. `feed` has fields of
    `FeedSettings` that are to be other than usual: a feed in a hurry shows in seconds what takes minutes.
    """

    exchange: str
    rest_url: str
    websocket_url: str
    duration_us: int | None = None
    clock_rate: float = 1.0
    book_levels: int = 10
    book_interval_ms: int = 100
    depth_mode: Literal["merged", "full"] = "merged"
    linger_ms: int = 250
    journal_bytes: int = 2 << 30
    simulated: tuple[str, ...] = ()
    feed: dict[str, Any] = {}
    recovery: bool = True
    epoch_seconds: float = 30.0

    def is_over(self, tape_from: int | None, tape_to: int | None) -> bool:
        """Whether a tape that reaches from here to there (µs, None: there is none) is all that was to be recorded."""
        if self.duration_us is None or tape_from is None or tape_to is None:
            return False
        return tape_to - tape_from >= self.duration_us


Plan: TypeAlias = BacktestPlan | CollectPlan


def session_record(plan: Plan) -> SessionRecord:
    """The session as its first version row has it. A database's configuration may hold a password: left out."""
    public = msgspec.structs.replace(plan, database="external" if plan.database else None)
    config = msgspec.json.encode(public).decode()
    if isinstance(plan, CollectPlan):
        return SessionRecord(
            session_id=plan.session_id,
            mode=plan.mode,
            symbols=plan.symbols,
            data_types=("books", "trades"),
            config=config,
        )
    return SessionRecord(
        session_id=plan.session_id,
        mode=plan.mode,
        symbols=plan.symbols,
        data_types=tuple(sorted({stream for streams in plan.streams.values() for stream in streams})),
        config=config,
        tape_from=plan.from_ts,
        tape_to=plan.to_ts,
        source_session_id=plan.source_session_id,
        strategy_hashes=plan.strategy_hashes,
        accounts_hash=plan.accounts_hash,
    )

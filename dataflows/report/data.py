"""What a report is made of: a session, its result rows and what they amount to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from operators.errors import UsageError
from operators.results import (
    EquitySample,
    Fill,
    Order,
    OrderEvent,
    Position,
    ResultRow,
    RiskEvent,
    StateTransition,
    StrategySignal,
)
from operators.session import SessionRecord
from operators.statistics import Statistics, result_hash, statistics

Row = TypeVar("Row", bound=ResultRow)


@dataclass(frozen=True, slots=True)
class ResultTables:
    """The result rows of one session, of all its accounts, in any order."""

    transitions: tuple[StateTransition, ...] = ()
    signals: tuple[StrategySignal, ...] = ()
    orders: tuple[Order, ...] = ()
    order_events: tuple[OrderEvent, ...] = ()
    fills: tuple[Fill, ...] = ()
    positions: tuple[Position, ...] = ()
    equity: tuple[EquitySample, ...] = ()
    risk_events: tuple[RiskEvent, ...] = ()

    @classmethod
    def from_rows(cls, rows: Iterable[ResultRow]) -> ResultTables:
        """Rows of any tables, sorted into theirs."""
        kept = list(rows)

        def only(row_type: type[Row]) -> tuple[Row, ...]:
            return tuple(row for row in kept if isinstance(row, row_type))

        return cls(
            only(StateTransition),
            only(StrategySignal),
            only(Order),
            only(OrderEvent),
            only(Fill),
            only(Position),
            only(EquitySample),
            only(RiskEvent),
        )

    def by_table(self) -> dict[str, Sequence[ResultRow]]:
        """Rows by table name, as `result_hash` and `differences` take them."""
        return {
            StateTransition.TABLE: self.transitions,
            StrategySignal.TABLE: self.signals,
            Order.TABLE: self.orders,
            OrderEvent.TABLE: self.order_events,
            Fill.TABLE: self.fills,
            Position.TABLE: self.positions,
            EquitySample.TABLE: self.equity,
            RiskEvent.TABLE: self.risk_events,
        }

    def by_account(self) -> dict[str, ResultTables]:
        """The rows of each account that has any."""
        rows: dict[str, list[ResultRow]] = {}
        for table in self.by_table().values():
            for row in table:
                rows.setdefault(row.account, []).append(row)
        return {account: ResultTables.from_rows(rows[account]) for account in rows}


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """An account of the session: its rows and its statistics. Amounts are in `quote`."""

    name: str
    quote: str
    strategies: tuple[str, ...]
    tables: ResultTables
    statistics: Statistics


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """What the accounts document says of an account, as far as a report needs it."""

    name: str
    quote: str
    equity: float
    strategies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportData:
    """A finished session, ready to be told. Build it with `report_data`.

    `trades` and `books` are rows of tape that were replayed, `seconds` the wall time of it (None = not measured),
    `time_spent` seconds by stage where they were measured; `database` is where the rows are stored. `wanted_to` is the
    end of the tape that was chosen: the session's `tape_to` lies before it where somebody stopped it.
    """

    session: SessionRecord
    accounts: tuple[AccountSummary, ...]
    tables: ResultTables
    trades: int
    books: int
    seconds: float | None
    result_hash: str
    source: SessionRecord | None = None
    time_spent: Mapping[str, float] = field(default_factory=dict)
    database: str | None = None
    wanted_to: int | None = None

    @property
    def stopped_early(self) -> bool:
        """Whether the report is of a part of the tape that was chosen."""
        return replayed_share(self.session, self.wanted_to) < 1.0

    @property
    def trades_per_second(self) -> float | None:
        return self.trades / self.seconds if self.seconds else None


def report_data(
    session: SessionRecord,
    accounts: Sequence[AccountTerms],
    tables: ResultTables,
    *,
    trades: int,
    books: int,
    seconds: float | None,
    source: SessionRecord | None = None,
    time_spent: Mapping[str, float] | None = None,
    database: str | None = None,
    wanted_to: int | None = None,
) -> ReportData:
    """Statistics of every account of the document (in its order) and the result hash, from a session's rows.

    Raises `UsageError` for a session without a tape period and for rows of accounts that the document does not have.
    """
    if session.tape_from is None or session.tape_to is None:
        raise UsageError(f"session {session.session_id} has no tape period: nothing was replayed, nothing to report")
    rows = tables.by_account()
    if unknown := sorted(set(rows) - {account.name for account in accounts}):
        raise UsageError(
            f"session {session.session_id} has rows of account {unknown[0]!r}, which its accounts document lacks"
        )
    return ReportData(
        session=session,
        accounts=tuple(
            _summary(account, rows.get(account.name, ResultTables()), session.tape_from, session.tape_to)
            for account in accounts
        ),
        tables=tables,
        trades=trades,
        books=books,
        seconds=seconds,
        result_hash=session.result_hash or result_hash(tables.by_table()),
        source=source,
        time_spent=dict(time_spent or {}),
        database=database,
        wanted_to=wanted_to,
    )


def replayed_share(session: SessionRecord, wanted_to: int | None) -> float:
    """The part of the chosen tape, in time, that a session has replayed: 0 to 1."""
    if session.tape_from is None or session.tape_to is None or wanted_to is None or session.tape_to >= wanted_to:
        return 1.0
    return max(0.0, (session.tape_to - session.tape_from) / (wanted_to - session.tape_from))


def _summary(account: AccountTerms, rows: ResultTables, tape_from: int, tape_to: int) -> AccountSummary:
    found = statistics(
        equity=rows.equity,
        positions=rows.positions,
        fills=rows.fills,
        orders=rows.orders,
        signals=rows.signals,
        transitions=rows.transitions,
        initial_equity=account.equity,
        tape_from=tape_from,
        tape_to=tape_to,
    )
    return AccountSummary(account.name, account.quote, account.strategies, rows, found)

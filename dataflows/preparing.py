"""Start checks of a backtest: everything that is wrong is said at once, before anything is started."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from connectors.questdb.database import Database
from connectors.questdb.server import NEEDED_BYTES, free_bytes
from dataflows import recording
from dataflows.earlier_strategies import earlier_plan
from dataflows.quality import recorded_qualities
from dataflows.quotes import DOLLARS, quote_currency
from dataflows.report.formats import count, duration
from dataflows.sessions.accounts import accounts_of, accounts_text
from dataflows.sessions.plan import BacktestPlan
from dataflows.strategy_sources import strategy_source
from dataflows.tapes import SymbolTape, TapeSummary, summarise_tape
from dataflows.variants import known_variants, used_variants
from operators.desk.account import AccountSettings, accounts_hash, default_account
from operators.errors import UsageError
from operators.indicators.registry import CATALOGUE
from operators.quality.score import Quality
from operators.session import session_id
from operators.slices import DEFAULT_SLICE_ROWS
from operators.strategy.compile import compile_strategy
from operators.strategy.compiled import CompiledStrategy
from operators.strategy.problems import InvalidStrategy
from operators.strategy.templates import TEMPLATES
from operators.strategy.validation import load_strategy

DEFAULT_EQUITY: Final = 10_000.0
_MOST_USEFUL_THREADS: Final = 4
_UNKNOWN_QUOTE: Final = "an unknown currency"


class StartRefused(UsageError):
    """A session that cannot be started; `problems` has one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(problems[0] if len(problems) == 1 else "\n  - ".join(["the session cannot start:", *problems]))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """What a user asks for. `strategies` (names of templates or of the library, files) are those of a default account;
    `accounts` bring their own. `strategies_of` is a session whose strategies and accounts are run again, as it stored
    them. `record_indicators` and `record_every` are as the options of the command line are."""

    source_session_id: str
    strategies: tuple[str, ...] = ()
    accounts: tuple[AccountSettings, ...] = ()
    equity: float | None = None
    symbols: tuple[str, ...] = ()
    period: tuple[int, int] | None = None
    speed: float | None = None
    slice_rows: int = DEFAULT_SLICE_ROWS
    workers: int = 1
    threads: int | None = None
    recovery: bool = False
    epoch_seconds: float | None = None
    evaluation_interval_us: int = 1_000_000
    min_quality: float | None = None
    record_indicators: str = recording.NONE
    record_every: str = recording.GRID
    strategies_of: str | None = None


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the chosen tape holds, how completely it was recorded, and what will have no value on it."""

    tape: TapeSummary
    symbols: tuple[SymbolTape, ...]
    quality: dict[str, Quality]
    without_stream: tuple[str, ...]


def prepare_backtest(
    database: Database, home: Path, configuration: str | None, request: BacktestRequest
) -> tuple[BacktestPlan, Preflight]:
    """Check everything and make the plan. Raises `StartRefused` with all problems."""
    problems: list[str] = []
    tape = summarise_tape(database, request.source_session_id)
    symbols = _chosen_symbols(tape, request.symbols, problems)
    from_ts, to_ts = _period(tape, request.period, problems)
    known = known_variants(database)
    if request.strategies_of is None:
        accounts = _accounts(request, symbols, problems)
        variants: Mapping[str, str] = known
        names = dict.fromkeys(name for account in accounts for name in account.strategies)
        strategies = _strategies(names, database, variants, problems)
    else:
        if request.strategies or request.accounts or request.equity is not None:
            problems.append(
                "--strategies-of brings strategies, accounts and equity: leave out --strategy, --accounts and --equity"
            )
        earlier = earlier_plan(database, request.strategies_of)
        accounts, variants, strategies = accounts_of(earlier), earlier.variants, earlier.strategies
        _check_quotes(accounts, symbols, problems)
    _check_numbers(request, home, problems)
    record_every_us = recording.every_us(
        request.record_indicators, request.record_every, request.evaluation_interval_us, problems
    )
    everything = recording.market_variants(known, problems) if request.record_indicators == recording.ALL else ()
    qualities = recorded_qualities(database, tape.session, [symbol.symbol for symbol in symbols], (from_ts, to_ts))
    _check_quality(request.min_quality, qualities, problems)
    if problems:
        raise StartRefused(problems)
    compiled = {
        name: compile_strategy(load_strategy(text, name, variants), variants) for name, text in strategies.items()
    }
    _check_names(accounts, compiled)
    indicators = tuple(dict.fromkeys(one for strategy in compiled.values() for one in strategy.indicator_ids))
    plan = BacktestPlan(
        session_id=session_id("backtest", datetime.now(UTC), secrets.token_hex(4)),
        source_session_id=request.source_session_id,
        home=str(home),
        database=configuration,
        symbols=tuple(symbol.symbol for symbol in symbols),
        streams={symbol.symbol: tuple(sorted(symbol.streams)) for symbol in symbols},
        tape_from=tape.from_ts,
        from_ts=from_ts,
        to_ts=to_ts,
        accounts=accounts_text(accounts),
        strategies=strategies,
        strategy_hashes=json.dumps({name: strategy.document_hash for name, strategy in compiled.items()}),
        accounts_hash=accounts_hash(accounts),
        speed=request.speed,
        slice_rows=request.slice_rows,
        workers=request.workers,
        threads=request.threads or default_threads(),
        recovery=request.recovery,
        # several processes have no backpressure inside an epoch
        epoch_seconds=request.epoch_seconds or (10.0 if request.workers == 1 else 0.5),
        evaluation_interval_us=request.evaluation_interval_us,
        variants=used_variants([strategy.document.model_dump() for strategy in compiled.values()], variants),
        indicators=indicators,
        recorded=recording.chosen(request.record_indicators, indicators, everything),
        record_every_us=record_every_us,
        strategies_of=request.strategies_of,
    )
    return plan, Preflight(tape, symbols, qualities, _without_stream(compiled.values(), symbols))


def default_threads() -> int:
    """Threads of a worker process: the kernels release the interpreter's lock, the rest of the flow does not, so that
    more than a few bring nothing."""
    return min(os.cpu_count() or 1, _MOST_USEFUL_THREADS)


def _chosen_symbols(tape: TapeSummary, chosen: Sequence[str], problems: list[str]) -> tuple[SymbolTape, ...]:
    if not chosen:
        return tape.symbols
    known = {symbol.symbol: symbol for symbol in tape.symbols}
    problems.extend(
        f"the tape has no symbol {name!r}; it has {', '.join(list(known)[:10])}" for name in chosen if name not in known
    )
    return tuple(known[name] for name in sorted(set(chosen)) if name in known)


def _period(tape: TapeSummary, period: tuple[int, int] | None, problems: list[str]) -> tuple[int, int]:
    """`(from_ts, to_ts]` of what was asked for, both ends of which belong to it."""
    if period is None:
        return tape.from_ts, tape.to_ts
    start, end = period
    if start >= end:
        problems.append(f"the period starts at {_time(start)} and ends at {_time(end)}; it has to end later")
    elif end <= tape.from_ts or start > tape.to_ts:
        problems.append(
            f"the period {_time(start)} – {_time(end)} lies outside the tape, "
            f"{_time(tape.from_ts)} – {_time(tape.to_ts)}"
        )
    return max(start - 1, tape.from_ts), min(end, tape.to_ts)


def _accounts(
    request: BacktestRequest, symbols: Sequence[SymbolTape], problems: list[str]
) -> tuple[AccountSettings, ...]:
    quotes = _quotes(symbols)
    if request.accounts:
        if request.strategies or request.equity is not None:
            problems.append("--accounts brings its own strategies and equity: leave out --strategy and --equity")
        _check_quotes(request.accounts, symbols, problems)
        return request.accounts
    if not request.strategies:
        problems.append(f"no strategy; --strategy takes a name of the library, a file or one of {', '.join(TEMPLATES)}")
    if len(quotes) > 1:
        problems.append(f"the symbols are quoted in {' and '.join(quotes)}; choose those of one with --symbol")
    equity = request.equity
    if equity is None and quotes and quotes[0] in DOLLARS:
        equity = DEFAULT_EQUITY
    if equity is None:
        problems.append(f"--equity is required where the quote currency is {quotes[0] if quotes else 'unknown'}")
    elif not 0 < equity < float("inf"):
        problems.append(f"--equity is {equity:g}; allowed: a number > 0")
    if problems or equity is None:
        # the strategies are still checked, so that everything is said at once
        return (default_account("main", 1.0, "XXX", request.strategies),)
    quote = quotes[0] if re.fullmatch(r"[A-Z0-9]{2,16}", quotes[0]) else "QUOTE"
    return (default_account("main", equity, quote, request.strategies),)


def _quotes(symbols: Sequence[SymbolTape]) -> list[str]:
    return sorted({quote_currency(symbol.symbol) or _UNKNOWN_QUOTE for symbol in symbols})


def _check_quotes(accounts: Sequence[AccountSettings], symbols: Sequence[SymbolTape], problems: list[str]) -> None:
    quotes = _quotes(symbols)
    problems.extend(
        f"account {account.name} is in {account.quote}, {len(symbols)} symbols are quoted in {', '.join(quotes)}"
        for account in accounts
        if quotes != [account.quote] and _UNKNOWN_QUOTE not in quotes
    )


def _strategies(
    names: Iterable[str], database: Database, variants: Mapping[str, str], problems: list[str]
) -> dict[str, str]:
    """Name → document text of every strategy; what is wrong with one is listed."""
    texts: dict[str, str] = {}
    for name in names:
        try:
            text = strategy_source(name, lambda: database, to_run=True).text
            load_strategy(text, name, variants)
        except InvalidStrategy as error:
            problems.extend(f"strategy {name}: {problem}" for problem in error.problems)
        except UsageError as error:
            problems.append(str(error))
        else:
            texts[name] = text
    return texts


def _check_names(accounts: Sequence[AccountSettings], compiled: Mapping[str, CompiledStrategy]) -> None:
    """Strategies of an account are told apart by the names in their documents: two versions of one have the same."""
    twice = [
        f"account {account.name} has two strategies of the name {name}; give one another name"
        for account in accounts
        for name, times in Counter(compiled[one].name for one in account.strategies).items()
        if times > 1
    ]
    if twice:
        raise StartRefused(twice)


def _check_numbers(request: BacktestRequest, home: Path, problems: list[str]) -> None:
    if request.speed is not None and not 0 < request.speed < float("inf"):
        problems.append(f"--speed is {request.speed:g}; allowed: max, or a factor > 0")
    if request.slice_rows < 1:
        problems.append(f"--slice-rows is {request.slice_rows}; allowed: 1 or more")
    if not 1 <= request.workers <= 64:
        problems.append(f"--workers is {request.workers}; allowed: 1 to 64")
    if request.threads is not None and not 1 <= request.threads <= 64:
        problems.append(f"--threads is {request.threads}; allowed: 1 to 64")
    if request.epoch_seconds is not None and request.epoch_seconds <= 0:
        problems.append(f"--epoch-seconds is {request.epoch_seconds:g}; allowed: more than 0")
    free = free_bytes(home)
    if free < NEEDED_BYTES:
        problems.append(f"{free // 2**20} MiB are free in {home}; needed: {NEEDED_BYTES // 2**20} MiB")


def _check_quality(least: float | None, qualities: dict[str, Quality], problems: list[str]) -> None:
    """The least score that was asked for; a stretch of no length has none and is not refused for it."""
    if least is None:
        return
    if not 0 <= least <= 100:
        problems.append(f"--min-quality is {least:g}; allowed: 0 to 100")
    problems.extend(
        f"{symbol} was recorded with a quality of {found.score:.2f}, below --min-quality {least:g}: "
        f"{count(found.gaps, 'gap')}, {duration(found.gap_us / 1e6)} in all"
        + (f", and {duration(found.waited_us / 1e6)} before its first data" if found.waited_us else "")
        for symbol, found in qualities.items()
        if found.score is not None and found.score < least
    )


def _without_stream(strategies: Iterable[CompiledStrategy], symbols: Sequence[SymbolTape]) -> tuple[str, ...]:
    """Sentences about indicators that have no value on this tape because a stream is absent."""
    sentences: list[str] = []
    kinds = {
        (condition.kind, condition.indicator_id)
        for strategy in strategies
        for condition in strategy.conditions
        if not condition.on_position
    }
    for kind, indicator_id in sorted(kinds):
        for stream in sorted(CATALOGUE[kind].inputs & {"trades", "books"}):
            lacking = [symbol.symbol for symbol in symbols if stream not in symbol.streams]
            if lacking:
                whole = len(lacking) == len(symbols) > 1
                where = "every symbol" if whole else ", ".join(lacking[:5])
                sentences.append(f"{indicator_id} has no value on {where}: the tape has no {stream}")
    return tuple(sentences)


def _time(us: int) -> str:
    return datetime.fromtimestamp(us / 1_000_000, UTC).isoformat(timespec="seconds")

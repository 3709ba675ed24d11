"""What a person and a machine are told after a backtest."""

import dataclasses
import io
import json
import math
import re
from typing import Any

import pytest
from rich.console import Console

from connectors.questdb.database import Database
from connectors.questdb.writer import TableWriter, rows_to_columns
from dataflows.cli.output import plain
from dataflows.report import (
    AccountTerms,
    ReportData,
    ResultTables,
    load_result,
    render_report,
    report_data,
    report_json,
)
from operators.desk.ids import fill_id, order_id, position_id, signal_id
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
from operators.session import SessionRecord, Status
from operators.statistics import differences, result_hash, session_result

START = 1_794_009_600_000_000  # 2026-11-07 00:00:00 UTC
SECOND = 1_000_000
SESSION = "backtest_20261122_153000_ab12cd34"
STRATEGY = "peak_fade_short"

S1_EVIDENCE = [
    {
        "path": "s1_signal.when.all[0]",
        "indicator": "PUMP_MAGNITUDE_PCT(t1=10,t3=60,d=30)",
        "op": ">=",
        "threshold": 9.0,
        "value": 11.204817,
        "verdict": "TRUE",
    },
    {
        "path": "s1_signal.when.all[1]",
        "indicator": "VOLUME_SURGE_RATIO(t1=30,t2=300)",
        "op": ">=",
        "threshold": 3.2,
        "value": 6.71,
        "verdict": "TRUE",
        "label": "surge",
    },
]
Z1_EVIDENCE = [
    {
        "path": "z1_entry.when.all[0]",
        "indicator": "PRICE_VELOCITY(t1=5,t3=15,d=5)",
        "op": "<=",
        "threshold": 0.05,
        "value": -0.0123,
        "verdict": "TRUE",
        "for_seconds": 3,
    },
    {
        "path": "z1_entry.when.all[1]",
        "indicator": "SPREAD_PCT()",
        "op": "<",
        "threshold": 0.8,
        "value": None,
        "verdict": "TRUE",
        "if_no_stream": "TRUE",
    },
]
ZE1_EVIDENCE = [
    {
        "path": "ze1_close.when.any[0]",
        "indicator": "DUMP_EXHAUSTION_SCORE()",
        "op": "between",
        "threshold": [65, 100],
        "value": 41.5,
        "verdict": "FALSE",
    },
    {
        "path": "ze1_close.when.any[1]",
        "indicator": "UNREALIZED_PNL_PCT()",
        "op": ">=",
        "threshold": 12,
        "value": 12.034,
        "verdict": "TRUE",
    },
]


class Story:
    """Rows of one account as a desk writes them, told trade by trade; times in seconds after `START`."""

    def __init__(self, session_id: str = SESSION, account: str = "main", equity: float = 10_000.0) -> None:
        self.session_id, self.account, self.equity = session_id, account, equity
        self.rows: list[ResultRow] = []
        self.n = 0
        self.sample(0.001)

    def at(self, seconds: float) -> int:
        return START + round(seconds * SECOND)

    def sample(self, seconds: float, unrealized: float = 0.0) -> None:
        total = self.equity + unrealized
        self.rows.append(
            EquitySample(self.at(seconds), self.session_id, self.account, total, self.equity, unrealized, 0.0, 0)
        )

    def move(
        self,
        seconds: float,
        symbol: str,
        before: str,
        after: str,
        trigger: str,
        conditions: Any = (),
        refused: bool = False,
    ) -> int:
        self.rows.append(
            StateTransition(
                self.at(seconds),
                self.session_id,
                self.account,
                STRATEGY,
                symbol,
                self.n,
                before,
                after,
                trigger,
                refused,
                json.dumps(list(conditions)),
            )
        )
        self.n += 1
        return self.n - 1

    def signal(self, seconds: float, symbol: str, section: str, price: float, n: int) -> None:
        self.rows.append(
            StrategySignal(
                self.at(seconds),
                signal_id(self.session_id, self.account, STRATEGY, symbol, n),
                self.session_id,
                self.account,
                STRATEGY,
                symbol,
                section,
                "SHORT",
                price,
                "{}",
            )
        )

    def trade(
        self, seconds: float, symbol: str, entry: float, exit_price: float, quantity: float, reason: str, held: float
    ) -> None:
        """A short from S1 to its close, with fees of 0.08 % a side."""
        n = self.move(seconds, symbol, "MONITORING", "SIGNAL_DETECTED", "s1", S1_EVIDENCE)
        self.signal(seconds, symbol, "S1_SIGNAL", entry * 1.01, n)
        n = self.move(seconds + 12.5, symbol, "SIGNAL_DETECTED", "ENTRY_PENDING", "z1", Z1_EVIDENCE)
        self.signal(seconds + 12.5, symbol, "Z1_ENTRY", entry * 1.0005, n)
        first = self.order(seconds + 12.5, symbol, "open_short", entry, quantity, n)
        self.move(seconds + 12.63, symbol, "ENTRY_PENDING", "POSITION_ACTIVE", "first_fill")
        rule = {"rule": reason, "found": exit_price, "allowed": entry * 1.06}
        evidence = ZE1_EVIDENCE if reason == "ze1" else [rule]
        end = seconds + 12.63 + held
        n = self.move(end - 0.13, symbol, "POSITION_ACTIVE", "CLOSE_PENDING", reason, evidence)
        if reason == "ze1":
            self.signal(end - 0.13, symbol, "ZE1_CLOSE", exit_price * 0.9995, n)
        self.order(end - 0.13, symbol, "close_short", exit_price, quantity, n)
        self.move(end, symbol, "CLOSE_PENDING", "EXITED", "flat")
        pnl, fees = (entry - exit_price) * quantity, (entry + exit_price) * quantity * 0.0008
        self.position(seconds + 12.63, symbol, first, entry, exit_price, pnl, fees, reason, end)
        self.equity += pnl - fees
        self.sample(end)

    def order(self, seconds: float, symbol: str, intent: str, price: float, quantity: float, n: int) -> str:
        name = order_id(self.session_id, self.account, STRATEGY, symbol, n, 0)
        fee, filled_at = price * quantity * 0.0008, self.at(seconds + 0.13)
        self.rows += [
            Order(
                self.at(seconds),
                name,
                self.session_id,
                self.account,
                STRATEGY,
                symbol,
                intent,
                "market",
                quantity,
                None,
                "FILLED",
                quantity,
                price,
                fee,
                None,
                None,
                filled_at,
            ),
            OrderEvent(self.at(seconds), name, 0, self.session_id, self.account, "SUBMITTED", 0.0, None, 0.0, None),
            OrderEvent(filled_at, name, 1, self.session_id, self.account, "FILLED", quantity, price, fee, None),
            Fill(
                filled_at, fill_id(name, 0), name, self.session_id, self.account, symbol, price, quantity, fee, "taker"
            ),
        ]
        return name

    def position(
        self,
        seconds: float,
        symbol: str,
        first: str,
        entry: float,
        exit_price: float | None,
        pnl: float,
        fees: float,
        reason: str,
        end: float | None,
    ) -> None:
        self.rows.append(
            Position(
                timestamp=self.at(seconds),
                position_id=position_id(first, "SHORT"),
                session_id=self.session_id,
                account=self.account,
                strategy=STRATEGY,
                symbol=symbol,
                side="SHORT",
                quantity=250.0,
                average_entry=entry,
                average_exit=exit_price,
                leverage=2.0,
                margin=0.0,
                realized_pnl=pnl,
                fees=fees,
                funding=0.0,
                liquidation_price=entry * 1.4,
                stop=entry * 1.06,
                target=None,
                mae=-abs(pnl) * 0.4,
                mfe=max(pnl, 0.0) * 1.2,
                status="CLOSED" if end else "OPEN_AT_END",
                exit_reason=reason,
                closed_at=self.at(end) if end else None,
            )
        )


def eventful(session_id: str = SESSION, account: str = "main", scale: float = 1.0) -> Story:
    """Six hours: fourteen trades in four coins, false alarms, refusals and a position left open."""
    story = Story(session_id, account)
    coins = (("WIF_USDT", 2.4137), ("PEPE_USDT", 1.234e-6), ("TRX_USDT", 0.08912), ("1000SATS_USDT", 0.000213457))
    reasons = ("ze1", "ze1", "stop_loss", "take_profit", "ze1", "max_position_seconds", "e1")
    for i in range(14):
        symbol, price = coins[(i * 3) % 4]
        reason = reasons[i % 7]
        change = {"ze1": 0.03, "take_profit": 0.18, "stop_loss": -0.061, "e1": -0.05, "max_position_seconds": 0.004}
        exit_price = price * (1 - change[reason] * (1 + 0.1 * (i % 3)))
        story.trade(900 + 1_400 * i, symbol, price, exit_price, scale * 240 / price, reason, 55.0 + 47 * (i % 5))
    for i in range(9):
        story.move(1_500 + 1_900 * i, "WIF_USDT", "MONITORING", "SIGNAL_DETECTED", "s1", S1_EVIDENCE)
        story.move(
            1_560 + 1_900 * i, "WIF_USDT", "SIGNAL_DETECTED", "SIGNAL_CANCELLED", "o1" if i % 3 else "o1_timeout"
        )
    story.move(20_100, "PEPE_USDT", "MONITORING", "SIGNAL_DETECTED", "s1", S1_EVIDENCE)
    refusal = "refused: max_position_pct, max_symbol_concentration_pct"
    story.move(20_120, "PEPE_USDT", "SIGNAL_DETECTED", "SIGNAL_CANCELLED", refusal, refused=True)
    story.move(20_130, "TRX_USDT", "MONITORING", "MONITORING", "refused: no_slot", refused=True)
    first = story.order(21_400, "TRX_USDT", "open_short", 0.08912, 2_692.0, 900)
    story.position(21_400.13, "TRX_USDT", first, 0.08912, None, 0.0, 0.19, "END_OF_TAPE", None)
    story.sample(21_599, unrealized=3.27)
    story.rows.append(
        RiskEvent(story.at(18_000), session_id, account, 0, "WARNING", "drawdown", "80 % of the limit", "{}", None)
    )
    return story


def session(session_id: str = SESSION, hours: float = 6.0, **changes: Any) -> SessionRecord:
    record = SessionRecord(
        session_id=session_id,
        mode="backtest",
        status=Status.STOPPED,
        symbols=("1000SATS_USDT", "PEPE_USDT", "TRX_USDT", "WIF_USDT"),
        tape_from=START,
        tape_to=START + round(hours * 3_600 * SECOND),
        source_session_id="generate_20261107_000000_00000007",
    )
    return dataclasses.replace(record, **changes)


def report(stories: list[Story], terms: list[AccountTerms] | None = None, **changes: Any) -> ReportData:
    terms = terms or [AccountTerms(story.account, "USDT", 10_000.0, (STRATEGY,)) for story in stories]
    rows = [row for story in stories for row in story.rows]
    settings: dict[str, Any] = {
        "trades": 1_250_000,
        "books": 90_000,
        "seconds": 1.3,
        "database": "127.0.0.1:9000",
        "time_spent": {"reading": 0.4, "indicators": 0.6, "desk": 0.2},
    }
    record = changes.pop("record", session())
    return report_data(record, terms, ResultTables.from_rows(rows), **{**settings, **changes})


def printed(data: ReportData, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False, highlight=False)
    render_report(console, data)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(width: int) -> None:
    text = printed(report([eventful()]), width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert "…" not in text


def test_the_report_tells_what_happened() -> None:
    text = printed(report([eventful()]))
    assert "Backtest backtest_20261122_153000_ab12cd34" in text
    assert "generate_20261107_000000_00000007" in text
    assert "2026-11-07 00:00:00 to 2026-11-07 06:00:00 UTC, 6 h 00 m" in text
    assert "1,250,000 trades, 90,000 books" in text
    assert re.search(r"trades\s+14, 10 won, 4 lost", text)
    assert re.search(r"S1 signals\s+24", text)
    assert re.search(r"cancelled\s+9\b", text)
    assert re.search(r"entry refused\s+1\b", text)
    assert re.search(r"closed\s+14\b", text)
    assert "max position pct" in text
    assert "Still open at the end of the tape" in text
    assert "unrealised +3.27 USDT" in text
    assert "1.30 s with start-up, 961,538 trades/s" in text
    assert re.search(r"red: the fall below the peak so far; a full block █ is \d+\.\d\d %", text)
    assert "reading 0.40 s, indicators 0.60 s, desk 0.20 s" in text
    assert "tapeflow sessions show backtest_20261122_153000_ab12cd34" in text


@pytest.mark.parametrize("width", [80, 120])
def test_a_session_of_many_days_fits_too(width: int) -> None:
    data = report([eventful(scale=1_000.0)], record=session(hours=24 * 40))
    text = printed(data, width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert "…" not in text
    assert "11-07 00:15" in text
    assert "daily returns, × √365" in text


def test_small_prices_are_written_out() -> None:
    text = printed(report([eventful()]))
    assert "0.000001234" in text
    assert "e-0" not in text


def test_the_first_trade_is_told_with_its_evidence() -> None:
    text = printed(report([eventful()]))
    tale = text[text.index("The first trade step by step") : text.index("Stored")]
    order = ["Signal found – S1 fired", "Entering – Z1 confirmed", "In position – first fill"]
    order += ["Closing – ZE1 planned", "Exited – flat"]
    assert [tale.index(words) for words in order] == sorted(tale.index(words) for words in order)
    assert re.search(r"PUMP_MAGNITUDE_PCT\(t1=10,t3=60,d=30\)\s+11\.205\s+≥ 9\s+yes", tale)
    assert re.search(r"PRICE_VELOCITY\(t1=5,t3=15,d=5\)\s+-0\.0123\s+≤ 0\.05 for 3 s\s+yes", tale)
    assert re.search(r"SPREAD_PCT\(\)\s+no stream\s+< 0\.8\s+yes", tale)
    assert re.search(r"DUMP_EXHAUSTION_SCORE\(\)\s+41\.5\s+between 65 and 100\s+no", tale)


def test_a_rule_of_the_desk_is_evidence_too() -> None:
    story = Story()
    story.trade(900, "WIF_USDT", 2.0, 2.121, 100.0, "stop_loss", 60)
    tale = printed(report([story]))
    assert "Closing – stop loss" in tale
    assert re.search(r"last price\s+2\.121\s+stop at 2\.12\n", re.sub(r" +\n", "\n", tale))


@pytest.mark.parametrize(
    ("rule", "found", "allowed", "words"),
    [
        ("liquidation", 2.5, 2.4, r"price\s+2\.5\s+liquidation at 2\.4"),
        ("trailing_stop", 2.5, 2.4, r"last price\s+2\.5\s+trailing stop at 2\.4"),
        ("take_profit", 1.9, 1.91, r"last price\s+1\.9\s+target at 1\.91"),
        ("max_position_seconds", 600.25, 600, r"held for\s+10 m 00 s\s+at most 10 m 00 s"),
        ("flat", "ze1", None, r"closed by\s+ZE1 planned"),
        ("some_new_rule", 3, 2, r"some new rule\s+3\s+allowed 2"),
    ],
)
def test_every_rule_is_told_in_its_own_words(rule: str, found: Any, allowed: Any, words: str) -> None:
    story = Story()
    story.trade(900, "WIF_USDT", 2.0, 1.9, 100.0, "take_profit", 60)
    conditions = json.dumps([{"rule": rule, "found": found, "allowed": allowed}])
    story.rows = [
        dataclasses.replace(row, conditions=conditions)
        if isinstance(row, StateTransition) and row.to_state == "CLOSE_PENDING"
        else row
        for row in story.rows
    ]
    assert re.search(words, printed(report([story])))


def test_a_long_indicator_is_never_broken_inside_a_word() -> None:
    story = Story()
    long = "SUPPORT_LEVEL_PROXIMITY_PCT(t1=5,t_support_start=600,t_support_end=300)"
    evidence = [{**Z1_EVIDENCE[0], "indicator": long, "label": "with room to fall", "value": -123456.7}]
    story.trade(900, "WIF_USDT", 2.0, 1.9, 100.0, "ze1", 60)
    story.rows = [
        dataclasses.replace(row, conditions=json.dumps(evidence))
        if isinstance(row, StateTransition) and row.trigger == "z1"
        else row
        for row in story.rows
    ]
    tale = printed(report([story]))
    for word in ("SUPPORT_LEVEL_PROXIMITY_PCT(", "t_support_start=600,", "t_support_end=300)", "with", "fall"):
        assert word in tale
    assert "…" not in tale


def test_a_part_of_the_tape_is_told_as_such() -> None:
    half = session(tape_to=START + 3 * 3_600 * SECOND)
    story = Story()
    story.trade(900, "WIF_USDT", 2.0, 1.9, 100.0, "ze1", 60)
    whole = session().tape_to
    data = report([story], record=half, wanted_to=whole)
    text = printed(data)
    assert text.splitlines()[1].strip().startswith("Stopped at 2026-11-07 03:00:00 UTC, 50.0 % of the tape")
    assert f"tapeflow resume {SESSION}" in text
    assert (report_json(data)["stopped_early"], report_json(data)["replayed_share"]) == (True, 0.5)
    complete = report([story], wanted_to=whole)
    assert "Stopped at" not in printed(complete)
    assert (report_json(complete)["stopped_early"], report_json(complete)["replayed_share"]) == (False, 1.0)


def test_what_a_generated_market_and_a_few_hours_are_worth_is_said() -> None:
    source = session("generate_20261107_000000_00000007", mode="generate")
    text = printed(report([eventful()], source=source))
    assert "A made-up market" in text
    assert "6 hourly returns, × √8760: too few to go by" in text
    assert "A made-up market" not in printed(report([eventful()], source=session(mode="import")))
    assert "too few" not in printed(report([eventful(scale=1_000.0)], record=session(hours=24 * 40)))


def test_a_pending_condition_has_no_value() -> None:
    story = Story()
    pending = [{**Z1_EVIDENCE[0], "value": None, "verdict": "PENDING"}]
    story.trade(900, "WIF_USDT", 2.0, 1.9, 100.0, "ze1", 60)
    story.rows = [
        dataclasses.replace(row, conditions=json.dumps(pending))
        if isinstance(row, StateTransition) and row.trigger == "z1"
        else row
        for row in story.rows
    ]
    assert re.search(r"no value\s+≤ 0\.05 for 3 s\s+pending", printed(report([story])))


def test_without_a_signal_it_says_so_and_where_to_look() -> None:
    text = printed(report([Story()]))
    assert "no signal" in text
    assert re.search(r"trades\s+none", text)
    assert "nan" not in text.lower()


def test_the_period_begins_after_its_exclusive_start() -> None:
    assert "2026-11-07 00:00:00 to 2026-11-07 06:00:00 UTC" in printed(report([], record=session(tape_from=START - 1)))
    nothing = session(tape_from=START - 1, tape_to=START - 1)
    assert "0.0 % of the tape" in printed(report([], record=nothing, wanted_to=START + SECOND))


def test_a_session_without_any_row_has_a_report() -> None:
    data = report([], [AccountTerms("main", "USDT", 10_000.0)], trades=0, books=0, seconds=None)
    text = printed(data)
    assert "0 trades, 0 books" in text
    assert "time spent" not in text
    assert report_json(data)["statistics"]["total_return_pct"] is None


def test_several_accounts_are_compared() -> None:
    stories = [eventful(account="small", scale=0.5), eventful(account="large", scale=2.0), Story(account="idle")]
    text = printed(report(stories), 120)
    comparison = text[text.index("Accounts") : text.index("small: Equity")]
    assert [comparison.index(name) for name in ("large", "small", "idle")] == sorted(
        comparison.index(name) for name in ("large", "small", "idle")
    )
    assert "large: The first trade step by step" in text
    assert "idle: Signals" in text


def test_many_accounts_are_told_in_short() -> None:
    stories = [eventful(account=f"variant_{i}", scale=1 + i / 10) for i in range(25)]
    text = printed(report(stories))
    assert "best 20 of 25 by return" in text
    assert "22 more accounts in the table session_results" in text


def test_equity_in_bitcoin_keeps_its_decimals() -> None:
    story = Story(equity=1.0)
    story.trade(900, "ETH_BTC", 0.0301234, 0.0300234, 0.5, "ze1", 60)
    text = printed(report([story], [AccountTerms("main", "BTC", 1.0, (STRATEGY,))]))
    assert "1.0000000 → 1.0000259 BTC" in text
    assert re.search(r"net P&L\s+\+0\.0000259", text)


def test_names_with_brackets_are_printed_as_they_are() -> None:
    story = Story()
    story.trade(900, "[red]X_USDT", 1.0, 0.9, 100.0, "ze1", 60)
    assert "[red]X_USDT" in printed(report([story]))


def test_json_has_the_agreed_keys() -> None:
    data = report([eventful()])
    found = json.loads(json.dumps(plain(report_json(data))))
    keys = "session_id source_session_id trades books seconds trades_per_second signals orders fills result_hash"
    assert set(keys.split()) <= set(found)
    keys = "total_return_pct max_drawdown_pct sharpe sortino calmar win_rate profit_factor expectancy trades fees"
    assert set((keys + " funding turnover exposure_seconds").split()) <= set(found["statistics"])
    assert found["session_id"] == SESSION
    assert (found["orders"], found["fills"]) == (29, 29)
    assert found["statistics"]["trades"] == 14
    assert found["statistics"]["calmar"] is None
    assert found["accounts"][0]["funnel"]["signals"] == 24
    assert found["result_hash"] == result_hash(data.tables.by_table())
    assert math.isclose(found["trades_per_second"], 1_250_000 / 1.3)


def test_the_result_hash_of_the_session_is_reported_where_it_was_stored() -> None:
    assert report([eventful()], record=session(result_hash="ab" * 16)).result_hash == "ab" * 16


def test_a_session_without_a_tape_and_rows_of_strangers_are_refused() -> None:
    with pytest.raises(UsageError, match="has no tape period"):
        report([eventful()], record=session(tape_to=None))
    with pytest.raises(UsageError, match="rows of account 'main', which its accounts document lacks"):
        report([eventful()], [AccountTerms("other", "USDT", 1.0)])


@pytest.mark.database
def test_results_come_back_from_the_database_as_they_were_written(database: Database, new_session_id: str) -> None:
    story = eventful(new_session_id)
    written = ResultTables.from_rows(story.rows)
    other = eventful(f"{new_session_id}_other", scale=3.0)
    for table, rows in ResultTables.from_rows([*story.rows, *other.rows]).by_table().items():
        with TableWriter(database, table) as writer:
            writer.write(rows_to_columns(list(rows)))
    loaded = load_result(database, new_session_id)
    for table, rows in written.by_table().items():
        assert set(loaded.by_table()[table]) == set(rows), table
    assert differences(written.by_table(), loaded.by_table()) == []
    assert result_hash(loaded.by_table()) == result_hash(written.by_table())


@pytest.mark.database
def test_statistics_fit_the_table_of_results(database: Database, new_session_id: str) -> None:
    found = report([eventful(new_session_id)], record=session(new_session_id)).accounts[0].statistics
    row = session_result(found, new_session_id, "main")
    with TableWriter(database, row.TABLE) as writer:
        writer.write(rows_to_columns([row]))
    database.wait_applied(row.TABLE)
    stored = database.query(
        "SELECT trades, open_at_end, sharpe, cagr_pct, sharpe_basis, details FROM session_results "
        "WHERE session_id = %s",
        (new_session_id,),
    )
    assert stored == [(14, 1, found.sharpe, None, "hour", row.details)]


@pytest.mark.database
def test_what_the_database_makes_of_odd_values_does_not_change_the_hash(
    database: Database, new_session_id: str
) -> None:
    odd = [
        Order(
            START + 123_457,
            order_id(new_session_id, "main", STRATEGY, "A_USDT", 0, 0),
            new_session_id,
            "main",
            STRATEGY,
            "A_USDT",
            "open_long",
            "limit",
            5e-324,
            math.nan,
            "REJECTED",
            -0.0,
            math.inf,
            1.7976931348623157e308,
            "",
            "größer als „10 %“",
            START + 123_458,
        ),
        EquitySample(START + 1, new_session_id, "main", 0.1 + 0.2, -1e-17, 1 / 3, 0, 0),
        RiskEvent(START, new_session_id, "main", 0, "", "", "", '{"a": "\\n"}', None),
    ]
    written = ResultTables.from_rows(odd)
    for table, rows in written.by_table().items():
        if rows:
            with TableWriter(database, table) as writer:
                writer.write(rows_to_columns(list(rows)))
    loaded = load_result(database, new_session_id)
    assert differences(written.by_table(), loaded.by_table()) == []
    assert result_hash(loaded.by_table()) == result_hash(written.by_table())


@pytest.mark.database
def test_a_session_that_decided_nothing_has_empty_tables(database: Database, new_session_id: str) -> None:
    assert load_result(database, new_session_id) == ResultTables()

"""Each template is run as it ships: indicators, conditions and desk over recorded and generated pumps."""

from __future__ import annotations

from importlib.resources import files

import pytest

from connectors.simulated.market import GeneratedMarket, generate_tape
from connectors.simulated.parameters import MarketParameters
from operators.contracts import assumed_contract
from operators.desk.account import default_account
from operators.desk.desk import Desk
from operators.indicators.engine import IndicatorEngine
from operators.results import Fill, Position, StateTransition, StrategySignal
from operators.strategy.compile import compile_strategy
from operators.strategy.compiled import Decisions
from operators.strategy.conditions import SymbolConditions
from operators.strategy.tables import ConditionTables
from operators.strategy.templates import TEMPLATES, UnknownTemplate, load_template, template_text
from operators.strategy.validation import validate_text
from operators.tape import MICROSECONDS, Books, MarketBatch, SliceHeader, TapeEvent

TRADING = [name for name in TEMPLATES if load_template(name).z1_entry is not None]
PUMPS = {
    "NASBTC_2021-01-14_2100": 1610658000000,
    "GRSBTC_2020-04-02_1600": 1585843200000,
    "WABIBTC_2021-10-14_1500": 1634223600000,
    "BRDBTC_2021-10-31_1500": 1635692400000,
    "PPTBTC_2020-06-08_1606": 1591632360000,
}
"""Recorded tapes (trades only) and the start of their pump, ms UTC."""


@pytest.fixture(scope="module")
def run():
    """The rows of a template's desk over a tape: {symbol: (trades, books)} with the events at its head."""

    def over(name, tape, events, equity=10_000.0):
        strategy = compile_strategy(load_template(name))
        tables = ConditionTables.of({"main": [strategy]})
        start = min(int(trades.ts[0]) for trades, _ in tape.values())
        start = min([start, *(event.ts for event in events)])
        end = max(int(trades.ts[-1]) for trades, _ in tape.values())
        header = SliceHeader(0, 1, 0, start - 1, end, len(tape), last=True)
        streams = {
            symbol: frozenset({"trades", "books"} if len(books) else {"trades"}) for symbol, (_, books) in tape.items()
        }
        parts = []
        for symbol, (trades, books) in tape.items():
            own = tuple(event for event in events if event.symbol == symbol)
            evaluation = IndicatorEngine(strategy.indicator_ids).on_batch(
                MarketBatch(symbol, header, trades, books, own)
            )
            verdicts = SymbolConditions(tables, streams[symbol]).evaluate(evaluation)["main"]
            parts.append(Decisions("main", evaluation, verdicts))
        desk = Desk(default_account("main", equity, "USDT"), "session", [strategy], list(tape), streams)
        return desk.on_slice(header, parts)

    return over


@pytest.fixture(scope="module")
def recorded(run, recorded_trades):
    def over(name, file):
        pump = PUMPS[file] * 1000
        trades = recorded_trades(f"{file}.csv.gz", pump, 1800)
        start = int(trades.ts[0])
        events = [
            TapeEvent(start, 0, "PUMP_BTC", "observed_on", {"stream": "trades", "cause": "import"}),
            TapeEvent(start, 1, "PUMP_BTC", "contract", assumed_contract(8, 2).to_payload()),
        ]
        return run(name, {"PUMP_BTC": (trades, Books.empty())}, events, equity=10.0)

    return over


@pytest.fixture(scope="module", params=[True, False], ids=["with books", "without books"])
def generated(request):
    """Two symbols with three pumps each."""
    parameters = MarketParameters(symbols=2, trades=60_000, hours=2.0, pumps=6, books=request.param, seed=5)
    market = GeneratedMarket(parameters)
    tape = {symbol: (trades, books) for symbol, trades, books in generate_tape(parameters)}
    return market, tape


def moves(rows):
    return [(row.from_state, row.to_state) for row in rows if isinstance(row, StateTransition) and not row.refused]


def closed(rows):
    return [row for row in rows if isinstance(row, Position) and row.closed_at is not None]


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_is_valid_without_a_warning(name):
    found = validate_text(template_text(name))
    assert found.problems == ()
    assert found.warnings == ()
    assert found.document.name == name
    assert found.document.description


def test_every_file_in_the_folder_is_listed():
    folder = files("operators.strategy") / "templates"
    assert {entry.name for entry in folder.iterdir()} == {f"{name}.json" for name in TEMPLATES}


@pytest.mark.parametrize("name", TRADING)
def test_every_trading_template_bounds_its_loss_and_its_time(name):
    document = load_template(name)
    assert document.z1_entry.stop_loss is not None
    assert document.limits.max_position_seconds is not None
    assert document.e1_emergency.when is not None
    assert document.z1_entry.leverage <= 3


def test_an_unknown_template_suggests_the_nearest():
    with pytest.raises(UnknownTemplate, match="did you mean peak_fade_short"):
        load_template("peak_fade")


@pytest.mark.parametrize("name", TRADING)
@pytest.mark.parametrize("file", PUMPS)
def test_each_trading_template_goes_from_signal_to_close_on_recorded_pumps(recorded, name, file):
    rows = recorded(name, file)
    assert ("MONITORING", "SIGNAL_DETECTED") in moves(rows)
    assert ("ENTRY_PENDING", "POSITION_ACTIVE") in moves(rows)
    assert ("CLOSE_PENDING", "EXITED") in moves(rows)
    assert closed(rows)
    assert any(abs(position.timestamp - PUMPS[file] * 1000) < 300 * MICROSECONDS for position in closed(rows))


@pytest.mark.parametrize("file", PUMPS)
def test_the_alert_signals_on_recorded_pumps_and_orders_nothing(recorded, file):
    rows = recorded("pump_alert_only", file)
    assert [row for row in rows if isinstance(row, StrategySignal) and row.section == "S1_SIGNAL"]
    assert not [row for row in rows if isinstance(row, Fill | Position)]


@pytest.mark.parametrize("name", TRADING)
def test_each_trading_template_trades_generated_pumps(run, generated, name):
    market, tape = generated
    rows = run(name, tape, market.events())
    entered = [
        pump
        for pump in market.pumps
        if any(
            position.symbol == pump.symbol and pump.onset <= position.timestamp <= pump.peak + 300 * MICROSECONDS
            for position in closed(rows)
        )
    ]
    assert len(entered) >= 4, moves(rows)


def test_the_alert_finds_every_generated_pump(run, generated):
    market, tape = generated
    rows = run("pump_alert_only", tape, market.events())
    signals = [row for row in rows if isinstance(row, StrategySignal) and row.section == "S1_SIGNAL"]
    for pump in market.pumps:
        assert any(row.symbol == pump.symbol and pump.onset <= row.timestamp <= pump.peak for row in signals)
    assert len(signals) == len(market.pumps)


def test_a_calm_market_gives_no_signal(run):
    parameters = MarketParameters(symbols=2, trades=20_000, hours=1.0, pumps=0, seed=9)
    tape = {symbol: (trades, books) for symbol, trades, books in generate_tape(parameters)}
    for name in TEMPLATES:
        assert ("MONITORING", "SIGNAL_DETECTED") not in moves(run(name, tape, GeneratedMarket(parameters).events()))

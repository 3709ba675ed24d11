"""Generated sessions in the database: what is stored is the market, once, and the command says so."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from connectors.questdb.database import Database
from connectors.questdb.reader import QuestDBTapeReader
from connectors.questdb.sessions import SessionStore
from connectors.simulated.market import GeneratedMarket, MarketPiece
from connectors.simulated.parameters import InvalidMarket, MarketParameters
from dataflows.cli import generate as command
from dataflows.generating import GeneratedSession, books_table, generate, generated_session_id, trades_table
from operators.session import Status
from operators.tape import Books, Trades

PARAMETERS = MarketParameters(symbols=3, trades=5_000, hours=0.5, pumps=3, books=True, levels=4, seed=901)


@pytest.fixture(scope="module")
def piece() -> MarketPiece:
    return next(GeneratedMarket(PARAMETERS).pieces(rows=10**9))


@pytest.fixture(scope="module")
def stored(database: Database) -> GeneratedSession:
    return generate(database, PARAMETERS)


def test_trades_become_rows_of_tick_prices(piece: MarketPiece) -> None:
    rows = trades_table(piece, ("A", "B", "C"), "generate_x")
    trades = piece.page.trades
    assert rows.num_rows == 5_000
    assert rows["timestamp"].cast("int64").to_numpy().tolist() == trades.ts.tolist()
    assert set(rows["session_id"].to_pylist()) == {"generate_x"}
    assert rows["symbol"].to_pylist()[:50] == ["ABC"[code] for code in piece.page.trade_symbols[:50]]
    assert np.array_equal(rows["quote_volume"].to_numpy(), trades.price * trades.qty)


def test_books_become_pairs_of_lists_without_missing_levels(piece: MarketPiece) -> None:
    page = piece.page
    page.books.bid_px[0, 2:] = np.nan
    page.books.bid_qty[0, 2:] = np.nan
    rows = books_table(piece, ("A", "B", "C"), "generate_x")
    bids = rows["bids"].to_pylist()
    assert bids[0] == [page.books.bid_px[0, :2].tolist(), page.books.bid_qty[0, :2].tolist()]
    assert bids[1] == [page.books.bid_px[1].tolist(), page.books.bid_qty[1].tolist()]
    assert rows["asks"].to_pylist()[-1] == [page.books.ask_px[-1].tolist(), page.books.ask_qty[-1].tolist()]


def test_the_id_follows_from_the_parameters() -> None:
    assert generated_session_id(PARAMETERS) == generated_session_id(PARAMETERS)
    assert generated_session_id(PARAMETERS).startswith(f"generate_{PARAMETERS.start:%Y%m%d}_000000_")
    assert generated_session_id(PARAMETERS) != generated_session_id(MarketParameters())


@pytest.mark.database
def test_what_is_stored_is_the_market_bit_for_bit(database: Database, stored: GeneratedSession) -> None:
    market = GeneratedMarket(PARAMETERS)
    reader = QuestDBTapeReader(database, stored.session_id, market.symbols)
    pages = list(reader.pages(stored.tape_from, stored.tape_to))
    pieces = [piece.page for piece in market.pieces()]
    for stream, names in (("trades", Trades.__slots__), ("books", Books.__slots__)):
        for name in names:
            read = np.concatenate([getattr(getattr(page, stream), name) for page in pages])
            made = np.concatenate([getattr(getattr(page, stream), name) for page in pieces])
            assert np.array_equal(read, made), f"{stream} {name}"
    assert [event for page in pages for event in page.events] == list(market.events())


@pytest.mark.database
def test_the_session_says_what_it_holds(database: Database, stored: GeneratedSession) -> None:
    record = SessionStore(database).latest(stored.session_id)
    assert record is not None
    assert (record.mode, record.status) == ("generate", Status.STOPPED)
    assert record.prices_count == stored.trades == PARAMETERS.trades
    assert record.orderbook_count == stored.books > 0
    assert record.data_types == ("trades", "books")
    assert record.tape_from == PARAMETERS.start_us - 1
    assert record.tape_to == stored.tape_to <= PARAMETERS.start_us + PARAMETERS.span
    config = json.loads(record.config)
    assert MarketParameters(**config["parameters"]) == PARAMETERS
    assert config["pumps"] == [pump.to_dict() for pump in GeneratedMarket(PARAMETERS).pumps]


@pytest.mark.database
def test_generating_again_finds_the_session_and_writes_nothing(database: Database, stored: GeneratedSession) -> None:
    versions = len(SessionStore(database).versions(stored.session_id))
    again = generate(database, PARAMETERS)
    assert again.found
    assert not stored.found
    assert (again.session_id, again.trades, again.pumps) == (stored.session_id, stored.trades, stored.pumps)
    assert len(SessionStore(database).versions(stored.session_id)) == versions


@pytest.mark.database
def test_progress_goes_to_the_end(database: Database) -> None:
    told: list[tuple[float, int, int]] = []
    parameters = MarketParameters(symbols=2, trades=600, hours=0.4, pumps=0, seed=902)
    generate(database, parameters, lambda *facts: told.append(facts))
    assert told[-1] == (1.0, 600, 0)


@pytest.mark.database
def test_the_command_prints_a_summary_or_one_line_of_json(
    database_home: Path, stored: GeneratedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEFLOW_HOME", str(database_home))
    app = typer.Typer()
    command.register(app)
    options = ["--symbols", "3", "--trades", "5000", "--hours", "0.5", "--books", "--levels", "4", "--seed", "901"]
    result = CliRunner().invoke(app, [*options, "--json"])
    assert result.exit_code == 0, result.output
    (line,) = result.stdout.splitlines()
    fields = json.loads(line)
    assert fields["event"] == "finished"
    assert fields["session_id"] == stored.session_id
    assert (fields["trades"], fields["books"]) == (stored.trades, stored.books)
    assert {"symbol", "onset", "peak", "peak_multiple"} <= fields["pumps"][0].keys()
    assert fields["seconds"] >= 0


def test_options_out_of_range_are_named_together_before_any_database_is_touched() -> None:
    app = typer.Typer()
    command.register(app)
    result = CliRunner().invoke(app, ["--symbols", "0", "--trades", "0", "--levels", "99"])
    assert isinstance(result.exception, InvalidMarket)
    assert all(f"{name}: found" in str(result.exception) for name in ("symbols", "trades", "levels"))


def test_the_command_has_the_defaults_of_the_parameters() -> None:
    usual = MarketParameters()
    for name, option in inspect.signature(command.generate).parameters.items():
        if name not in ("pumps", "db", "as_json"):
            assert option.default == getattr(usual, name), name

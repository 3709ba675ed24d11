from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from connectors.files.errors import MissingColumns, SymbolNeeded

SPOT_TRADES = """\
100,0.00001234,50.00000000,0.00061700,1590681658618,True,True
101,0.00001235,1.50000000,0.00001852,1590681658700,False,True
"""
SPOT_AGGREGATED = """\
900,40000.01,0.00500000,1000,1002,1735689600000001,true,true
901,40000.02,0.00001000,1003,1003,1735689600000002,false,true
"""
FUTURES_TRADES = """\
id,price,qty,quote_qty,time,is_buyer_maker
5,2.5,10,25,1700000000123,true
6,2.6,20,52,1700000000124,false
"""
FUTURES_AGGREGATED = """\
agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker
5,2.5,10,7,7,1700000000123,true
6,2.6,20,8,9,1700000000124,false
"""
OLD_FUTURES_AGGREGATED = "5,2.5,10,7,7,1700000000123,true\n6,2.6,20,8,9,1700000000124,false\n"
OLD_FUTURES_TRADES = "5,2.5,10,25,1700000000123,true\n6,2.6,20,52,1700000000124,false\n"


def test_spot_trades_have_no_header_and_milliseconds(tmp_path: Path, read) -> None:
    file = tmp_path / "NASBTC-trades-2020-05-28.csv"
    file.write_text(SPOT_TRADES)
    content = read(file)
    assert content.format == "binance-trades"
    assert content.trades.ts.tolist() == [1590681658618000, 1590681658700000]
    assert content.trades.price.tolist() == [1.234e-05, 1.235e-05]
    assert content.trades.quantity.tolist() == [50.0, 1.5]
    # the buyer was the maker: the taker sold
    assert content.trades.side.tolist() == [-1, 1]
    assert content.trades.trade_id.tolist() == [100, 101]
    assert content.trades.lines.tolist() == [1, 2]
    assert content.symbols == ["NASBTC", "NASBTC"]


def test_spot_aggregated_trades_from_2025_have_microseconds(tmp_path: Path, read) -> None:
    file = tmp_path / "BTCUSDT-aggTrades-2025-01.csv"
    file.write_text(SPOT_AGGREGATED)
    content = read(file)
    assert content.trades.ts.tolist() == [1735689600000001, 1735689600000002]
    assert content.trades.trade_id.tolist() == [900, 901]
    assert content.trades.side.tolist() == [-1, 1]


@pytest.mark.parametrize("text", [FUTURES_TRADES, FUTURES_AGGREGATED, OLD_FUTURES_AGGREGATED, OLD_FUTURES_TRADES])
def test_futures_come_with_and_without_a_header(text: str, tmp_path: Path, read) -> None:
    file = tmp_path / "BTCUSD_PERP-aggTrades-2023-11-14.csv"
    file.write_text(text)
    content = read(file)
    assert content.format == "binance-trades"
    assert content.trades.ts.tolist() == [1700000000123000, 1700000000124000]
    assert content.trades.price.tolist() == [2.5, 2.6]
    assert content.trades.quantity.tolist() == [10.0, 20.0]
    assert content.trades.trade_id.tolist() == [5, 6]
    assert content.trades.side.tolist() == [-1, 1]
    assert content.symbols[0] == "BTCUSD_PERP"


def test_a_file_over_the_change_of_units_is_read_throughout(tmp_path: Path, read) -> None:
    file = tmp_path / "X-trades-2024.csv"
    file.write_text("1,2,3,6,1735689599999,true,true\n2,2,3,6,1735689600000000,true,true\n")
    assert np.diff(read(file).trades.ts).tolist() == [1000]


def test_without_a_telling_name_a_symbol_is_needed(tmp_path: Path, read) -> None:
    file = tmp_path / "some.csv"
    file.write_text(SPOT_TRADES)
    with pytest.raises(SymbolNeeded, match="use --symbol"):
        read(file)
    assert read(file, symbol="NAS_BTC").symbols[0] == "NAS_BTC"


def test_a_header_without_a_needed_column_names_what_was_found_and_what_is_needed(tmp_path: Path, read) -> None:
    file = tmp_path / "X-trades-2024.csv"
    file.write_text("id,price,time\n1,2,1700000000123\n")
    with pytest.raises(MissingColumns, match=r"has the columns id, price, time; .* needs .*qty or quantity"):
        read(file, name="binance-trades")

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.files.decimals import most_decimals
from connectors.files.errors import MixedSymbols, SymbolNeeded


def test_a_real_pump_tape_is_read_whole(shared: Path, read) -> None:
    content = read(shared / "pump_tapes" / "NASBTC_2021-01-14_2100.csv.gz")
    assert content.format == "ccxt-trades"
    assert len(content.trades) == 13_197
    assert content.rejected == ()
    assert set(content.symbols) == {"NAS_BTC"}
    assert content.trades.ts[0] == 1610485206193000
    assert content.trades.price[0] == 8.1e-06
    assert content.trades.quantity[0] == 684.13
    assert content.trades.side[:2].tolist() == [1, -1]
    assert most_decimals(content.trades.price) == 7
    assert most_decimals(content.trades.quantity) == 2


def test_ids_and_times_as_pandas_writes_them_are_read(tmp_path: Path, read) -> None:
    file = tmp_path / "trades.csv"
    file.write_text("timestamp,datetime,price,amount,id\n1610485206193.0,x,1.5,2,abc\n1610485206194.0,x,1.5,2,\n")
    content = read(file, symbol="A_B")
    assert content.format == "ccxt-trades"
    assert content.trades.ts.tolist() == [1610485206193000, 1610485206194000]
    assert content.trades.trade_id[0] > 0
    assert content.trades.side.tolist() == [0, 0]


def test_without_a_symbol_column_a_symbol_is_needed(tmp_path: Path, read) -> None:
    file = tmp_path / "trades.csv"
    file.write_text("timestamp,datetime,price,amount\n1610485206193,x,1.5,2\n")
    with pytest.raises(SymbolNeeded):
        read(file)


def test_a_spot_and_a_swap_market_of_one_name_are_not_mixed(tmp_path: Path, read) -> None:
    file = tmp_path / "trades.csv"
    rows = "BTC/USDT,1610485206193,1.5,2\nBTC/USDT:USDT,1610485206193,1.5,2\n"
    file.write_text("symbol,timestamp,price,amount\n" + rows)
    with pytest.raises(MixedSymbols, match="BTC/USDT and BTC/USDT:USDT"):
        read(file)

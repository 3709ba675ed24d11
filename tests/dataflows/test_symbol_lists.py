"""Named lists of symbols for collecting."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataflows.symbol_lists import DEFAULT_LIST, expand, symbol_lists
from operators.errors import UsageError


def test_the_default_list_has_the_39_thin_coins(tmp_path: Path) -> None:
    coins = symbol_lists(tmp_path)[DEFAULT_LIST]
    assert len(coins) == len(set(coins)) == 39
    assert (coins[0], coins[-1]) == ("AEVO_USDT", "XNY_USDT")


def test_symbols_and_lists_mix_and_each_symbol_comes_once(tmp_path: Path) -> None:
    (tmp_path / "symbols.toml").write_text('mine = ["W_USDT", "BTC_USDT"]\n', encoding="utf-8")
    assert expand(["eth_usdt,@mine", "W_USDT"], tmp_path) == ("ETH_USDT", "W_USDT", "BTC_USDT")


def test_a_list_of_the_user_takes_the_place_of_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "symbols.toml").write_text('thin_coins = ["W_USDT"]\n', encoding="utf-8")
    assert expand(["@thin_coins"], tmp_path) == ("W_USDT",)


@pytest.mark.parametrize(
    ("words", "said"),
    [("BTCUSDT", "'BTCUSDT' is no symbol"), ("@thincoins", "did you mean @thin_coins"), ("@nothing", "there are")],
)
def test_what_is_no_symbol_and_no_list_is_refused(words: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        expand([words], tmp_path)


@pytest.mark.parametrize("content", ['mine = "W_USDT"', "mine = [3]", 'mine = ["w"]', "mine = ["])
def test_a_file_that_holds_anything_else_is_refused_with_its_name(content: str, tmp_path: Path) -> None:
    (tmp_path / "symbols.toml").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"symbols\.toml"):
        symbol_lists(tmp_path)

"""The accounts document."""

from __future__ import annotations

from pathlib import Path

import pytest

from operators.desk.account import AccountsError, accounts_hash, default_account, parse_accounts

FULL = """
[[account]]
name = "main"
quote = "USDT"
equity = 10_000
strategies = ["peak_fade_short", "mine/pump.json"]
max_active_signals = 5
on_stop = "keep"
feed_delay_ms = 40
order_latency_ms = 30.5
slippage_bps = 8
participation = 0.1
equity_sample_seconds = 30

[account.risk]
max_position_pct = 5
max_open_positions = 2

[account.budgets]
BTC_USDT = 500
ETH_USDT = "20%"

[[account.fees]]
from = 2026-03-31
maker = 0.0001
taker = 0.0005

[[account.fees]]
from = 2026-06-01T00:00:00Z
maker = 0.0006
taker = 0.0008

[[account]]
name = "small"
quote = "BTC"
equity = 0.5
"""


def test_every_setting_is_read():
    main, small = parse_accounts(FULL)
    assert main.strategies == ("peak_fade_short", "mine/pump.json")
    assert (main.latency_us, main.on_stop, main.max_active_signals) == (70_500, "keep", 5)
    assert (main.risk.max_position_pct, main.risk.max_open_positions, main.risk.max_drawdown_pct) == (5, 2, 15)
    assert (main.budget("BTC_USDT", 9_000.0), main.budget("ETH_USDT", 9_000.0)) == (500, 1_800.0)
    assert main.budget("XRP_USDT", 9_000.0) is None
    schedule = main.fee_schedule()
    assert schedule.at(1_780_272_000_000_000).taker == 0.0008  # 2026-06-01
    assert schedule.at(1_780_271_999_999_999).taker == 0.0005
    assert schedule.at(0) is None
    assert small == default_account("small", 0.5, "BTC")


def test_defaults_are_those_of_the_trading_page():
    account = default_account("main", 10_000.0, "USDT")
    assert account.latency_us == 130_000
    assert (account.slippage_bps, account.participation, account.equity_sample_seconds) == (5.0, 0.2, 60.0)
    assert (account.max_active_signals, account.on_stop) == (3, "flatten")
    assert account.fee_schedule().at(0).maker == 0.0006
    assert account.risk.model_dump() == {
        "max_position_pct": 10.0,
        "max_open_positions": 3,
        "max_symbol_concentration_pct": 30.0,
        "max_total_exposure_pct": 100.0,
        "daily_loss_limit_pct": 5.0,
        "max_drawdown_pct": 15.0,
        "max_margin_used_pct": 80.0,
    }


def test_all_problems_are_listed_with_their_places():
    text = """
    [[account]]
    name = "a b"
    quote = "USDT"
    equity = -1
    participation = 2
    colour = "red"
    budgets = { BTC_USDT = "much" }
    [account.risk]
    max_open_positions = 1.5
    """
    with pytest.raises(AccountsError) as caught:
        parse_accounts(text)
    places = [problem.split(" ")[0].rstrip(":") for problem in caught.value.problems]
    assert sorted(places) == [
        "account.0.budgets",
        "account.0.colour",
        "account.0.equity",
        "account.0.name",
        "account.0.participation",
        "account.0.risk.max_open_positions",
    ]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[[account]", "not TOML"),
        ("", "account is missing"),
        ("account = []", "at least one"),
        ('[[account]]\nname="a"\nquote="USDT"\nequity=1\n' * 2, "more than once"),
        ('[[account]]\nname="a"\nquote="USDT"\nequity=1\nfees=[]', "at least one"),
        ('[[account]]\nname="a"\nquote="USDT"\nequity=1\nfees=[{from="soon",maker=0,taker=0}]', "is no date"),
    ],
)
def test_what_cannot_be_meant_is_refused(text, found):
    with pytest.raises(AccountsError, match=found):
        parse_accounts(text)


def test_the_hash_depends_on_every_setting():
    first, second = parse_accounts(FULL)
    assert accounts_hash([first, second]) == accounts_hash(parse_accounts(FULL))
    assert accounts_hash([first]) != accounts_hash([first.model_copy(update={"slippage_bps": 9.0})])
    assert accounts_hash([first, second]) != accounts_hash([second, first])


def test_the_example_of_the_documentation_is_read():
    page = Path(__file__).parents[3] / "docs" / "accounts.md"
    text = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    (account,) = parse_accounts(text)
    changed = {"strategies", "budgets", "fees"}
    defaults = default_account("main", 10_000.0, "USDT").model_dump(exclude=changed)
    assert account.model_dump(exclude=changed) == defaults, "the page shows the defaults"
    assert account.fees[0].taker == default_account("main", 1.0, "USDT").fees[0].taker

"""Parameters: their ranges, what follows from them, and that the documentation lists them as they are."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.simulated.parameters import InvalidMarket, MarketParameters, usual_pumps

DOCUMENT = Path(__file__).parents[3] / "docs" / "generated-market.md"


def test_all_parameters_out_of_range_are_named_at_once() -> None:
    with pytest.raises(InvalidMarket) as caught:
        MarketParameters(symbols=0, trades=-1, hours=float("nan"), seed=1.5, levels=51)  # type: ignore[arg-type]
    message = str(caught.value)
    for name in ("symbols", "trades", "hours", "seed", "levels"):
        assert f"{name}: found" in message
    assert "allowed is a whole number from 1 to 2,000" in message
    assert "\n" not in message
    assert caught.value.exit_code == 2


def test_pumps_that_do_not_fit_are_refused_with_the_number_that_does() -> None:
    with pytest.raises(InvalidMarket, match="pumps: found 40, allowed are at most 10: 2 for each of 5 symbols"):
        MarketParameters(symbols=5, hours=1.0, pumps=40)
    assert MarketParameters(symbols=5, hours=1.0, pumps=10).pumps_per_symbol == 2


def test_ranges_that_are_upside_down_are_refused() -> None:
    with pytest.raises(InvalidMarket, match=r"rise_low: found 100, allowed is at most rise_high = 50"):
        MarketParameters(rise_low=100.0, rise_high=50.0)


def test_fewer_trades_than_symbols_are_refused() -> None:
    with pytest.raises(InvalidMarket, match="at least one per symbol"):
        MarketParameters(symbols=20, trades=19)


@given(st.integers(0, 2**63 - 1), st.integers(1, 912))
def test_different_seeds_never_share_a_day(seed: int, step: int) -> None:
    first, second = MarketParameters(seed=seed).start, MarketParameters(seed=(seed + step) % 2**63).start
    assert abs(first - second) >= timedelta(hours=96) or first == second
    assert (first == second) == (seed % 913 == (seed + step) % 2**63 % 913)
    assert datetime(2000, 1, 1, tzinfo=UTC) <= first < datetime(2010, 1, 1, tzinfo=UTC)


def test_the_fingerprint_follows_every_parameter_and_nothing_else() -> None:
    usual = MarketParameters()
    assert MarketParameters(hours=24).fingerprint == usual.fingerprint
    others = [
        MarketParameters(seed=8),
        MarketParameters(books=True),
        MarketParameters(trades=5_000_001),
        MarketParameters(spread_bp=11.0),
    ]
    assert len({usual.fingerprint, *(other.fingerprint for other in others)}) == 5
    assert len(usual.fingerprint) == 8


@pytest.mark.parametrize(("symbols", "hours"), [(20, 24.0), (10, 2.0), (3, 0.5), (3, 0.2), (1, 96.0)])
def test_the_usual_pumps_always_fit(symbols: int, hours: float) -> None:
    MarketParameters(symbols=symbols, hours=hours, pumps=usual_pumps(symbols, hours))


def test_the_documentation_lists_every_parameter_with_its_default_and_range() -> None:
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    listed = {row.split("`")[1]: [cell.strip() for cell in row.strip("|").split("|")] for row in rows}
    for each in dataclasses.fields(MarketParameters):
        assert each.name in listed, f"docs/generated-market.md does not list {each.name}"
        _, unit, default, allowed, meaning = listed[each.name]
        shown = str(each.default).lower() if isinstance(each.default, bool) else f"{each.default:,}"
        bounds = (
            "true, false" if isinstance(each.default, bool) else f"{each.metadata['low']:,} … {each.metadata['high']:,}"
        )
        assert (unit, default, allowed, meaning) == (each.metadata["unit"], shown, bounds, each.metadata["meaning"])

"""What some failures must have come to, besides the gaps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.campaign.staging import Finding, payloads

Check = Callable[[Finding], None]
_NEARLY_ALL: Final = 80


def counted(name: str, least: int, most: int | None = None) -> Check:
    def check(found: Finding) -> None:
        count = found.counters[name]
        assert count >= least, f"{name}: {count}, at least {least} expected"
        assert most is None or count <= most, f"{name}: {count}, at most {most} expected"

    return check


def every(*checks: Check) -> Check:
    def check(found: Finding) -> None:
        for each in checks:
            each(found)

    return check


def recovers_all(found: Finding) -> None:
    """The exchange's last 100 trades reach back over each gap: nothing is lost in it, and it says so. In a gap with
    more trades than these, the others are lost."""
    for gap in found.of("trades"):
        assert gap.recovered is not None, gap
        assert gap.lost == 0 or gap.recovered >= _NEARLY_ALL, gap


def nobody_is_removed(found: Finding) -> None:
    """A request that fails says nothing about the symbol that it was for."""
    assert not found.query("SELECT symbol FROM tape_events WHERE session_id = %s AND kind = 'symbol_removed'")


def loses_some(found: Finding) -> None:
    assert any(gap.lost is None or gap.lost > 0 for gap in found.of("trades")), found.of("trades")


def sides_are_inverted(found: Finding) -> None:
    rows = found.query(
        f"SELECT trade_id, side FROM tick_prices WHERE session_id = %s AND symbol = '{found.symbols[0]}'"
    )
    true = {int(row["deal_id"]): 1 if row["taker"] == 1 else -1 for row in found.truth.table("deals", found.symbols[0])}
    assert rows
    assert all(side == -true[number] for number, side in rows), "stored as told"
    assert found.counters["contrary_sides"] > found.counters["trades"] / 2, found.counters


def has_trades_without_ids(found: Finding) -> None:
    rows = found.query(
        f"SELECT count(), count(trade_id) FROM tick_prices WHERE session_id = %s AND symbol = '{found.symbols[0]}'"
    )
    assert 0 < rows[0][1] < rows[0][0]


def is_delisted(found: Finding) -> None:
    symbol = found.symbols[0]
    assert len(payloads(found, "symbol_removed", symbol)) == 1
    off_events = payloads(found, "observed_off", symbol)
    assert {event["stream"] for event in off_events} == {"trades", "books"}
    last = found.query(f"SELECT max(timestamp)::long FROM tick_orderbook WHERE session_id = %s AND symbol = '{symbol}'")
    assert last[0][0] <= found.began_us + 10_000_000 * found.rate


def is_another_contract(found: Finding) -> None:
    contracts = payloads(found, "contract", found.symbols[0])
    assert len({contract["contract_size"] for contract in contracts}) == 2, contracts
    assert contracts[-1]["funding_interval_hours"] == 1.0, contracts


def sizes_differ(found: Finding) -> None:
    sizes = {symbol: payloads(found, "contract", symbol)[-1]["contract_size"] for symbol in found.symbols}
    assert max(sizes.values()) / min(sizes.values()) >= 1e5, sizes


def few_handshakes(found: Finding) -> None:
    """Growing pauses: a new try at most every few tenths of a second, fewer with time."""
    assert found.state["handshakes"] < 120, found.state["handshakes"]


def offset_is_known(found: Finding) -> None:
    """It jumps within a few seconds, by 11 s and a little for what the market could not keep up with."""
    rows = found.query("SELECT clock_offset_ms FROM connection_health WHERE session_id = %s ORDER BY timestamp")
    offsets = [offset for (offset,) in rows]
    jumps = [later - earlier for earlier, later in zip(offsets, offsets[4:], strict=False)]
    assert 10_500 < max(jumps) < 11_500, offsets
    assert -11_500 < min(jumps) < -10_500, offsets

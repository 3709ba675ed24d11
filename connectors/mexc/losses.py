"""Trades that were lost without a sign: found by comparing what was received with what the exchange says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.mexc.deals import DealHistory
from connectors.mexc.observation import OpenGap
from connectors.mexc.records import Deal
from operators.tape import TRADES_STREAM

UNNOTICED: Final = "lost while the stream went on"


def lost_trades(
    history: DealHistory, symbol: str, reply: Sequence[Deal], from_us: int, last_us: int
) -> list[tuple[OpenGap, list[Deal]]]:
    """The gaps that `reply`, the exchange's last trades, shows between what was received, each with its trades.

    Only what happened after `from_us` and before the last received trade counts: what is newer may be on its way. A
    gap is from the received trade before the lost ones to the one after them.
    """
    found = history.missing(reply, from_us // 1_000 + 1, last_us // 1_000 - 1).deals
    gaps: dict[tuple[int, int], list[Deal]] = {}
    for deal in found:
        before, after = history.neighbours(deal.ms)
        start = from_us if before is None else max(before * 1_000, from_us)
        gaps.setdefault((start, last_us if after is None else after * 1_000), []).append(deal)
    oldest = min((deal.ms for deal in reply), default=0) * 1_000
    return [
        # where the reply does not reach back to the gap's beginning, nobody knows how many more there were
        (OpenGap(symbol, TRADES_STREAM, start, UNNOTICED, end, len(deals), 0 if oldest <= start else None), deals)
        for (start, end), deals in gaps.items()
    ]

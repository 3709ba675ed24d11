"""Reference prices: marks and funding when they change, and every settlement, those during an interruption too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from connectors.mexc.reference import ReferencePrices
from connectors.mexc.rest import MexcRest
from tests.connectors.mexc.working import work_until

Exchange = Callable[..., Any]
A = "A_USDT"
HOUR_MS = 3_600_000
NEXT = 1_790_006_400_000


def rate(next_settle: int = NEXT, value: float = 0.0001) -> dict[str, Any]:
    figures = {"symbol": A, "fundingRate": value, "timestamp": NEXT - 1_000, "nextSettleTime": next_settle}
    return figures | {"collectCycle": 8, "idxPrice": 1.0, "fairPrice": 1.01}


def history(*settled: int) -> dict[str, Any]:
    return {"resultList": [{"symbol": A, "fundingRate": 0.0002, "settleTime": at} for at in settled]}


class Reference:
    """Reference prices of one symbol at work."""

    def __init__(self, rest: MexcRest) -> None:
        self.events: list[tuple[int, str, dict[str, Any]]] = []
        self.prices = ReferencePrices(
            rest,
            (A,),
            0.02,
            lambda at, _, kind, payload: self.events.append((at, kind, dict(payload))),
            lambda *_: None,
        )

    @property
    def settled(self) -> list[int]:
        return [at // 1_000 for at, kind, payload in self.events if kind == "funding" and payload["settled"]]

    async def until(self, holds: Callable[[], Any]) -> None:
        await work_until(self.prices.run(), holds)


def test_a_change_is_told_once(rest_exchange: Exchange) -> None:
    async def scenario() -> None:
        async with rest_exchange() as (exchange, rest):
            it = Reference(rest)
            exchange.says["funding_rate"] = [rate()]
            await it.until(lambda: len(exchange.asked) > 3)
            assert [kind for _, kind, _ in it.events] == ["mark", "funding"]

    asyncio.run(scenario())


def test_a_settlement_that_passes_is_looked_up(rest_exchange: Exchange) -> None:
    async def scenario() -> None:
        async with rest_exchange() as (exchange, rest):
            it = Reference(rest)
            exchange.says["funding_rate"] = [rate()]
            exchange.says["funding_rate/history"] = history(NEXT)
            await it.until(lambda: it.events)
            exchange.says["funding_rate"] = [rate(NEXT + 8 * HOUR_MS)]
            await it.until(lambda: it.settled)
            assert it.settled == [NEXT]

    asyncio.run(scenario())


def test_settlements_during_an_interruption_are_looked_up(rest_exchange: Exchange) -> None:
    async def scenario() -> None:
        async with rest_exchange() as (exchange, rest):
            it = Reference(rest)
            earlier = [NEXT - cycles * 8 * HOUR_MS for cycles in (3, 2, 1)]
            exchange.says["funding_rate"] = [rate()]
            exchange.says["funding_rate/history"] = history(*earlier)
            it.prices.go_on((earlier[0] + 1) * 1_000)
            await it.until(lambda: len(it.settled) == 2)
            assert sorted(it.settled) == earlier[1:]

    asyncio.run(scenario())


def test_a_session_that_begins_asks_for_no_settlement_of_before(rest_exchange: Exchange) -> None:
    async def scenario() -> None:
        async with rest_exchange() as (exchange, rest):
            it = Reference(rest)
            exchange.says["funding_rate"] = [rate()]
            await it.until(lambda: len(exchange.asked) > 3)
            assert set(exchange.asked) == {"funding_rate"}

    asyncio.run(scenario())

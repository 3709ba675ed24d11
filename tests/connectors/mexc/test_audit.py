"""Audits: doubts of one symbol become one, and a reply that cannot be had leaves the doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from connectors.mexc import audit
from connectors.mexc.audit import Audit, Doubt
from connectors.mexc.receiver import UNSURE
from connectors.mexc.records import Deal

Exchange = Callable[..., Any]
A = "A_USDT"


@pytest.mark.parametrize("refused", [False, True])
def test_doubts_of_a_symbol_are_looked_into_together(
    rest_exchange: Exchange, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    monkeypatch.setattr(audit, "_PAUSE_SECONDS", 0.01)
    answers: list[tuple[Sequence[Deal] | None, Doubt | None]] = []

    async def scenario() -> None:
        async with rest_exchange() as (exchange, rest):
            trade = {"p": 1.5, "v": 3, "T": 1, "O": 3, "M": 1, "t": 1_790_000_000_000}
            exchange.says[f"deals/{A}"] = 1001 if refused else [trade]
            it = Audit(rest, list, 600.0, lambda _, reply, doubt: answers.append((reply, doubt)))
            for start in (500, 300, 400):
                it.doubt(Doubt(A, start, start + 150, UNSURE))
            running = asyncio.create_task(it.run())
            async with asyncio.timeout(5.0):
                while not answers:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            assert exchange.asked == [f"deals/{A}"]

    asyncio.run(scenario())
    ((reply, doubt),) = answers
    assert doubt == Doubt(A, 300, 650, UNSURE)
    assert (reply is None) == refused

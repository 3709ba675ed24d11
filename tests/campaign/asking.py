"""Failures of replies that a collector does not need: whoever asks for them gets the same as without."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from connectors.mexc.clock import ExchangeClock
from connectors.mexc.rest import MexcRest
from connectors.simulated.exchange.serving import MarketRequest, open_exchange

SYMBOL: Final = "AAA_USDT"


@dataclass(frozen=True, slots=True)
class Question:
    """A request whose reply differs with the switch `simulated`, and what is read from it does not."""

    row: int
    title: str
    simulated: str
    answer: str
    ask: Callable[[MexcRest], Awaitable[dict[int, Any]]]

    @property
    def name(self) -> str:
        return f"{self.row} {self.title}"


async def _commits(rest: MexcRest) -> dict[int, Any]:
    commits = await rest.depth_commits(SYMBOL, 1_000)
    assert [commit.last for commit in commits] == sorted({commit.last for commit in commits})
    return {commit.last: commit for commit in commits}


async def _bars(rest: MexcRest) -> dict[int, Any]:
    bars = await rest.klines(SYMBOL, "Min1")
    columns = (bars.open, bars.high, bars.low, bars.close, bars.real_open, bars.contracts)
    rows = [tuple(values) for values in zip(*(column.tolist() for column in columns), strict=True)]
    # the last bar is still open
    return dict(list(zip(bars.ts.tolist(), rows, strict=True))[:-1])


QUESTIONS: Final = (
    Question(
        20,
        "commits of the book newest first, or oldest first",
        "ascending_commits",
        "sorted by version; books are seeded from snapshots alone",
        _commits,
    ),
    Question(
        27,
        "times of bars in seconds or in ms",
        "klines_in_milliseconds",
        "told apart by their size; bars are not collected",
        _bars,
    ),
)


def read_twice(question: Question) -> tuple[dict[int, Any], dict[int, Any]]:
    """What is read without the switch, and with it a moment later; both by version or time."""

    async def both() -> tuple[dict[int, Any], dict[int, Any]]:
        server = open_exchange(MarketRequest(names=(SYMBOL,), speed=100.0, seed=7))
        await server.start()
        try:
            await asyncio.sleep(3.0)
            async with aiohttp.ClientSession() as session:
                rest = MexcRest(session, server.rest_url, clock=ExchangeClock())
                usual = await question.ask(rest)
                server.faults.set(question.simulated)
                return usual, await question.ask(rest)
        finally:
            await server.close()

    return asyncio.run(both())

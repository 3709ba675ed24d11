"""Which exchange is meant: the real one, a simulated one of our own, or one at an address."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from typing import Final

from connectors.mexc.errors import ExchangeDown, ExchangeError
from connectors.mexc.rest import MexcRest
from operators.errors import UsageError

REAL: Final = "mexc"
SIMULATED: Final = "simulated"
_PACE_SECONDS: Final = 0.5
_FASTER: Final = 1.25
_SLOWER: Final = 0.5
"""A simulated exchange whose machine is too slow for its market lets its clock stand still now and then."""


@dataclass(frozen=True, slots=True)
class ExchangeAddress:
    """Where an exchange is reached. `name` is what is stored with its contracts."""

    name: str
    rest_url: str
    websocket_url: str


MEXC: Final = ExchangeAddress(REAL, "https://api.mexc.com", "wss://contract.mexc.com/edge")


def exchange_address(exchange: str) -> ExchangeAddress:
    """`mexc`, or `http://host:port` of a simulated exchange.

    >>> exchange_address("http://127.0.0.1:8080/").websocket_url
    'ws://127.0.0.1:8080/edge'
    """
    if exchange == REAL:
        return MEXC
    if exchange.startswith(("http://", "https://")):
        base = exchange.rstrip("/")
        return ExchangeAddress(SIMULATED, base, f"ws{base.removeprefix('http')}/edge")
    raise UsageError(
        f"--exchange is {exchange!r}; allowed: {REAL}, {SIMULATED}, or an address such as http://127.0.0.1:8080"
    )


async def clock_problem(rest: MexcRest, rate: float) -> str | None:
    """What is wrong where the exchange's clock does not run `rate` times as fast as ours; None where it does.

    With a wrong rate every time on the tape would be wrong, and nothing would say so.
    """
    first_ms, first = await rest.ping(), time.perf_counter()
    await asyncio.sleep(_PACE_SECONDS)
    second_ms, second = await rest.ping(), time.perf_counter()
    found = (second_ms - first_ms) / 1_000 / (second - first)
    if _SLOWER * rate <= found <= _FASTER * rate:
        return None
    if 0.8 < found < _FASTER:
        return f"--speed is {rate:g}, but the clock of the exchange runs as fast as ours: leave --speed away"
    option = "--speed is missing" if rate == 1.0 else f"--speed is {rate:g}"
    return (
        f"{option}: the clock of the exchange runs about {_rounded(found)} times as fast as ours; the `--speed` "
        "that it was started with is needed here too"
    )


def _rounded(rate: float) -> str:
    return f"{rate:.0f}" if rate >= 3.0 else f"{rate:.1f}"


def unanswered(address: ExchangeAddress, error: ExchangeError) -> ExchangeError:
    """That an exchange does not answer, in one short line."""
    where = f"the exchange at {address.rest_url} does not answer"
    cause = error.__cause__
    if isinstance(error, ExchangeDown) and isinstance(cause, OSError) and cause.errno is not None:
        # a name that cannot be resolved has a negative number, and a text of its own
        why = os.strerror(cause.errno) if cause.errno > 0 else cause.strerror
        return ExchangeDown(f"{where}: {str(why).lower()}")
    return ExchangeDown(f"{where}: {error}")

"""Which exchange is meant: the real one, a simulated one of our own, or one at an address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from operators.errors import UsageError

REAL: Final = "mexc"
SIMULATED: Final = "simulated"


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

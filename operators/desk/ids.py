"""Deterministic identities of what the desk makes: the same tape and settings give the same ids, always."""

from __future__ import annotations

from hashlib import blake2b

import msgspec


def identity(*parts: str | int) -> str:
    """The first 32 hex digits of BLAKE2b over the msgpack list of the parts.

    msgspec writes integers and strings in their shortest form, so equal parts have equal bytes.

    >>> identity("backtest_1", "main", "fade", "ABC_USDT", 3, 0)
    'daad2fb2719489d66d8fde4cedcaa8e8'
    """
    return blake2b(msgspec.msgpack.encode(list(parts))).hexdigest()[:32]


def order_id(session: str, account: str, strategy: str, symbol: str, n: int, leg: int) -> str:
    """The order that transition row `n` of (strategy, symbol) caused; `leg` is the attempt."""
    return identity(session, account, strategy, symbol, n, leg)


def signal_id(session: str, account: str, strategy: str, symbol: str, n: int) -> str:
    """The signal that transition row `n` of (strategy, symbol) stands for."""
    return identity(session, account, strategy, symbol, n)


def fill_id(order: str, k: int) -> str:
    """The k-th execution (from 0) of an order."""
    return identity(order, k)


def position_id(first_order: str, side: str) -> str:
    """The position that an order opened."""
    return identity(first_order, side)

"""What currency a symbol is quoted in, as far as its name tells."""

from __future__ import annotations

import re
from typing import Final

DOLLARS: Final = frozenset({"USDT", "USDC", "USD"})
"""Quote currencies for which `DEFAULT_EQUITY` makes sense."""
_QUOTES: Final = re.compile(r"(?:_|-|/)?(USDT|USDC|BUSD|FDUSD|TUSD|USD|BTC|ETH|BNB|EUR|TRY)\Z")


def quote_currency(symbol: str) -> str | None:
    """The quote currency that a symbol's name ends with, None where it tells none.

    >>> quote_currency("NAS_BTC"), quote_currency("ETHUSDT"), quote_currency("GOLD")
    ('BTC', 'USDT', None)
    """
    found = _QUOTES.search(symbol)
    if found:
        return found[1]
    return symbol.rpartition("_")[2] if "_" in symbol else None

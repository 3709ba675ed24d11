"""Columns with a few fixed words: the taker's side, yes and no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from connectors.files.blocks import Bool
from operators.tape import BUY, SELL, UNKNOWN_SIDE, Int8

TAKER_SIDE: Final[Mapping[str, int]] = {
    "buy": BUY,
    "b": BUY,
    "1": BUY,
    "sell": SELL,
    "s": SELL,
    "-1": SELL,
    "0": UNKNOWN_SIDE,
    "unknown": UNKNOWN_SIDE,
    "": UNKNOWN_SIDE,
}
"""Words (in lower case) of a column with the taker's side."""

BUYER_IS_MAKER: Final[Mapping[str, int]] = {
    "true": SELL,
    "t": SELL,
    "1": SELL,
    "false": BUY,
    "f": BUY,
    "0": BUY,
    "": UNKNOWN_SIDE,
}
"""Words of a column that says whether the buyer was the maker: then the taker sold."""

YES: Final[Mapping[str, int]] = {"true": 1, "1": 1, "false": 0, "0": 0, "": 0}
"""Words of a column that is true or false, absent meaning false."""

_UNKNOWN: Final = 99


def read_words(values: pa.Array, meanings: Mapping[str, int]) -> tuple[Int8, Bool]:
    """What each row's word means (0 for a word without meaning), and whether it has one.

    >>> read_words(pa.array(["Buy", "sell", "short"]).dictionary_encode(), TAKER_SIDE)
    (array([ 1, -1,  0], dtype=int8), array([ True,  True, False]))
    """
    table = np.array([_meaning(word, meanings) for word in values.dictionary.to_pylist()] or [_UNKNOWN], np.int8)
    found = table[values.indices.fill_null(0).to_numpy(zero_copy_only=False)]
    if not values.null_count and not (table == _UNKNOWN).any():
        return found, np.ones(len(found), np.bool_)
    known = (found != _UNKNOWN) & values.is_valid().to_numpy(zero_copy_only=False)
    return np.where(known, found, 0).astype(np.int8), known


def has_meaning(word: str, meanings: Mapping[str, int]) -> bool:
    """Whether `read_words` knows a word."""
    return _meaning(word, meanings) != _UNKNOWN


def _meaning(word: str, meanings: Mapping[str, int]) -> int:
    return meanings.get(word.strip().lower(), _UNKNOWN)

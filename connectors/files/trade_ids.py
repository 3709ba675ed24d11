"""Trade ids as 63-bit numbers, and the removal of trades that a session has already."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.blocks import NULL, Bool, hash_63
from operators.tape import Int64

_LARGEST: Final = int(np.iinfo(np.int64).max)
_DIGITS: Final = 19
_PLAIN_NUMBER: Final = "^[0-9]{1,18}$"


def read_trade_ids(values: pa.Array) -> Int64:
    """Numeric ids as they are, other texts as 63 bits of their BLAKE2, `NULL` for none.

    >>> read_trade_ids(pa.array(["17", "", "ccc3c1fa-212c"])).tolist()
    [17, -9223372036854775808, 2434022868870178069]
    """
    if pa.types.is_integer(values.type):
        numbers: Int64 = values.fill_null(NULL).to_numpy(zero_copy_only=False)
    elif pc.all(pc.match_substring_regex(values, _PLAIN_NUMBER)).as_py() is not False:
        numbers = values.cast(pa.int64()).to_numpy(zero_copy_only=False)
    else:
        numbers = np.fromiter((trade_id(text) for text in values.to_pylist()), np.int64, len(values))
    return numbers


def trade_id(text: str | None) -> int:
    """The number of one id."""
    if not text:
        return NULL
    if text.isascii() and text.isdigit():
        digits = text.lstrip("0")
        if len(digits) <= _DIGITS and int(text) <= _LARGEST:
            return int(text)
    return hash_63(text.encode())


class DuplicateFilter:
    """Finds trades whose id the session has had already, exactly, for one symbol.

    Ids are kept as runs: one per block, as its two ends where the ids have no holes (a dump's own numbering), else
    as the sorted ids, 8 bytes each. A block whose ids lie above all earlier ones (the usual case) costs one
    comparison per row; otherwise only runs that overlap the block's range are searched, and those are merged pairwise
    when they have grown alike, so that a session of n hashed ids costs n·log² n and 8 n bytes.
    """

    def __init__(self) -> None:
        self._runs: list[_Run] = []
        self._highest = NULL

    def first_seen(self, ids: Int64) -> Bool | None:
        """Which of the block's trades are new; None = all of them. Trades without an id are always new."""
        if not len(ids):
            return None
        if ids[0] > self._highest and bool(np.all(ids[1:] > ids[:-1])):
            self._remember(ids)
            return None
        given = ids != NULL
        unique, firsts = np.unique(ids[given], return_index=True)
        if not len(unique):
            return None
        fresh = np.ones(len(unique), np.bool_)
        for run in self._runs:
            if run.low <= unique[-1] and run.high >= unique[0]:
                fresh &= ~run.holds(unique)
        self._remember(unique[fresh])
        new = ~given
        new[np.flatnonzero(given)[firsts[fresh]]] = True
        return None if new.all() else new

    def _remember(self, ids: Int64) -> None:
        if not len(ids):
            return
        run = _Run.of(ids)
        self._highest = max(self._highest, run.high)
        while self._runs and (merged := self._runs[-1].merged(run)) is not None:
            self._runs.pop()
            run = merged
        self._runs.append(run)


class _Run:
    """Sorted different ids; `ids` is None where they are all numbers from `low` to `high`."""

    __slots__ = ("high", "ids", "low")

    def __init__(self, low: int, high: int, ids: Int64 | None) -> None:
        self.low, self.high, self.ids = low, high, ids

    @staticmethod
    def of(ids: Int64) -> _Run:
        low, high = int(ids[0]), int(ids[-1])
        return _Run(low, high, None if high - low == len(ids) - 1 else ids.copy())

    def holds(self, wanted: Int64) -> Bool:
        """Which of the sorted `wanted` ids are in the run."""
        if self.ids is None:
            return (wanted >= self.low) & (wanted <= self.high)
        places = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        found: Bool = self.ids[places] == wanted
        return found

    def merged(self, later: _Run) -> _Run | None:
        """One run for both: where they join without a hole, or overlap and have grown alike; else None."""
        if self.ids is None and later.ids is None:
            return _Run(self.low, later.high, None) if later.low == self.high + 1 else None
        if self.ids is None or later.ids is None or later.low > self.high or len(self.ids) > 2 * len(later.ids):
            return None
        both = np.concatenate((self.ids, later.ids))
        both.sort(kind="stable")
        return _Run.of(both)

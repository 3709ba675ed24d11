"""Arithmetic on values of a plan: each operation is an instruction, and what a value depends on is kept with it.

Where an operand has no value the result has none, unless the operation says otherwise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from operators.indicators.kernels import layout

_NO_VALUE: Final = float("nan")


@dataclass(frozen=True, slots=True)
class Value:
    """A scratch row with what decides whether it may be shown: rows of cover (0..1) and the streams it is made of.

    `optional` streams matter only to symbols that have them; `doubts` are rows (0..1) that lower the confidence of the
    value without keeping it back.
    """

    row: int
    covers: frozenset[int] = frozenset()
    streams: frozenset[int] = frozenset()
    optional: frozenset[int] = frozenset()
    doubts: frozenset[int] = frozenset()

    def made_of(self, *others: Value) -> Value:
        """The row, depending on what these depend on as well."""
        everything = (self, *others)
        streams = frozenset().union(*(each.streams for each in everything))
        return Value(
            self.row,
            frozenset().union(*(each.covers for each in everything)),
            streams,
            frozenset().union(*(each.optional for each in everything)) - streams,
            frozenset().union(*(each.doubts for each in everything)),
        )


class Arithmetic(ABC):
    """What can be computed from values."""

    @abstractmethod
    def _row(self, op: int, *operands: int, stream: int = layout.TRADES, constant: float = 0.0, width: int = 1) -> int:
        """The scratch row of an instruction."""

    def _combined(self, op: int, a: Value, b: Value) -> Value:
        return Value(self._row(op, a.row, b.row)).made_of(a, b)

    def _changed(self, op: int, a: Value, constant: float = 0.0) -> Value:
        return replace(a, row=self._row(op, a.row, constant=constant))

    def quotient(self, numerator: Value, denominator: Value) -> Value:
        """numerator / denominator."""
        return self._combined(layout.OP_QUOTIENT, numerator, denominator)

    def ratio(self, current: Value, baseline: Value) -> Value:
        """current / baseline; exactly 1 where they differ by rounding only."""
        return self._combined(layout.OP_RATIO, current, baseline)

    def change_pct(self, current: Value, baseline: Value) -> Value:
        """100·(current − baseline) / baseline; exactly 0 where they differ by rounding only."""
        return self._combined(layout.OP_CHANGE_PCT, current, baseline)

    def decline_pct(self, current: Value, peak: Value) -> Value:
        """100·(peak − current) / peak; exactly 0 where they differ by rounding only."""
        return self._combined(layout.OP_DECLINE_PCT, current, peak)

    def imbalance(self, signed: Value, whole: Value) -> Value:
        """signed / whole, kept within −1..1."""
        return self._combined(layout.OP_IMBALANCE, signed, whole)

    def divided(self, value: Value, by: float) -> Value:
        """value / constant."""
        return self._changed(layout.OP_DIVIDED, value, by)

    def multiplied(self, value: Value, by: float) -> Value:
        """value · constant."""
        return self._changed(layout.OP_MULTIPLIED, value, by)

    def constant(self, value: float) -> Value:
        """The same everywhere."""
        return Value(self._row(layout.OP_CONSTANT, constant=value))

    def add(self, a: Value, b: Value) -> Value:
        """a + b."""
        return self._combined(layout.OP_ADD, a, b)

    def sum(self, values: Iterable[Value]) -> Value:
        """All of them together, from the first to the last; at least one."""
        first, *others = values
        for other in others:
            first = self.add(first, other)
        return first

    def subtract(self, a: Value, b: Value) -> Value:
        """a − b."""
        return self._combined(layout.OP_SUBTRACT, a, b)

    def multiply(self, a: Value, b: Value) -> Value:
        """a · b."""
        return self._combined(layout.OP_MULTIPLY, a, b)

    def product(self, values: Iterable[Value]) -> Value:
        """All of them multiplied; at least one."""
        first, *others = values
        for other in others:
            first = self.multiply(first, other)
        return first

    def absolute(self, a: Value) -> Value:
        """|a|."""
        return self._changed(layout.OP_ABSOLUTE, a)

    def root(self, a: Value) -> Value:
        """√a."""
        return self._changed(layout.OP_ROOT, a)

    def tanh(self, a: Value) -> Value:
        """tanh a."""
        return self._changed(layout.OP_TANH, a)

    def logistic(self, a: Value) -> Value:
        """1 / (1 + exp(−a))."""
        return self._changed(layout.OP_LOGISTIC, a)

    def larger(self, a: Value, b: Value) -> Value:
        """The larger of two; the one that has a value where the other has none."""
        return self._combined(layout.OP_LARGER, a, b)

    def floored(self, a: Value, least: float) -> Value:
        """a, but at least a constant."""
        return self._changed(layout.OP_FLOORED, a, least)

    def capped(self, a: Value, most: float) -> Value:
        """a, but at most a constant."""
        return self._changed(layout.OP_CAPPED, a, most)

    def below(self, a: Value, bound: float) -> Value:
        """1 where a < bound, else 0."""
        return self._changed(layout.OP_BELOW, a, bound)

    def above(self, a: Value, bound: float) -> Value:
        """1 where a > bound, else 0."""
        return self._changed(layout.OP_ABOVE, a, bound)

    def at_least(self, a: Value, bound: float) -> Value:
        """1 where a ≥ bound, else 0."""
        return self._changed(layout.OP_AT_LEAST, a, bound)

    def where(self, condition: Value, a: Value, b: Value) -> Value:
        """a where the condition is not 0, else b; what is not chosen need not have a value."""
        return Value(self._row(layout.OP_WHERE, condition.row, a.row, b.row)).made_of(condition, a, b)

    def only_where(self, condition: Value, a: Value) -> Value:
        """a where the condition is not 0, else no value."""
        return self.where(condition, a, self.constant(_NO_VALUE))

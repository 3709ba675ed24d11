"""A strategy document resolved for evaluation: conditions in a flat list, one tree per section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from operators.evaluation import Evaluation
from operators.strategy.document import StrategyDocument
from operators.strategy.nodes import RANGES
from operators.tape import Int8

S1: Final = "s1_signal"
O1: Final = "o1_cancel"
Z1: Final = "z1_entry"
ZE1: Final = "ze1_close"
E1: Final = "e1_emergency"
SECTIONS: Final = (S1, O1, Z1, ZE1, E1)

Tree = tuple[str, Any]
"""("all", (trees…)) | ("any", (trees…)) | ("not", tree) | ("condition", index into `CompiledStrategy.conditions`)."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of the document.

    `indicator_id` is canonical (`KIND(p=v,…)`); for `on_position` kinds (known to the desk only) it is `KIND()`.
    `low` and `high` are equal for one-value operators. `for_us` is `for_seconds` in microseconds.
    `if_no_stream` is the verdict where the tape has no such stream for the symbol at all.
    """

    index: int
    path: str
    section: str
    kind: str
    indicator_id: str
    op: str
    low: float
    high: float
    for_us: int
    label: str | None
    on_position: bool
    if_no_stream: int

    @property
    def ranged(self) -> bool:
        """Whether it is asked for with two bounds."""
        return self.op in RANGES

    @property
    def threshold(self) -> float | list[float]:
        """What the document has as `value`: a number, or `[lo, hi]`."""
        return [self.low, self.high] if self.ranged else self.low


@dataclass(frozen=True, slots=True)
class CompiledStrategy:
    """`trees[section]` is None where the section never fires. `market_sections` are those whose conditions all depend
    on market data only; the desk evaluates the others from per-condition verdicts and its position values.
    `indicator_ids` are the market-data indicators in use, without repetition, those of the entry included:
    `stop_loss_id`, `take_profit_id` and `risk_scaling_id` name them where the document has an indicator there."""

    name: str
    document: StrategyDocument
    document_hash: str
    conditions: tuple[Condition, ...]
    trees: dict[str, Tree | None]
    market_sections: frozenset[str]
    indicator_ids: tuple[str, ...]
    stop_loss_id: str | None = None
    take_profit_id: str | None = None
    risk_scaling_id: str | None = None


@dataclass(frozen=True, slots=True)
class StrategyVerdicts:
    """Verdicts of one strategy on one symbol over one slice.

    `sections[name][i]` for each market section with a tree; `conditions[index, i]` for every condition (rows of
    conditions on position values are PENDING: the desk knows better).
    """

    strategy: str
    sections: dict[str, Int8]
    conditions: Int8


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the desk of one account receives per symbol and slice: the evaluation by reference and, for each of the
    account's strategies in the account document's order, its verdicts. Header-only batches carry no verdicts."""

    account: str
    evaluation: Evaluation
    verdicts: tuple[StrategyVerdicts, ...]

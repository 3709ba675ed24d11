"""From a document to conditions in a flat list and one tree per section."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from operators.strategy.compiled import E1, O1, S1, SECTIONS, Z1, ZE1, CompiledStrategy, Condition, Tree
from operators.strategy.document import StrategyDocument, document_hash
from operators.strategy.entry import IndicatorLevel
from operators.strategy.names import NO_VARIANTS, Meaning, Variants, meaning
from operators.strategy.nodes import AllGroup, AnyGroup, ConditionNode, Node, NotGroup
from operators.strategy.problems import InvalidStrategy, Location, Problem, path_of
from operators.strategy.verdict import FALSE, PENDING, TRUE
from operators.tape import MICROSECONDS

IF_NO_STREAM: Final = {"pending": PENDING, "true": TRUE, "false": FALSE}


def compile_strategy(document: StrategyDocument, variants: Variants = NO_VARIANTS) -> CompiledStrategy:
    """The strategy in the form that is evaluated.

    Conditions are numbered in the order of the document, sections in the order of `SECTIONS`. Indicator names that
    mean nothing raise `InvalidStrategy`; everything else that `validation` checks is taken as checked.
    """
    compiler = _Compiler(variants)
    trees: dict[str, Tree | None] = {}
    for section, node in _section_nodes(document):
        trees[section] = None if node is None else compiler.tree(node, section, (section, "when"))
    levels = {name: compiler.indicator(text, location) for name, text, location in _entry_indicators(document)}
    if compiler.problems:
        raise InvalidStrategy(document.name, compiler.problems)
    on_position = {condition.section for condition in compiler.conditions if condition.on_position}
    return CompiledStrategy(
        name=document.name,
        document=document,
        document_hash=document_hash(document),
        conditions=tuple(compiler.conditions),
        trees=trees,
        market_sections=frozenset(SECTIONS) - on_position,
        indicator_ids=tuple(compiler.indicator_ids),
        stop_loss_id=levels.get("stop_loss"),
        take_profit_id=levels.get("take_profit"),
        risk_scaling_id=levels.get("risk_scaling"),
    )


def _section_nodes(document: StrategyDocument) -> Iterator[tuple[str, Node | None]]:
    yield S1, document.s1_signal.when
    yield O1, document.o1_cancel.when
    yield Z1, document.z1_entry.when if document.z1_entry else None
    yield ZE1, document.ze1_close.when
    yield E1, document.e1_emergency.when


def _entry_indicators(document: StrategyDocument) -> Iterator[tuple[str, str, Location]]:
    """The indicators that size and protect an entry: name, text and where it stands."""
    entry = document.z1_entry
    if entry is None:
        return
    if entry.size.risk_scaling is not None:
        yield "risk_scaling", entry.size.risk_scaling.indicator, (Z1, "size", "risk_scaling", "indicator")
    if isinstance(entry.stop_loss, IndicatorLevel):
        yield "stop_loss", entry.stop_loss.indicator, (Z1, "stop_loss", "indicator")
    if isinstance(entry.take_profit, IndicatorLevel):
        yield "take_profit", entry.take_profit.indicator, (Z1, "take_profit", "indicator")


class _Compiler:
    """Collects conditions, indicators and problems while the trees are walked."""

    def __init__(self, variants: Variants) -> None:
        self.variants = variants
        self.conditions: list[Condition] = []
        self.indicator_ids: dict[str, None] = {}
        self.problems: list[Problem] = []

    def tree(self, node: Node, section: str, location: tuple[str | int, ...]) -> Tree:
        """A node as nested tuples; its conditions are appended in order."""
        match node:
            case AllGroup():
                return "all", tuple(
                    self.tree(inner, section, (*location, "all", position)) for position, inner in enumerate(node.all)
                )
            case AnyGroup():
                return "any", tuple(
                    self.tree(inner, section, (*location, "any", position)) for position, inner in enumerate(node.any)
                )
            case NotGroup():
                return "not", self.tree(node.not_, section, (*location, "not"))
            case ConditionNode():
                return "condition", self._condition(node, section, location)

    def indicator(self, text: str, location: Location) -> str:
        """The canonical id of an indicator that market data alone decides; it is added to those in use."""
        known = self._meaning(text, location)
        if known is None:
            return ""
        self.indicator_ids[known.id] = None
        return known.id

    def _condition(self, node: ConditionNode, section: str, location: Location) -> int:
        known = self._meaning(node.indicator, (*location, "indicator"))
        index = len(self.conditions)
        if known is None:
            return index
        if not known.on_position:
            self.indicator_ids[known.id] = None
        self.conditions.append(
            Condition(
                index=index,
                path=path_of(location),
                section=section,
                kind=known.kind,
                indicator_id=known.id,
                op=node.op,
                low=node.low,
                high=node.high,
                for_us=round(node.for_seconds * MICROSECONDS),
                label=node.label,
                on_position=known.on_position,
                if_no_stream=IF_NO_STREAM[node.if_no_stream],
            )
        )
        return index

    def _meaning(self, text: str, location: Location) -> Meaning | None:
        known = meaning(text, self.variants)
        if isinstance(known, Meaning):
            return known
        self.problems.extend(Problem(path_of(location), one.found, one.allowed) for one in known)
        return None

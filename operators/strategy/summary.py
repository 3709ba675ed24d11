"""What a strategy does, in plain words."""

from __future__ import annotations

from operators.strategy.document import StrategyDocument
from operators.strategy.entry import IndicatorLevel, OrderSettings, Size, StopPercent, TargetPercent
from operators.strategy.nodes import AllGroup, AnyGroup, ConditionNode, Node, NotGroup


def summary(document: StrategyDocument) -> list[tuple[str, str]]:
    """One sentence for each section, in the order in which they come: (title, sentence)."""
    entry, limits = document.z1_entry, document.limits
    lines = [
        ("signal", f"when {words(document.s1_signal.when)}"),
        ("cancel", _cancel(document)),
    ]
    if entry is None:
        return [*lines, ("entry", "none: signals only")]
    side = "buy" if document.direction == "LONG" else "sell short"
    lines.append(("entry", f"{side} {_size(entry.size)} with a {_order(entry.order)} when {words(entry.when)}"))
    lines.append(("leverage", f"{entry.leverage:g}"))
    lines.append(("stops", "; ".join(_stops(document)) or "none"))
    if document.ze1_close.when is not None:
        lines.append(("close", f"with a {_order(document.ze1_close.order)} when {words(document.ze1_close.when)}"))
    if document.e1_emergency.when is not None:
        lines.append(("emergency", f"at market when {words(document.e1_emergency.when)}"))
    lines.append(
        (
            "pauses",
            f"{document.ze1_close.cooldown_seconds:g} s after a close, "
            f"{document.e1_emergency.cooldown_seconds:g} s after an emergency or a stop",
        )
    )
    bounds = [
        f"{text} {bound:g}{unit}"
        for text, bound, unit in (
            ("positions of at most", limits.max_position_seconds, " s"),
            ("trades a day at most", limits.max_trades_per_day, ""),
            ("leverage at most", limits.max_leverage, ""),
        )
        if bound is not None
    ]
    return [*lines, ("limits", "; ".join(bounds) or "none")]


def words(node: Node, inner: bool = False) -> str:
    """A condition tree in words.

    >>> words(ConditionNode(indicator="TWPA", op=">", value=2.0, for_seconds=3.0))
    'TWPA > 2 for 3 s'
    """
    match node:
        case ConditionNode():
            threshold = f"[{node.low:g}, {node.high:g}]" if isinstance(node.value, tuple) else f"{node.low:g}"
            held = f" for {node.for_seconds:g} s" if node.for_seconds else ""
            return f"{node.indicator} {node.op} {threshold}{held}"
        case NotGroup():
            return f"not ({words(node.not_)})"
        case AllGroup():
            text = " and ".join(words(one, len(node.all) > 1) for one in node.all)
            return f"({text})" if inner and len(node.all) > 1 else text
        case AnyGroup():
            text = " or ".join(words(one, len(node.any) > 1) for one in node.any)
            return f"({text})" if inner and len(node.any) > 1 else text


def _cancel(document: StrategyDocument) -> str:
    cancel = document.o1_cancel
    early = f" or when {words(cancel.when)}" if cancel.when is not None else ""
    return f"after {cancel.timeout_seconds:g} s{early}; then no signal for {cancel.cooldown_seconds:g} s"


def _size(size: Size) -> str:
    amount = {
        "quote": f"{size.value:g} quote",
        "percent_of_equity": f"{size.value:g} % of equity",
        "risk_percent": f"as much as loses {size.value:g} % of equity at the stop",
    }[size.mode]
    if size.risk_scaling is not None:
        amount += f", scaled by {size.risk_scaling.indicator}"
    if size.min_quote is not None:
        amount += f", at least {size.min_quote:g} quote"
    if size.max_quote is not None:
        amount += f", at most {size.max_quote:g} quote"
    return amount


def _order(order: OrderSettings) -> str:
    price = f" {order.offset_percent:+g} %" if order.type != "market" else ""
    then = f", then {order.then}" if order.then else ""
    return f"{order.type.replace('_', '-')} order{price} ({order.timeout_seconds:g} s{then})"


def _stops(document: StrategyDocument) -> list[str]:
    entry = document.z1_entry
    if entry is None:
        return []
    stops = []
    for name, level in (("stop loss", entry.stop_loss), ("take profit", entry.take_profit)):
        if isinstance(level, StopPercent | TargetPercent):
            stops.append(f"{name} {level.percent:g} %")
        elif isinstance(level, IndicatorLevel):
            stops.append(f"{name} at {level.indicator} of the entry decision")
    if entry.trailing_stop is not None:
        trailing = entry.trailing_stop
        stops.append(f"trailing stop {trailing.percent:g} % once {trailing.activation_percent:g} % in favour")
    return stops

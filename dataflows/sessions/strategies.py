"""The strategies of a session as its plan keeps them: JSON text."""

from __future__ import annotations

from dataflows.sessions.plan import BacktestPlan
from operators.strategy.compile import compile_strategy
from operators.strategy.compiled import CompiledStrategy
from operators.strategy.validation import load_strategy


def strategies_of(plan: BacktestPlan) -> dict[str, CompiledStrategy]:
    """The strategies of a plan by the names that its accounts use, ready to be evaluated."""
    return {
        name: compile_strategy(load_strategy(text, name, plan.variants), plan.variants)
        for name, text in plan.strategies.items()
    }

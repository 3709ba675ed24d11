"""What an earlier session ran, from what it stored: documents, what their variants stood for, accounts."""

from __future__ import annotations

import json

from connectors.questdb.database import Database
from dataflows.sessions.plan import BacktestPlan
from dataflows.stored_plans import stored_plan
from operators.errors import UsageError
from operators.strategy.document import document_hash
from operators.strategy.validation import load_strategy


def earlier_plan(database: Database, session_id: str) -> BacktestPlan:
    """The plan of a session that ran strategies, as the database has it: neither its folder nor the library is needed.

    Raises `UsageError` for a session without strategies, and where one of its documents is no longer the one that ran.
    """
    _, plan = stored_plan(database, session_id)
    ran: dict[str, str] = json.loads(plan.strategy_hashes)
    for name, text in plan.strategies.items():
        found = document_hash(load_strategy(text, name, plan.variants))
        if found != ran.get(name):
            raise UsageError(
                f"session {session_id} ran {name} as document {ran.get(name)}, what it stored is {found} for this "
                "program: the format has changed since"
            )
    return plan

"""The accounts of a session as its plan keeps them: JSON text."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dataflows.sessions.plan import BacktestPlan
from operators.desk.account import AccountSettings


def accounts_text(accounts: Sequence[AccountSettings]) -> str:
    """Accounts as a plan stores them."""
    return json.dumps([account.model_dump(mode="json", by_alias=True) for account in accounts])


def accounts_of(plan: BacktestPlan) -> tuple[AccountSettings, ...]:
    """The accounts of a plan."""
    return tuple(AccountSettings.model_validate(account) for account in json.loads(plan.accounts))

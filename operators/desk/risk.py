"""Pre-trade risk checks: all are evaluated, all failures are listed; what is unknown is refused."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from operators.contracts import ContractSpecification
from operators.desk.account import RiskLimits
from operators.desk.sizing import Refusal
from operators.desk.steps import contracts_in, exact

TRADABLE: Final = "trading"


@dataclass(frozen=True, slots=True)
class Proposal:
    """An entry before it is sent. `quantity` in base coin; `price` is its limit or the last price."""

    symbol: str
    quantity: Decimal
    price: float
    leverage: float
    contract: ContractSpecification | None
    is_limit: bool = False

    @property
    def notional(self) -> float:
        return float(self.quantity) * self.price


@dataclass(frozen=True, slots=True)
class Exposure:
    """The account before the order. `open_positions` includes pending entries; notionals are those of positions at
    the last price and of what is still pending; `midnight_equity` and `peak_equity` as in the account's samples.
    `daily_loss_halted` / `drawdown_halted`: a breach that still stops new entries."""

    equity: float
    open_positions: int
    symbol_notional: float
    total_notional: float
    margin_used: float
    midnight_equity: float
    peak_equity: float
    trades_today: int = 0
    budget: float | None = None
    max_trades_per_day: int | None = None
    max_leverage: float | None = None
    daily_loss_halted: bool = False
    drawdown_halted: bool = False
    kill_switch: bool = False
    entries_blocked: bool = False


def check(proposal: Proposal, exposure: Exposure, limits: RiskLimits) -> list[Refusal]:
    """Every check that the order fails, none = it may be sent."""
    failures = _input(proposal, exposure)
    failures += _shares(proposal, exposure, limits)
    failures += _losses(exposure, limits)
    failures += _strategy(proposal, exposure)
    failures += _exchange(proposal)
    if exposure.kill_switch:
        failures.append(Refusal("kill_switch", "on", "off", "the kill switch is on"))
    if exposure.entries_blocked:
        failures.append(Refusal("entries_blocked", "blocked", "allowed", "entries are blocked"))
    return failures


def daily_loss_breached(equity: float, midnight_equity: float, limits: RiskLimits) -> bool:
    """(equity − midnight)/midnight below −limit; exactly −limit passes."""
    return 100.0 * (equity - midnight_equity) < -limits.daily_loss_limit_pct * midnight_equity


def drawdown_breached(equity: float, peak_equity: float, limits: RiskLimits, share: float = 1.0) -> bool:
    """(peak − equity)/peak at or above `share` of the limit."""
    return 100.0 * (peak_equity - equity) >= share * limits.max_drawdown_pct * peak_equity


def _input(proposal: Proposal, exposure: Exposure) -> list[Refusal]:
    failures = []
    quantity = float(proposal.quantity)
    if not (math.isfinite(quantity) and quantity > 0):
        failures.append(Refusal("input", quantity, "> 0", "the quantity is not positive"))
    if not (math.isfinite(proposal.price) and proposal.price > 0):
        failures.append(Refusal("input", proposal.price, "> 0", "there is no price"))
    if not (math.isfinite(exposure.equity) and exposure.equity > 0):
        failures.append(Refusal("input", exposure.equity, "> 0", "the account has no equity"))
    contract = proposal.contract
    if contract is None:
        failures.append(Refusal("input", proposal.symbol, "a symbol with a contract", "unknown symbol"))
    elif contract.state != TRADABLE or not contract.api_allowed:
        state = contract.state if contract.api_allowed else "not tradable over the API"
        failures.append(Refusal("input", state, TRADABLE, "the contract is not tradable"))
    return failures


def _above(rule: str, amount: float, equity: float, limit_pct: float, message: str) -> list[Refusal]:
    """Refused unless 100 · amount / equity is known and at most the limit."""
    if equity > 0 and 100.0 * amount <= limit_pct * equity:
        return []
    found = 100.0 * amount / equity if equity > 0 else math.nan
    return [Refusal(rule, found, limit_pct, message)]


def _shares(proposal: Proposal, exposure: Exposure, limits: RiskLimits) -> list[Refusal]:
    notional, equity = proposal.notional, exposure.equity
    margin = exposure.margin_used + notional / proposal.leverage
    failures = _above("max_position_pct", notional, equity, limits.max_position_pct, "order notional / equity")
    if exposure.open_positions >= limits.max_open_positions:
        found = float(exposure.open_positions)
        failures.append(
            Refusal("max_open_positions", found, limits.max_open_positions, "open positions and pending entries")
        )
    failures += _above(
        "max_symbol_concentration_pct",
        exposure.symbol_notional + notional,
        equity,
        limits.max_symbol_concentration_pct,
        "notional in the symbol / equity",
    )
    failures += _above(
        "max_total_exposure_pct",
        exposure.total_notional + notional,
        equity,
        limits.max_total_exposure_pct,
        "notional of all symbols / equity",
    )
    failures += _above("max_margin_used_pct", margin, equity, limits.max_margin_used_pct, "margin used / equity")
    if exposure.budget is not None and not exposure.symbol_notional + notional <= exposure.budget:
        used = exposure.symbol_notional + notional
        failures.append(Refusal("symbol_budget", used, exposure.budget, "notional in the symbol against its budget"))
    return failures


def _losses(exposure: Exposure, limits: RiskLimits) -> list[Refusal]:
    failures = []
    equity, midnight, peak = exposure.equity, exposure.midnight_equity, exposure.peak_equity
    known = math.isfinite(equity) and midnight > 0 and peak > 0
    if not known or exposure.daily_loss_halted or daily_loss_breached(equity, midnight, limits):
        found = 100.0 * (equity - midnight) / midnight if midnight > 0 else math.nan
        message = "equity against 00:00 UTC" + (" (stopped until the next day)" if exposure.daily_loss_halted else "")
        failures.append(Refusal("daily_loss_limit_pct", found, -limits.daily_loss_limit_pct, message))
    if not known or exposure.drawdown_halted or drawdown_breached(equity, peak, limits):
        found = 100.0 * (peak - equity) / peak if peak > 0 else math.nan
        message = "equity against its peak" + (" (stopped until acknowledged)" if exposure.drawdown_halted else "")
        failures.append(Refusal("max_drawdown_pct", found, limits.max_drawdown_pct, message))
    return failures


def _strategy(proposal: Proposal, exposure: Exposure) -> list[Refusal]:
    failures = []
    if exposure.max_leverage is not None and proposal.leverage > exposure.max_leverage:
        failures.append(
            Refusal("strategy_limits", proposal.leverage, exposure.max_leverage, "leverage above limits.max_leverage")
        )
    most = exposure.max_trades_per_day
    if most is not None and exposure.trades_today >= most:
        failures.append(Refusal("strategy_limits", float(exposure.trades_today), most, "trades today"))
    return failures


def _exchange(proposal: Proposal) -> list[Refusal]:
    contract = proposal.contract
    if contract is None:
        return []
    failures = []
    contracts = contracts_in(proposal.quantity, contract)
    least, most = exact(contract.min_vol), contract.max_vol
    if proposal.is_limit and contract.limit_max_vol is not None:
        most = contract.limit_max_vol
    if contracts < least:
        failures.append(Refusal("exchange_steps", float(contracts), contract.min_vol, "fewer contracts than min_vol"))
    if most is not None and contracts > exact(most):
        failures.append(Refusal("exchange_steps", float(contracts), most, "more contracts than max_vol"))
    if proposal.leverage > contract.max_leverage:
        failures.append(
            Refusal("exchange_steps", proposal.leverage, contract.max_leverage, "leverage above the contract's maximum")
        )
    return failures

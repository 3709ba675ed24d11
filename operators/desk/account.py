"""The accounts document: TOML text as strict settings, one `[[account]]` each.

All problems of a document are reported together, each with its place, what was found and what is allowed.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from operators.desk.costs import FeeRates, FeeSchedule
from operators.errors import UsageError
from operators.tape import MICROSECONDS

NAME_PATTERN: Final = r"^[A-Za-z0-9_.-]{1,64}\z"
_SHARE: Final = re.compile(r"^\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*$")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class AccountsError(UsageError):
    """An accounts document that cannot be meant; `problems` has one sentence per problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("accounts: " + "; ".join(problems))
        self.problems = tuple(problems)


def _positive(*, most: float | None = None) -> Any:
    return Field(gt=0, le=most, allow_inf_nan=False)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_by_name=True, validate_by_alias=True)


def _tape_time(value: object) -> object:
    """A TOML date or time (or the same as text) as microseconds UTC; a date is its midnight."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{value!r} is no date; allowed: 2026-06-01 or 2026-06-01T00:00:00Z") from error
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    elif isinstance(value, date):
        moment = datetime.combine(value, time(), UTC)
    else:
        return value
    elapsed = moment - _EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * MICROSECONDS + elapsed.microseconds


class FeeEntry(_Part):
    """Fee rates as shares of the notional, from a date on."""

    from_: Annotated[int, BeforeValidator(_tape_time), Field(alias="from")]
    maker: Annotated[float, Field(ge=-0.1, le=0.1, allow_inf_nan=False)]
    taker: Annotated[float, Field(ge=-0.1, le=0.1, allow_inf_nan=False)]


class RiskLimits(_Part):
    """The limits of the pre-trade checks, percent where the name says so."""

    max_position_pct: Annotated[float, _positive()] = 10.0
    max_open_positions: Annotated[int, Field(ge=1, le=10_000)] = 3
    max_symbol_concentration_pct: Annotated[float, _positive()] = 30.0
    max_total_exposure_pct: Annotated[float, _positive()] = 100.0
    daily_loss_limit_pct: Annotated[float, _positive(most=100.0)] = 5.0
    max_drawdown_pct: Annotated[float, _positive(most=100.0)] = 15.0
    max_margin_used_pct: Annotated[float, _positive(most=100.0)] = 80.0


def _today() -> tuple[FeeEntry, ...]:
    return (FeeEntry(from_=0, maker=0.0006, taker=0.0008),)


class AccountSettings(_Part):
    """One account. Amounts in its quote currency; latencies in milliseconds of tape time.

    `strategies` are names or paths that the caller resolves; their order is the order of decisions at one instant.
    `budgets` bounds the notional used per symbol: an amount, or `"20%"` of equity. The default fee schedule is what
    the exchange charges orders over its API, for tapes of any age.
    """

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    quote: Annotated[str, Field(pattern=r"^[A-Z0-9]{2,16}\z")]
    equity: Annotated[float, _positive()]
    strategies: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False)] = ()
    max_active_signals: Annotated[int, Field(ge=1, le=10_000)] = 3
    on_stop: Literal["flatten", "keep"] = "flatten"
    feed_delay_ms: Annotated[float, Field(ge=0, le=3_600_000, allow_inf_nan=False)] = 60.0
    order_latency_ms: Annotated[float, Field(ge=0, le=3_600_000, allow_inf_nan=False)] = 70.0
    slippage_bps: Annotated[float, Field(ge=0, le=5_000, allow_inf_nan=False)] = 5.0
    participation: Annotated[float, _positive(most=1.0)] = 0.2
    equity_sample_seconds: Annotated[float, Field(ge=0.001, le=86_400, allow_inf_nan=False)] = 60.0
    risk: RiskLimits = RiskLimits()
    budgets: dict[str, float | str] = {}
    fees: Annotated[tuple[FeeEntry, ...], Field(strict=False)] = Field(default_factory=_today)

    @field_validator("budgets")
    @classmethod
    def _amounts_or_shares(cls, budgets: dict[str, float | str]) -> dict[str, float | str]:
        for symbol, budget in budgets.items():
            is_amount = not isinstance(budget, str) and 0 < budget < float("inf")
            if not is_amount and not (isinstance(budget, str) and _SHARE.match(budget)):
                raise ValueError(f'the budget of {symbol} is {budget!r}; allowed: an amount > 0 or a share as "20%"')
        return budgets

    @field_validator("fees")
    @classmethod
    def _some_fees(cls, fees: tuple[FeeEntry, ...]) -> tuple[FeeEntry, ...]:
        if not fees:
            raise ValueError("the fee schedule is empty; allowed: at least one entry {from, maker, taker}")
        return fees

    @property
    def latency_us(self) -> int:
        """From the deciding event to the venue: feed delay and order latency."""
        return round((self.feed_delay_ms + self.order_latency_ms) * 1_000)

    @property
    def sample_us(self) -> int:
        return round(self.equity_sample_seconds * MICROSECONDS)

    def fee_schedule(self) -> FeeSchedule:
        return FeeSchedule([FeeRates(entry.from_, entry.maker, entry.taker) for entry in self.fees])

    def budget(self, symbol: str, equity: float) -> float | None:
        """The notional that a symbol may use, None where no budget is set."""
        budget = self.budgets.get(symbol)
        if isinstance(budget, str):
            share = _SHARE.match(budget)
            return equity * float(share.group(1)) / 100.0 if share else None
        return budget


class _Accounts(_Part):
    account: Annotated[tuple[AccountSettings, ...], Field(strict=False)]


def parse_accounts(text: str) -> tuple[AccountSettings, ...]:
    """The accounts of a TOML text, in its order.

    >>> [account.name for account in parse_accounts('[[account]]\\nname = "main"\\nquote = "USDT"\\nequity = 500')]
    ['main']
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AccountsError([f"not TOML: {error}"]) from error
    try:
        accounts = _Accounts.model_validate(content).account
    except ValidationError as error:
        raise AccountsError([_sentence(problem) for problem in error.errors()]) from error
    if not accounts:
        raise AccountsError(["there is no account; allowed: at least one [[account]]"])
    twice = [name for name, count in Counter(account.name for account in accounts).items() if count > 1]
    if twice:
        raise AccountsError([f"account name {name!r} is used more than once; allowed: once" for name in sorted(twice)])
    return accounts


def default_account(name: str, equity: float, quote: str, strategies: Sequence[str] = ()) -> AccountSettings:
    """An account with every setting at its default."""
    return AccountSettings(name=name, equity=equity, quote=quote, strategies=tuple(strategies))


def accounts_hash(accounts: Sequence[AccountSettings]) -> str:
    """BLAKE2b (16 bytes, hex) of the accounts as canonical JSON: what a session was run with."""
    content = [account.model_dump(mode="json", by_alias=True) for account in accounts]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return blake2b(canonical.encode(), digest_size=16).hexdigest()


def _sentence(problem: Any) -> str:
    place = ".".join(str(step) for step in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "missing":
        return f"{place} is missing"
    if problem["type"] == "extra_forbidden":
        return f"{place} is no known key"
    if problem["type"] == "value_error":
        return f"{place}: {message}"
    return f"{place} is {problem['input']!r}: {message[0].lower()}{message[1:]}"

"""The strategy document: a JSON object as frozen, strict models whose attributes are named as in the JSON.

The models check everything that concerns one section: names, types, ranges, what belongs together. What concerns the
whole document (indicator names, which values are known where, whether a position can ever be closed) is the business
of `operators.strategy.validation`, which is also what turns these models' errors into sentences.

Left out: `description` is empty, `tags` are none, `z1_entry` is null (signals only), `ze1_close.when` and
`e1_emergency.when` are null (never fire), orders are market orders with a time-out of 60 s, leverage is 1, there is no
stop, target, trailing stop or limit, cooldowns are 0. What has no sensible default is required: the schema version,
name, direction, S1's conditions, O1's time-out (a signal must end), and the entry's conditions and size.

All numbers are finite; percentages are percent, durations seconds of tape time. A field's description says what it may
hold: validation quotes it and the JSON schema shows it.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from operators.strategy.entry import (
    OrderSettings,
    Size,
    StopLoss,
    StopPercent,
    TakeProfit,
    TrailingStop,
    liquidation_distance_percent,
)
from operators.strategy.nodes import LONGEST_SECONDS, ONE_NODE, Node, Part, Seconds

SCHEMA_VERSION: Final = 1
NAME_PATTERN: Final = r"^[A-Za-z0-9_.-]{1,64}\z"

ORDER: Final = "an object with type, timeout_seconds, offset_percent, then where wanted"
NodeOrNull = Annotated[Node | None, Field(description=f"{ONE_NODE}, or null (never fires)")]


class SignalSection(Part):
    """S1: something interesting started."""

    when: Annotated[Node, Field(description=ONE_NODE)]


class CancelSection(Part):
    """O1: a false alarm (`when`) or too old (`timeout_seconds`); then no signal for `cooldown_seconds`."""

    timeout_seconds: Seconds
    cooldown_seconds: Seconds = 0.0
    when: NodeOrNull = None


class EntrySection(Part):
    """Z1: confirmed, open a position of this size with these stops."""

    when: Annotated[Node, Field(description=ONE_NODE)]
    order: Annotated[OrderSettings, Field(description=ORDER)] = OrderSettings()
    size: Annotated[
        Size, Field(description='{"mode": …, "value": …} with min_quote, max_quote, risk_scaling where wanted')
    ]
    leverage: Annotated[
        float, Field(ge=1, le=20, allow_inf_nan=False, description="a number from 1 to 20 (a warning above 3)")
    ] = 1.0
    stop_loss: Annotated[
        StopLoss | None, Field(validate_default=True, description='{"percent": …} or {"indicator": …}, or null')
    ] = None
    take_profit: Annotated[TakeProfit | None, Field(description='{"percent": …} or {"indicator": …}, or null')] = None
    trailing_stop: Annotated[
        TrailingStop | None, Field(description='{"percent": …, "activation_percent": …}, or null')
    ] = None

    @field_validator("stop_loss")
    @classmethod
    def _stop_where_needed_and_reachable(cls, stop: StopLoss | None, info: ValidationInfo) -> StopLoss | None:
        size, leverage = info.data.get("size"), info.data.get("leverage")
        if stop is None and size is not None and size.mode == "risk_percent":
            raise ValueError("a stop, because size.mode risk_percent is what is lost at the stop")
        if isinstance(stop, StopPercent) and leverage is not None:
            bound = liquidation_distance_percent(leverage)
            if stop.percent >= bound:
                raise ValueError(
                    f"a stop before the liquidation price: percent < {bound:.4g} (100/leverage) less the "
                    "contract's maintenance margin and liquidation fee"
                )
        return stop


class CloseSection(Part):
    """ZE1: the planned close."""

    when: NodeOrNull = None
    order: Annotated[OrderSettings, Field(description=ORDER)] = OrderSettings()
    cooldown_seconds: Seconds = 0.0


class EmergencySection(Part):
    """E1: get out now, always at market."""

    when: NodeOrNull = None
    cooldown_seconds: Seconds = 0.0


class Limits(Part):
    """Bounds that the desk enforces for this strategy; null = none."""

    max_position_seconds: Annotated[
        Annotated[float, Field(gt=0, le=LONGEST_SECONDS, allow_inf_nan=False)] | None,
        Field(description="seconds, a number > 0 and <= 31536000 (a year), or null"),
    ] = None
    max_trades_per_day: Annotated[
        Annotated[int, Field(ge=1, le=1_000_000)] | None,
        Field(description="a whole number from 1 to 1000000, or null"),
    ] = None
    max_leverage: Annotated[
        Annotated[float, Field(ge=1, le=20, allow_inf_nan=False)] | None,
        Field(description="a number from 1 to 20, or null"),
    ] = None


class StrategyDocument(Part):
    """A strategy (schema version 1). `z1_entry` null = signals only."""

    schema_version: Annotated[
        int, Field(ge=SCHEMA_VERSION, le=SCHEMA_VERSION, description=f"the number {SCHEMA_VERSION}")
    ]
    name: Annotated[str, Field(pattern=NAME_PATTERN, description="1 to 64 of the characters A-Z a-z 0-9 _ . -")]
    description: Annotated[str, Field(max_length=10_000, description="text of at most 10000 characters")] = ""
    direction: Annotated[Literal["LONG", "SHORT"], Field(description='"LONG" or "SHORT" (both: two strategies)')]
    tags: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=64)], ...],
        Field(strict=False, max_length=64, description="a list of at most 64 texts of 1 to 64 characters"),
    ] = ()
    s1_signal: Annotated[SignalSection, Field(description='{"when": …}')]
    o1_cancel: Annotated[
        CancelSection, Field(description='{"timeout_seconds": …} with cooldown_seconds, when where wanted')
    ]
    z1_entry: Annotated[
        EntrySection | None, Field(description='{"when": …, "size": …, …}, or null for signals without orders')
    ] = None
    ze1_close: Annotated[
        CloseSection, Field(description="an object with when, order, cooldown_seconds where wanted")
    ] = CloseSection()
    e1_emergency: Annotated[
        EmergencySection, Field(description="an object with when, cooldown_seconds where wanted")
    ] = EmergencySection()
    limits: Annotated[
        Limits,
        Field(description="an object with max_position_seconds, max_trades_per_day, max_leverage where wanted"),
    ] = Limits()


def canonical_json(document: StrategyDocument) -> str:
    """The document as one line of ASCII JSON: keys sorted, defaults written out, every number as a float's repr.

    Two documents that mean the same field by field have the same text, whatever their order, spacing or number style.
    """
    content: dict[str, Any] = document.model_dump(mode="json")
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def document_hash(document: StrategyDocument) -> str:
    """BLAKE2b (16 bytes, hex) of the canonical JSON: which version of a strategy a session ran."""
    return blake2b(canonical_json(document).encode("ascii"), digest_size=16).hexdigest()

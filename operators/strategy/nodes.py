"""Condition trees of a strategy document: groups (all, any, not) and single comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator
from pydantic_core.core_schema import ValidationInfo

LONGEST_SECONDS: Final = 31_536_000.0
"""No duration of a document is longer than a year."""

COMPARISONS: Final = (">", ">=", "<", "<=", "==", "!=")
RANGES: Final = ("between", "outside")

ONE_NODE: Final = 'a condition {"indicator": …, "op": …, "value": …} or a group {"all": […]}, {"any": […]}, {"not": …}'
NODE_LIST: Final = f"a list of at least one: {ONE_NODE}"

Number = Annotated[float, Field(allow_inf_nan=False)]
Pair = Annotated[tuple[Number, Number], Field(strict=False)]
Seconds = Annotated[
    float,
    Field(ge=0, le=LONGEST_SECONDS, allow_inf_nan=False, description="seconds, a number from 0 to 31536000 (a year)"),
]
IndicatorName = Annotated[
    str,
    Field(min_length=1, max_length=500, description="an indicator: KIND, KIND(parameter=value,…) or a variant name"),
]


class Part(BaseModel):
    """What all parts of a document share: unknown keys are errors, nothing is converted, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, serialize_by_alias=True)


def _kind_of_value(value: object) -> str:
    return "<pair>" if isinstance(value, list | tuple) else "<number>"


class ConditionNode(Part):
    """One comparison: `indicator` `op` `value`, held for `for_seconds`.

    `value` is a number, or `[low, high]` for `between` (low <= v <= high) and `outside` (v < low or v > high).
    """

    indicator: IndicatorName
    op: Annotated[
        Literal[">", ">=", "<", "<=", "==", "!=", "between", "outside"],
        Field(description="one of > >= < <= == != between outside"),
    ]
    value: Annotated[
        Annotated[Number, Tag("<number>")] | Annotated[Pair, Tag("<pair>")],
        Discriminator(_kind_of_value),
        Field(description="a finite number, or [low, high] for between and outside"),
    ]
    for_seconds: Seconds = 0.0
    label: Annotated[
        Annotated[str, Field(min_length=1, max_length=200)] | None,
        Field(description="text of 1 to 200 characters, or null"),
    ] = None
    if_no_stream: Annotated[Literal["pending", "true", "false"], Field(description='"pending", "true" or "false"')] = (
        "pending"
    )

    @field_validator("value")
    @classmethod
    def _fits_the_operator(
        cls, value: float | tuple[float, float], info: ValidationInfo
    ) -> float | tuple[float, float]:
        op = info.data.get("op")
        if op in RANGES and not isinstance(value, tuple):
            raise ValueError(f"two numbers [low, high] for {op}")
        if op in COMPARISONS and isinstance(value, tuple):
            raise ValueError(f"one number for {op}")
        if isinstance(value, tuple) and value[0] > value[1]:
            raise ValueError("[low, high] with low <= high")
        return value

    @property
    def low(self) -> float:
        """The lower threshold (the only one for one-value operators)."""
        return self.value[0] if isinstance(self.value, tuple) else self.value

    @property
    def high(self) -> float:
        """The upper threshold (the only one for one-value operators)."""
        return self.value[1] if isinstance(self.value, tuple) else self.value


class AllGroup(Part):
    """TRUE when every node is TRUE, FALSE when any is FALSE."""

    all: Annotated[tuple[Node, ...], Field(strict=False, min_length=1, description=NODE_LIST)]


class AnyGroup(Part):
    """TRUE when any node is TRUE, FALSE when every one is FALSE."""

    any: Annotated[tuple[Node, ...], Field(strict=False, min_length=1, description=NODE_LIST)]


class NotGroup(Part):
    """The opposite of its node; PENDING stays PENDING. The attribute is `not_`, the JSON key `not`."""

    not_: Annotated[Node, Field(alias="not", description=ONE_NODE)]


def _kind_of_node(node: object) -> str | None:
    if isinstance(node, Mapping):
        for key in ("all", "any", "not"):
            if key in node:
                return f"<{key}>"
        return "<condition>"
    for kind, tag in ((AllGroup, "<all>"), (AnyGroup, "<any>"), (NotGroup, "<not>"), (ConditionNode, "<condition>")):
        if isinstance(node, kind):
            return tag
    return None


Node = Annotated[
    Annotated[AllGroup, Tag("<all>")]
    | Annotated[AnyGroup, Tag("<any>")]
    | Annotated[NotGroup, Tag("<not>")]
    | Annotated[ConditionNode, Tag("<condition>")],
    Discriminator(_kind_of_node),
]
"""A condition tree: a group of nodes or one condition."""

for _group in (AllGroup, AnyGroup, NotGroup):
    _group.model_rebuild()

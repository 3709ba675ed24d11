"""Variants: names that stand for a kind with parameters, so that strategies can say `volume_surge_fast`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final, Literal

from operators.errors import UsageError
from operators.indicators.ids import IndicatorKey, parse_indicator
from operators.indicators.parameters import canonical
from operators.indicators.registry import ALIASES, CATALOGUE
from operators.variant import VariantRecord

Section = Literal["S1", "O1", "Z1", "ZE1", "E1"]

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_KIND_NAMES: Final = {
    name.casefold(): kind for name, kind in (*zip(CATALOGUE, CATALOGUE, strict=True), *ALIASES.items())
}


class VariantRefused(UsageError):
    """A variant that cannot be stored, changed or deleted, or that there is none of."""


@dataclass(frozen=True, slots=True)
class SystemVariant:
    """A variant that comes with the program. `section` is what it was made for; any section may use it.

    `indicator` is canonical.
    """

    name: str
    section: Section
    indicator: str
    description: str


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a variant: strategies tell it from kinds by its name alone.

    >>> check_name("twpa")
    Traceback (most recent call last):
        ...
    operators.strategy.variants.VariantRefused: 'twpa' is the name of a kind (TWPA); allowed: a name of its own
    """
    if not _NAME.fullmatch(name):
        raise VariantRefused(f"the name {name!r}; allowed: 1 to 64 of the characters A-Z a-z 0-9 _ . -")
    if (kind := _KIND_NAMES.get(name.casefold())) is not None:
        raise VariantRefused(f"{name!r} is the name of a kind ({kind}); allowed: a name of its own")


def parameters_text(key: IndicatorKey) -> str:
    """The parameters as stored: a JSON object, whole numbers without a point.

    >>> parameters_text(parse_indicator("TWPA(t1=60,min_coverage=0.5)"))
    '{"t1": 60, "t2": 0, "min_coverage": 0.5, "max_staleness": 3600}'
    """
    plain = {
        name: int(value) if not isinstance(value, str) and value == int(value) else value
        for name, value in key.parameters
    }
    return json.dumps(plain)


def indicator_of(record: VariantRecord) -> str:
    """What a stored variant stands for, as `KIND(p=v,…)`; canonical as long as the kind has kept its parameters.

    >>> indicator_of(VariantRecord("1", "slow", "TWPA", "price", '{"t1": 600, "t2": 60}', "", None))
    'TWPA(t1=600,t2=60)'
    """
    values: dict[str, float | str] = json.loads(record.parameters)
    written = f"{record.kind}({','.join(f'{name}={canonical(value)}' for name, value in values.items())})"
    try:
        return parse_indicator(written).id
    except UsageError:
        # who uses it is told what is wrong with it; the others need not know
        return written

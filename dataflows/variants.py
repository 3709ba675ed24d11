"""Indicator variants: those that come with the program and those of a database, for people and for strategies."""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Mapping
from typing import Final

from connectors.questdb.database import Database
from connectors.questdb.variants import VariantStore
from operators.indicators.ids import parse_indicator
from operators.strategy.names import names_in
from operators.strategy.problems import nearest
from operators.strategy.system_variants import SYSTEM_NAMES
from operators.strategy.variants import VariantRefused, check_name, indicator_of, parameters_text
from operators.variant import VariantRecord

_STRATEGIES: Final = "strategies"


def stored_variants(database: Database) -> dict[str, VariantRecord]:
    """The variants of a database by name, in the order of names; where two should have one name, the one that was
    changed last."""
    return VariantStore(database).named()


def known_variants(database: Database) -> dict[str, str]:
    """What every variant name stands for, as `KIND(p=v,…)`: the program's own and those of the database."""
    stored = {name: indicator_of(record) for name, record in stored_variants(database).items()}
    # a name that the program has taken later keeps its meaning for who had it before
    return {**SYSTEM_NAMES, **stored}


def used_variants(document: object, variants: Mapping[str, str]) -> dict[str, str]:
    """The variants that a document (as plain JSON) names, and what they stand for."""
    return {name: variants[name] for name in sorted(set(names_in(document)) & variants.keys())}


def find_variant(database: Database, name: str) -> VariantRecord:
    """The newest version of a stored variant. Raises `VariantRefused` for any other name."""
    stored = stored_variants(database)
    if name in stored:
        return stored[name]
    if name in SYSTEM_NAMES:
        raise VariantRefused(
            f"the variant {name} comes with the program and is not changed; "
            f"`tapeflow indicators variants add NAME {name}` makes a copy to change"
        )
    raise unknown_variant(name, stored)


def unknown_variant(name: str, stored: Mapping[str, VariantRecord]) -> VariantRefused:
    """That there is no such variant, with the nearest that there is."""
    alike = nearest(name, [*stored, *SYSTEM_NAMES])
    hint = f"did you mean {alike}?" if alike else "`tapeflow indicators variants list` has them all"
    return VariantRefused(f"there is no variant {name!r}; {hint}")


def add_variant(
    database: Database, name: str, indicator: str, description: str = "", created_by: str | None = None
) -> VariantRecord:
    """Store a new variant. `indicator` is `KIND(p=v,…)`, a bare kind, or the name of a variant to copy.

    Raises `VariantRefused` for a name that is taken or cannot be one, `InvalidIndicator` for anything else.
    """
    stored = stored_variants(database)
    check_name(name)
    _check_free(name, stored)
    key = parse_indicator(known_variants(database).get(indicator.strip(), indicator))
    record = VariantRecord(
        id=secrets.token_hex(8),
        name=name,
        kind=key.name,
        category=key.kind.category,
        parameters=parameters_text(key),
        description=description,
        created_by=created_by,
    )
    return VariantStore(database).append(record, None)


def edit_variant(
    database: Database,
    name: str,
    *,
    indicator: str | None = None,
    new_name: str | None = None,
    description: str | None = None,
) -> VariantRecord:
    """Store the next version of a variant, which keeps its kind: thresholds elsewhere are made for that.

    Sessions that have been started keep what the name stood for. Raises `VariantRefused`, `InvalidIndicator`.
    """
    previous = find_variant(database, name)
    changed = previous
    if indicator is not None:
        key = parse_indicator(indicator)
        if key.name != previous.kind:
            raise VariantRefused(
                f"the variant {name} is of the kind {previous.kind}, not {key.name}: conditions compare it with "
                "numbers that are meant for its kind; add another variant instead"
            )
        changed = dataclasses.replace(changed, parameters=parameters_text(key))
    if new_name is not None and new_name != name:
        check_name(new_name)
        _check_free(new_name, {other: record for other, record in stored_variants(database).items() if other != name})
        changed = dataclasses.replace(changed, name=new_name)
    if description is not None:
        changed = dataclasses.replace(changed, description=description)
    if changed == previous:
        return previous
    return VariantStore(database).append(changed, previous)


def delete_variant(database: Database, name: str) -> VariantRecord:
    """Store that a variant is no longer there; its versions stay. Raises `VariantRefused`."""
    previous = find_variant(database, name)
    return VariantStore(database).append(dataclasses.replace(previous, is_deleted=True), previous)


def strategies_with(database: Database, variant: str) -> list[str]:
    """The names of the stored strategies whose newest version names a variant."""
    database.wait_applied(_STRATEGIES)
    rows = database.query(
        f"SELECT name, strategy_json, is_deleted FROM {_STRATEGIES} LATEST ON changed_at PARTITION BY id"  # noqa: S608
    )
    return sorted(name for name, text, deleted in rows if not deleted and variant in names_in(json.loads(text)))


def _check_free(name: str, stored: Mapping[str, VariantRecord]) -> None:
    taken = {other.casefold(): other for other in (*stored, *SYSTEM_NAMES)}
    if (other := taken.get(name.casefold())) is not None:
        whose = "comes with the program" if other in SYSTEM_NAMES else "is there already"
        raise VariantRefused(f"the name {name!r}: the variant {other} {whose}; allowed: a name of its own")

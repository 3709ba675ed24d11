"""A version of an indicator variant that a user defined: a row of `indicator_variants`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VariantRecord:
    """A name for a kind with parameters. Versions of an `id` count from 0 and are never changed; the newest one counts.

    `changed_at` is µs UTC. `parameters` is a JSON object with the text or number of each parameter of the kind;
    `category` is the kind's. `created_by` is None where nobody said so. A deleted variant is one whose newest version
    says `is_deleted`.
    """

    id: str
    name: str
    kind: str
    category: str
    parameters: str
    description: str
    created_by: str | None
    is_deleted: bool = False
    version: int = 0
    changed_at: int = 0

"""A version of a strategy in the library: a row of `strategies`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StrategyRecord:
    """A strategy document with what is known about it. Versions of an `id` count from 0 and are never changed; the
    newest one counts.

    Times are µs UTC. `strategy_json` is the document as it was written, `hash` that of its canonical JSON; `name`,
    `direction`, `description` and `tags` are the document's. `author` wrote this version (None where nobody said so),
    `category` is a word of the user's own, `template_id` the template that the first version was made from.
    A deleted strategy is one whose newest version says `is_deleted`; a disabled one is kept, but not run.
    `last_activated_at` is None until something activates it outside of a session, which keeps its own record.
    """

    id: str
    name: str
    description: str
    direction: str
    strategy_json: str
    hash: str
    author: str | None
    category: str | None = None
    tags: tuple[str, ...] = ()
    template_id: str | None = None
    enabled: bool = True
    last_activated_at: int | None = None
    is_deleted: bool = False
    deleted_at: int | None = None
    version: int = 0
    changed_at: int = 0

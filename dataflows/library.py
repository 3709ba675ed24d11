"""The strategy library of a database: versions of documents, appended and never changed."""

from __future__ import annotations

import dataclasses
import json
import re
import secrets
from collections.abc import Mapping
from typing import Final

from connectors.questdb.database import Database
from connectors.questdb.strategies import StrategyStore
from connectors.questdb.timestamps import now_us
from dataflows.variants import known_variants
from operators.errors import UsageError
from operators.stored_strategy import StrategyRecord
from operators.strategy.document import StrategyDocument, document_hash
from operators.strategy.problems import nearest
from operators.strategy.templates import TEMPLATES
from operators.strategy.validation import load_strategy

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LONGEST_CATEGORY: Final = 64


class StrategyRefused(UsageError):
    """A strategy of the library that cannot be stored, changed or run, or that there is none of."""


def stored_strategies(database: Database, *, deleted: bool = False) -> dict[str, StrategyRecord]:
    """The newest version of the library's strategies by name, in the order of names: those that are there, or those
    that were deleted. Where two have one name, the one that was changed last."""
    return StrategyStore(database).named(deleted=deleted)


def find_strategy(database: Database, name: str) -> StrategyRecord:
    """The newest version of a strategy of the library by its name. Raises `StrategyRefused` where there is none."""
    live = stored_strategies(database)
    if name in live:
        return live[name]
    if name in TEMPLATES:
        raise StrategyRefused(
            f"the strategy {name} comes with the program and is not changed; "
            f"`tapeflow strategies clone {name} NAME` makes a copy to change"
        )
    if name in stored_strategies(database, deleted=True):
        raise StrategyRefused(f"the strategy {name} was deleted; `tapeflow strategies restore {name}` brings it back")
    alike = nearest(name, live)
    hint = f"did you mean {alike}?" if alike else "`tapeflow strategies list` has them all"
    raise StrategyRefused(f"there is no strategy {name!r} in the library; {hint}")


def strategy_versions(database: Database, name: str) -> list[StrategyRecord]:
    """All versions of a strategy, oldest first, also of one that was deleted. Raises `StrategyRefused`."""
    gone = stored_strategies(database, deleted=True)
    live = stored_strategies(database)
    record = gone[name] if name in gone and name not in live else find_strategy(database, name)
    return StrategyStore(database).versions(record.id)


def strategy_version(database: Database, name: str, version: int) -> StrategyRecord:
    """One version of a strategy that has not been deleted. Raises `StrategyRefused`."""
    versions = StrategyStore(database).versions(find_strategy(database, name).id)
    for one in versions:
        if one.version == version:
            return one
    raise StrategyRefused(f"the strategy {name} has no version {version}; allowed: 0 to {versions[-1].version}")


def add_strategy(
    database: Database,
    text: str,
    *,
    name: str | None = None,
    author: str | None = None,
    category: str | None = None,
    template: str | None = None,
) -> StrategyRecord:
    """Store a new strategy from the text of its document, under another name where one is given.

    `template` is the template that it was made from. Raises `StrategyRefused` for a name that is taken,
    `InvalidStrategy` with everything that is wrong with the document.
    """
    text, document = _document(database, text, name)
    _check_free(document.name, stored_strategies(database))
    record = StrategyRecord(
        id=secrets.token_hex(8),
        name="",
        description="",
        direction="",
        strategy_json="",
        hash="",
        author=author,
        category=_category(category),
        template_id=template,
    )
    return StrategyStore(database).append(_with_document(record, text, document), None)


def edit_strategy(
    database: Database,
    name: str,
    *,
    text: str | None = None,
    new_name: str | None = None,
    category: str | None = None,
    author: str | None = None,
) -> StrategyRecord:
    """Store the next version of a strategy: another document, name or category (empty = none). What changes nothing is
    not stored. Sessions that have been started keep what they ran.

    Raises `StrategyRefused`, also for a document of another name that nobody asked for, and `InvalidStrategy`.
    """
    previous = find_strategy(database, name)
    changed = previous
    if text is not None or new_name is not None:
        written, document = _document(database, previous.strategy_json if text is None else text, new_name)
        if document.name != name:
            if new_name is None:
                raise StrategyRefused(
                    f"the document's name is {document.name}, the strategy's is {name}; "
                    "--rename NAME says which it is to have"
                )
            others = {other: record for other, record in stored_strategies(database).items() if other != name}
            _check_free(document.name, others)
        changed = _with_document(changed, written, document)
    if category is not None:
        changed = dataclasses.replace(changed, category=_category(category))
    return _append(database, changed, previous, author)


def clone_strategy(database: Database, name: str, new_name: str, author: str | None = None) -> StrategyRecord:
    """Store a copy of a strategy of the library under another name: a strategy of its own. Raises as `add_strategy`."""
    source = find_strategy(database, name)
    return add_strategy(
        database,
        source.strategy_json,
        name=new_name,
        author=author,
        category=source.category,
        template=source.template_id,
    )


def set_enabled(database: Database, name: str, enabled: bool, author: str | None = None) -> StrategyRecord:
    """Enable or disable a strategy: a disabled one is kept and shown, and no session starts with it."""
    previous = find_strategy(database, name)
    return _append(database, dataclasses.replace(previous, enabled=enabled), previous, author)


def delete_strategy(database: Database, name: str, author: str | None = None) -> StrategyRecord:
    """Store that a strategy is no longer there; its versions stay. Raises `StrategyRefused`."""
    previous = find_strategy(database, name)
    gone = dataclasses.replace(previous, is_deleted=True, deleted_at=now_us())
    return _append(database, gone, previous, author)


def restore_strategy(database: Database, name: str, author: str | None = None) -> StrategyRecord:
    """Bring back the strategy that was deleted last under this name. Raises `StrategyRefused` where there is none, and
    where another one has its name now."""
    live = stored_strategies(database)
    previous = stored_strategies(database, deleted=True).get(name)
    if previous is None:
        if name in live:
            raise StrategyRefused(f"the strategy {name} is not deleted")
        raise StrategyRefused(f"there is no deleted strategy {name!r}; `tapeflow strategies list --deleted` has them")
    _check_free(name, live)
    back = dataclasses.replace(previous, is_deleted=False, deleted_at=None)
    return _append(database, back, previous, author)


def _append(
    database: Database, changed: StrategyRecord, previous: StrategyRecord, author: str | None
) -> StrategyRecord:
    """`changed` as the next version by `author`, or `previous` where it is the same."""
    if changed == previous:
        return previous
    return StrategyStore(database).append(dataclasses.replace(changed, author=author), previous)


def _document(database: Database, text: str, name: str | None) -> tuple[str, StrategyDocument]:
    """The checked document of a text, and the text as it is stored. Raises `InvalidStrategy`."""
    text = text.removeprefix("\ufeff")
    document = load_strategy(text, name or "document", known_variants(database))
    if name is None or name == document.name:
        return text, document
    if not _NAME.fullmatch(name):
        raise StrategyRefused(f"the name {name!r}; allowed: 1 to 64 of the characters A-Z a-z 0-9 _ . -")
    renamed = json.dumps({**json.loads(text), "name": name}, indent=2, ensure_ascii=False) + "\n"
    return renamed, document.model_copy(update={"name": name})


def _with_document(record: StrategyRecord, text: str, document: StrategyDocument) -> StrategyRecord:
    return dataclasses.replace(
        record,
        name=document.name,
        # a column of text cannot hold this character; the document keeps it
        description=document.description.replace("\0", ""),
        direction=document.direction,
        tags=document.tags,
        strategy_json=text,
        hash=document_hash(document),
    )


def _category(text: str | None) -> str | None:
    if text is not None and (len(text) > _LONGEST_CATEGORY or not text.isprintable()):
        raise StrategyRefused(f"the category {text[:80]!r}; allowed: at most {_LONGEST_CATEGORY} printable characters")
    return text or None


def _check_free(name: str, stored: Mapping[str, StrategyRecord]) -> None:
    taken = {other.casefold(): other for other in (*stored, *TEMPLATES)}
    if (other := taken.get(name.casefold())) is not None:
        whose = "comes with the program" if other in TEMPLATES else "is in the library already"
        raise StrategyRefused(f"the name {name!r}: the strategy {other} {whose}; allowed: a name of its own")

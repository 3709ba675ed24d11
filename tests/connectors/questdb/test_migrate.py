"""The schema: applied in order, once, and as storage.md says."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import get_type_hints

import pytest

from connectors.questdb.database import Database
from connectors.questdb.errors import SchemaTooNew
from connectors.questdb.literals import text
from connectors.questdb.migrate import Migration, apply, migrate, migrations, schema_version
from operators.results import APPROACH_ROWS, RESULT_ROWS
from operators.session import SessionRecord
from operators.stored_strategy import StrategyRecord
from operators.variant import VariantRecord

pytestmark = pytest.mark.database

KEYS = {
    "tick_prices": "timestamp session_id symbol seq",
    "tick_orderbook": "timestamp session_id symbol seq",
    "tape_events": "timestamp session_id symbol seq",
    "funding_rates": "timestamp session_id symbol seq",
    "mark_prices": "timestamp session_id symbol seq",
    "contracts": "timestamp exchange symbol",
    "data_collection_sessions": "changed_at session_id version",
    "session_progress": "timestamp session_id",
    "commands": "timestamp command_id",
    "command_results": "timestamp command_id",
    "data_gaps": "timestamp session_id symbol stream",
    "dead_letters": "timestamp session_id stream source line raw_hash",
    "indicators": "timestamp session_id symbol seq indicator_id",
    "indicator_variants": "changed_at id version",
    "strategies": "changed_at id version",
    "state_transitions": "timestamp session_id account strategy symbol n",
    "strategy_signals": "timestamp signal_id",
    "orders": "timestamp order_id",
    "order_events": "timestamp order_id n",
    "fills": "timestamp fill_id",
    "positions": "timestamp position_id",
    "equity": "timestamp session_id account",
    "risk_events": "timestamp session_id account n",
    "session_results": "timestamp session_id account",
    "closest_approach": "timestamp session_id account strategy symbol section condition",
    "group_approach": "timestamp session_id account strategy symbol section",
}


def columns_of(database: Database, table: str) -> dict[str, tuple[str, bool]]:
    rows = database.query('SELECT "column", type, upsertKey FROM table_columns(' + text(table) + ")")
    return {column: (kind, key) for column, kind, key in rows}


def test_steps_are_numbered_without_holes() -> None:
    assert [step.version for step in migrations()] == list(range(1, len(migrations()) + 1))


@pytest.mark.parametrize("table", KEYS)
def test_every_table_deduplicates_by_its_identity(database: Database, table: str) -> None:
    columns = columns_of(database, table)
    assert {name for name, (_, key) in columns.items() if key} == set(KEYS[table].split())
    rows = database.query("SELECT walEnabled, partitionBy FROM tables() WHERE table_name = %s", [table])
    assert rows == [(True, "DAY")]


@pytest.mark.parametrize("row", [*RESULT_ROWS, *APPROACH_ROWS], ids=lambda row: row.TABLE)
def test_result_records_and_tables_have_the_same_columns(database: Database, row: type) -> None:
    kinds = {name: kind for name, (kind, _) in columns_of(database, row.TABLE).items()}
    assert list(kinds) == [field.name for field in dataclasses.fields(row)]
    fits = {str: {"SYMBOL", "VARCHAR"}, float: {"DOUBLE"}, int: {"LONG", "TIMESTAMP"}, bool: {"BOOLEAN"}}
    for name, hint in get_type_hints(row).items():
        if name in kinds:
            plain = next(kind for kind in fits if kind is hint or kind in getattr(hint, "__args__", ()))
            assert kinds[name] in fits[plain], name


def test_session_records_and_their_table_have_the_same_columns(database: Database) -> None:
    columns = columns_of(database, "data_collection_sessions")
    assert set(columns) == {field.name for field in dataclasses.fields(SessionRecord)}


def test_no_id_but_the_session_s_is_a_symbol(database: Database) -> None:
    allowed = {"session_id", "source_session_id", "indicator_id"}
    for table in KEYS:
        for name, (kind, _) in columns_of(database, table).items():
            assert kind != "SYMBOL" or not name.endswith("_id") or name in allowed, (table, name)


def test_applying_again_changes_nothing_also_at_the_same_time(database: Database) -> None:
    newest = migrations()[-1].version
    # As if nothing had been recorded: every statement runs again, in four threads.
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: _apply_all(database, migrations()), range(4))) == [newest] * 4
    assert database.query("SELECT count() FROM schema_version") == [(newest,)]
    assert migrate(database) == newest


def test_a_table_that_is_no_longer_needed_goes_also_at_the_same_time(database: Database) -> None:
    database.execute(
        "CREATE TABLE IF NOT EXISTS strategy_templates (changed_at TIMESTAMP, id VARCHAR) "
        "TIMESTAMP(changed_at) PARTITION BY DAY WAL"
    )
    step = next(step for step in migrations() if step.name == "templates")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: apply(database, step), range(4)))
    assert _tables_named(database, "strategy_templates") == 0


def _tables_named(database: Database, table: str) -> int:
    return int(database.query("SELECT count() FROM tables() WHERE table_name = %s", [table])[0][0])


@pytest.mark.parametrize(("record", "table"), [(VariantRecord, "indicator_variants"), (StrategyRecord, "strategies")])
def test_records_of_definitions_and_their_tables_have_the_same_columns(
    database: Database, record: type, table: str
) -> None:
    assert set(columns_of(database, table)) == {field.name for field in dataclasses.fields(record)}


def _apply_all(database: Database, steps: tuple[Migration, ...]) -> int:
    for step in steps:
        apply(database, step)
    return schema_version(database)


def test_a_newer_database_is_refused(database: Database) -> None:
    older = migrations()[:-1]
    with pytest.raises(SchemaTooNew, match=f"version {len(migrations())}, this program knows up to {len(older)}"):
        migrate(database, older)

"""Asking the database, and what it says when it cannot answer."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.questdb.database import Database
from connectors.questdb.errors import StorageRejected, StorageUnavailable
from connectors.questdb.literals import instant, text
from operators.errors import UsageError

pytestmark = pytest.mark.database


def test_parameters_travel_as_values(database: Database) -> None:
    assert database.query("SELECT %s::varchar, %s::long", ["it's a \\ % 'quote'", 7]) == [("it's a \\ % 'quote'", 7)]


def test_a_percent_sign_without_parameters_is_itself(database: Database) -> None:
    assert database.query("SELECT 7 % 4, 'a' LIKE '%a'") == [(3, True)]


def test_a_refused_statement_has_the_server_s_words_and_the_sql(database: Database) -> None:
    with pytest.raises(StorageRejected, match=r"table does not exist.*SQL: SELECT 1 FROM nowhere"):
        database.query("SELECT 1 FROM nowhere")
    with pytest.raises(StorageRejected, match=r"table does not exist.*SQL: SELECT 1 FROM nowhere"):
        database.export("SELECT 1 FROM nowhere")


def test_a_statement_that_the_server_gives_up_may_succeed_later(database: Database) -> None:
    with database.connect() as connection:
        cancelling = threading.Timer(0.5, connection.cancel)
        cancelling.start()
        with pytest.raises(StorageUnavailable, match="cancelled by user"):
            database.run(connection, "SELECT sum(rnd_double()) FROM long_sequence(100000000000)")
        cancelling.join()


def test_exports_have_arrow_types_also_without_rows(database: Database) -> None:
    rows = database.export("SELECT timestamp, session_id, seq, price, late FROM tick_prices LIMIT 0")
    assert rows.num_rows == 0
    assert rows.schema.field("timestamp").type == pa.timestamp("us", "UTC")
    assert rows.schema.field("session_id").type == pa.string()


def test_exports_may_run_in_many_threads(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        tables = list(pool.map(database.export, [f"SELECT x FROM long_sequence({n})" for n in range(1, 33)]))
    assert [table.num_rows for table in tables] == list(range(1, 33))


def test_nobody_there_is_retryable_and_says_what_to_do(database: Database) -> None:
    nobody = dataclasses.replace(database, http_port=1, pg_port=1)
    for ask in (nobody.query, nobody.export):
        with pytest.raises(StorageUnavailable, match="tapeflow db start") as caught:
            ask("SELECT 1")
        assert caught.value.retryable


def test_a_full_disk_is_told_from_other_failures(database: Database) -> None:
    assert database.disk_is_full("[28] No space left [size=524288]")
    assert not database.disk_is_full("[2] table does not exist")


def test_waiting_for_a_table_that_is_not_there_is_an_error(database: Database) -> None:
    with pytest.raises(StorageRejected, match="no table 'nowhere'"):
        database.wait_applied("nowhere")
    database.wait_applied()


@settings(max_examples=30, deadline=None)
@given(value=st.text(st.characters(blacklist_categories=["Cc", "Cs"]), max_size=40))
def test_any_printable_text_survives_as_a_literal_or_is_refused(database: Database, value: str) -> None:
    if value.startswith("'"):
        with pytest.raises(UsageError, match="begins with a quote"):
            text(value)
        return
    rows = database.export(f"SELECT {text(value)}::varchar AS v FROM long_sequence(1)")
    assert rows["v"].to_pylist() == [value]


def test_control_characters_are_refused_in_literals() -> None:
    with pytest.raises(UsageError, match="control character"):
        text("a\nb")


def test_instants_are_microseconds_utc(database: Database) -> None:
    us = 1_700_000_000_123_456
    rows = database.export(f"SELECT {instant(us)}::timestamp AS t FROM long_sequence(1)")
    assert rows["t"].cast(pa.int64()).to_pylist() == [us]
    with pytest.raises(UsageError, match="not a time in microseconds"):
        instant(int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1e9))

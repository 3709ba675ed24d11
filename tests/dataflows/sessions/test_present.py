"""A session as it is now: what its folder knows beyond its newest version in the database."""

from __future__ import annotations

import os
from pathlib import Path

from connectors.processes import ProcessIdentity
from dataflows.sessions.control import SUPERVISOR_FILE
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.present import as_it_is
from dataflows.sessions.progress import PROGRESS_FILE, SessionProgress
from dataflows.sessions.worker_report import CollectProgress
from operators.session import SessionRecord, Status

OWN_ID = "collect_20261122_153000_ab12cd34"
RUNNING = SessionRecord(OWN_ID, "collect", Status.RUNNING)


def folder(home: Path, supervisor: int | None = None, **progress: object) -> None:
    own = SessionFolder.of(home, OWN_ID)
    own.path.mkdir(parents=True)
    if supervisor is not None:
        own.write(SUPERVISOR_FILE, ProcessIdentity.of(supervisor))
    collected = CollectProgress(tape_from=5, tape_ts=25, trades=7, books=3, gaps=1)
    told = SessionProgress(status="RUNNING", tape_ts=25, trades=7, books=3, collected=collected)
    for name, value in progress.items():
        setattr(told, name, value)
    own.write(PROGRESS_FILE, told)


def test_a_session_that_runs_has_the_counts_that_it_told_last(tmp_path: Path) -> None:
    folder(tmp_path, os.getpid())
    present = as_it_is(RUNNING, tmp_path, 12)
    record = present.record
    assert (record.tape_from, record.tape_to, record.prices_count, record.orderbook_count, record.gaps) == (
        5,
        25,
        7,
        3,
        1,
    )
    assert (present.alive, present.hints) == (True, ())


def test_a_session_whose_processes_are_gone_says_so_and_what_helps(tmp_path: Path) -> None:
    folder(tmp_path)
    present = as_it_is(RUNNING, tmp_path, 1_200)
    assert (present.alive, present.record.prices_count) == (False, 7)
    gone, journal = present.hints
    assert "its processes are gone" in gone
    assert f"`tapeflow resume {OWN_ID}`" in gone
    assert "1,200 rows" in journal
    assert "`tapeflow db drain`" in journal


def test_the_last_word_of_a_session_counts_before_the_database_has_it(tmp_path: Path) -> None:
    folder(tmp_path, done=True, status="STOPPED", cause="stopped on request")
    present = as_it_is(RUNNING, tmp_path)
    assert (present.alive, present.record.status, present.record.cause) == (None, Status.STOPPED, "stopped on request")
    assert present.hints == ()


def test_of_a_session_that_was_started_elsewhere_nobody_knows(tmp_path: Path) -> None:
    present = as_it_is(RUNNING, tmp_path)
    assert (present.record, present.alive) == (RUNNING, None)


def test_a_session_that_is_over_stays_as_it_is(tmp_path: Path) -> None:
    folder(tmp_path)
    over = SessionRecord(OWN_ID, "collect", Status.STOPPED, prices_count=9)
    present = as_it_is(over, tmp_path, 3)
    assert (present.record, present.alive) == (over, None)
    assert len(present.hints) == 1

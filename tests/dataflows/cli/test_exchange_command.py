"""`tapeflow exchange serve` as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from connectors.simulated.exchange.fault_kinds import InvalidFault
from connectors.simulated.exchange.fault_table import KINDS
from connectors.simulated.exchange.truth_reader import Truth
from dataflows.cli import exchange

PROGRAM = "import typer; from dataflows.cli import exchange; app = typer.Typer(); exchange.register(app); app()"
TAPES = Path(__file__).parents[3].parent / "shared" / "data" / "pump_tapes"


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The command as a process, and what it says when it is ready."""
    command = [sys.executable, "-c", PROGRAM, "exchange", "serve", "--json", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def get(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=30) as reply:
        return json.load(reply)


def run(*arguments: str) -> Any:
    app = typer.Typer()
    exchange.register(app)
    return CliRunner().invoke(app, ["exchange", "serve", *arguments])


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGTERM to send")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_ends_cleanly(tmp_path, number):
    options = ("--names", "AEVO_USDT,BTC_USD", "--control", "--log", str(tmp_path), "--start", "2026-01-31T12:00")
    with serving(*options, "--fault", "doubled_pongs=copies:3", "--fault-at", "0s:delist=symbols:BTC_USD") as (
        process,
        ready,
    ):
        assert (ready["event"], ready["symbols"], ready["speed"]) == ("ready", 1, 1.0)
        assert ready["websocket"] == ready["rest"].replace("http", "ws") + "/edge"
        details = get(f"{ready['rest']}/api/v1/contract/detail")["data"]
        assert [detail["symbol"] for detail in details] == ["AEVO_USDT"]
        state = get(ready["control"])
        assert [each["name"] for each in state["faults"]] == ["doubled_pongs"]
        process.send_signal(number)
        rest, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
        assert json.loads(rest) == {"event": "finished"}
    truth = Truth(tmp_path)
    assert truth.start_ms == 1_769_860_800_000
    assert [each["event"] for each in truth.happenings()] == ["fault_on", "happening", "delisted"]


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_the_log_survives_a_kill(tmp_path):
    with serving("--names", "AEVO_USDT", "--speed", "100", "--log", str(tmp_path)) as (process, _):
        while len(Truth(tmp_path).table("deals")) < 20:
            assert process.poll() is None
        process.kill()
    truth = Truth(tmp_path)
    changes = truth.table("changes", "AEVO_USDT")
    assert truth.book_at("AEVO_USDT", int(changes["version"][-1])).version == changes["version"][-1]


@pytest.mark.skipif(not TAPES.exists(), reason="needs the recorded pump tapes of the shared data")
def test_it_plays_a_recorded_tape():
    tape = sorted(TAPES.glob("*.csv.gz"))[0]
    with serving("--tape", str(tape), "--names", "PUMP_USDT", "--speed", "20") as (_, ready):
        assert ready["symbols"] == 1
        assert get(f"{ready['rest']}/api/v1/contract/ticker?symbol=PUMP_USDT")["data"]["lastPrice"] > 0


def test_a_port_in_use_is_an_error_of_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("--names", "A_USDT", "--port", str(port))
    assert str(result.exception).startswith(f"port {port} of 127.0.0.1: ")


def test_faults_are_checked_before_anything_is_made():
    assert isinstance(run("--fault", "nonsense").exception, InvalidFault)
    assert isinstance(run("--fault-at", "soon:muted").exception, InvalidFault)


def test_the_faults_are_listed():
    lines = [json.loads(line) for line in run("--list-faults", "--json").output.splitlines()]
    assert [line["name"] for line in lines[:-1]] == list(KINDS)
    assert lines[-1] == {"event": "finished", "faults": len(KINDS)}
    assert "frozen_streams" in run("--list-faults").output

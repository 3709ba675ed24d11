"""The folder that a command works in: made knowingly, named in errors, refused where it cannot be used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dataflows.version import program_version


def test_the_version_is_shown(program):
    assert program("--version").out == f"tapeflow {program_version()}\n"


@pytest.mark.parametrize("below", ["", "below"], ids=["a file", "below a file"])
@pytest.mark.parametrize("command", [("sessions", "list"), ("generate",), ("db", "start"), ("demo",)])
def test_a_file_in_the_place_of_the_folder_is_one_line(program, tmp_path: Path, monkeypatch, below: str, command):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("TAPEFLOW_HOME", str(file / below))
    said = program(*command, expect=2)
    assert said.out == ""
    assert said.err.splitlines() == [
        f"error: {file / below} cannot be a project folder: {file} is a file; TAPEFLOW_HOME names another one"
    ]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody can write to")
def test_a_folder_that_cannot_be_made_is_one_line(program, monkeypatch):
    monkeypatch.setenv("TAPEFLOW_HOME", "/proc/tapeflow")
    said = program("generate", "--json", expect=1)
    [line] = said.err.splitlines()
    assert line.startswith("error: /proc/tapeflow: ")
    assert line.endswith("; TAPEFLOW_HOME must name a folder that can be written to")
    assert json.loads(said.out) == {"event": "failed", "error": line.removeprefix("error: ")}


def test_looking_for_sessions_makes_no_project(program, tmp_path: Path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("TAPEFLOW_HOME", str(home))
    assert f"No sessions yet in the project folder {home}" in program("sessions", "list").out
    assert json.loads(program("sessions", "list", "--json").out) == {"event": "finished", "sessions": []}
    for command in (
        ("sessions", "show", "some"),
        ("backtest", "some", "-s", "pump_follow_long"),
        ("export", "some", "--to", tmp_path / "x.csv"),
        ("resume", "some"),
        ("indicators", "compute", "some", "--symbol", "A", "--indicator", "TWPA", "--to", tmp_path / "x.parquet"),
    ):
        assert f"there is no session 'some': {home} holds no project yet" in program(*command, expect=2).err
    program("doctor")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.database
def test_a_new_project_folder_is_announced_once(program, fresh_home: Path, monkeypatch):
    monkeypatch.setenv("TAPEFLOW_HOME", str(fresh_home))
    arguments = ("generate", "--symbols", "1", "--trades", "2000", "--hours", "1", "--pumps", "0", "--json")
    assert program(*arguments).err == f"New project folder: {fresh_home}\n"
    assert program(*arguments).err == ""
    said = program("sessions", "show", "generate_of_another_folder", expect=2).err
    assert f"(looked for in the project folder {fresh_home})" in said


@pytest.mark.parametrize(
    ("command", "code", "reason"),
    [
        (("import", "no_such_file.csv"), 2, "there is no file 'no_such_file.csv'"),
        (("sessions", "list", "--mode", "dreaming"), 2, "there is no mode 'dreaming'"),
        (("backtest", "--no-such-option"), 2, "No such option"),
        (("indicators", "describe", "TWPAA"), 2, "found unknown kind TWPAA; did you mean TWPA"),
    ],
)
def test_an_error_is_an_object_for_machines_and_a_line_for_people(program, command, code, reason):
    said = program(*command, "--json", expect=code)
    failed = json.loads(said.out)
    assert failed["event"] == "failed"
    assert reason in failed["error"]
    assert reason in said.err


def test_a_wrong_seed_of_the_demo_is_refused_before_anything_is_started(program, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("TAPEFLOW_HOME", str(tmp_path / "home"))
    said = program("demo", "--seed", "-1", expect=2)
    assert said.out == ""
    assert "greater than or equal to 0" in said.err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("command", ["generate", "import", "export", "doctor", "backtest", "demo"])
def test_help_is_not_cut_off_at_80_columns(program, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    text = program(command, "--help").out
    assert "`username=…;password=…;`" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("group", ["db", "sessions", "strategies", "indicators"])
def test_groups_show_an_example(program, group):
    assert "Example: tapeflow " in program(group, "--help").out


@pytest.mark.skipif(sys.platform == "win32", reason="closes a pipe as POSIX shells do")
def test_nobody_listening_is_no_traceback(environment):
    script = f"'{sys.executable}' -P -m dataflows.cli.main indicators list --json | head -n 1"
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=180)
    assert "Traceback" not in done.stderr

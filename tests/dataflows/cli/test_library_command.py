"""The library as a user types it: `tapeflow strategies list|show|add|edit|versions|diff|clone|…`."""

from __future__ import annotations

import io
import json
import sys
import uuid

import pytest

from operators.strategy.templates import template_text

FOLLOW = "pump_follow_long"


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"mine_{uuid.uuid4().hex[:8]}"


@pytest.fixture
def strategies(program, database_home, monkeypatch, tmp_path):
    """Runs `tapeflow strategies` on the shared database, in an empty folder."""
    monkeypatch.setenv("TAPEFLOW_HOME", str(database_home))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return lambda *words, expect=0: program("strategies", *words, expect=expect)


@pytest.fixture
def write(tmp_path, name):
    """Writes a template's document under this test's name and with other values."""

    def write(file="mine.json", **changes):
        path = tmp_path / file
        path.write_text(json.dumps({**json.loads(template_text(FOLLOW)), "name": name, **changes}), encoding="utf-8")
        return path

    return write


def finished(said):
    last = json.loads(said.out.splitlines()[-1])
    assert last["event"] == "finished"
    return last


def test_a_strategys_life(strategies, write, name):
    added = finished(strategies("add", write(), "--category", "tries", "--author", "ann", "--json"))
    assert (added["outcome"], added["strategy"]["version"], added["strategy"]["author"]) == ("added", 0, "ann")
    assert name in strategies("list", "--category", "tries").out
    edited = strategies("edit", name, write(tags=["quick"]))
    assert f"changed: {name} (version 1" in edited.out
    (row,) = [
        one for one in finished(strategies("list", "--tag", "quick", "--json"))["strategies"] if one["name"] == name
    ]
    assert (row["version"], row["category"], row["tags"], row["enabled"]) == (1, "tries", ["quick"], True)
    assert "unchanged" in strategies("edit", name, write(tags=["quick"])).out
    assert "disabled" in strategies("disable", name).out
    assert "disabled already" in strategies("disable", name).out
    assert "no: no session starts with it" in strategies("show", name).out
    assert "enabled" in strategies("enable", name).out
    assert "deleted" in strategies("delete", name).out
    assert name in strategies("list", "--deleted").out
    assert "was deleted" in strategies("show", name, expect=2).err
    assert "restored" in strategies("restore", name).out
    assert f"changed: {name} (version 6" in strategies("edit", name, f"{name}@0").out
    versions = finished(strategies("versions", name, "--json"))["versions"]
    what = [one["what"] for one in versions]
    assert what == ["added", "edited", "disabled", "enabled", "deleted", "restored", "edited"]
    assert versions[0]["hash"] == versions[6]["hash"] != versions[1]["hash"]
    assert "restored" in strategies("versions", name).out


def test_a_document_comes_back_as_it_was_written(strategies, write, name, tmp_path):
    file = write()
    strategies("add", file)
    assert strategies("show", name, "--document").out == file.read_text(encoding="utf-8")
    shown = finished(strategies("show", name, "--json"))
    assert (shown["origin"], shown["document"]) == ("library", file.read_text(encoding="utf-8"))
    assert shown["hash"] == shown["strategy"]["hash"]
    strategies("export", name, "--to", tmp_path / "out.json")
    assert (tmp_path / "out.json").read_text(encoding="utf-8") == file.read_text(encoding="utf-8")
    assert "--force writes over it" in strategies("export", name, "--to", tmp_path / "out.json", expect=2).err


def test_a_document_may_come_from_standard_input(strategies, write, name, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(write().read_bytes())))
    assert f"added: {name}" in strategies("add", "-").out


def test_a_template_is_cloned_and_compared(strategies, name):
    assert finished(strategies("clone", FOLLOW, name, "--json"))["strategy"]["template"] == FOLLOW
    assert finished(strategies("clone", name, f"{name}_2", "--json"))["strategy"]["template"] == FOLLOW
    assert finished(strategies("add", FOLLOW, "--name", f"{name}_3", "--json"))["strategy"]["template"] == FOLLOW
    (difference,) = finished(strategies("diff", FOLLOW, name, "--json"))["differences"]
    assert difference == {"path": "$.name", "before": FOLLOW, "after": name}
    same = finished(strategies("diff", name, f"{name}@0", "--json"))
    assert (same["identical"], same["differences"]) == (True, [])
    assert "are the same document" in strategies("diff", name, name).out


def test_the_difference_to_the_document_before_is_told(strategies, write, name):
    strategies("add", write())
    assert "has had one document only" in strategies("diff", name, expect=2).err
    limits = {"max_position_seconds": 77, "max_trades_per_day": 3, "max_leverage": 3}
    strategies("edit", name, write(limits=limits, s1_signal={"when": {"indicator": "TWPA", "op": ">", "value": 1}}))
    strategies("disable", name)
    told = finished(strategies("diff", name, "--json"))
    assert told["identical"] is False
    by_path = {one["path"]: one for one in told["differences"]}
    assert by_path["$.limits.max_position_seconds"]["after"] == 77
    assert "before" not in by_path["$.s1_signal.when.indicator"]
    said = strategies("diff", name).out
    assert f"library:{name}@0" in said
    assert "not there" in said


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("add", "no.json"), "strategy file no.json: No such file or directory"),
        (("add", FOLLOW), "comes with the program; allowed: a name of its own"),
        (("add", "pump_folow_long"), "did you mean pump_follow_long?"),
        (("edit", FOLLOW), "nothing to change"),
        (("edit", FOLLOW, "--rename", "x"), f"clone {FOLLOW} NAME"),
        (("delete", FOLLOW), "comes with the program"),
        (("disable", "no_such"), "there is no strategy 'no_such' in the library"),
        (("restore", "no_such"), "there is no deleted strategy 'no_such'"),
        (("versions", FOLLOW), "comes with the program"),
        (("diff", FOLLOW), "has no versions"),
        (("clone", FOLLOW, "a b"), "1 to 64 of the characters"),
        (("add", FOLLOW, "--name", "x", "--category", "y" * 65), "at most 64 printable characters"),
    ],
)
def test_mistakes_end_with_2_and_say_what_is_allowed(strategies, words, reason):
    assert reason in strategies(*words, expect=2).err


def test_without_a_project_templates_and_files_are_still_shown(program, write, monkeypatch, tmp_path, name):
    monkeypatch.setenv("TAPEFLOW_HOME", str(tmp_path / "none"))
    assert "is empty" in program("strategies", "list").out
    assert finished(program("strategies", "list", "--json"))["strategies"] == []
    assert "buy 2 % of equity" in program("strategies", "show", FOLLOW).out
    assert name in program("strategies", "show", write()).out
    (difference,) = finished(program("strategies", "diff", FOLLOW, write(), "--json"))["differences"]
    assert difference["path"] == "$.name"
    assert not (tmp_path / "none").exists()


def test_an_older_document_is_converted_into_the_library(strategies, tmp_path, name):
    old = {
        "direction": "LONG",
        "s1": {"conditions": [{"indicatorId": "pump_magnitude", "operator": ">", "value": 5}]},
        "o1": {"timeoutSeconds": 60},
    }
    file = tmp_path / f"{name}.json"
    file.write_text(json.dumps(old), encoding="utf-8")
    assert finished(strategies("import-legacy", file, "--add", "--json"))["strategy"]["name"] == name
    assert finished(strategies("show", name, "--json"))["origin"] == "library"
    assert f"strategy {name} is in the library already" in strategies("import-legacy", file, "--add", expect=2).err

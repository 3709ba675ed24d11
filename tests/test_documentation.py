"""What the documentation shows is true: its code runs, its commands exist, its documents are valid."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from pathlib import Path

import pytest
import typer.main

from operators.desk.account import parse_accounts
from operators.strategy.validation import validate

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|#)([^)#]+)")


def blocks(*languages: str) -> list:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            if match[1] in languages:
                line = text[: match.start()].count("\n") + 2
                found.append(pytest.param(match[2], id=f"{page.relative_to(ROOT).as_posix()}:{line}"))
    return found


@pytest.mark.parametrize("code", blocks("python"))
def test_python_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "documentation", "exec"), {"__name__": "documentation"})


@pytest.mark.parametrize("text", blocks("sh", "console", "bash"))
def test_commands_exist_with_their_options(text):
    from dataflows.cli.main import app

    checked = 0
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if not words or words[0] != "tapeflow":
            continue
        command = typer.main.get_command(app)
        arguments = list(itertools.takewhile(lambda word: word not in (">", "|"), words[1:]))
        while hasattr(command, "commands") and arguments and not arguments[0].startswith("-"):
            name = arguments.pop(0)
            assert name in command.commands, f"no command {name!r} in: {line}"
            command = command.commands[name]
        if "--help" not in arguments:
            command.make_context("tapeflow", arguments)
        checked += 1
    assert checked or "make" in text or "QUESTDB" in text or "git" in text or "curl" in text


@pytest.mark.parametrize("text", blocks("json"))
def test_strategy_documents_are_valid(text):
    data = json.loads(text)
    if "schema_version" in data:
        assert validate(data).problems == ()


@pytest.mark.parametrize("text", blocks("toml"))
def test_accounts_are_valid(text):
    assert parse_accounts(text)


@pytest.mark.parametrize("text", blocks("sql"))
def test_queries_are_accepted(text, database):
    for statement in text.split(";"):
        lines = [line for line in statement.splitlines() if not line.lstrip().startswith("--")]
        if (sql := "\n".join(lines).strip()) and sql.lower().startswith(("select", "with")):
            database.query(sql.replace("%", "%%"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{target} in {page.name}"

"""The program in this process, for what needs no process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from dataflows.cli.main import main


@dataclass(frozen=True, slots=True)
class Said:
    """What a command wrote to its two outputs."""

    out: str
    err: str


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs `tapeflow` with these words and checks its exit code; the environment is the test's."""
    monkeypatch.delenv("QUESTDB_CONF", raising=False)

    def run(*words: Any, expect: int = 0) -> Said:
        monkeypatch.setattr(sys, "argv", ["tapeflow", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = Said(*capsys.readouterr())
        assert (ended.value.code or 0) == expect, said
        return said

    return run

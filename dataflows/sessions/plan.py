"""What a backtest session is going to do: complete, so that it can be started, restarted and looked at later."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from connectors.questdb.reader import DEFAULT_PAGE_ROWS
from operators.desk.account import AccountSettings
from operators.errors import UsageError
from operators.slices import DEFAULT_SLICE_ROWS

PLAN_FILE: Final = "plan.json"
_PATIENCE_SECONDS: Final = 1.0
_Result = TypeVar("_Result")


class BacktestPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a worker process needs. Times in µs, `(from_ts, to_ts]` of the source session's tape.

    `accounts` is the accounts document (JSON text), `strategies` maps the names it uses to strategy documents (JSON
    text). `database` is the configuration of an external database, None = the managed server of `home`.
    """

    session_id: str
    source_session_id: str
    home: str
    database: str | None
    symbols: tuple[str, ...]
    streams: dict[str, tuple[str, ...]]
    from_ts: int
    to_ts: int
    accounts: str
    strategies: dict[str, str]
    strategy_hashes: str
    accounts_hash: str
    speed: float | None = None
    slice_rows: int = DEFAULT_SLICE_ROWS
    page_rows: int = DEFAULT_PAGE_ROWS
    evaluation_interval_us: int = 1_000_000
    workers: int = 1
    threads: int = 1
    recovery: bool = False
    epoch_seconds: float = 10.0


class SessionFolder:
    """The state folder of one session: what its processes tell one another. Nothing in it is a result."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, home: Path, session_id: str) -> SessionFolder:
        return cls(home / "sessions" / session_id)

    @property
    def plan(self) -> BacktestPlan:
        """The stored plan; a missing one is a usage error that names the session."""
        file = self.path / PLAN_FILE
        if not file.is_file():
            raise UsageError(
                f"session {self.path.name} has no plan in {self.path.parent}: it was not started from here"
            )
        return msgspec.json.decode(file.read_bytes(), type=BacktestPlan)

    def write_plan(self, plan: BacktestPlan) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        if sys.platform != "win32":
            # the configuration of an external database may hold a password
            self.path.chmod(0o700)
        self.write(PLAN_FILE, plan)

    def write(self, name: str, value: object) -> None:
        """Write a small JSON file, whole or not at all."""
        scratch = self.path / f".{name}.new"
        scratch.write_bytes(msgspec.json.encode(value))
        _patiently(lambda: scratch.replace(self.path / name))

    def read(self, name: str) -> bytes | None:
        """The bytes of a small file, None where there is none."""
        try:
            return _patiently((self.path / name).read_bytes)
        except FileNotFoundError:
            return None

    def clear(self, *names: str) -> None:
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    @property
    def recovery(self) -> Path:
        return self.path / "recovery"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"


def _patiently(action: Callable[[], _Result]) -> _Result:
    """Do it, again for a second where somebody else has the file open: Windows refuses to replace or read it then."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return action()
        except PermissionError:
            if time.monotonic() > until:
                raise
        time.sleep(0.01)


def accounts_text(accounts: Sequence[AccountSettings]) -> str:
    """Accounts as a plan stores them."""
    return json.dumps([account.model_dump(mode="json", by_alias=True) for account in accounts])


def accounts_of(plan: BacktestPlan) -> tuple[AccountSettings, ...]:
    """The accounts of a plan."""
    return tuple(AccountSettings.model_validate(account) for account in json.loads(plan.accounts))

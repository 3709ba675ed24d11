"""The state folder of a session: what its processes tell one another. Nothing in it is a result."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from dataflows.sessions.plan import Plan
from operators.errors import UsageError

PLAN_FILE: Final = "plan.json"
_PATIENCE_SECONDS: Final = 1.0
_Result = TypeVar("_Result")
_Kind = TypeVar("_Kind", bound=Plan)


class SessionFolder:
    """The small files of one session, whatever its mode."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, home: Path, session_id: str) -> SessionFolder:
        return cls(home / "sessions" / session_id)

    @property
    def plan(self) -> Plan:
        """The stored plan. One that is missing or of another program version is a usage error."""
        file = self.path / PLAN_FILE
        if not file.is_file():
            raise UsageError(
                f"session {self.path.name} has no plan in {self.path.parent}: it was not started from here"
            )
        try:
            plan: Plan = msgspec.json.decode(file.read_bytes(), type=Plan)
        except msgspec.ValidationError as error:
            raise UsageError(f"the plan of session {self.path.name} is of another program version: {error}") from error
        return plan

    def plan_as(self, kind: type[_Kind]) -> _Kind:
        """The stored plan of a session of that kind; any other is a usage error."""
        plan = self.plan
        if not isinstance(plan, kind):
            wanted = kind.__struct_config__.tag
            raise UsageError(f"session {self.path.name} is a {plan.mode} session, not a {wanted} session")
        return plan

    def write_plan(self, plan: Plan) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        if sys.platform != "win32":
            # the configuration of an external database may hold a password
            self.path.chmod(0o700)
        self.write(PLAN_FILE, plan)

    def write(self, name: str, value: object) -> None:
        """Write a small JSON file, whole or not at all."""
        target = self.path / name
        scratch = target.with_name(f".{target.name}.new")
        scratch.write_bytes(msgspec.json.encode(value))
        _patiently(lambda: scratch.replace(target))

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
    def journal(self) -> Path:
        """Where a collector keeps what the database has not taken yet."""
        return self.path / "journal"

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

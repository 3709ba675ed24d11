"""The `tapeflow` command."""

from __future__ import annotations

import sys

import typer

from dataflows.cli import backtest, db, demo, doctor, generate, import_export, indicators, sessions, strategies
from dataflows.cli.output import messages
from operators.errors import TapeflowError

app = typer.Typer(
    name="tapeflow",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Record, replay and trade thin perpetual futures. Results live in QuestDB; "
    "`tapeflow demo` shows the main job in a minute.",
)

for commands in (demo, doctor, db, generate, import_export, backtest, sessions, strategies, indicators):
    commands.register(app)


def main() -> None:
    """Entry point. Expected errors are one line on standard error; exit codes: 0 ok, 1 failed, 2 usage, 130 stopped."""
    try:
        app()
    except TapeflowError as error:
        messages.print(f"[red]error:[/red] {_escape(str(error))}", soft_wrap=True)
        sys.exit(error.exit_code)


def _escape(text: str) -> str:
    return text.replace("[", "\\[")


if __name__ == "__main__":
    main()

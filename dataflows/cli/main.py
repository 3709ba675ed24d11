"""The `tapeflow` command."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dataflows.cli import (
    backtest,
    collect,
    compare,
    db,
    demo,
    doctor,
    drain,
    exchange,
    explain,
    generate,
    import_export,
    indicators,
    quality,
    sessions,
    stopping,
    strategies,
)
from dataflows.cli.output import messages, print_json
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


def _show_version(wanted: bool) -> None:
    if wanted:
        from dataflows.version import program_version

        typer.echo(f"tapeflow {program_version()}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """The options of the program itself."""


for commands in (
    demo,
    doctor,
    db,
    drain,
    exchange,
    generate,
    collect,
    import_export,
    backtest,
    sessions,
    quality,
    compare,
    explain,
    stopping,
    strategies,
    indicators,
):
    commands.register(app)


def main() -> None:
    """Entry point. Expected errors are one line on standard error, with --json also an object with the event `failed`
    on standard output; exit codes: 0 ok, 1 failed, 2 usage, 130 stopped.
    """
    try:
        app()
    except TapeflowError as error:
        _fail(_with_place(error), error.exit_code)
    except OSError as error:
        _fail(_of_the_system(error), 1)
    except SystemExit as end:
        # options that cannot be understood have been explained on standard error already
        reason = getattr(end.__context__, "format_message", None)
        if reason is not None and _wants_json():
            print_json("failed", error=reason())
        raise


def _fail(reason: str, exit_code: int) -> None:
    if _wants_json():
        print_json("failed", error=reason)
    messages.print(f"[red]error:[/red] {_escape(reason)}", soft_wrap=True)
    sys.exit(exit_code)


def _with_place(error: TapeflowError) -> str:
    """An unknown session may be known elsewhere: say where it was looked for."""
    tapes = sys.modules.get("dataflows.tapes")
    if tapes is None or not isinstance(error, tapes.UnknownSession):
        return str(error)
    from dataflows.cli.project import place

    external = "--db" if any(word.partition("=")[0] == "--db" for word in sys.argv) else None
    return f"{error} (looked for in {place(external)})"


def _of_the_system(error: OSError) -> str:
    """What the operating system refuses: which file, why, and what may help."""
    from dataflows.settings import home

    what = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    ours = str(error.filename or "").startswith(str(home()))
    return f"{what}; TAPEFLOW_HOME must name a folder that can be written to" if ours else what


def _wants_json() -> bool:
    return "--json" in sys.argv[1:]


def _escape(text: str) -> str:
    return text.replace("[", "\\[")


if __name__ == "__main__":
    main()

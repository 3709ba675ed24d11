"""`python -m benchmarks [GROUP …] [--trades N]`: all groups where none is named.

Uses a database of its own in a temporary folder, which is removed at the end.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks import backtest, collection, indicators, kernels, storage, strategies
from benchmarks.report import Results, console
from connectors.questdb.server import open_database, stop_server

GROUPS = ("kernels", "indicators", "strategies", "storage", "backtest", "collection")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure and print; nothing is asserted.")
    parser.add_argument("groups", nargs="*", help=f"{', '.join(GROUPS)}; all where none is named")
    parser.add_argument("--trades", type=int, default=5_000_000, help="trades of the large tape (default 5 000 000)")
    parser.add_argument("--long-trades", type=int, default=20_000_000, help="trades of the longest tape; 0 = leave out")
    parser.add_argument("--frames", type=int, default=2_000_000, help="frames for the collector (default 2 000 000)")
    arguments = parser.parse_args()
    groups = arguments.groups or GROUPS
    if unknown := set(groups) - set(GROUPS):
        parser.error(f"unknown group {sorted(unknown)[0]!r}; allowed: {', '.join(GROUPS)}")
    results = Results()
    if "kernels" in groups:
        console.print("[bold]kernels[/bold]")
        for line in kernels.run():
            results.add(line)
    if "indicators" in groups:
        console.print("[bold]indicators[/bold]")
        for line in indicators.run():
            results.add(line)
    if "strategies" in groups:
        console.print("[bold]strategies[/bold]")
        for line in strategies.run():
            results.add(line)
    if set(groups) - {"kernels", "indicators", "strategies"}:
        with tempfile.TemporaryDirectory(prefix="tapeflow-bench-", ignore_cleanup_errors=True) as folder:
            home = Path(folder) / "home"
            os.environ["TAPEFLOW_HOME"] = str(home)
            database = open_database(home, None)
            try:
                if "storage" in groups:
                    console.print("[bold]storage[/bold]")
                    storage.run(database, Path(folder), arguments.trades, results)
                if "backtest" in groups:
                    console.print("[bold]backtest[/bold]")
                    backtest.run(database, home, arguments.trades, arguments.long_trades, results)
                if "collection" in groups:
                    console.print("[bold]collection[/bold]")
                    collection.run(database, home, arguments.frames, results)
            finally:
                stop_server(home)
    results.print()


if __name__ == "__main__":
    main()

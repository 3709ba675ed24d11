"""`python -m benchmarks [storage|backtest|kernels …] [--trades N]`: all of them where none is named.

Uses a database of its own in a temporary folder, which is removed at the end.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks import backtest, kernels, storage
from benchmarks.report import Results, console
from connectors.questdb.server import open_database, stop_server


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure and print; nothing is asserted.")
    parser.add_argument("groups", nargs="*", help="storage, backtest, kernels; all where none is named")
    parser.add_argument("--trades", type=int, default=5_000_000, help="trades of the large tape (default 5 000 000)")
    parser.add_argument("--long-trades", type=int, default=20_000_000, help="trades of the longest tape; 0 = leave out")
    arguments = parser.parse_args()
    groups = arguments.groups or ["kernels", "storage", "backtest"]
    if unknown := set(groups) - {"kernels", "storage", "backtest"}:
        parser.error(f"unknown group {sorted(unknown)[0]!r}; allowed: kernels, storage, backtest")
    results = Results()
    if "kernels" in groups:
        console.print("[bold]kernels[/bold]")
        for line in kernels.run():
            results.add(line)
    if set(groups) & {"storage", "backtest"}:
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
            finally:
                stop_server(home)
    results.print()


if __name__ == "__main__":
    main()

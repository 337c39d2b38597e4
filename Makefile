# `make` explains every target. Python 3.11 or newer, make and a package index are enough.

PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
# Another PYTHON is another environment: its name is part of the stamp.
MADE := $(VENV)/.made-with-$(subst /,-,$(PYTHON))
READY := $(VENV)/.ready
READY_TO_TEST := $(VENV)/.ready-to-test

# Where PYTHONDONTWRITEBYTECODE is set, every start would compile every library again.
PIP := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCK := $(BIN)/python -m uv pip compile pyproject.toml --universal --generate-hashes \
	--python-version 3.11 --no-header --quiet $(if $(UPGRADE),--upgrade)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo up test lint bench-touch bench-decide bench-sweep bench-links bench-freshness bench-react bench-ingest bench-topics bench-issue bench-broadcast chaos docs lock clean

help: ## Explain every target (this list)
	@echo 'digital-cs: programs for every account, that run for months and lose nothing'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | \
		while IFS='|' read -r name what; do printf '%-24s%s\n' "$$name" "$$what"; done
	@echo
	@echo 'PYTHON=python3.12 make ... uses another Python. Everything lives in $(VENV) and var/.'

setup: $(READY) ## Make the environment in .venv (the other targets do it when needed)
	@echo 'Ready: $(BIN)/digital-cs --help'

demo: $(READY) ## Watch 90 days of programs in about 90 seconds (DEMO_SECONDS=90 ends by itself)
	@exec $(BIN)/digital-cs demo

up: $(READY) ## Run the engine for real, on its own Postgres and Temporal, until Ctrl-C
	@exec $(BIN)/digital-cs up

test: $(READY_TO_TEST) ## Check everything: style, types, layers, tests; fails when any of them fails
	@failed=''; \
	check() { \
		name=$$1; shift; printf '\n── %s ──\n' "$$name"; \
		"$$@" || failed="$$failed, $$name"; \
	}; \
	check 'style (ruff check)' $(BIN)/ruff check; \
	check 'layout (ruff format)' $(BIN)/ruff format --check; \
	check 'types (mypy)' $(BIN)/mypy; \
	check 'layers (import-linter)' $(BIN)/lint-imports --no-logo; \
	check 'tests (pytest)' $(BIN)/python -m pytest -n 2 --dist loadfile -q; \
	if [ -n "$$failed" ]; then printf '\nFailed: %s\n' "$${failed#, }"; exit 1; fi

lint: $(READY_TO_TEST) ## Only the quick checks: style, types, layers
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench-touch: $(READY_TO_TEST) ## Measure what a touch costs against a bare workflow
	@exec $(BIN)/python -m tests.bench.touch

bench-decide: $(READY_TO_TEST) ## Measure the decision about a message, and its share of a touch
	@exec $(BIN)/python -m tests.bench.decide

bench-ingest: $(READY_TO_TEST) ## Measure events through the API against a bare COPY, and kill the API under load
	@exec $(BIN)/python -m tests.bench.ingest

bench-sweep: $(READY_TO_TEST) ## Judge a million accounts by a trigger, against a bare scan (BENCH_ACCOUNTS)
	@exec $(BIN)/python -m tests.bench.sweep

bench-links: $(READY_TO_TEST) ## Check links on loopback without politeness, then with it (BENCH_LINKS)
	@exec $(BIN)/python -m tests.bench.links

bench-freshness: $(READY_TO_TEST) ## Pass over a library of 10,000 items and all that speaks against it (BENCH_ITEMS)
	@exec $(BIN)/python -m tests.bench.freshness

bench-topics: $(READY_TO_TEST) ## Measure topics learned, proposed and matched (BENCH_TOPICS_TEST=texts kept back)
	@exec $(BIN)/python -m tests.bench.topics

bench-react: $(READY_TO_TEST) ## Measure how soon a track call moves the enrollment that waits for it
	@exec $(BIN)/python -m tests.bench.react

bench-issue: $(READY_TO_TEST) ## Put an issue for 100,000 readers together, hand it over, report it (BENCH_READERS)
	@exec $(BIN)/python -m tests.bench.issue

bench-broadcast: $(READY_TO_TEST) ## Send to 100,000 against a bare loop of the same client (BENCH_RECIPIENTS)
	@exec $(BIN)/python -m tests.bench.broadcast

chaos: $(READY_TO_TEST) ## Kill and break parts at random while programs run, then count: lost 0, twice 0
	@exec $(BIN)/python -m tests.chaos

docs: $(READY_TO_TEST) ## Write docs/reference again from the settings and commands (a test compares)
	@$(BIN)/python -m tests.house.regenerate_docs

lock: $(READY) ## Write the lock files again from pyproject.toml (UPGRADE=1 takes newer versions)
	@$(PIP) install uv
	@$(LOCK) --extra embedded --group build --output-file requirements.lock
	@$(LOCK) --extra dev --group build --constraint requirements.lock \
		--output-file requirements-dev.lock
	@$(LOCK) --group build --constraint requirements.lock --output-file deploy/requirements.lock

clean: ## Remove the environment and all caches (not var/, where the engine keeps its state)
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@command -v $(PYTHON) >/dev/null || { \
		echo 'There is no $(PYTHON) here. Install Python 3.11 or newer, or say PYTHON=/path/to/python.'; \
		exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("$(PYTHON) is Python %d.%d, which is too old: digital-cs needs 3.11 or newer. Say PYTHON=python3.12, for example." % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo '$(PYTHON) has no venv module, or no pip for it. Install it: on Debian and Ubuntu the package is python3-venv.'; \
		exit 1; }
	@echo 'Making an environment in $(VENV) ...'
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(READY): $(MADE) requirements.lock pyproject.toml
	@echo 'Installing what digital-cs needs (some 600 MB, once) ...'
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(READY_TO_TEST): $(READY) requirements-dev.lock
	@echo 'Installing what the tests need ...'
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

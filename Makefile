# `make run` and `make test` are all a newcomer needs. Both make their own environment in .venv first.
PYTHON ?= $(shell for v in python3.13 python3.12 python3.11 python3; do \
	$$v -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$v && break; done)
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?= config
SBOM ?= dist/pagerd.cdx.json

.PHONY: help run test check soak kill chaos bench bench-versus lock audit sbom clean
.DEFAULT_GOAL := help

help:
	@echo "make run [LISTEN=host:port]   start the daemon on config/, with a store of its own"
	@echo "make test [ARGS=...]          all tests, within 5 minutes on two cores; one of them, to look into: ARGS='-n 0 --pdb tests/…'"
	@echo "make check                    style, types, layers, dependencies"
	@echo "make soak [SEEDS=0-99999]     simulated nights with faults; each promise is checked"
	@echo "make kill                     kill -9 at every point of the chain, one after another"
	@echo "make chaos [ARGS=...]         break a store, workers and lines under load, and audit; such as ARGS='--seconds 120 --seed 7'"
	@echo "make bench [ARGS=...]         measure; a report"
	@echo "make bench-versus             the same alerts to Alertmanager, if it is on PATH, and to pagerd"
	@echo "make lock                     renew the lock files"
	@echo "make audit                    known weaknesses of what the lock files name; asks the package index"
	@echo "make sbom [SBOM=file]         what the daemon is made of, as CycloneDX"
	@echo "make clean                    remove the environment"

run: $(VENV)/run.stamp
	@exec $(BIN)/pagerd run --config $(CONFIG) $(if $(LISTEN),--listen $(LISTEN))

# One works from the front, where tests wait for clocks, and one from the middle, where they reckon. What pytest makes of each file is kept, whatever
# the shell says: it costs more than the file's tests do.
test: $(VENV)/dev.stamp
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n 2 --dist worksteal $(ARGS)

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry .

soak: $(VENV)/dev.stamp
	$(BIN)/python -m tests.simulation $(or $(SEEDS),0-99999)

kill: $(VENV)/dev.stamp
	PAGERD_TEST_POINTS=all $(BIN)/python -m pytest -q tests/acceptance/test_kill.py

chaos: $(VENV)/dev.stamp
	$(BIN)/python -m tests.chaos $(ARGS)

bench: $(VENV)/dev.stamp
	$(BIN)/python -m bench $(ARGS)

bench-versus: $(VENV)/dev.stamp
	$(BIN)/python -m bench versus

lock: $(VENV)/dev.stamp
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra dev pyproject.toml -c requirements.lock -o requirements-dev.lock

# Strict: what could not be looked up is a failure, not a pass.
audit: $(VENV)/dev.stamp
	$(BIN)/pip-audit --strict --progress-spinner off --disable-pip --require-hashes -r requirements.lock
	$(BIN)/pip-audit --strict --progress-spinner off --disable-pip --require-hashes -r requirements-dev.lock

# Nothing of the moment or the machine gets into it: the same lock file makes the same bytes.
sbom: $(VENV)/dev.stamp
	@mkdir -p $(dir $(SBOM))
	$(BIN)/cyclonedx-py requirements --output-reproducible --output-format JSON --pyproject pyproject.toml --mc-type application $(ARGS) -o $(SBOM) requirements.lock

clean:
	rm -rf $(VENV)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "pagerd needs Python 3.11 or newer, and none was found on PATH" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# The verbs of this project; `make` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: help start test check faults bench services

help:  ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

start: .venv/ready  ## set up, and run the getting-started pipeline in a new folder
	@folder=$$(mktemp -d) && cp examples/getting-started.yaml $$folder && cd $$folder && \
	$(CURDIR)/$(BIN)/magnus execute --file getting-started.yaml --x 3 && echo "look around in $$folder" >&2

test: .venv/ready  ## set up, and pass the tests
	$(BIN)/pytest -n $$((2 * $$(getconf _NPROCESSORS_ONLN))) --dist loadgroup

check: .venv/ready  ## format, lint, types, architecture
	$(BIN)/ruff format --check -q
	$(BIN)/ruff check -q
	$(BIN)/mypy
	$(BIN)/lint-imports

services: .venvs/mlflow-server/ready  ## install the servers that tests of services talk to; without them these are skipped

faults: .venv/ready  ## kill a run at a thousand random moments
	$(BIN)/pytest tests/faults --kills 1000 --timeout 3600

bench: .venv/ready  ## compare with other tools, in whole processes
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/branches.py
	$(BIN)/python benchmarks/objects.py
	$(BIN)/python benchmarks/catalog.py
	$(BIN)/python benchmarks/resume.py
	$(BIN)/python benchmarks/notebook.py
	$(BIN)/python benchmarks/report.py
	$(BIN)/python benchmarks/runs.py
	$(BIN)/python benchmarks/check.py

.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "magnus needs Python 3.11 or later: make PYTHON=/path/to/it")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q -e . --group dev
	touch $@

.venvs/mlflow-server/ready: tests/services/mlflow-server.txt
	rm -rf .venvs/mlflow-server
	$(PYTHON) -m venv .venvs/mlflow-server
	.venvs/mlflow-server/bin/python -m pip install -q --no-deps -r $<
	touch $@

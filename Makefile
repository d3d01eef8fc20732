# The verbs of this project; `make` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
KILLS ?= 40

# Tests start interpreters by the hundred: without bytecode each of them would compile magnus again.
unexport PYTHONDONTWRITEBYTECODE

# Tests and examples of faults misspell on purpose.
PROSE := src docs examples benchmarks .ci .github mkdocs.yml pyproject.toml Makefile $(wildcard *.md)

.PHONY: help start test quick check docs pictures release faults bench figures services

help:  ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

start: $(VENV)/ready  ## set up, and run the getting-started pipeline in a new folder
	@folder=$$(mktemp -d) && cp examples/getting-started.yaml $$folder && cd $$folder && \
	$(CURDIR)/$(BIN)/magnus execute --file getting-started.yaml --x 3 && echo "look around in $$folder" >&2

test: $(VENV)/ready  ## set up, and pass the tests; KILLS=100 kills more runs in the tests of faults
	$(BIN)/pytest -n $$((2 * $$(getconf _NPROCESSORS_ONLN))) --dist loadgroup --kills $(KILLS)

quick: $(VENV)/ready  ## pass the tests of units and contracts but slow ones, in a minute
	$(BIN)/pytest tests/unit tests/contracts -m "not kernel and not slow" -n $$((1 + $$(getconf _NPROCESSORS_ONLN))) --dist loadgroup

check: $(VENV)/ready  ## format, lint, spelling, words, types, architecture
	$(BIN)/ruff format --check -q
	$(BIN)/ruff check -q
	$(BIN)/codespell $(PROSE)
	$(BIN)/python .ci/vocabulary.py
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/docs  ## write the site of the documentation to site/; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

pictures: $(VENV)/ready  ## make the pictures of README.md again, from a real run; needs tmux and Chromium
	$(BIN)/python .ci/pictures.py

release: $(VENV)/ready  ## build the distributions, try the wheel in a new environment, and tag; nothing is published
	$(BIN)/python .ci/release.py

services: .venvs/mlflow-server/ready .venvs/azurite/ready .venvs/step-functions/ready .venvs/aws-cli/ready  ## install the servers that tests of services talk to; without them these are skipped

faults: KILLS = 1000
faults: $(VENV)/ready  ## kill a run at a thousand random moments
	$(BIN)/pytest tests/faults --kills $(KILLS) --timeout 3600

bench: $(VENV)/ready  ## compare with other tools, in whole processes
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/notebook.py
	$(BIN)/python benchmarks/report.py
	$(BIN)/python benchmarks/runs.py
	$(BIN)/python benchmarks/ui.py
	$(BIN)/python benchmarks/databases.py
	$(BIN)/python benchmarks/object_store_catalog.py --rounds 1
	$(BIN)/python benchmarks/check.py
	$(BIN)/python benchmarks/slurm.py --rounds 1

figures: $(VENV)/ready  ## measure as bench does, and write the table of the documentation; on a quiet machine
	$(BIN)/python benchmarks/run.py --keep

$(VENV)/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "magnus needs Python 3.11 or later: make PYTHON=/path/to/it")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q -e . --group dev
	touch $@

$(VENV)/docs: $(VENV)/ready
	$(BIN)/python -m pip install -q --group docs
	touch $@

.venvs/mlflow-server/ready: tests/services/mlflow-server.txt
	rm -rf .venvs/mlflow-server
	$(PYTHON) -m venv .venvs/mlflow-server
	.venvs/mlflow-server/bin/python -m pip install -q --no-deps -r $<
	touch $@

.venvs/aws-cli/ready: tests/services/aws-cli.txt
	rm -rf .venvs/aws-cli
	$(PYTHON) -m venv .venvs/aws-cli
	.venvs/aws-cli/bin/python -m pip install -q --no-deps -r $<
	touch $@

.venvs/azurite/ready: tests/services/azurite.txt
	rm -rf .venvs/azurite
	@if command -v npm >/dev/null; then \
	set -x; npm install --silent --no-fund --no-audit --prefix .venvs/azurite "$$(cat $<)" && touch $@; \
	else echo "Azurite (Azure Blob Storage) is not installed: it needs npm" >&2; fi

.venvs/step-functions/ready: tests/services/step-functions.txt
	rm -rf .venvs/step-functions
	@if command -v npm >/dev/null; then \
	set -x; npm install --silent --no-fund --no-audit --prefix .venvs/step-functions $$(cat $<) && touch $@; \
	else echo "asl-validator and aws-local-stepfunctions (AWS Step Functions) are not installed: they need npm" >&2; fi

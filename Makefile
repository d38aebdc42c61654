# Every target sets itself up: Python 3.11 or newer and a package index are all it needs.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
BENCHED := .venv/.bench

.PHONY: demo test check bench docs reference fuzz clean help

help:  ## say what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/ -/'

demo: $(READY)  ## an agent's memory, asked in the present and in the past
	@$(BIN)/datamem demo

test: $(READY)  ## every test, every example in the documents
	$(BIN)/pytest -n 2

check: $(READY)  ## lint, types, layers, fast tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=.:cli $(BIN)/lint-imports
	$(BIN)/pytest -n 2 -m "not slow"

bench: $(BENCHED)  ## the figures of docs/benchmarks, into bench/results/
	$(BIN)/python -m bench

docs: $(READY) reference  ## the documentation as a site, in site/
	$(BIN)/mkdocs build -q

reference: $(READY)  ## write docs/cli.md anew from the commands
	PYTHONPATH=.:cli $(BIN)/python -m datamem_cli.reference > docs/cli.md.new
	mv docs/cli.md.new docs/cli.md

fuzz: $(READY)  ## the property tests, for long
	$(BIN)/pytest -n 2 -m hypothesis --hypothesis-profile=fuzz

clean:  ## remove everything that the other targets made
	rm -rf .venv .deps .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist site

$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq --editable ".[dev]"
	touch $(READY)

$(BENCHED): $(READY)
	$(BIN)/python -m pip install -qq --editable ".[bench]"
	touch $(BENCHED)

# A fresh machine needs Python 3.11 or newer with its venv module, and make. Another Python: make PYTHON=python3.12 ...
PYTHON ?= python3
VENV := .venv
BENCH := .venv-bench
BIN := $(VENV)/bin
PAGE := house_prices.html

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint bench docs format clean

help: ## list the targets
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+): .*## /\1|/' | \
		awk -F'|' '{ printf "  make %-8s %s\n", $$1, $$2 }'

demo: $(VENV)/.installed ## fit King County's house prices and write house_prices.html
	$(BIN)/leastwise fit src/leastwise/data/house_prices.parquet --target price --category zipcode --report $(PAGE)

test: lint ## every check: lint, then tests, docstring examples and README; skipped tests are named at the end
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/.installed-test ## formatting, style, types, import contract
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-logo --no-cache

bench: $(BENCH)/leastwise/.installed ## ours and every peer on the same problems; OPTIONS=--quick for a first look
	$(BENCH)/leastwise/bin/python -m benchmarks $(OPTIONS)
	$(BENCH)/leastwise/bin/python -m benchmarks.ols
	$(BENCH)/leastwise/bin/python -m benchmarks.lad
	$(BENCH)/leastwise/bin/python -m benchmarks.gpu
	$(BENCH)/leastwise/bin/python -m benchmarks.logistic

docs: $(VENV)/.installed-docs ## run the gallery and build the site into docs/_build; a warning is an error
	rm -rf docs/gallery
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build
	@echo "docs/_build/index.html"

format: $(VENV)/.installed-test ## rewrite the code in the house style
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

clean: ## remove all that was built, the environments included
	rm -rf $(VENV) $(BENCH) benchmarks/cache benchmarks/output build dist docs/_build docs/gallery $(PAGE) .pytest_cache .ruff_cache .hypothesis
	find src tests benchmarks examples docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# An environment is made once; what is in it follows pyproject.toml.
$(VENV)/bin/pip $(BENCH)/leastwise/bin/pip:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "$(PYTHON) was not found. Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "leastwise needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(@:/bin/pip=)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/pip
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/bin/pip
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: pyproject.toml | $(VENV)/bin/pip
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@ $(VENV)/.installed

# pandas reads the tables that travel in other packages.
$(BENCH)/leastwise/.installed: pyproject.toml | $(BENCH)/leastwise/bin/pip
	$(BENCH)/leastwise/bin/python -m pip install --quiet --editable . pandas
	@touch $@

# Every task of this repository. `make` alone lists them. A machine with Python and pip is enough:
# each target first brings .venv up to date.

PYTHON ?= python3
WORKERS ?= 2
PYTEST_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BROWSER_STAMP := .cache/browser/.installed

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# With it no process would ever find compiled modules, and every start would cost seconds.
unexport PYTHONDONTWRITEBYTECODE

empty :=
space := $(empty) $(empty)
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
PLUGIN_PACKAGES := $(patsubst %/__init__.py,%,$(wildcard plugins/*/*/__init__.py))
TYPED := tom_pipeline_core tests $(filter-out %/tests,$(PLUGIN_PACKAGES)) $(patsubst %/,%,$(wildcard demo/ benchmarks/))
EDITABLE := -e . $(addprefix -e ./,$(PLUGINS))

.PHONY: help install test test-quick coverage lint lint-ruff lint-types lint-imports \
	lint-migrations fix demo demo-reset docs bench faults screenshots wheels constraints clean

help:
	@echo 'make demo          a TOM with a target, frames and the example plugin, in your browser'
	@echo 'make demo ONCE=1   the same on the terminal: one process from submission to outputs'
	@echo 'make demo-reset    forget what the demo has stored'
	@echo
	@echo 'make test          every test; names what it skipped, and why'
	@echo 'make test-quick    the inner loop: no browser, no fault injection, nothing slow'
	@echo 'make faults        only the tests that kill and break real parts'
	@echo 'make coverage      the tests again, with the lines that none of them reached'
	@echo 'make lint          ruff, mypy, import layers, missing migrations'
	@echo 'make fix           what ruff can put right by itself'
	@echo
	@echo 'make bench         benchmarks: ratios and the environment they were measured in'
	@echo 'make docs          the documentation, into docs/_build/html'
	@echo 'make screenshots   the pictures of the documentation, from the running pages'
	@echo 'make wheels        build all distributions and try them outside this checkout'
	@echo 'make constraints   newest versions of all dependencies, into constraints.txt'
	@echo 'make install       .venv with everything; the other targets do it when needed'
	@echo
	@echo 'PYTHON=python3.12 chooses the interpreter of a new .venv; PYTEST_ARGS="-k name" narrows tests.'

# -- environment -----------------------------------------------------------------------------------

install: $(STAMP)

# uv comes from PyPI into .venv. Where it does not install (a rare platform), pip does the same work.
$(STAMP): pyproject.toml constraints.txt $(addsuffix /pyproject.toml,$(PLUGINS))
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' || { \
	  echo "$$($(PYTHON) --version 2>&1): Python 3.10 to 3.13 is needed. Name one: make PYTHON=python3.11 ..." >&2; exit 1; }
	@echo 'Installing into $(VENV), the first time within a minute or so'
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip $(VENV)
	@test -x $(BIN)/uv || $(PYTHON) -m pip --python $(BIN)/python install -q --disable-pip-version-check -c constraints.txt uv \
	  || echo 'uv could not be installed; going on with pip, which is slower' >&2
	@if test -x $(BIN)/uv; then \
	  $(BIN)/uv pip install -q --python $(BIN)/python --compile-bytecode -c constraints.txt $(EDITABLE) --group dev; \
	else \
	  $(PYTHON) -m pip --python $(BIN)/python install -q 'pip>=25.1' && \
	  $(BIN)/python -m pip install -q -c constraints.txt $(EDITABLE) --group dev; \
	fi
	@touch $@

# What the pages load from elsewhere, and axe-core: the browser tests serve and use local copies.
$(BROWSER_STAMP): tests/browser/package.json
	@mkdir -p $(@D) && cp $< $(@D)/ && \
	if ! command -v npm > /dev/null; then echo 'npm is not installed: the browser tests will be skipped' >&2; \
	elif npm install --prefix $(@D) --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel error > /dev/null; then touch $@; \
	else echo 'npm could not fetch the assets of the browser tests: they will be skipped' >&2; fi

constraints:
	@test -x $(BIN)/uv || $(MAKE) install
	$(BIN)/uv lock -q --upgrade
	$(BIN)/uv export -q --all-packages --all-extras --all-groups --no-emit-workspace --no-hashes \
	  --no-annotate --no-header --no-emit-index-url --no-emit-find-links -o constraints.txt
	@rm -f uv.lock
	@! grep -n '://' constraints.txt

# -- quality ---------------------------------------------------------------------------------------

test: $(STAMP) $(BROWSER_STAMP)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

test-quick: $(STAMP)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m 'not browser and not faults and not slow' $(PYTEST_ARGS)

faults: $(STAMP)
	$(BIN)/pytest -m faults $(PYTEST_ARGS)
	$(BIN)/python -m tests.faults.soak

coverage: $(STAMP) $(BROWSER_STAMP)
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -n $(WORKERS) $(PYTEST_ARGS)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

lint: $(STAMP)
	@$(MAKE) --no-print-directory -j2 -Otarget lint-types lint-ruff lint-imports lint-migrations

lint-ruff: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

lint-types: $(STAMP)
	MYPYPATH=$(subst $(space),:,$(PLUGINS)) $(BIN)/mypy $(TYPED)

lint-imports: $(STAMP)
	@out=$$($(BIN)/lint-imports 2>&1) || { echo "$$out"; exit 1; }; grep 'Contracts:' <<< "$$out"

lint-migrations: $(STAMP)
	$(BIN)/python -m django makemigrations --check --dry-run --settings tests.settings

fix: $(STAMP)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# -- demo ------------------------------------------------------------------------------------------

demo: $(STAMP)
	@exec $(BIN)/python demo/run.py $(if $(ONCE),--once)

demo-reset:
	rm -rf demo/data

# -- the rest --------------------------------------------------------------------------------------

docs: $(STAMP)
	@test -f docs/conf.py || { echo 'docs/conf.py does not exist yet' >&2; exit 1; }
	$(BIN)/uv pip install -q --python $(BIN)/python -c constraints.txt --group docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: $(STAMP)
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script; done

screenshots: $(STAMP) $(BROWSER_STAMP)
	SCREENSHOTS=docs/images $(BIN)/pytest tests/browser/test_click_path.py $(PYTEST_ARGS)

wheels: $(STAMP)
	@rm -rf dist
	$(BIN)/uv build -q --all-packages --wheel --out-dir dist
	$(BIN)/python .ci/try_wheels.py dist

clean:
	rm -rf $(VENV) .cache dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage* htmlcov

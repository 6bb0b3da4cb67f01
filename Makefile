# `make run` starts the product, `make test` proves it. Needs make and Python 3.11 or newer with venv, nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
PYTEST := $(BIN)/python -m pytest
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run test fast check format bench faults conformance elements assets browser build lock clean clients

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/installed assets ## install, build, deploy the samples, serve on http://127.0.0.1:8000
	@exec $(BIN)/fermata up samples/*/

test: $(VENV)/installed-dev assets clients browser ## install what the tests need and run them all
	@$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

fast: $(VENV)/installed-dev clients ## the inner loop: no browser, PostgreSQL, kills or long runs
	@$(PYTEST) -n $(WORKERS) --dist loadfile -q -m "not browser and not postgres and not faults and not conformance and not slow" $(ARGS)

check: $(VENV)/installed-dev ## lint, format, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --check .; echo "make format mends this."; exit 1; }
	@$(BIN)/pyright
	@$(PYTEST) -q tests/test_layering.py

format: $(VENV)/installed-dev ## format the code and mend what lint can mend
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

bench: $(VENV)/installed-dev ## measure speed and scale on both databases, write docs/benchmarks.md
	@$(BIN)/python -m tests.benchmarks.run $(ARGS)

faults: $(VENV)/installed-dev ## break everything a thousand times on each database (ARGS="sqlite --seed 7")
	@$(BIN)/python tests/faults/run.py $(ARGS)

conformance: $(VENV)/installed-dev ## run the tests of other people beside the repository, write docs/conformance.md
	@$(BIN)/python -m tests.conformance.run $(ARGS)

elements: $(VENV)/installed-dev ## draw and play the examples of docs/elements/, write docs/bpmn.md
	@$(BIN)/python -m tests.elements.run $(ARGS)

assets: $(VENV)/installed ## build the web assets (done when something changed)
	@$(BIN)/python webapp/assets/build.py

build: $(VENV)/installed assets ## make the wheel and the source distribution in dist/
	@$(UV) build --quiet --no-build-isolation --python $(BIN)/python

lock: $(VENV)/tools ## pin the dependencies again (ARGS=--upgrade for newer ones)
	@$(call lock,requirements.txt,pyproject.toml --extra agents --extra celery --extra otel --extra postgres)
	@$(call lock,requirements-dev.txt,--group dev --constraint requirements.txt)
	@$(call lock,requirements-build.txt,--group build --constraint requirements.txt --constraint requirements-dev.txt)

clean: ## remove what was installed and built; the data in var/ stay
	rm -rf $(VENV) dist build webapp/static/dist webapp/assets/node_modules tests/clients/node_modules .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp is written last, so that an interrupted installation is taken up again.

$(VENV)/tools: requirements-build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; '$(PYTHON)' is not one. Name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "Python's venv module is missing. On Debian: apt install python3-venv"; exit 1; }; \
	  echo "Making a virtual environment in $(VENV) ..."; $(PYTHON) -m venv --clear $(VENV); }
	@echo "Installing the tools ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.txt
	@touch $@

$(VENV)/installed: $(VENV)/tools requirements.txt pyproject.toml
	@echo "Installing Fermata ..."
	@$(call install,requirements.txt)
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	@echo "Installing what the tests need ..."
	@$(call install,requirements-dev.txt)
	@touch $@

# pip steps in where uv cannot reach the package index that pip is configured for.
define install
$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r $(1) || { \
  echo "uv could not install them; trying pip ..."; \
  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1); }
endef

# Hashes of every wheel for every platform, and no address of any index.
define lock
UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile $(2) --output-file $(1) --quiet --universal --python-version 3.11 \
  --generate-hashes --no-annotate $(ARGS)
endef

browser:
	@sh tests/browser/install.sh

clients: $(VENV)/installed
	@$(BIN)/python -m tests.clients.install

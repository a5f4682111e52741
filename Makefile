# Everything installs what it needs: Python packages into .venv, Debian's packages when root.
# The distribution's interpreter where it serves: it is what the service runs on, and its build is
# optimised by profile, a tenth cheaper than a plain one.
SERVES := import ensurepip, sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(or $(shell for p in /usr/bin/python3 python3; do $$p -c '$(SERVES)' 2>/dev/null && echo $$p && break; done),python3)
VENV := .venv
BIN := $(VENV)/bin
TEST_SECONDS ?= 1500
# A file of tests stays with one worker: its servers are started once.
WORKERS ?= 2
COVERAGE ?= 95

.DEFAULT_GOAL := help
.PHONY: help demo demo-check test check fmt bench interop lock standards clean services

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 14

# One stamp for each lock file: a second run costs nothing.
$(VENV)/runtime.stamp: requirements/runtime.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || sh deploy/install-venv.sh
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.lock $(VENV)/runtime.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@touch $@

# An independent SCIM client for the tests, apart from ours: it brings an HTTP library under which
# Authlib would behave differently from how it runs in service.
$(VENV)/scim-tools.stamp: requirements/scim-tools.lock $(VENV)/runtime.stamp
	@test -x $(VENV)/scim-tools/bin/python || $(PYTHON) -m venv $(VENV)/scim-tools
	$(VENV)/scim-tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# The SPID tests bring pysaml2 and its own pins: an environment of their own, too.
$(VENV)/spid-tools.stamp: requirements/spid-tools.lock $(VENV)/runtime.stamp
	@test -x $(VENV)/spid-tools/bin/python || $(PYTHON) -m venv $(VENV)/spid-tools
	$(VENV)/spid-tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

services: ## Install PostgreSQL, Redis and the browsers and servers of the tests (as root)
	@sh deploy/install-test-services.sh

demo: $(VENV)/runtime.stamp ## Run a synthetic province and one journey; stays up until Ctrl-C
	@$(BIN)/lienthong demo

demo-check: $(VENV)/runtime.stamp ## The same without staying; the last line is one JSON object
	@$(BIN)/lienthong demo --check

check: $(VENV)/dev.stamp ## Lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: $(VENV)/dev.stamp $(VENV)/scim-tools.stamp $(VENV)/spid-tools.stamp services check ## Everything that must pass before a change lands
	timeout $(TEST_SECONDS) $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --cov --cov-report=term:skip-covered --cov-fail-under=$(COVERAGE)

fmt: $(VENV)/dev.stamp ## Format and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/dev.stamp ## Measure the sign-in flow against node oidc-provider (npm)
	@$(BIN)/python -m benchmarks.run

interop: $(VENV)/dev.stamp $(VENV)/scim-tools.stamp $(VENV)/spid-tools.stamp services ## Sign in with real clients: Apache, openid-client, Authlib
	$(BIN)/python -m pytest tests/interop -rs

standards: $(VENV)/dev.stamp ## Write docs/standards.md from the code
	$(BIN)/python docs/generate_standards.py

lock: ## Renew the lock files (needs uv)
	uv pip compile pyproject.toml --extra dev --extra build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/dev.lock
	uv pip compile pyproject.toml --extra build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c requirements/dev.lock -o requirements/runtime.lock
	echo scim2-cli | uv pip compile - --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/scim-tools.lock
	echo spid-sp-test | uv pip compile - --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/spid-tools.lock

clean: ## Remove what was made here
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage build

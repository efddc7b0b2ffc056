# Tandem: `make` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help

CAMPAIGN ?= quick
INVENTORY ?= inventory/lab
PYTHON ?= python3
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
ASK := $(shell [ "$$(id -u)" = 0 ] || sudo -n true 2>/dev/null || echo --ask-become-pass)
ON_PATH := PATH="$(CURDIR)/.venv/bin:$$PATH"
export PYTHONUNBUFFERED := 1

.PHONY: help bench new-app restore lab-down test benchmark lint clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

bench: .venv/run.done ## Measure on the virtual lab: everything from nothing, then the report (CAMPAIGN=smoke for the short one)
	@$(ON_PATH) ansible-playbook $(ASK) --inventory $(INVENTORY) bench.yml --extra-vars campaign=$(CAMPAIGN)

new-app: export NAME := $(NAME)
new-app: .venv/run.done ## Make the folder of a new daemon that works as it is: make new-app NAME=...
	@.venv/bin/tandem new-app -- "$$NAME"

restore: .venv/run.done ## Put the machines back, any time
	@$(ON_PATH) ansible-playbook $(ASK) --inventory $(INVENTORY) playbooks/restore.yml

lab-down: .venv/run.done ## Take the virtual lab down and leave nothing of it running
	@$(ON_PATH) ansible-playbook $(ASK) playbooks/lab_down.yml

# The lab's tests are one process's, from the start; what is timed (tests/pacer) runs alone afterwards.
SIDE_BY_SIDE := --numprocesses auto --dist loadfile --no-loadscope-reorder

test: .venv/dev.done .cache/test-packages.done .cache/test-node.done ## Run every test, on the virtual lab (as root, and not while a campaign runs)
	@export $(ON_PATH); failed=0; pytest $(SIDE_BY_SIDE) tests/e2e tests/apps tests/unit || failed=1; pytest tests/pacer || failed=1; exit $$failed

benchmark: .venv/dev.done .cache/test-packages.done .cache/nginx/usr/sbin/nginx ## Measure pacer and the comparisons: do they tell the truth, what do they cost (on an idle machine, about 30 minutes)
	@export $(ON_PATH); failed=0; for part in truth speed statistics history; do python -m benchmarks.$$part || failed=1; done; exit $$failed

lint: .venv/dev.done ## Check style, types, YAML and playbooks
	@$(ON_PATH) ruff check .
	@$(ON_PATH) mypy
	@$(ON_PATH) yamllint --strict .
	@$(ON_PATH) ansible-lint --profile production --strict --offline -q

clean: ## Remove what the targets made here (the lab: make lab-down; results stay)
	rm -rf .venv .cache build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/node/node_modules

.venv/run.done: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Tandem needs Python 3.11 or newer on this machine; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 ...")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing: $(SUDO) apt-get install python3-venv"; exit 1; }
	@echo "Making .venv from $< (once, about a minute) ..."
	@[ -x .venv/bin/python ] || $(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.done: requirements-dev.lock .venv/run.done
	@echo "Adding the tools for tests and checks (once) ..."
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

# What the tests need beyond the lab's own packages: a PostgreSQL, nginx and uWSGI for the daemons' contracts, the load
# generators, and Node.js where there is none, for the JavaScript that reads histogram logs. Nothing that comes with them
# is started: a policy against that is there while they are installed, and an nginx that was not there is left disabled.
TEST_PACKAGES := postgresql nginx-light libnginx-mod-http-echo uwsgi-core uwsgi-plugin-python3 \
  wrk nghttp2-client iperf3 iputils-ping $(shell command -v node >/dev/null || echo nodejs) \
  $(shell command -v npm >/dev/null || echo npm)
define INSTALL
set -e
policy=/usr/sbin/policy-rc.d
[ -e $$policy ] || { trap "rm -f $$policy" EXIT; printf '#!/bin/sh\nexit 101\n' >$$policy; chmod 755 $$policy; }
[ -x /usr/sbin/nginx ] || new=yes
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$$@" >/dev/null
[ -z "$$new" ] || ! command -v systemctl >/dev/null || systemctl --quiet disable nginx.service
endef
export INSTALL
.cache/test-packages.done: Makefile
	@missing=$$(for p in $(TEST_PACKAGES); do dpkg-query -Wf '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	 [ -z "$$missing" ] || { echo "Installing for the tests:" $$missing; \
	   $(SUDO) apt-get update -qq && $(SUDO) sh -c "$$INSTALL" install $$missing; }
	@mkdir -p .cache && touch $@

.cache/test-node.done: tests/node/package.json tests/node/package-lock.json .cache/test-packages.done
	@npm ci --prefix tests/node --no-audit --no-fund --ignore-scripts --loglevel error
	@mkdir -p .cache && touch $@

# The server that pacer is measured against, unpacked and not installed: installing it would start it.
.cache/nginx/usr/sbin/nginx:
	@mkdir -p .cache/nginx && cd .cache/nginx && { apt-get download -q nginx >/dev/null && dpkg-deb -x nginx_*.deb . && rm nginx_*.deb; } \
	  || { echo "nginx cannot be fetched from this machine's apt entries: $(SUDO) apt-get update, then make benchmark again"; exit 1; }
	@touch $@

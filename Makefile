# A thin front for orderhub/bootstrap.py, which does the same where make is missing: python3 orderhub/bootstrap.py demo
PYTHON ?= python3
UV ?= uv
BOOT = $(PYTHON) orderhub/bootstrap.py

.PHONY: help setup demo run stop status db test pytest bench drill messages format lock
help:
	@$(BOOT) help
setup demo run stop status db test pytest bench drill messages:
	@$(BOOT) $@ $(ARGS)
format:
	@$(BOOT) setup dev
	.venv/bin/ruff check --fix . && .venv/bin/ruff format .
# Pin every package with its hashes, for all platforms and every supported Python. Needs uv (pip install uv).
LOCK = $(UV) pip compile --quiet --generate-hashes --universal --python-version 3.11 --custom-compile-command "make lock"
lock:
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt
	$(LOCK) orderhub/drills/clients/requirements.in -o orderhub/drills/clients/requirements.txt

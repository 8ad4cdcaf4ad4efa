# Every target sets up what it needs. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.android-bench-installed

.PHONY: help
help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

# The full toolchain needs CPython 3.11 (tflite-support has no newer wheel).
$(STAMP): requirements.txt pyproject.toml .ci/setup
	.ci/setup $(VENV)
	touch $@

.PHONY: setup
setup: $(STAMP)  ## Make .venv with the full toolchain on Python 3.11

.PHONY: demo
demo: $(STAMP)  ## Train, optimize, tag, measure on this computer, and write report.html
	$(BIN)/android-bench demo --output build/demo

.PHONY: test
test: $(STAMP)  ## Run the tests (the lab's are skipped, with the reason, until `make lab`)
	$(BIN)/python -m pytest -n 2 --dist loadgroup

.PHONY: lint
lint: $(STAMP)  ## Check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

.PHONY: lab
lab: $(STAMP)  ## Build the virtual device once (Debian, as root): real adbd, real benchmark_model
	$(BIN)/python tests/lab/build.py

.PHONY: mediapipe
mediapipe: $(STAMP)  ## Make an environment with MediaPipe and print its Python, for `metadata verify`
	@.ci/mediapipe

.PHONY: bench
bench: $(STAMP)  ## Print the figures that README and docs quote
	$(BIN)/python -m tests.benchmarks

.PHONY: bench-optimizer
bench-optimizer: $(STAMP)  ## Print the optimizer's figures: trains on Fashion-MNIST, half an hour
	$(BIN)/python -m tests.benchmarks.optimizer

.PHONY: screenshots
screenshots: demo  ## Take pictures of the demo's report, wide and narrow, light and dark
	$(BIN)/python tests/report/screenshots.py build/demo/report.html build/screenshots

.PHONY: lock
lock:  ## Pin every dependency again, with hashes (needs uv)
	uv pip compile pyproject.toml --extra all --group dev --python-version 3.11 --upgrade \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o requirements.txt
	echo 'mediapipe>=1.2' | uv pip compile - --python-version 3.11 --upgrade \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o requirements-mediapipe.txt

.PHONY: clean
clean:  ## Remove what the other targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

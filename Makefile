# Everything a person or CI does here, one target each. `make help` lists them.
.DEFAULT_GOAL := help
BIN := .venv/bin
ARGS ?=

.PHONY: help
help:  ## list these targets
	@grep -hE '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | awk -F ':.*  ## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: setup
setup:  ## make .venv with what the lock file pins
	@scripts/bootstrap

.PHONY: demo
demo: setup  ## the main job, visible: sandbox, operator, a service, a production trace, a picture
	@$(BIN)/rorqual demo $(ARGS)

.PHONY: test
test: check sandbox  ## everything that CI runs: lint, types, layering, generated files, unit and sandbox tests
	@$(BIN)/pytest $(ARGS)

.PHONY: sandbox
sandbox: setup  ## build what the sandbox runs, once: Kubernetes, kwok, Prometheus, the engine simulator
	@$(BIN)/rorqual sandbox build

.PHONY: check
check: lint types layers generated  ## the quick checks: no test is run

.PHONY: unit
unit: setup  ## unit tests alone
	@$(BIN)/pytest tests $(ARGS)

.PHONY: e2e
e2e: sandbox  ## tests against the sandbox alone
	@$(BIN)/pytest e2e $(ARGS)

.PHONY: lint
lint: setup  ## ruff: style, imports, formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || (echo "run: make format"; exit 1)

.PHONY: types
types: setup  ## mypy, strict
	@$(BIN)/mypy

.PHONY: layers
layers: setup  ## import-linter: who may import whom
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

.PHONY: generated
generated: setup  ## files made by code are what the code makes now
	@scripts/generate --check

.PHONY: generate
generate: setup  ## make the CRD, its reference page, dashboards and alerts anew
	@scripts/generate

.PHONY: format
format: setup  ## ruff format and safe fixes
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .

.PHONY: lock
lock: setup  ## make requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate \
		--extra hub --extra plot --extra simulate --extra detect --extra fit --group dev \
		--custom-compile-command "make lock" pyproject.toml -o requirements.lock

.PHONY: clean
clean:  ## remove .venv and caches (the sandbox's binaries stay in the user's cache directory)
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache demo-output

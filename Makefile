# Parlor's commands. `make help` lists them. Each makes .venv first, from the locked requirements, when it is stale.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
LOCKED := requirements/dev.txt
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
CODE := api auth bench chats foundation schema tests manage.py
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test check schema web bench lock clean

help: ## List the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-13s %s\n", $$1, $$2 }'

run: $(VENV)/.stamp ## Run everything on http://127.0.0.1:8000 (PORT, DATA_DIR, DATABASE_URL, REDIS_URL are honoured)
	@$(BIN)/python manage.py dev

# The suite starts a hundred processes: they share their bytecode, even where the shell forbids Python to write it.
test: $(VENV)/.stamp ## Run the suite in parallel, on private servers of its own (ARGS="-k name" goes to pytest)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto $(ARGS)

check: $(VENV)/.stamp ## Check style, types, import direction, migrations, schema.graphql and .env.example
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { $(BIN)/ruff format --check .; exit 1; }
	@$(BIN)/mypy $(CODE)
	@$(BIN)/lint-imports
	@$(BIN)/python manage.py check_generated

schema: $(VENV)/.stamp ## Rewrite schema.graphql and .env.example from the code
	@$(BIN)/python manage.py write_generated

web: ## Check, test and build the pages (needs Node 20.19 or later)
	@cd web && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci; }
	@cd web && npm run --silent check && npm run --silent test && npm run --silent build -- --logLevel warn

bench: $(VENV)/.stamp ## Measure Parlor beside its peers (ARGS="small --quick"; needs Node, see bench/README.md)
	@for peer in node socketio; do (cd bench/peers/$$peer && { [ -d node_modules ] || npm ci --silent; }); done
	@$(BIN)/python -m bench $(or $(ARGS),all)

lock: $(VENV)/.stamp ## Compile requirements/ anew from the ranges in pyproject.toml (ARGS=--upgrade for newer versions)
	@$(COMPILE) $(ARGS) --output-file requirements/base.txt
	@$(COMPILE) $(ARGS) --extra local --extra dev --extra bench --constraint requirements/base.txt --output-file $(LOCKED)

clean: ## Stop leftovers of a killed run, then remove its data, .venv, caches and built pages
	@if [ -x $(BIN)/python ] && [ -f $(VENV)/.stamp ]; then $(BIN)/python -m api.local.embedded; fi
	@rm -rf $${DATA_DIR:-.local} $(VENV) web/dist web/node_modules tests/js/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache .grimp_cache
	@find api auth bench chats foundation schema tests -name __pycache__ -type d -exec rm -rf {} + 2>/dev/null || true

$(VENV)/.stamp: $(LOCKED)
	@requirements/install $(VENV) $(LOCKED)

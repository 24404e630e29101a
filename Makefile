# The tasks of this project: `make` lists them. They need Python 3.11 to 3.13, make and a package index, nothing else.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

ARGS ?=
DB ?= search.db
# More than two processors are worth: many tests wait, for leases, clusters and processes that were killed.
JOBS ?= 3

# For `make up`. COMPOSE="docker-compose" is for Compose 1.29.
WORKERS ?= $(if $(GPU),1,2)
COMPOSE ?= docker compose$(if $(GPU), -f docker-compose.yml -f docker-compose.gpu.yml)

# The first suitable one is used; PYTHON=… names another. TensorFlow has no wheels for 3.14 yet.
PYTHON ?= python3 python3.13 python3.12 python3.11
SUITABLE := import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input
PINNED := --constraint constraints.txt --build-constraint constraints.txt

.PHONY: help
help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: search
search: $(VENV)/.runtime ## Search the space bn_dropout; ARGS="--n-trials 40 --n-workers 2" adds flags
	$(BIN)/python -m search.launch --space bn_dropout $(ARGS)

.PHONY: dashboard
dashboard: $(VENV)/.runtime ## Show the studies of search.db (or DB=other.db) on http://127.0.0.1:8080
	$(BIN)/python -m search.dashboard --storage sqlite:///$(DB) $(ARGS)

.PHONY: up
up: ## Search in containers: make up SPACE=bn_dropout WORKERS=4; also DATASET=… TRIALS=… EPOCHS=… STUDY=… GPU=1
	@$(need_password)
	@$(make_login)
	$(SETTINGS) $(COMPOSE) up --detach --build --scale worker=$(WORKERS) || { $(COMPOSE) logs --tail 20 init >&2; exit 1; }
	@$(where_to_look)

.PHONY: fleet
fleet: ## Start workers in containers that serve whatever is submitted: make fleet WORKERS=4; also GPU=1
	@$(need_password)
	@$(make_login)
	$(COMPOSE) up --detach --build --scale fleet=$(WORKERS) fleet dashboard
	@$(how_to_submit)

.PHONY: submit
submit: ## Submit a study to them: make submit SPACE=bn_dropout DATASET=mnist; also TRIALS=… EPOCHS=… STUDY=… PRIORITY=…
	@$(need_password)
	@$(make_login)
	@$(need_space)
	$(SETTINGS) $(COMPOSE) run --rm init

.PHONY: queue
queue: ## List the studies that are served, in their order; ARGS="pause STUDY" is for search.queue
	$(COMPOSE) run --rm init python -m search.queue $(ARGS)

.PHONY: logs
logs: ## Follow the logs of `make up` and `make fleet`
	$(COMPOSE) --profile fleet logs --follow --tail 20 init worker fleet

.PHONY: results
results: ## Show the best trials so far of `make up`; give it the same SPACE=… and so on
	@$(SETTINGS) $(COMPOSE) run --rm init

.PHONY: down
down: ## Stop what `make up` or `make fleet` started; the studies stay, and the same command continues them
	$(COMPOSE) --profile fleet down

# Hundreds of processes are started, each of which would compile our sources where Python is told to write no bytecode.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

.PHONY: test
test: lint ## Run lint and the tests, but for the long ones; ARGS="-k ledger" and JOBS=4 are for pytest
	$(PYTEST) -m "not long" $(ARGS)

.PHONY: test-long
test-long: $(VENV)/.test ## Run the long tests: real clusters, constant kills, all exported scripts; then `make test-jax`
	$(PYTEST) -m long $(ARGS)
	@$(MAKE) --no-print-directory test-jax ARGS=

.PHONY: test-jax
test-jax: $(VENV)/.test ## Run the tests of training with JAX as Keras' backend
	KERAS_BACKEND=jax $(PYTEST) tests/training $(ARGS)

.PHONY: lint
lint: $(VENV)/.test ## Check style, types and import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/.test ## Format the code and apply automatic fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: setup
setup: $(VENV)/.test ## Set up .venv for searches and tests

.PHONY: docs
docs: $(VENV)/.test ## Write docs/cli.md from the commands' --help, and the list of spaces in docs/spaces.md
	$(BIN)/python docs/write_cli.py
	$(BIN)/python docs/write_spaces.py

.PHONY: lock
lock: ## Pin the newest packages that pyproject.toml allows in constraints.txt
	@$(find_python); lock=$$(mktemp -d) && trap 'rm -rf "$$lock"' EXIT && set -e; \
	"$$python" -m venv "$$lock"; \
	"$$lock/bin/python" -m pip install --upgrade pip setuptools; \
	"$$lock/bin/python" -m pip install --upgrade --group test --editable '.[cmaes,figures,heic,jax,mcp,mlflow,notify,s3,tensorboard]'; \
	{ echo '# Every package that the project is tested with. Made by `make lock`: change pyproject.toml, then run it again.'; \
	  "$$lock/bin/python" -m pip freeze --all --exclude-editable | grep -v '^#' | LC_ALL=C sort -f; } > constraints.part; \
	mv constraints.part constraints.txt

.PHONY: clean
clean: ## Remove .venv, caches and builds; search.db and search-artifacts stay
	rm -rf $(VENV) *.egg-info build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each of the following files is created when a step of the setup is complete, so that an interrupted step is repeated.

# A virtual environment that was moved, or whose Python is gone, is created again.
MADE_IN := $(shell { $(BIN)/python -c '' && cat $(VENV)/.python; } 2> /dev/null)
ifneq ($(MADE_IN),$(CURDIR))
.PHONY: $(VENV)/.python
endif

$(VENV)/.python:
	@$(find_python); echo "Setting up $(VENV) with $$python: a few minutes, once."; "$$python" -m venv --clear $(VENV)
	@echo '$(CURDIR)' > $@

$(VENV)/.pip: constraints.txt $(VENV)/.python
	@$(PIP) install --constraint constraints.txt --upgrade pip
	@touch $@

$(VENV)/.runtime: pyproject.toml $(VENV)/.pip
	@echo 'Installing what a search needs into $(VENV), in the versions of constraints.txt.'
	@$(PIP) install $(PINNED) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.runtime
	@echo 'Installing what the tests need into $(VENV).'
	@$(PIP) install $(PINNED) --editable '.[cmaes,figures,heic,jax,mcp,mlflow,notify,tensorboard]' --group test
	@touch $@

define find_python
for python in $(PYTHON) none; do \
	if "$$python" -c '$(SUITABLE)' > /dev/null 2>&1; then break; fi; \
done; \
if [ "$$python" = none ]; then \
	echo "No suitable Python: tried $(PYTHON). Python 3.11, 3.12 or 3.13 is needed, with venv (on Debian and Ubuntu: apt install python3-venv). Name one with 'make PYTHON=/path/to/python3 ...'." >&2; \
	exit 1; \
fi
endef

# Settings that aren't given are taken from .env. A study holds one search, so its name follows from space and data set.
name_of = $(basename $(notdir $(firstword $(subst :, ,$(1)))))
ifneq ($(SPACE)$(DATASET),)
STUDY ?= $(call name_of,$(or $(SPACE),bn_dropout))-$(call name_of,$(or $(DATASET),digits))
endif
setting = $(if $($(1)),$(2)='$($(1))')
SETTINGS = $(strip $(call setting,STUDY,SEARCH_STUDY_NAME) $(call setting,SPACE,SEARCH_SPACE) \
	$(call setting,DATASET,SEARCH_DATASET) $(call setting,TRIALS,SEARCH_N_TRIALS) $(call setting,EPOCHS,SEARCH_EPOCHS) \
	$(call setting,PRIORITY,SEARCH_PRIORITY) $(call setting,MAX_WORKERS,SEARCH_MAX_WORKERS) $(call setting,OWNER,SEARCH_OWNER))
GIVEN = $(filter-out WORKERS=%,$(MAKEOVERRIDES))

define need_password
if [ -z "$$POSTGRES_PASSWORD" ] && ! grep -qs '^POSTGRES_PASSWORD=.' .env; then \
	echo 'The database needs a password. Create one, in a file that only you can read, and try again:' >&2; \
	echo '  (umask 077; echo "POSTGRES_PASSWORD=$$(head -c 24 /dev/urandom | base64)" >> .env)' >&2; \
	exit 2; \
fi
endef

define make_login
if [ -z "$$DASHBOARD_LOGIN" ] && ! grep -qs '^DASHBOARD_LOGIN=.' .env; then \
	(umask 077; [ -z "$$(tail -c 1 .env 2> /dev/null)" ] || echo >> .env; \
	 echo "DASHBOARD_LOGIN=$$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')" >> .env); \
	echo 'Created a token for the dashboard: DASHBOARD_LOGIN, in .env.'; \
fi
endef

define need_space
if [ -z '$(SPACE)$(STUDY)' ]; then \
	echo 'Which space? make submit SPACE=bn_dropout; also DATASET=mnist TRIALS=40 EPOCHS=10 PRIORITY=5 MAX_WORKERS=4 OWNER=me' >&2; \
	exit 2; \
fi
endef

define how_to_submit
printf '%s\n' '' 'The workers are ready.' \
	"  dashboard      http://$$($(COMPOSE) port dashboard 8080), with the token DASHBOARD_LOGIN of .env" \
	'  submit         make submit SPACE=bn_dropout DATASET=mnist' \
	'  queue          make queue' \
	'  follow         make logs' \
	'  more workers   $(strip make fleet $(GIVEN)) WORKERS=8' \
	'  stop           make down; to continue: $(strip make fleet $(GIVEN))'
endef

define where_to_look
printf '%s\n' '' 'The search is running.' \
	"  dashboard      http://$$($(COMPOSE) port dashboard 8080), with the token DASHBOARD_LOGIN of .env" \
	'  follow         make logs' \
	'  results        $(strip make results $(GIVEN))' \
	'  more workers   $(strip make up $(GIVEN)) WORKERS=8' \
	'  stop           make down; to continue: $(strip make up $(GIVEN))'
endef

# The two commands of the README, and what developers need besides.
#   make demo   the whole path on the four open competitions
#   make test   all tests
#   make check  style and types

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo

.PHONY: demo test check bench clean

# An install is done again only when what it depends on has changed.
$(VENV)/.demo-installed: pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[images]'
	touch $@

$(VENV)/.dev-installed: pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.demo-installed

demo: $(VENV)/.demo-installed
	@test -e $(DEMO)/key || $(BIN)/mlebench keys new --out $(DEMO)/key
	$(BIN)/mlebench prepare --split open --data-dir $(DEMO)/data
	$(BIN)/mlebench pack --split open --data-dir $(DEMO)/data --key-file $(DEMO)/key \
	    --out $(DEMO)/repositories
	$(BIN)/mlebench run --agent sample baseline --split open --runtime local --time-limit 2m \
	    --from $(DEMO)/repositories --key-file $(DEMO)/key --out $(DEMO)/run

test: $(VENV)/.dev-installed
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/.dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	sh .ci/types $(BIN)/mypy

bench: $(VENV)/.dev-installed
	$(BIN)/python benchmarks/start_up.py

clean:
	rm -rf $(VENV) $(DEMO) build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis

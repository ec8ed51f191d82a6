# For an environment in which `pip install -e '.[test]'` was run; .ci/run makes one of its own.
.PHONY: check lint types test test-all kills fuzz format bench

check: lint types test

lint:
	ruff check .
	ruff format --check .
	lint-imports

types:
	mypy

test:
	python -m pytest

test-all:
	HYPOTHESIS_PROFILE=ci python -m pytest -m ''

# A hundred kills in each node of the solver and at any moment, on SQLite and on a Postgres server of its own.
kills:
	KILLS_AT_ANY_MOMENT=100 KILLS_IN_A_NODE=100 python -m pytest -m '' -n 2 tests/solver/test_killed.py

# Generated cases for each target, kills of those who write, pairs of them, and full disks.
COUNT ?= 2000
KILLS ?= 100
SEED ?= 0
fuzz:
	FUZZ_SECONDS=10 python -m tests.fuzz $(COUNT) $(SEED)
	python -m tests.fuzz.writers kills $(KILLS) $(SEED)
	python -m tests.fuzz.writers full $(KILLS) $(SEED)
	python -m tests.fuzz.writers beside 16 $(SEED)

format:
	ruff check --fix .
	ruff format .

bench:
	python -m benchmarks.times
	python -m benchmarks.loop models/abacus/questions/fresh.jsonl

# For an environment in which `pip install -e '.[test]'` was run; .ci/run makes one of its own.
.PHONY: check lint types test test-all format bench

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

format:
	ruff check --fix .
	ruff format .

bench:
	python -m benchmarks.times
	python -m benchmarks.loop models/abacus/questions/fresh.jsonl

# For an environment in which `pip install -e '.[test]'` was run; .ci/run makes one of its own.
.PHONY: check lint types test test-all many lowest clients kills fuzz format bench

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

# 10,000 generated cases for each property of budget forcing: in rounds, inside a request, and as vLLM's processor has it.
many:
	HYPOTHESIS_PROFILE=many python -m pytest -m '' \
		tests/reason/test_forcing_properties.py tests/reason/test_steered.py tests/in_vllm/test_request.py

# Tests on the lowest versions that pyproject.toml allows, in .lowest/; hosted clients are not among them yet.
LOWEST ?= tests/types tests/util tests/test_prices.py tests/test_public.py
lowest:
	python3 -m venv .lowest
	.lowest/bin/pip install -q -c tests/lowest.txt -e '.[serve,mcp,otel,learn,agents]' \
		pytest pytest-asyncio pytest-xdist hypothesis opentelemetry-sdk
	.lowest/bin/python -m pytest $(LOWEST)

# Programs of others, in .clients/: clients of the server (Python's and Node's), Ray Data, and axe-core in Chromium on the
# pages of the log. It needs node, npm and chromium; what is not there is skipped, and named at the end.
clients:
	python3 -m venv .clients
	.clients/bin/pip install -q -e '.[test]' litellm llm inspect-ai 'ray[data]'
	npm install --silent --no-save --prefix .clients openai axe-core
	CLIENT_PACKAGES=$(CURDIR)/.clients ADAPTIVE_AXE=$(CURDIR)/.clients/node_modules/axe-core/axe.min.js \
		.clients/bin/python -m pytest -m '' -rs \
		tests/serve/test_other_clients.py tests/view/test_browser.py tests/docs/test_bulk_page.py

# A hundred kills in each node of the solver and at any moment, on SQLite and on a Postgres server of its own.
kills:
	KILLS_AT_ANY_MOMENT=100 KILLS_IN_A_NODE=100 python -m pytest -m '' -n 2 tests/solver/test_killed.py

# Generated cases for each target, kills of those who write, pairs of them, full disks, and guided bytes (atheris).
COUNT ?= 2000
KILLS ?= 100
SEED ?= 0
fuzz:
	FUZZ_SECONDS=10 python -m tests.fuzz $(COUNT) $(SEED)
	python -m tests.fuzz.writers kills $(KILLS) $(SEED)
	python -m tests.fuzz.writers full $(KILLS) $(SEED)
	python -m tests.fuzz.writers beside 16 $(SEED)
	python -m tests.fuzz.writers unwritable 16 $(SEED)
	python -m tests.fuzz.guided $(COUNT) $(SEED)

format:
	ruff check --fix .
	ruff format .

bench:
	python -m benchmarks.times
	python -m benchmarks.loop models/abacus/questions/fresh.jsonl

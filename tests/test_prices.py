"""What tokens cost: by the table of list prices, by what the user says, and never 0 for not known."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.errors import InputError
from adaptive.prices import Price, Prices, add_cost, parse_price
from adaptive.types.usage import Usage

SPENT = Usage(prompt=1000, cached=200, thinking=400, injected=10, answer=90, probe=10)
"""810 tokens read, 200 cached and 500 made."""
COUNTS = st.builds(
    Usage, **{name: st.integers(0, 10**6) for name in ("prompt", "thinking", "injected", "answer", "probe")}
)


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ("openai:o4-mini", 810 * 1.10 + 200 * 0.275 + 500 * 4.40),
        ("openai:o4-mini-2025-04-16", 810 * 1.10 + 200 * 0.275 + 500 * 4.40),
        ("azure_openai:o4-mini", 810 * 1.10 + 200 * 0.275 + 500 * 4.40),
        ("anthropic:claude-sonnet-4-5", 810 * 3.00 + 200 * 0.30 + 500 * 15.00),
        ("google_genai:gemini-2.5-pro", 810 * 1.25 + 200 * 0.125 + 500 * 10.00),
        ("xai:grok-4", 810 * 3.00 + 200 * 0.75 + 500 * 15.00),
    ],
)
def test_list_prices_by_hand(model: str, cost: float) -> None:
    """Dollars for a million tokens as the providers' price pages had them for these models."""
    assert Prices().compute_cost(model, SPENT) == pytest.approx(cost / 1e6, rel=1e-12)


@pytest.mark.parametrize(
    ("model", "noted"),
    [
        ("openai:no-such-model", True),
        ("azure_openai:my-deployment", True),
        ("nobody:o4-mini", True),
        ("ollama:qwen3", True),
        ("openai:", True),
        ("embedded", False),
        ("onnx:/some/folder", False),
        ("hf:Qwen/Qwen3-0.6B", False),
        ("vllm:Qwen/Qwen3-0.6B", False),
        ("http://localhost:8000/v1", False),
        ("scripted", False),
    ],
)
def test_what_has_no_price_is_unknown_and_never_free(model: str, noted: bool) -> None:
    assert Prices().compute_cost(model, SPENT) is None
    assert Prices().compute_cost(model, Usage()) is None
    assert add_cost(SPENT, model, Prices()) == SPENT
    said = f"the price of {model} is not known: give it with --price or in ADAPTIVE_PRICES"
    assert Prices().note_unknown_price(model) == (said if noted else "")
    assert Prices({model: Price(0, 0)}).note_unknown_price(model) == ""
    assert Prices({model: Price(0, 0)}).compute_cost(model, SPENT) == 0.0


def test_what_the_user_says_goes_before_the_table(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text('["openai:o4-mini"]\ninput = 2\ncached = 1\noutput = 3\n[embedded]\ninput = 0.5\noutput = 1\n')
    prices = Prices.load(file, ("embedded=7/8", "http://host:1/v1?a=b=4/2/6"))
    assert prices.compute_cost("openai:o4-mini", SPENT) == pytest.approx((810 * 2 + 200 * 1 + 500 * 3) / 1e6)
    assert prices.compute_cost("embedded", SPENT) == pytest.approx((1010 * 7 + 500 * 8) / 1e6)
    assert prices.compute_cost("http://host:1/v1?a=b", SPENT) == pytest.approx((810 * 4 + 200 * 2 + 500 * 6) / 1e6)
    assert prices.compute_cost("openai:gpt-5-mini", SPENT) == Prices().compute_cost("openai:gpt-5-mini", SPENT)
    as_json = tmp_path / "prices.json"
    as_json.write_text(json.dumps({"m": {"input": 1, "output": 2}}))
    assert Prices.load(as_json) == Prices({"m": Price(1.0, 2.0)})
    assert Prices.load() == Prices()


@given(COUNTS, st.floats(0, 100), st.floats(0, 100))
def test_each_token_is_paid_once(usage: Usage, read: float, made: float) -> None:
    usage = replace(usage, cached=usage.prompt // 3, verifier=usage.answer)
    prices = Prices({"m": Price(read, made)})
    sides = (usage.prompt + usage.injected) * read, (usage.total - usage.prompt - usage.injected) * made
    assert prices.compute_cost("m", usage) == pytest.approx(sum(sides) / 1e6, abs=1e-12)
    parts = [replace(Usage(), **{n: getattr(usage, n)}) for n in ("prompt", "thinking", "injected", "answer")]
    rest = Usage(probe=usage.probe, verifier=usage.verifier)
    apart = sum((add_cost(p, "m", prices) for p in (*parts, rest)), Usage(cost=0.0))
    assert apart.cost == pytest.approx(prices.compute_cost("m", usage), abs=1e-12)


@given(COUNTS)
def test_the_least_usage_is_not_rounded_away(usage: Usage) -> None:
    cost = Prices().compute_cost("openai:gpt-5-mini", usage)
    assert cost is not None
    assert (cost > 0) == (usage.total > 0)
    assert Usage.from_json(add_cost(usage, "openai:gpt-5-mini", Prices()).to_json()).cost == cost


def test_what_a_usage_cost_already_is_kept_and_what_was_estimated_stays_so() -> None:
    billed = replace(SPENT, cost=0.5)
    assert add_cost(billed, "openai:o4-mini", Prices()) == billed
    guessed = add_cost(replace(SPENT, estimated=("thinking",)), "openai:o4-mini", Prices())
    assert (guessed.cost, guessed.estimated) == (
        add_cost(SPENT, "openai:o4-mini", Prices()).cost,
        ("cost", "thinking"),
    )
    assert add_cost(replace(SPENT, cached=2000), "openai:o4-mini", Prices()).cost, (
        "a provider's slip ends no solve"
    )


def test_tokens_written_to_a_cache_have_prices_of_their_own() -> None:
    """Claude: 1.25 times the price of input for five minutes, twice for an hour; batches take half of each."""
    usage = Usage(prompt=1000, cached=100, written=500, written_1h=200, answer=10)
    input_dollars = (400 * 1 + 100 * 0.1 + 300 * 1.25 + 200 * 2) * 3.00
    cost = Prices().compute_cost("anthropic:claude-sonnet-4-5", usage)
    assert cost == pytest.approx((input_dollars + 10 * 15.00) / 1e6)
    batched = Prices().compute_cost("anthropic:claude-sonnet-4-5", replace(usage, tier="batch"))
    assert batched == pytest.approx(cost / 2)
    own = Prices({"m": Price(3, 15, 0.3, 4)})
    assert own.compute_cost("m", usage) == pytest.approx((400 * 3 + 100 * 0.3 + 500 * 4 + 10 * 15) / 1e6)


def test_usage_of_two_tiers_has_no_exact_cost_together() -> None:
    flex, standard = Usage(prompt=5, tier="flex"), Usage(prompt=5)
    assert (flex + flex).tier == (flex + Usage(cost=0.0)).tier == "flex"
    assert ((flex + standard).tier, (flex + standard).estimated) == ("", ("cost",))


def test_thinking_that_one_call_does_not_count_is_unknown_in_the_sum_and_no_token_is_lost() -> None:
    known, unknown = Usage(prompt=5, thinking=30, answer=10), Usage(prompt=5, thinking=None, answer=40)
    both = known + unknown
    assert (both.thinking, both.answer, both.total) == (None, 80, known.total + unknown.total)
    assert (both.most_thinking, both.to_json()["thinking"]) == (80, None)


def test_an_attempt_without_a_price_leaves_the_sum_unknown() -> None:
    known = add_cost(SPENT, "openai:o4-mini", Prices())
    assert (known + SPENT).cost is None
    assert (known + known).cost == pytest.approx(2 * (known.cost or 0))


@pytest.mark.parametrize("text", ["", "m", "m=", "m=1", "=1/2", " =1/2", "m=1/2/3/4", "m=a/b", "m=1/-2", "m=nan/1",
                                  "m=1/inf", "m=1//2"])  # fmt: skip
def test_an_option_that_is_no_price_is_named(text: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(f'the price {text!r} must be MODEL=INPUT/OUTPUT')}"):
        parse_price(text)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.toml", "m = [", r"the prices .*p\.toml are no TOML \("),
        ("p.json", "{", r"the prices .*p\.json are no JSON \("),
        ("p.json", "[" * 100_000, r"the prices .*p\.json are no JSON \("),
        ("p.json", "[1]", r"must be an object with a model for each key"),
        ("p.json", '{"m": 1}', r"the price of 'm' in .*p\.json must be an object, got 1"),
        ("p.json", '{"m": {"input": 1}}', r"has no key 'output'"),
        ("p.json", '{"m": {"input": 1, "output": 2, "in": 3}}', r"has the unknown key 'in'"),
        ("p.json", '{"m": {"input": -1, "output": 2}}', r"a price must be 0 or more dollars .*, got -1"),
        (
            "p.json",
            '{"m": {"input": NaN, "output": 2}}',
            r"'input' in the price of 'm' .* must be a finite number, got nan",
        ),
        ("p.toml", 'm = {input = "1", output = 2}', r"'input' .* must be a number, got '1'"),
    ],
)
def test_a_file_that_cannot_be_is_one_sentence(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        Prices.load(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml cannot be read \(No such file"):
        Prices.load(tmp_path / "none.toml")


def test_a_limit_of_money_needs_a_price() -> None:
    Prices().require_price("openai:o4-mini", 0.5)
    for model in ("embedded", "openai:no-such-model"):
        said = f"a limit of $0.5 cannot be kept: the price of {model} is not known, give it with --price"
        with pytest.raises(InputError, match=re.escape(said)):
            Prices().require_price(model, 0.5)


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    assert Prices().has_price("openai:o4-mini")
    from genai_prices import wait_prices_updated_sync

    assert not wait_prices_updated_sync(0), "no update was ever started"


def test_the_table_is_not_loaded_for_local_models() -> None:
    program = (
        "import sys; from adaptive.prices import Prices; from adaptive.types.attempt import Usage;"
        " Prices().note_unknown_price('embedded'); Prices().compute_cost('hf:x', Usage());"
        " sys.exit('genai_prices' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)

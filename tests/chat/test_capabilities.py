"""What a refusal teaches."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import GenericFakeChatModel

from adaptive.chat.adapter import PLAIN_ADAPTER
from adaptive.chat.capabilities import (
    CallKind,
    Capabilities,
    fit_effort,
    get_capabilities,
    parse_listed_efforts,
    resolve_efforts,
)
from adaptive.types.ladder import EFFORTS, Effort

ALL = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
CHAT = GenericFakeChatModel(messages=iter([]))
SENT = {"effort": "minimal", "cap": 64_000, "temperature": 0.2, "seed": 1, "budget": 500}


@pytest.mark.parametrize(
    ("said", "efforts"),
    [
        (
            "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. "
            "Supported values are: 'low', 'medium', and 'high'.",
            ("low", "medium", "high"),
        ),
        (
            "reasoning.effort Unsupported value: 'minimal' is not supported with the 'gpt-x' model. "
            "Supported values are: 'none', 'low', and 'xhigh'.",
            ("none", "low", "xhigh"),
        ),
        (
            "output_config.effort: Input should be 'low', 'medium', 'high' or 'max'",
            ("low", "medium", "high", "max"),
        ),
        ("reasoning_effort must be one of ['low', 'high']", ("low", "high")),
        (
            "Thinking level MINIMAL is not supported for this model.",
            ("none", "low", "medium", "high", "xhigh", "max"),
        ),
        ("Unsupported parameter: 'reasoning_effort' is not supported with this model.", ()),
        ("Unrecognized request argument supplied: reasoning_effort", ()),
        ("This model does not support the effort parameter.", ()),
        (
            "Function tools with reasoning_effort are not supported for gpt-5.6-sol in /v1/chat/completions. "
            "To use function tools, use /v1/responses or set reasoning_effort to 'none'.",
            ("none",),
        ),
    ],
)
def test_efforts(said: str, efforts: tuple[Effort, ...]) -> None:
    learned = Capabilities()
    assert learned.learn(said, SENT, ALL)
    assert learned.efforts == efforts
    assert not learned.learn(said, SENT, efforts)  # nothing new: asking again would go on for ever


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("Unsupported value: 'temperature' does not support 0.2 with this model.", {"temperature"}),
        ("`temperature` may only be set to 1 when thinking is enabled.", {"temperature"}),
        ("Unknown parameter: 'seed'.", {"seed"}),
        ('"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive".', {"budget"}),
        ("The thinking budget (500) is invalid.", {"budget"}),
    ],
)
def test_parameters(said: str, refused: set[str]) -> None:
    learned = Capabilities()
    assert learned.learn(said, SENT, ALL)
    assert learned.refused == refused
    assert learned.efforts is None
    assert len(learned.notes) == 1


@pytest.mark.parametrize(
    ("said", "largest"),
    [
        ("max_tokens is too large: 64000. This model supports at most 16384 completion tokens.", 16384),
        ("max_tokens: 64000 > 32000, which is the maximum allowed number of output tokens for x", 32000),
        (
            "max_completion_tokens=64000 cannot be greater than max_model_len=1024. Please request fewer output "
            "tokens. (parameter=max_completion_tokens, value=64000)",  # vLLM
            1024,
        ),
    ],
)
def test_caps(said: str, largest: int) -> None:
    learned = Capabilities()
    assert learned.learn(said, SENT, ALL)
    assert learned.largest_cap == largest


@pytest.mark.parametrize("said", ["Invalid request.", "tools: bad schema", "temperature is fine, messages is not"])
def test_nothing_to_learn(said: str) -> None:
    assert not Capabilities().learn(said, {"cap": 100}, ALL)


@given(st.text(), st.sets(st.sampled_from(["effort", "cap", "temperature", "seed", "budget"])))
def test_learning_ends(said: str, sent: set[str]) -> None:
    learned = Capabilities()
    efforts: tuple[Any, ...] = ALL
    for _ in range(len(ALL) + len(sent) + 1):
        left = {name: SENT[name] for name in sent - learned.refused}
        left |= {"effort": fit_effort("minimal", efforts)} if "effort" in left and efforts else {}
        if not learned.learn(f"{said} temperature seed thinking effort minimal low", left, efforts):
            return
        efforts = learned.efforts if learned.efforts is not None else efforts
    raise AssertionError("it goes on learning")


def test_listed_in_our_order_and_only_what_is_ours() -> None:
    assert parse_listed_efforts("supported values are: 'max', 'high' and 'low'") == ("low", "high", "max")
    assert parse_listed_efforts("unsupported value: 'high'") == ()


def test_remembered_by_name() -> None:
    get_capabilities(CallKind("openai:a")).takes_images = False
    assert not get_capabilities(CallKind("openai:a")).takes_images
    assert get_capabilities(CallKind("openai:b")).takes_images


@given(st.sampled_from(EFFORTS), st.lists(st.sampled_from(EFFORTS), unique=True))
def test_the_nearest_effort(effort: Effort, takes: list[Effort]) -> None:
    near = fit_effort(effort, takes)
    assert near in takes or not takes
    if effort in takes or not takes:
        assert near == effort
    if effort != "none" and set(takes) - {"none"}:
        assert near != "none"  # what shall think does not stop thinking


@pytest.mark.parametrize(
    ("profile", "known"),
    [
        ({}, ()),
        ({"reasoning_output": True, "reasoning_effort_levels": ["high", "low", "max"]}, ("low", "high", "max")),
        ({"reasoning_output": False, "reasoning_effort_levels": ["low"]}, ()),
    ],
)
def test_levels_of_a_profile(profile: dict[str, Any], known: tuple[Effort, ...]) -> None:
    assert resolve_efforts(PLAIN_ADAPTER, CHAT, "m", profile, Capabilities()) == known
    assert resolve_efforts(PLAIN_ADAPTER, CHAT, "m", profile, Capabilities(efforts=("medium",))) == ("medium",)


def test_a_refusal_is_forgotten_when_the_setting_is_taken() -> None:
    learned = Capabilities(CallKind("openai:a", "Responses", has_tools=True))
    assert learned.learn("Unsupported parameter: 'reasoning_effort'.", SENT, ALL)
    assert learned.learn("Unknown parameter: 'seed'.", {"seed": 1}, ())
    learned.confirm({"cap": 5})
    assert (learned.efforts, learned.refused) == ((), {"seed"})
    learned.confirm({"effort": "low", "seed": 1})
    assert (learned.efforts, learned.refused) == (None, set())
    assert learned.notes[0] == "it does not take effort minimal with tools on Responses: it takes no effort at all"

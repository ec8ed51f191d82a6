"""A steered request without an engine: what a plain client asks for, and what may be asked twice.

The properties have 1,000 cases each in the profile `ci`, and 10,000 by `make many`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive.engines.steering import make_echo
from adaptive.errors import InputError
from adaptive.in_vllm.plain_plan import ANSWER_ROOM
from adaptive.in_vllm.request import SteeredRequest, check_steering, open_request
from adaptive.reason.loops import PATIENCE
from tests.support.scripted import END, STOP, THINK
from tests.support.steering_engine import BoxCodec

CODEC = BoxCodec()
OPEN = (97, THINK)
CASES = settings.default.max_examples  # type: ignore[union-attr]
PLANS = st.fixed_dictionaries(
    {
        "budget": st.integers(0, 100),
        "waits": st.integers(0, 4),
        "closing": st.sampled_from(["", " So", " Now I answer."]),
    }
)


def opened(
    plan: dict[str, Any],
    prompt: tuple[int, ...] = OPEN,
    *,
    greedy: bool = True,
    window: int = 1000,
    max_tokens: int | None = None,
) -> Any:
    return open_request(json.dumps(plan), prompt, CODEC, window, greedy=greedy, max_tokens=max_tokens)


def play(request: SteeredRequest, wanted: list[int], most: int = 60) -> list[int]:
    """The ids that come if the model would choose `wanted` one after the other, and its end of turn for ever."""
    generated, choices = list[int](), iter(wanted)
    while len(generated) < most and STOP not in generated:
        request.read(generated)
        token = request.forced
        if token is None:
            choice = next(choices, STOP)
            token = request.replace_end(choice) if request.may_wait else None
            token = choice if token is None else token
        generated.append(token)
    return generated


def text(*parts: str | int) -> list[int]:
    return [i for part in parts for i in (CODEC.encode(part) if isinstance(part, str) else (part,))]


def test_a_maximum_is_kept_to_the_token() -> None:
    request = opened({"budget": 8, "closing": " So", "answer_prefix": "\\boxed{"})
    assert play(request, text("1234567890")) == text("12345 So", END, "\n\n\\boxed{", "67890", STOP)


def test_a_minimum_puts_ends_off_in_turn() -> None:
    request = opened({"budget": 50, "waits": 2, "wait": ["Wait", "Hmm"]})
    wanted = text("12", END, "34", END, "56", END, "7")
    assert play(request, wanted) == text("12Wait34Hmm56", END, "\n\n7", STOP)


def test_no_wait_follows_one_that_brought_nothing() -> None:
    request = opened({"budget": 50, "waits": 5})
    assert play(request, text("12", END, "12", END, "7")) == text("12Wait12", END, "\n\n7", STOP)


def test_a_loop_ends_the_thinking() -> None:
    request = opened({"budget": 500, "loop": True})
    ids = play(request, text("or so it is, " * 40), most=400)
    assert ids.count(END) == 1
    assert ids.index(END) == PATIENCE  # to this codec single letters are no words


def test_the_answers_room_ends_the_request() -> None:
    request = opened({"budget": 4, "answer_room": 3})
    assert play(request, text("abcdefghijkl")) == text("abcd", END, "\n\nefg", STOP)


def test_a_prompt_that_opens_no_thinking_is_opened() -> None:
    assert play(opened({"budget": 2}, (97, 98)), text("123456"))[:4] == text(THINK, "12", END)


def test_a_prompt_that_has_thinking_shut_is_left_alone() -> None:
    assert opened({"budget": 2}, (97, THINK, END, 10, 10)) is None


def test_the_last_look_at_a_choice_counts() -> None:
    """Parts of a long prompt are looked at too, and their choices never come."""
    request = opened({"budget": 50, "waits": 1})
    assert request.replace_end(END) == text("W")[0]
    assert request.replace_end(49) is None
    request.read([49])
    assert request.forced is None
    assert request.replace_end(END) == text("W")[0]
    request.read([49, *text("W")])
    assert request.forced == text("a")[0]


@settings(max_examples=5 * CASES)
@given(PLANS, st.lists(st.sampled_from([END, END, STOP, *b"so 12."]), max_size=80))
def test_thinking_is_never_longer_than_its_budget(plan: dict[str, Any], wanted: list[int]) -> None:
    ids = play(opened(plan), wanted, most=400)
    thinking = ids[: next(place for place, token in enumerate(ids) if token in (END, STOP))]
    put_off = thinking.count(ord("W"))  # which no choice is
    assert len(thinking) + put_off <= plan["budget"]
    assert put_off <= plan["waits"]


@settings(max_examples=5 * CASES)
@given(PLANS, st.integers(8, 250), st.booleans())
def test_an_answer_has_room_in_what_the_request_may_generate(
    plan: dict[str, Any], most: int, by_window: bool
) -> None:
    """A request that was cut off in the middle of its thinking had no answer."""
    limit: dict[str, Any] = {"window": len(OPEN) + most} if by_window else {"max_tokens": most}
    ids = play(opened(plan, **limit), text("or so " * 60), most)
    after = len(ids) - ids.index(END) - 1 - len(CODEC.markers.hand_over)
    assert after >= max(1, min(ANSWER_ROOM, most // 4))


def test_a_sampled_chain_is_not_looked_at() -> None:
    assert not opened({"budget": 50, "waits": 1}, greedy=False).may_wait


def test_where_another_token_was_forced_steering_ends(caplog: pytest.LogCaptureFixture) -> None:
    request = opened({"budget": 1})
    request.read([49])
    assert request.forced == END
    request.read([49, 50])
    assert (request.forced, request.may_wait) == (None, False)
    assert f"gave the token 50 where {END} is forced" in caplog.text
    request.read([49, 50, 51])


def test_an_echo_shows_that_tokens_can_be_forced() -> None:
    request = open_request(make_echo(7).plan, (1,), CODEC, 1000, greedy=True)
    assert request is not None
    assert (request.forced, request.may_wait) == (7, False)


@pytest.mark.parametrize(
    ("steering", "says"),
    [
        ("{", "is no JSON"),
        ("[1]", "write an object"),
        (7, "write an object"),
        ({}, "lacks budget"),
        ({"budget": -1}, "budget of adaptive is -1"),
        ({"budget": True}, "budget of adaptive is True"),
        ({"budget": 1, "loop": 1}, "write true or false"),
        ({"budget": 1, "wait": []}, "write a text"),
        ({"budget": 1, "wait": ""}, "wait of adaptive is empty"),
        ({"budget": 1, "closing": ["a"]}, "closing of adaptive"),
        ({"budget": 1, "waitz": 1}, "has no field 'waitz'"),
    ],
)
def test_a_wrong_argument_is_one_sentence(steering: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_steering(steering, greedy=True)


def test_waits_need_temperature_zero() -> None:
    check_steering({"budget": 1, "waits": 1}, greedy=True)
    with pytest.raises(InputError, match="temperature 0"):
        check_steering({"budget": 1, "waits": 1}, greedy=False)

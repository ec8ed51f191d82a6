"""How much thinking fits, and what is given up first where a window is short."""

from __future__ import annotations

import pytest

from adaptive.errors import InputError
from adaptive.reason.budget import Room, Style, Tail
from adaptive.types.ladder import Rung
from tests.support.scripted import END, ByteCodec

TAIL = Tail(closing=(1, 2, 3, 4, 5), end=(END,), hand_over=(10, 10), prefix=(6, 7))


@pytest.mark.parametrize(
    ("window", "budget", "expected"),
    [
        (1000, 64, Room(64, 59, "budget")),
        (1000, 6, Room(6, 1, "budget")),
        (1000, 5, Room(5, 5, "budget")),  # no room for thinking and the phrase: the phrase goes
        (1000, 1, Room(1, 1, "budget")),
        (100, 64, Room(64, 59, "budget")),  # 20 + 5 + 11 of answer leave exactly 64
        (99, 64, Room(63, 58, "context")),
        (36, 64, Room(0, 0, "context")),
        (26, 64, Room(0, 0, "context")),  # room for one token of answer
    ],
)
def test_room(window: int, budget: int, expected: Room) -> None:
    assert Room.plan(Rung("low", budget, answer_room=11), window, 20, TAIL) == expected


def test_a_prompt_that_leaves_no_answer_is_an_input_error() -> None:
    sentence = (
        "the question takes 20 tokens and its answer at least 6 more, but the model's context window holds 25"
    )
    with pytest.raises(InputError, match=sentence):
        Room.plan(Rung("low", 64), 25, 20, TAIL)


def test_the_tail_is_plain_text_but_for_its_marker() -> None:
    style = Style(closing="</think>", hand_over="<|im_end|>", answer_prefix="\\boxed{")
    tail = Tail.from_style(style, ByteCodec())
    assert tail == Tail(tuple(b"</think>"), (END,), tuple(b"<|im_end|>"), tuple(b"\\boxed{"))
    assert tail.fixed == 1 + 10 + 7


def test_a_style_that_cannot_be() -> None:
    with pytest.raises(InputError, match="at least one wait string"):
        Style(waits=())
    with pytest.raises(InputError, match="useful_round must be 1 or more, got 0"):
        Style(useful_round=0)

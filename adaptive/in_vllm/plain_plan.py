"""What a plain client asks of the engine: a budget and how to steer, in a few fields, with texts as texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

from adaptive.engines.protocol import Codec
from adaptive.errors import InputError
from adaptive.reason.budget import Room, Style, Tail
from adaptive.reason.chain import Thought
from adaptive.reason.chain_rules import ChainRules
from adaptive.reason.steered_chain import SteeredChain, SteeringPlan
from adaptive.types.ladder import Rung

ANSWER_ROOM = 48
"""Tokens that are kept free for an answer, but no more than a quarter of what the request may generate."""


@dataclass(frozen=True)
class PlainPlan:
    r"""How thinking is steered.

    Attributes:
        budget: The most thinking tokens: every id between the prompt and the end marker, and each end put off.
        waits: How often an end that the model chooses too early is put off; it needs temperature 0.
        wait: What is put in the place of such an end; of several texts one after the other.
        closing: Put before a forced end, if the budget has room for it.
        answer_prefix: Heads the answer after a forced end, for example `\boxed{`.
        loop: Whether thinking that repeats itself is ended.
        answer_room: The most tokens of the answer; 0: as many as the request allows, with `ANSWER_ROOM` kept free.
    """

    budget: int
    waits: int = 0
    wait: tuple[str, ...] = ("Wait",)
    closing: str = ""
    answer_prefix: str = ""
    loop: bool = False
    answer_room: int = 0


def read_plain_plan(plan: Mapping[str, Any]) -> PlainPlan:
    """Return the plan that an object describes. Raises `InputError` with the first field that is wrong."""
    known = {one.name: one for one in fields(PlainPlan)}
    if (unknown := next((name for name in plan if name not in known), None)) is not None:
        raise InputError(f"adaptive has no field {unknown!r}: it has {', '.join(known)}.")
    if missing := next((n for n, one in known.items() if one.default is MISSING and n not in plan), None):
        raise InputError(f'adaptive lacks {missing}: write an object such as {{"{missing}": 512}}.')
    given = {name: _check(name, value) for name, value in plan.items()}
    return PlainPlan(**given)


def build_plain_chain(plain: PlainPlan, prompt: Sequence[int], codec: Codec, most: int) -> SteeredChain | None:
    """Return the chain that follows a prompt; None if the prompt has thinking shut.

    A prompt of a template that leaves it to the model to open its thinking is opened: the opener is forced. If the
    request may not generate enough, thinking shrinks: without an end it would have no answer.

    Args:
        plain: How it is steered.
        prompt: The request's ids.
        codec: The model's codec.
        most: The most ids that the request may generate.
    """
    markers = codec.markers
    opener = () if markers.think_start is None else (markers.think_start,)
    around = (markers.think_start, markers.think_end)
    last = next((token for token in reversed(prompt[-_TAIL:]) if token in around), None)
    if last is not None and last == markers.think_end != markers.think_start:
        return None
    style = Style(plain.wait, plain.closing, None, plain.answer_prefix)
    tail = Tail.from_style(style, codec)
    answer_room = plain.answer_room or max(1, min(ANSWER_ROOM, most // 4))
    rung = Rung("medium", plain.budget, plain.waits, answer_room)
    room = Room.plan(rung, len(prompt) + most, len(prompt) + (last is None), tail)
    rules = ChainRules(codec, style, plain.waits, tail, room)
    ends = frozenset(markers.thinking_stops)
    plan = SteeringPlan(rules, ends, plain.loop, Thought(), plain.answer_room or None)
    return SteeredChain(plan, opener if last is None else ())


_TAIL = 64
"""A prompt that opens or shuts thinking does so within its last ids; earlier marks are of earlier turns."""


def _check(name: str, value: Any) -> Any:
    """Return the value of a field. Raises `InputError`."""
    if name in ("budget", "waits", "answer_room"):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise InputError(f"{name} of adaptive is {value!r}: write a whole number of 0 or more.")
        return value
    if name == "loop":
        if not isinstance(value, bool):
            raise InputError(f"loop of adaptive is {value!r}: write true or false.")
        return value
    texts = [value] if isinstance(value, str) else value
    if name != "wait":
        texts = [value]
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{name} of adaptive is {value!r}: write a text.")
    if name == "wait" and not all(texts):
        raise InputError('wait of adaptive is empty: write a text such as "Wait".')
    return tuple(texts) if name == "wait" else value

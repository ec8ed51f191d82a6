"""SteeredRequest: a request that an engine steers, as its adapters see it: no tensors, no engine here."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from adaptive.engines.protocol import Codec
from adaptive.engines.steering import ECHO
from adaptive.errors import AdaptiveError, InputError
from adaptive.in_vllm.plain_plan import build_plain_chain, read_plain_plan
from adaptive.reason.steered_chain import SteeredChain, restore_chain

logger = logging.getLogger(__name__)


class SteeredRequest:
    """A request, from its first token to its last.

    Args:
        chain: Its chain.
        stop: What ends the request when the room of its answer is used up.
        greedy: Whether the most probable token is chosen.
    """

    def __init__(self, chain: SteeredChain, stop: int, *, greedy: bool) -> None:
        self._chain, self._stop, self._greedy = chain, stop, greedy
        self._seen = 0
        self._ends_at: int | None = None
        self._lost = False

    @property
    def forced(self) -> int | None:
        """The next token, if the model has no choice."""
        if self._lost:
            return None
        return self._stop if self._chain.is_done else self._chain.forced

    @property
    def may_wait(self) -> bool:
        """Whether the model's choice has to be looked at: an end may be put off."""
        return self._greedy and not self._lost and self._chain.may_wait

    def list_forcible(self) -> tuple[int, ...]:
        """Return the ids that the plan may force, beside waits, which the model's own codec encodes."""
        tail = self._chain.rules.tail
        return (*self._chain.pending, *tail.closing, *tail.end, *tail.hand_over, *tail.prefix)

    def replace_end(self, choice: int) -> int | None:
        """Return the token to force in place of the one that the model would choose; None: its own choice stands.

        Before a token comes it may be called more than once, as in parts of a long prompt: the last call counts.
        """
        self._ends_at = self._seen if choice in self._chain.plan.ends else None
        return None if self._ends_at is None else self._chain.preview_end()

    def read(self, generated: Sequence[int]) -> None:
        """Take what was generated since the last call; `generated` is all of it.

        If something else forced another token, such as a grammar, the request is steered no further.
        """
        try:
            self._follow(generated)
        except AdaptiveError as error:
            logger.warning("a request is steered no further: %s", error)
            self._lost = True

    def _follow(self, generated: Sequence[int]) -> None:
        while not self._lost and self._seen < len(generated) and not self._chain.is_done:
            if self._ends_at == self._seen:
                self._chain.end_round()
            self._chain.take(generated[self._seen])
            self._seen += 1


class EchoRequest:
    """A request that gives one token over and over: who asks for it sees that the engine can be steered."""

    may_wait = False

    def __init__(self, token: int) -> None:
        self.forced: int | None = token

    def list_forcible(self) -> tuple[int, ...]:
        """Return the token."""
        return () if self.forced is None else (self.forced,)

    def replace_end(self, choice: int) -> int | None:
        """Return None: nothing is looked at."""

    def read(self, generated: Sequence[int]) -> None:
        """Do nothing."""


def open_request(
    steering: object,
    prompt: Sequence[int],
    codec: Codec,
    window: int,
    *,
    greedy: bool,
    max_tokens: int | None = None,
) -> SteeredRequest | EchoRequest | None:
    """Return the steered request that a request's argument describes; None if its prompt has thinking shut.

    Args:
        steering: The argument.
        prompt: The request's ids.
        codec: The model's codec.
        window: The model's context window in ids.
        greedy: Whether the most probable token is chosen.
        max_tokens: The most ids that the request may generate; None: what the window leaves. A plan that we wrote
            has it already.

    Raises:
        InputError: The argument cannot be read.
    """
    plan = parse_steering(steering)
    if ECHO in plan:
        return EchoRequest(plan[ECHO])
    if "start" in plan:
        chain: SteeredChain | None = restore_chain(plan, prompt, codec)
    else:
        left = window - len(prompt)
        most = left if max_tokens is None else min(left, max_tokens)
        chain = build_plain_chain(read_plain_plan(plan), prompt, codec, most)
    return None if chain is None else SteeredRequest(chain, codec.markers.turn_end[0], greedy=greedy)


def check_steering(steering: object, *, greedy: bool) -> None:
    """Raise `InputError` for an argument that cannot be read."""
    plan = parse_steering(steering)
    if ECHO in plan or "start" in plan:
        return  # written by `adaptive` itself: what is wrong with it shows when it is opened
    if read_plain_plan(plan).waits and not greedy:
        raise InputError("waits of adaptive need temperature 0: set it, or leave waits out.")


def parse_steering(steering: object) -> Mapping[str, Any]:
    """Return the argument, JSON text or an object, as an object. Raises `InputError`."""
    try:
        plan = json.loads(steering) if isinstance(steering, str) else steering
    except ValueError as error:
        raise InputError(f'adaptive is no JSON ({error}): write an object such as {{"budget": 512}}.') from error
    if not isinstance(plan, Mapping):
        raise InputError(f'adaptive is {plan!r}: write an object such as {{"budget": 512}}.')
    return plan

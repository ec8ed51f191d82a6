"""SteeredChain: budget forcing as a state machine over the tokens of one request. It knows no engine.

In rounds (`forcing.py`) every Wait and every forced end is a request of its own. A steered chain says before each
token whether it is forced, and is told each token that came. So an engine that can force a token does all of it
inside one request: maximum and minimum thinking, waits in turn, the stop of a loop, the closing phrase, the end
marker, the hand-over and the head of the answer. With greedy sampling the ids are those of the rounds.

Two ends follow the same chain. The engine's end sees what the model would choose, and calls `end_round` before a
token if that is an end which a wait may put off: the end is never part of the sequence, the wait stands in its
place. Our end sees only the ids that came, and whether each was the model's most probable one. A token that was
not, where the model was free, can only be the first of a wait: that is how our end finds the waits again.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptive.engines.protocol import Codec, Generation
from adaptive.errors import AdaptiveError
from adaptive.reason.budget import Room, Style, Tail
from adaptive.reason.chain import Thought
from adaptive.reason.chain_rules import ChainRules
from adaptive.reason.confidence import compute_weakest_logprob
from adaptive.reason.early_stop import HaltWatch
from adaptive.types.attempt import Round, RoundEnd
from adaptive.types.stops import Stops


@dataclass(frozen=True)
class SteeringPlan:
    """What a chain is steered by; JSON in and out, so that it travels with a request.

    Attributes:
        rules: The waits, the room and the tail.
        ends: The ids that end thinking.
        loop: Whether a loop is stopped.
        thought: The chain that is continued.
        answer_room: The most ids of the answer after its prefix; None: as many as the request allows.
    """

    rules: ChainRules
    ends: frozenset[int]
    loop: bool
    thought: Thought
    answer_room: int | None

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain data. The codec is not part of it: the engine's end has the model's."""
        rules, style, tail, room = self.rules, self.rules.style, self.rules.tail, self.rules.room
        return {
            "waits": rules.granted,
            "wait": list(style.waits),
            "useful_round": style.useful_round,
            "stop_on_repeat": style.stop_on_repeat,
            "room": [room.total, room.limit, room.why],
            "tail": [list(tail.closing), list(tail.end), list(tail.hand_over), list(tail.prefix)],
            "ends": sorted(self.ends),
            "loop": self.loop,
            "rounds": [[one.tokens, one.injected, one.end, one.stopped] for one in self.thought.rounds],
            "answer_room": self.answer_room,
        }

    @classmethod
    def from_json(cls, plan: Mapping[str, Any], ids: Sequence[int], codec: Codec) -> tuple[SteeringPlan, int]:
        """Return the plan that `to_json` wrote, and how many of `ids` its chain takes.

        Args:
            plan: The plain data.
            ids: What follows the open prompt; the chain that is continued comes first.
            codec: The model's codec.
        """
        total, limit, why = plan["room"]
        style = Style(
            tuple(plan["wait"]),
            useful_round=plan["useful_round"],
            stop_on_repeat=plan["stop_on_repeat"],
        )
        tail = Tail(*(tuple(part) for part in plan["tail"]))
        rules = ChainRules(codec, style, plan["waits"], tail, Room(total, limit, why))
        rounds = tuple(Round(*one) for one in plan["rounds"])
        held = sum(one.tokens - one.ended_by_model for one in rounds)
        thought = Thought(tuple(ids[:held]), rounds)
        return cls(rules, frozenset(plan["ends"]), plan["loop"], thought, plan["answer_room"]), held


class SteeredChain:
    """One chain and its answer, token by token.

    Args:
        plan: What the chain is steered by.
        opener: What opens the thinking, if the prompt does not; it is no part of the chain.

    Attributes:
        thought: The chain so far; the round that is under way is added when it ends.
        closing: The closing phrase, if the end was forced and the budget has room for it.
        answer: The ids of the answer after its prefix.
        ends_before: Before which tokens, counted from 0, the model ended a round with an end that is left out.
        last_stop: The end that the model sampled last; None if a wait or the marker stands in its place.
        handed_over: Whether the thinking is over.
    """

    def __init__(self, plan: SteeringPlan, opener: tuple[int, ...] = ()) -> None:
        self.plan, self.rules, self.thought = plan, plan.rules, plan.thought
        self.closing: tuple[int, ...] = ()
        self.answer: list[int] = []
        self.answer_logprobs: list[float] = []
        self.ends_before: list[int] = []
        self.last_stop: int | None = None
        self.handed_over = False
        self.injected = self.sampled = self.taken = 0
        self.repetition = ""
        self._forced: deque[int] = deque(opener)
        self._opening: tuple[int, ...] = ()
        self._ids: list[int] = []
        self._logprobs: list[float] = []
        self._watch: HaltWatch | None = None
        self._start_round()

    @property
    def forced(self) -> int | None:
        """The next token, if the model has no choice."""
        return self._forced[0] if self._forced else None

    @property
    def pending(self) -> tuple[int, ...]:
        """The tokens that are forced next."""
        return tuple(self._forced)

    @property
    def is_thinking(self) -> bool:
        """Whether the model is free to choose the next token of the thinking."""
        return not self.handed_over and not self._forced

    @property
    def is_done(self) -> bool:
        """Whether the answer's room is used up."""
        room = self.plan.answer_room
        return self.handed_over and not self._forced and room is not None and len(self.answer) >= room

    @property
    def may_wait(self) -> bool:
        """Whether an end that the model chose now may be put off, as far as counts tell."""
        return self.is_thinking and self.thought.waits + self.thought.ended < self.rules.granted

    @property
    def between(self) -> tuple[int, ...]:
        """What stands between the chain and the answer's prefix, once the thinking is over."""
        return (*self.closing, *self.rules.tail.end, *self.rules.tail.hand_over)

    @property
    def prefix(self) -> tuple[int, ...]:
        """What heads the answer, once the thinking is over."""
        return () if self.thought.ended else self.rules.tail.prefix

    def count_room(self) -> int:
        """Return the most tokens that are still to come; only for a chain whose answer has a room."""
        answer = (self.plan.answer_room or 0) - len(self.answer)
        if self.handed_over:
            return len(self._forced) + answer
        thinking = self.rules.room.limit - self.thought.charged
        tail = self.rules.tail
        coming = thinking - len(self._ids) - len(self._opening) + len(self._forced)
        return coming + len(tail.closing) + tail.fixed + answer

    def take(self, token: int, logprob: float | None = None, *, chosen: bool = True) -> None:
        """Take the next token of the sequence.

        Args:
            token: The id.
            logprob: Its log-probability (nats), if it is known.
            chosen: Whether the model chose it, or would have.

        Raises:
            AdaptiveError: Another token was forced here.
        """
        if self.is_thinking and (not chosen or token in self.plan.ends):
            self._end_round(token if chosen else None)
            if not chosen or token != self.forced:
                self.ends_before.append(self.taken)
        self.taken += 1
        if self._forced:
            if (expected := self._forced.popleft()) != token:
                raise AdaptiveError(f"the engine gave the token {token} where {expected} is forced.")
        elif self.handed_over:
            self.answer.append(token)
            self.answer_logprobs += [] if logprob is None else [logprob]
        else:
            self._think(token, logprob)

    def end_round(self, stop: int | None = None) -> None:
        """End the round with an end that is not part of the sequence: a wait, or the way to the answer, is next.

        Args:
            stop: The end, if it was sampled and ended the request; None if the next token stands in its place.
        """
        self.ends_before.append(self.taken)
        self._end_round(stop)

    def _end_round(self, stop: int | None) -> None:
        self.last_stop = stop
        self.sampled += 1
        self._close_round("natural")
        self._start_round()

    def preview_end(self) -> int:
        """Return the token that is forced next if the model ends the round now. It changes nothing."""
        thought = self.rules.add_round(self.thought, self._opening, tuple(self._ids), "natural")
        opening = self._choose_opening(thought)
        return (*(opening or ()), *self.rules.tail.end, *self.rules.tail.hand_over)[0]

    def _think(self, token: int, logprob: float | None) -> None:
        self._ids.append(token)
        self._logprobs += [] if logprob is None else [logprob]
        self.sampled += 1
        loops = self._watch is not None and self._watch(token)
        if self.thought.charged + len(self._opening) + len(self._ids) >= self.rules.room.limit:
            self._close_round(self.rules.room.why)
        elif loops:
            self._close_round("loop", stopped=True)
        else:
            return
        self.last_stop = None
        self._hand_over()

    def _start_round(self) -> None:
        """Start the next round, or hand over if there is none."""
        opening = self._choose_opening(self.thought)
        if opening is None:
            self._hand_over()
            return
        self._opening, self._ids, self._logprobs = opening, [], []
        self._forced.extend(opening)
        self.injected += len(opening)
        if self.plan.loop:
            so_far = (*self.thought.ids, *opening)
            self._watch = HaltWatch(Stops(loop=True), self.rules.codec, so_far, probes=False)

    def _choose_opening(self, thought: Thought) -> tuple[int, ...] | None:
        """Return what the next round starts with; None if there is none: none follows a wait in vain."""
        repeats = len(thought.rounds) > len(self.plan.thought.rounds) and thought.rounds[-1].end != "natural"
        return None if repeats else self.rules.choose_opening(thought)

    def _close_round(self, end: RoundEnd, *, stopped: bool = False) -> None:
        ids, logprobs = tuple(self._ids), tuple(self._logprobs)
        weakest = compute_weakest_logprob(Generation(ids, logprobs, "stop", 0, 0))
        self.thought = self.rules.add_round(self.thought, self._opening, ids, end, weakest, stopped=stopped)
        self.repetition = self._watch.repetition if self._watch else ""
        self._opening = ()

    def _hand_over(self) -> None:
        self.handed_over = True
        self.closing = () if self.thought.ended else self.rules.choose_closing(self.thought.charged)
        self._forced.extend((*self.between, *self.prefix))
        own = self.thought.ended and self.last_stop in self.rules.tail.end
        self.injected += len(self._forced) - own


def describe_steering(chain: SteeredChain, start: int) -> str:
    """Return the steering of a request that goes on from where the chain is, as JSON.

    Args:
        chain: The chain so far.
        start: How many ids of the request come before the chain: its open prompt.
    """
    return json.dumps({**chain.plan.to_json(), "start": start, "before": chain.ends_before})


def restore_chain(steering: Mapping[str, Any], ids: Sequence[int], codec: Codec) -> SteeredChain:
    """Return the chain that `describe_steering` described, as far as the ids of the request go.

    Args:
        steering: The parsed JSON.
        ids: The ids of the request.
        codec: The model's codec.
    """
    after = ids[steering["start"] :]
    plan, held = SteeringPlan.from_json(steering, after, codec)
    chain, before = SteeredChain(plan), set(steering["before"])
    for token in after[held:]:
        if chain.taken in before and chain.is_thinking:
            chain.end_round()
        chain.take(token)
    # The end of a turn that ended a request is not among the ids: the answer, or a wait, follows it.
    if chain.taken in before and chain.is_thinking:
        chain.end_round()
    return chain

"""A steered chain in place of rounds, on an engine that steers: thinking and answer in one request.

The attempt that comes of it is the one that rounds make; `steered_chain.py` says how. A request is followed by
another one only if it ends inside the thinking: at an end of turn, at a sampled end that a wait follows (with
greedy sampling the engine puts the wait in its place), or because the connection broke.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adaptive.engines.protocol import Generation, Markers
from adaptive.engines.steering import RequestSteering, SteeringEngine
from adaptive.errors import AdaptiveError
from adaptive.reason.answering import SampledAnswer, split_answer
from adaptive.reason.chain_rules import ChainRules
from adaptive.reason.meter import Meter
from adaptive.reason.steered_chain import SteeredChain, SteeringPlan, describe_steering
from adaptive.reason.token_stream import AnswerEvents, TextStreamer
from adaptive.types.events import OnEvent, emit_event


def can_be_steered(rules: ChainRules) -> bool:
    """Return whether a chain can be steered: something marks its end, and every wait that is granted has ids."""
    tail = rules.tail
    waits = rules.style.waits if rules.granted else ()
    return bool(tail.end or tail.hand_over) and all(rules.codec.encode(wait) for wait in waits)


@dataclass
class SteeredRun:
    """One attempt that thinks, on an engine that steers.

    Attributes:
        engine: The engine.
        prompt: The open prompt.
        plan: What the chain is steered by.
        budget: The rung's budget, for events.
        meter: Counts.
        watcher: Hears the events.
    """

    engine: SteeringEngine
    prompt: tuple[int, ...]
    plan: SteeringPlan
    budget: int
    meter: Meter
    watcher: OnEvent | None

    def __post_init__(self) -> None:
        self.chain = SteeredChain(self.plan)
        self.ids = [*self.prompt, *self.plan.thought.ids]
        self._answer_events = AnswerEvents(self.watcher)
        self._stream: TextStreamer | None = None

    async def run(self) -> tuple[SteeredChain, SampledAnswer]:
        """Think and answer; return the chain with its answer.

        Raises:
            AdaptiveError: The engine failed, or does not steer as the plan says.
        """
        self._open_stream()
        last: Generation | None = None
        try:
            while last is None:
                self._take_forced()
                last = await self._request_more()
            return self.chain, self._finish(last)
        finally:  # what a solve that is cut off had written is charged
            self._flush()
            self._answer_events.flush()

    async def _request_more(self) -> Generation | None:
        """Send a request; return its generation if it completed the answer."""
        chain, ids = self.chain, tuple(self.ids)
        room = min(chain.count_room(), self.meter.engine.context_window - len(ids))
        generation = await self.engine.generate_steered(
            ids,
            steering=RequestSteering(describe_steering(chain, len(self.prompt)), chain.rules.granted > 0),
            max_tokens=room,
            stop_ids=self._choose_stops(),
            sampling=self.meter.sampling,
            session=self.meter.session,
            on_part=self._take_part,
        )
        self.meter.count_request(ids, generation)
        if chain.is_done or (chain.handed_over and len(self.ids) >= self.meter.engine.context_window):
            return generation
        if generation.stop_id is None:
            if not generation.ids:
                raise AdaptiveError(f"{self.meter.engine.name} gave no token of a steered chain: ask again.")
            return None
        return self._take_stop(generation, generation.stop_id)

    def _choose_stops(self) -> tuple[int, ...]:
        """Return what ends the request: ends of an answer, and sampled ends of thinking that a wait may follow."""
        markers: Markers = self.plan.rules.codec.markers
        sampled = self.meter.sampling.temperature > 0 and self.plan.rules.granted > 0
        thinking = markers.thinking_stops if sampled and not self.chain.handed_over else ()
        return (*markers.answer_stops, *thinking)

    def _take_stop(self, generation: Generation, stop: int) -> Generation | None:
        """Take the id that ended a request; return the generation if it completed the answer."""
        chain = self.chain
        if chain.forced is not None or (chain.is_thinking and stop not in self.plan.ends):
            self._take(stop, generation.stop_logprob)
        elif chain.is_thinking:
            self._follow(lambda: chain.end_round(stop))
        else:
            return generation
        return None

    def _take_part(self, ids: Sequence[int], logprobs: Sequence[float | None], chosen: Sequence[bool]) -> None:
        greedy = self.meter.sampling.temperature <= 0
        for token, logprob, top in zip(
            ids, [*logprobs, *[None] * (len(ids) - len(logprobs))], chosen, strict=True
        ):
            if self.chain.is_done:
                return
            self._take(token, logprob, chosen=top or not greedy or not self.chain.may_wait)

    def _take_forced(self) -> None:
        """Take the forced tokens at the start of a request: the engine reads them at once with the prompt."""
        while (token := self.chain.forced) is not None:
            self._take(token, None)

    def _take(self, token: int, logprob: float | None, *, chosen: bool = True) -> None:
        chain = self.chain
        free = chain.forced is None and (chain.handed_over or (chosen and token not in self.plan.ends))
        if free and self._stream is not None:
            self._stream(token)
        self.ids.append(token)
        self._follow(lambda: chain.take(token, logprob, chosen=chosen))

    def _follow(self, step: Callable[[], None]) -> None:
        """Make a step of the chain; emit what it ended and began."""
        chain, rounds, thought_before = self.chain, len(self.chain.thought.rounds), not self.chain.handed_over
        step()
        if len(chain.thought.rounds) > rounds:
            self._flush()
            self._emit_end()
            if not chain.handed_over:
                self._open_stream()
        if thought_before and chain.handed_over:
            self._open_answer()

    def _open_stream(self) -> None:
        """Begin to emit a round, or the answer if the chain has no next round."""
        chain = self.chain
        if chain.handed_over:
            self._open_answer()
            return
        if chain.thought.ended:
            wait = chain.rules.choose_wait(chain.thought)
            emit_event(self.watcher, "wait", text=wait, number=chain.thought.waits + 1)
        before = (*self.ids, *chain.pending)
        self._stream = TextStreamer(chain.rules.codec, "thinking", self.watcher, before)

    def _open_answer(self) -> None:
        chain = self.chain
        prefix = chain.prefix
        before = (*self.ids, *chain.pending[: len(chain.pending) - len(prefix)])
        watcher = self._answer_events if self.watcher else None
        self._stream = TextStreamer(chain.rules.codec, "answer", watcher, before)
        for token in prefix:
            self._stream(token)

    def _flush(self) -> None:
        if self._stream is not None:
            self._stream.flush()
            self._stream = None

    def _emit_end(self) -> None:
        thought, repetition = self.chain.thought, self.chain.repetition
        one, count = thought.rounds[-1], len(thought.rounds)
        more = {"said": repetition} if repetition else {}
        emit_event(self.watcher, "end", round=count, tokens=one.tokens, injected=one.injected,
             charged=thought.charged, budget=self.budget, end=one.end, **more)  # fmt: skip

    def _finish(self, last: Generation) -> SampledAnswer:
        """Return the answer, with all that was taken counted."""
        chain = self.chain
        stopped = last.stop_id is not None and not chain.is_done
        complete = len(chain.answer_logprobs) == len(chain.answer)
        generation = Generation(
            ids=tuple(chain.answer),
            logprobs=tuple(chain.answer_logprobs) if complete else (),
            end="stop" if stopped else "length",
            prefilled=last.prefilled,
            cached=last.cached,
            stop_id=last.stop_id if stopped else None,
            stop_logprob=last.stop_logprob if stopped else None,
            counted=last.counted,
        )
        self.meter.count_steered(chain.sampled, chain.injected, len(chain.answer) + stopped)
        answer = split_answer(chain.rules.codec, chain.prefix, generation)
        self.meter.recount(answer.thinking_tokens, "answer", "thinking")
        return answer

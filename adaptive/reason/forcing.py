"""Budget forcing on token engines: thinking inside exactly a budget, then the answer in its reserved room.

s1 (Muennighoff et al. 2025, arXiv 2501.19393, §3.1): a maximum is kept by forcing the end of thinking, a
minimum by dropping the end that the model chose and appending "Wait". Both are done on token ids: what was
generated is sent back as it was and never tokenised again.

What a budget pays for: every id of the chain, generated or injected, over all its rounds and attempts; one
token for each end of thinking that the model sampled, put off or not (`chain.py`); and the closing phrase
of a forced end. Their sum never exceeds the rung's budget. The closing phrase is not kept in the chain:
escalation goes on from before it. End marker, hand-over and answer prefix are injected but are not
thinking; `meter.py` says how everything is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from adaptive.engines.protocol import Generation, Prompt, Sampling, TokenEngine
from adaptive.engines.steering import SteeringEngine, find_steering
from adaptive.reason.answering import SampledAnswer, probe_answer, sample_answer
from adaptive.reason.budget import Room, Style, Tail, check_prompt_fits
from adaptive.reason.chain import Thought, min_logprob
from adaptive.reason.chain_rules import ChainRules
from adaptive.reason.confidence import compute_confidence, compute_weakest_logprob
from adaptive.reason.early_stop import HaltWatch, ProbeResult, StopDecider
from adaptive.reason.meter import Meter
from adaptive.reason.steered import SteeredRun, can_be_steered
from adaptive.reason.steered_chain import SteeringPlan
from adaptive.reason.token_stream import TextStreamer
from adaptive.types.attempt import AnswerProbe, Arm, Attempt, Finish, RoundEnd
from adaptive.types.events import OnEvent, emit_event
from adaptive.types.ladder import Rung
from adaptive.types.stops import Stops

NO_THOUGHT = Thought()
NO_STOPS = Stops(loop=False)
NOTHING = Generation((), (), "halted", 0, 0)


async def think_within_budget(
    engine: TokenEngine,
    prompt: Prompt,
    rung: Rung,
    *,
    style: Style,
    stops: Stops = NO_STOPS,
    thought: Thought = NO_THOUGHT,
    sampling: Sampling,
    session: str,
    index: int,
    arm: Arm,
    schema: str = "",
    on_event: OnEvent | None = None,
) -> Attempt:
    """Make an attempt at a question at one rung (s1, arXiv 2501.19393, §3.1).

    A chain that was cut off or stopped early goes on. One that the model ended goes on with a wait if the rung
    grants more waits than the chain has had, whatever the arm, and there is room; otherwise it is answered as it
    stands. One that is longer than the budget is cut to it and made to answer: so one long chain gives every
    budget. A rung that does not think answers from `prompt.closed`, whatever the thought. `Attempt.waits` is the
    waits in the chain.

    Args:
        engine: The model.
        prompt: The rendered question.
        rung: Its budget, waits and answer's room are used.
        style: How the model is steered.
        stops: Which early stops are on.
        thought: The chain to continue.
        sampling: How tokens are chosen.
        session: The chain's name for the engine's cache.
        index: The rung's place in the ladder.
        arm: Why the attempt is made.
        schema: What the answer must follow, as in `Sampling`. The thinking is free: it is neither guided nor
            probed, and no prefix heads the answer.
        on_event: Hears the events of `adaptive.reason.token_stream`.

    Raises:
        InputError: The prompt leaves no room to answer.
        AdaptiveError: The engine failed or generated too much.
    """
    emit_event(on_event, "start", rung=index, arm=arm, effort=rung.effort, budget=rung.budget, waits=rung.waits)
    if schema:  # without a prefix there are no probes either
        style = replace(style, answer_prefix="", direct_prefix="")
    if rung.thinks:
        tail = Tail.from_style(style, engine.codec)
        room = Room.plan(rung, engine.context_window, len(prompt.open), tail)
        thought = thought if thought.charged <= room.total else thought.truncate(room.limit, room.why)
        meter = Meter(engine, sampling, session, start_length=len(prompt.open) + len(thought.ids))
        forcing = _Forcing(prompt.open, rung, style, stops, tail, room, meter, on_event, schema)
        steering = forcing.find_steering()
        outcome = await (forcing.run(thought) if steering is None else forcing.run_steered(steering, thought))
    else:
        prefix = engine.codec.encode(style.direct_prefix)
        check_prompt_fits(engine.context_window, len(prompt.closed), len(prefix))
        meter = Meter(engine, sampling, session, start_length=len(prompt.closed))
        meter.injected += len(prefix)
        answer = await sample_answer(meter, prompt.closed, prefix, rung.answer_room, on_event, schema)
        outcome = _TokenOutcome(NO_THOUGHT, "", "none", answer)
    weakest = outcome.thought.weakest
    return Attempt(
        rung=index,
        arm=arm,
        effort=rung.effort,
        budget=rung.budget,
        waits=outcome.thought.waits,
        answer=outcome.sampled.answer,
        text=outcome.sampled.text,
        thinking="\n\n".join(filter(None, (outcome.thinking, outcome.sampled.thinking))),
        status=outcome.sampled.status,
        finish=outcome.finish,
        rounds=outcome.thought.rounds,
        forced=outcome.forced,
        probes=outcome.probes,
        trace=outcome.thought.ids,
        confidence=compute_confidence(outcome.sampled.mean_logprob, weakest),
        weakest=weakest,
        usage=meter.read_usage(),
    )


@dataclass(frozen=True)
class _TokenOutcome:
    """The result of an attempt: the chain, the thinking's text with the closing phrase, and the answer."""

    thought: Thought
    thinking: str
    finish: Finish
    sampled: SampledAnswer
    forced: tuple[tuple[int, int], ...] = ()
    probes: tuple[AnswerProbe, ...] = ()


@dataclass
class _Forcing:
    """One attempt that thinks."""

    prompt: tuple[int, ...]
    rung: Rung
    style: Style
    stops: Stops
    tail: Tail
    room: Room
    meter: Meter
    watcher: OnEvent | None
    schema: str = ""
    last_stop: int | None = None
    adopted: SampledAnswer | None = None  # the probe that ended the chain

    def __post_init__(self) -> None:
        codec = self.meter.engine.codec
        self.rules = ChainRules(codec, self.style, self.rung.waits, self.tail, self.room)
        self.stop_decider = StopDecider(self.stops)
        # What the model itself thought since the last probe: an injected Wait is no doubt of its own.
        self.since_probe: list[int] = []
        self.probes: list[AnswerProbe] = []

    async def run(self, thought: Thought) -> _TokenOutcome:
        """Think until there is no next round, hand over, answer."""
        while (opening := self.rules.choose_opening(thought)) is not None:
            thought = await self._run_round(thought, opening)
            if thought.rounds[-1].end != "natural":
                break
        closing = () if thought.ended else self.rules.choose_closing(thought.charged)
        answer = self.adopted or await self._sample_answer(thought, closing)
        thinking = self.meter.engine.codec.decode((*thought.ids, *closing))
        forced = self.rules.locate_forced(thought, closing)
        finish = self.rules.derive_finish(thought)
        return _TokenOutcome(thought, thinking, finish, answer, forced, tuple(self.probes))

    def find_steering(self) -> SteeringEngine | None:
        """Return the engine if it does this attempt inside one request: probes and schemas need their own."""
        possible = not self._probes_enabled and not self.schema and can_be_steered(self.rules)
        return find_steering(self.meter.engine) if possible else None

    async def run_steered(self, engine: SteeringEngine, thought: Thought) -> _TokenOutcome:
        """Do what `run` does inside one request."""
        ends = frozenset(self.rules.codec.markers.thinking_stops)
        plan = SteeringPlan(self.rules, ends, self.stops.loop, thought, self.rung.answer_room)
        steered = SteeredRun(engine, self.prompt, plan, self.rung.budget, self.meter, self.watcher)
        chain, answer = await steered.run()
        thought = chain.thought
        thinking = self.rules.codec.decode((*thought.ids, *chain.closing))
        forced = self.rules.locate_forced(thought, chain.closing)
        return _TokenOutcome(thought, thinking, self.rules.derive_finish(thought), answer, forced)

    async def _sample_answer(self, thought: Thought, closing: tuple[int, ...]) -> SampledAnswer:
        """Sample the answer after the chain as it stands."""
        prefix = () if thought.ended else self.tail.prefix
        between = (*closing, *self.tail.end, *self.tail.hand_over)
        # An end marker that the model sampled just now is its own, and counted; everything else is injected.
        sampled = thought.ended and self.last_stop in self.tail.end
        self.meter.injected += len(between) - sampled + len(prefix)
        ids = (*self.prompt, *thought.ids, *between)
        return await sample_answer(self.meter, ids, prefix, self.rung.answer_room, self.watcher, self.schema)

    async def _run_round(self, thought: Thought, opening: tuple[int, ...]) -> Thought:
        """Add a round that starts with `opening` to the chain."""
        if thought.ended:
            emit_event(self.watcher, "wait", text=self.rules.choose_wait(thought), number=thought.waits + 1)
        watch = HaltWatch(
            self.stops, self.meter.engine.codec, (*thought.ids, *opening), probes=self._probes_enabled
        )
        generation, why = await self._think_until_stopped(thought, opening, watch)
        self.meter.injected += len(opening)
        self.last_stop = generation.stop_id
        thought = self._add_round(thought, opening, generation, why)
        self._emit_end(thought, watch.repetition)
        return thought

    @property
    def _probes_enabled(self) -> bool:
        return self.stops.probes_enabled and bool(self.tail.prefix)

    async def _think_until_stopped(
        self, thought: Thought, opening: tuple[int, ...], watch: HaltWatch
    ) -> tuple[Generation, RoundEnd | None]:
        """Think up to the end or the room, in pieces if probed; return why it was stopped early, if so."""
        start = (*self.prompt, *thought.ids, *opening)
        charged = thought.charged + len(opening)
        thinking = NOTHING
        while True:
            ids = (*start, *thinking.ids)
            piece = await self._sample_thinking(ids, self.room.limit - charged - len(thinking.ids), watch)
            thinking = thinking.joined(piece)
            self.since_probe += piece.ids
            if piece.end != "halted" or watch.why == "loop":
                return thinking, "loop" if piece.end == "halted" else None
            weakest = min_logprob(thought.weakest, compute_weakest_logprob(thinking))
            if why := await self._probe((*ids, *piece.ids), charged + len(thinking.ids), weakest):
                return thinking, why

    async def _probe(self, ids: tuple[int, ...], charged: int, weakest: float | None) -> RoundEnd | None:
        """Probe the answer after `ids`; return why the chain stops here, if it does."""
        between = (*self.rules.choose_closing(charged), *self.tail.end, *self.tail.hand_over)
        self.meter.count_probe(len(between))
        room = min(self.stops.probe_room, self.rung.answer_room)
        probed = await probe_answer(self.meter, (*ids, *between), self.tail.prefix, room)
        confidence = compute_confidence(probed.mean_logprob, weakest)
        spent = len(between) + len(self.tail.prefix) + len(probed.generation.ids)
        emit_event(
            self.watcher, "probe", answer=probed.answer, confidence=confidence, tokens=spent, charged=charged
        )
        self.probes.append(AnswerProbe(charged, probed.answer, confidence, spent))
        text = self.meter.engine.codec.decode(self.since_probe)
        self.since_probe.clear()
        if why := self.stop_decider.decide(ProbeResult(probed.answer, confidence, text)):
            self.meter.adopt_probe(probed.generation, len(between) + len(self.tail.prefix))
            emit_event(self.watcher, "answer", text=probed.text, tokens=len(probed.generation.ids))
            self.adopted = probed
        return why

    async def _sample_thinking(self, ids: tuple[int, ...], room: int, watch: HaltWatch) -> Generation:
        """Sample at most `room` tokens of thinking."""
        codec = self.meter.engine.codec
        stream = TextStreamer(codec, "thinking", self.watcher, ids)
        stops = codec.markers.thinking_stops
        halt = watch if self.stops.loop or self._probes_enabled else None
        try:
            return await self.meter.sample(ids, room, stops, "thinking", stream.on_token, halt)
        finally:  # what a solve that is cut off had written is charged
            stream.flush()

    def _add_round(
        self, thought: Thought, opening: tuple[int, ...], generation: Generation, stopped: RoundEnd | None
    ) -> Thought:
        if stopped is not None:
            return thought.with_round(
                opening, generation.ids, stopped, compute_weakest_logprob(generation), stopped=True
            )
        if generation.end != "stop":
            why = "context" if generation.end == "context" else self.room.why
            return thought.with_round(opening, generation.ids, why, compute_weakest_logprob(generation))
        return self.rules.add_round(
            thought, opening, generation.ids, "natural", compute_weakest_logprob(generation)
        )

    def _emit_end(self, thought: Thought, repetition: str) -> None:
        one, count = thought.rounds[-1], len(thought.rounds)
        more = {"said": repetition} if repetition else {}
        emit_event(self.watcher, "end", round=count, tokens=one.tokens, injected=one.injected,
             charged=thought.charged, budget=self.rung.budget, end=one.end, **more)  # fmt: skip

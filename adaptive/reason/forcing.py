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

from dataclasses import dataclass

from adaptive.answers.extract import final_answer
from adaptive.engines.protocol import Generation, Prompt, Sampling, TokenEngine
from adaptive.reason.answering import Reply, reply, trial
from adaptive.reason.budget import Room, Style, Tail, require
from adaptive.reason.chain import Thought, weaker
from adaptive.reason.confidence import confidence, weakest
from adaptive.reason.early_stop import Look, Sight, Watch
from adaptive.reason.meter import Meter
from adaptive.reason.token_stream import Stream
from adaptive.types.attempt import Arm, Attempt, Finish, RoundEnd
from adaptive.types.events import OnEvent, tell
from adaptive.types.ladder import Rung
from adaptive.types.stops import Stops

NO_THOUGHT = Thought()
NO_STOPS = Stops(loop=False)
NOTHING = Generation((), (), "halted", 0, 0)


async def think(
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
    on_event: OnEvent | None = None,
) -> Attempt:
    """Buy `rung`, the ladder's `index`-th, for a question, going on from `thought`.

    A chain that was cut off, or stopped early (`stops`), goes on. One that the model ended goes on with a wait if
    the rung grants more waits than the chain has had, whatever the arm, and there is room; otherwise it is
    answered as it stands. One that is longer than the budget is cut to it and made to answer: so one long chain
    gives every budget. A rung that does not think answers from `prompt.closed`, whatever the thought.
    `Attempt.waits` is the waits in the chain.

    Raises `InputError` when the prompt leaves no room to answer, `AdaptiveError` when the engine overran.
    """
    tell(on_event, "start", rung=index, arm=arm, effort=rung.effort, budget=rung.budget, waits=rung.waits)
    if rung.thinks:
        tail = Tail.of(style, engine.codec)
        room = Room.plan(rung, engine.context_window, len(prompt.open), tail)
        thought = thought if thought.charged <= room.total else thought.cut(room.limit, room.why)
        meter = Meter(engine, sampling, session, given=len(prompt.open) + len(thought.ids))
        forcing = _Forcing(prompt.open, rung, style, stops, tail, room, meter, on_event)
        made = await forcing.run(thought)
    else:
        prefix = engine.codec.encode(style.direct_prefix)
        require(engine.context_window, len(prompt.closed), len(prefix))
        meter = Meter(engine, sampling, session, given=len(prompt.closed))
        meter.injected += len(prefix)
        answer = await reply(meter, prompt.closed, prefix, rung.answer_room, on_event)
        made = _Made(NO_THOUGHT, "", "none", answer)
    return _attempt(rung, index, arm, made, meter)


@dataclass(frozen=True)
class _Made:
    """What one attempt came to: the chain, the thinking's text with the closing phrase, and the answer."""

    thought: Thought
    thinking: str
    finish: Finish
    reply: Reply


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
    last_stop: int | None = None
    taken: Reply | None = None  # the probe that ended the chain

    def __post_init__(self) -> None:
        self.sight = Sight(self.stops)
        # What the model itself thought since the last look: a Wait that is put there is no doubt of its own.
        self.unseen: list[int] = []

    async def run(self, thought: Thought) -> _Made:
        """Think until there is no next round, hand over, answer."""
        while (opening := self._opening(thought)) is not None:
            thought = await self._round(thought, opening)
            if thought.rounds[-1].end != "natural":
                break
        closing = () if thought.ended else self._closing(thought.charged)
        answer = self.taken or await self._answer(thought, closing)
        thinking = self.meter.engine.codec.decode((*thought.ids, *closing))
        return _Made(thought, thinking, self._finish(thought), answer)

    async def _answer(self, thought: Thought, closing: tuple[int, ...]) -> Reply:
        """The answer after the chain as it stands."""
        prefix = () if thought.ended else self.tail.prefix
        between = (*closing, *self.tail.end, *self.tail.hand_over)
        # An end marker that the model sampled just now is its own, and counted; everything else here is ours.
        sampled = thought.ended and self.last_stop in self.tail.end
        self.meter.injected += len(between) - sampled + len(prefix)
        ids = (*self.prompt, *thought.ids, *between)
        return await reply(self.meter, ids, prefix, self.rung.answer_room, self.watcher)

    def _opening(self, thought: Thought) -> tuple[int, ...] | None:
        """What the next round starts with: nothing, or a wait; None when there is no next round."""
        if not thought.ended:
            return () if thought.charged < self.room.limit else None
        wait = self.meter.engine.codec.encode(self._wait(thought))
        left = self.room.limit - thought.charged - len(wait)
        return wait if thought.waits < self.rung.waits and left >= self.style.useful_round else None

    def _wait(self, thought: Thought) -> str:
        return self.style.waits[thought.waits % len(self.style.waits)]

    async def _round(self, thought: Thought, opening: tuple[int, ...]) -> Thought:
        """The chain with one round more, which starts with `opening`."""
        if thought.ended:
            tell(self.watcher, "wait", text=self._wait(thought), number=thought.waits + 1)
        watch = Watch(self.stops, self.meter.engine.codec, (*thought.ids, *opening), probes=self._probes)
        generation, why = await self._stretch(thought, opening, watch)
        self.meter.injected += len(opening)
        self.last_stop = generation.stop_id
        thought = self._grown(thought, opening, generation, why)
        self._tell_end(thought, watch.loop)
        return thought

    @property
    def _probes(self) -> bool:
        return self.stops.probes and bool(self.tail.prefix)

    async def _stretch(
        self, thought: Thought, opening: tuple[int, ...], watch: Watch
    ) -> tuple[Generation, RoundEnd | None]:
        """Thinking up to its end or its room, in pieces where it is probed; and why it was stopped early, if
        so."""
        start = (*self.prompt, *thought.ids, *opening)
        charged = thought.charged + len(opening)
        made = NOTHING
        while True:
            ids = (*start, *made.ids)
            piece = await self._sample(ids, self.room.limit - charged - len(made.ids), watch)
            made = made.joined(piece)
            self.unseen += piece.ids
            if piece.end != "halted" or watch.why == "loop":
                return made, "loop" if piece.end == "halted" else None
            sure = weaker(thought.weakest, weakest(made))
            if why := await self._look((*ids, *piece.ids), charged + len(made.ids), sure):
                return made, why

    async def _look(self, ids: tuple[int, ...], charged: int, sure: float | None) -> RoundEnd | None:
        """Probe the answer after `ids`; why the chain stops here, if it does."""
        between = (*self._closing(charged), *self.tail.end, *self.tail.hand_over)
        self.meter.probed(len(between))
        room = min(self.stops.probe_room, self.rung.answer_room)
        tried = await trial(self.meter, (*ids, *between), self.tail.prefix, room)
        sure = confidence(tried.mean_logprob, sure)
        spent = len(between) + len(self.tail.prefix) + len(tried.generation.ids)
        tell(self.watcher, "probe", answer=tried.answer, confidence=sure, tokens=spent, charged=charged)
        text = self.meter.engine.codec.decode(self.unseen)
        self.unseen.clear()
        if why := self.sight.judged(Look(tried.answer, sure, text)):
            self.meter.adopt(tried.generation, len(between) + len(self.tail.prefix))
            tell(self.watcher, "answer", text=tried.text, tokens=len(tried.generation.ids))
            self.taken = tried
        return why

    async def _sample(self, ids: tuple[int, ...], room: int, watch: Watch) -> Generation:
        """At most `room` tokens of thinking."""
        codec = self.meter.engine.codec
        stream = Stream(codec, "thinking", self.watcher, ids)
        stops = codec.markers.thinking_stops
        halt = watch if self.stops.loop or self._probes else None
        generation = await self.meter.sample(ids, room, stops, "thinking", stream, halt)
        stream.flush()
        return generation

    def _grown(
        self, thought: Thought, opening: tuple[int, ...], generation: Generation, stopped: RoundEnd | None
    ) -> Thought:
        if stopped is not None:
            return thought.grown(opening, generation.ids, stopped, weakest(generation), stopped=True)
        if generation.end != "stop":
            why = "context" if generation.end == "context" else self.room.why
            return thought.grown(opening, generation.ids, why, weakest(generation))
        waited = thought.ended
        thought = thought.grown(opening, generation.ids, "natural", weakest(generation))
        return thought.relabelled(self._repeats(thought)) if waited and self.style.stop_on_repeat else thought

    def _repeats(self, thought: Thought) -> RoundEnd:
        """What the last wait brought: `loop` if not one new token, `converged` if the same boxed answer."""
        before, last = thought.stretch(-2), thought.stretch(-1)
        if not last or last == before:
            return "loop"
        decode = self.meter.engine.codec.decode
        answer = final_answer(decode(last))
        return "converged" if answer is not None and answer == final_answer(decode(before)) else "natural"

    def _closing(self, charged: int) -> tuple[int, ...]:
        """The closing phrase of a forced end, where the budget has room for it."""
        return self.tail.closing if charged + len(self.tail.closing) <= self.room.total else ()

    def _finish(self, thought: Thought) -> Finish:
        if thought.ended:
            return "natural"
        if thought.rounds and thought.rounds[-1].stopped:
            return thought.rounds[-1].end
        cut_by_engine = bool(thought.rounds) and thought.rounds[-1].end == "context"
        return "context" if cut_by_engine else self.room.why

    def _tell_end(self, thought: Thought, said: str) -> None:
        one, count = thought.rounds[-1], len(thought.rounds)
        more = {"said": said} if said else {}
        tell(self.watcher, "end", round=count, tokens=one.tokens, injected=one.injected,
             charged=thought.charged, budget=self.rung.budget, end=one.end, **more)  # fmt: skip


def _attempt(rung: Rung, index: int, arm: Arm, made: _Made, meter: Meter) -> Attempt:
    return Attempt(
        rung=index,
        arm=arm,
        effort=rung.effort,
        budget=rung.budget,
        waits=made.thought.waits,
        answer=made.reply.answer,
        text=made.reply.text,
        thinking=made.thinking,
        status=made.reply.status,
        finish=made.finish,
        rounds=made.thought.rounds,
        trace=made.thought.ids,
        confidence=confidence(made.reply.mean_logprob, made.thought.weakest if rung.thinks else None),
        weakest=made.thought.weakest,
        usage=meter.usage(),
    )

"""A plain attempt: what one chat call of the model gives, with a net under it.

The model gets its own template, nothing of ours, and generates to its own end. So the ids are those of a plain
call on the same engine. The net is used only after the model was cut off or caught in a loop:

* thinking that loops, leaves no room, or ends the turn is ended by force, and an answer is sampled after it;
* an answer that loops ends there;
* a reply that a server cut short of the room goes on where it was cut.

The room is the rest of the context window, or what the caller's limit of tokens leaves. If the model can think,
the room for a forced answer is held back at first, and given to an answer that needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from adaptive._util.thinking_tags import THINKING_TAGS, find_open_tag
from adaptive.engines.protocol import Codec, Generation, OnToken, Prompt, Sampling, TokenEngine
from adaptive.reason.answering import SampledAnswer, sample_answer, split_answer
from adaptive.reason.budget import Style, Tail, check_prompt_fits
from adaptive.reason.chain import Thought
from adaptive.reason.confidence import compute_confidence, compute_weakest_logprob
from adaptive.reason.loops import is_boundary, is_figure, make_patient_watch
from adaptive.reason.meter import Meter
from adaptive.reason.reply import ReplySplitter, opens_thinking, split_reply
from adaptive.reason.token_stream import AnswerEvents, TextStreamer
from adaptive.types.attempt import Arm, Attempt, Finish, RoundEnd
from adaptive.types.events import OnEvent, emit_event
from adaptive.types.ladder import Rung
from adaptive.types.stops import Stops

_TAG_TOKENS = 24
"""No opening tag has more tokens than this."""


async def answer_plainly(
    engine: TokenEngine,
    prompt: Prompt,
    rung: Rung,
    *,
    style: Style,
    stops: Stops,
    room: int | None = None,
    sampling: Sampling,
    session: str,
    index: int,
    arm: Arm,
    on_event: OnEvent | None = None,
) -> Attempt:
    """Make a plain attempt at a question.

    Args:
        engine: The model.
        prompt: The question, rendered at effort "default".
        rung: Its answer's room is that of a forced answer.
        style: How thinking is ended by force.
        stops: Whether loops are stopped.
        room: The most tokens that may be generated; None: all that the window holds.
        sampling: How tokens are chosen.
        session: The chain's name for the engine's cache.
        index: The rung's place in the ladder.
        arm: Why the attempt is made.
        on_event: Hears the events of `adaptive.reason.token_stream`.

    Raises:
        InputError: The prompt leaves no room to answer.
        AdaptiveError: The engine failed or generated too much.
    """
    emit_event(on_event, "start", rung=index, arm=arm, effort=rung.effort, budget=rung.budget, waits=rung.waits)
    check_prompt_fits(engine.context_window, len(prompt.open), 0)
    window = engine.context_window - len(prompt.open)
    total = window if room is None else max(1, min(window, room))
    run = _PlainRun(
        prompt.open,
        rung,
        Tail.from_style(style, engine.codec),
        total,
        "context" if total == window else "budget",
        Meter(engine, sampling, session, start_length=len(prompt.open)),
        stops,
        on_event,
    )
    thought, finish, answer = await run.run()
    thinking = engine.codec.decode(run.splitter.thinking)
    return Attempt(
        rung=index,
        arm=arm,
        effort=rung.effort,
        budget=rung.budget,
        waits=0,
        answer=answer.answer,
        text=answer.text,
        thinking="\n\n".join(filter(None, (thinking, answer.thinking))),
        status=answer.status,
        finish=finish,
        rounds=thought.rounds,
        forced=((len(thinking), len(thinking)),) if thought.rounds and not thought.ended else (),
        trace=thought.ids,
        confidence=compute_confidence(answer.mean_logprob, thought.weakest),
        weakest=thought.weakest,
        usage=run.meter.read_usage(),
    )


NOTHING = Generation((), (), "length", 0, 0)


@dataclass
class _PlainRun:
    """One plain attempt. total: the room; why: what bounds it."""

    prompt: tuple[int, ...]
    rung: Rung
    tail: Tail
    total: int
    why: Literal["budget", "context"]
    meter: Meter
    stops: Stops
    watcher: OnEvent | None

    def __post_init__(self) -> None:
        markers = self.meter.engine.codec.markers
        opened, codec = opens_thinking(self.prompt, markers), self.meter.engine.codec
        # Whether the template opens the thinking with a tag that is plain text to the tokenizer.
        tag = markers.name if markers.think_end is None and markers.name in THINKING_TAGS else None
        self.tag_opened = tag is not None and find_open_tag(codec.decode(self.prompt[-_TAG_TOKENS:])) == tag
        self.events = AnswerEvents(self.watcher, opened=self.tag_opened)
        self.opened, self.splitter = opened, ReplySplitter(markers, opened)
        self.stream = _ReplyStream(codec, self.prompt, opened, self.events if self.watcher else None)
        self.halt = _LoopHalt(codec, opened)
        self.can_think, self.cut_short = markers.think_end is not None, False

    async def run(self) -> tuple[Thought, Finish, SampledAnswer]:
        """Generate to the end of the reply; return its chain of thinking, how it finished, and the answer."""
        reply = await self._generate()
        self.splitter = self._split(reply)
        thinks = self.splitter.in_thinking
        answer_at = len(reply.ids) if thinks else self.splitter.answer_at
        self.meter.recount(len(reply.ids) - answer_at + (not thinks and reply.stop_id is not None),
                           "thinking", "answer")  # fmt: skip
        thought = self._read_thought(reply)
        if thinks:
            return thought, self._derive_finish(reply, "natural"), await self._force_answer(reply, thought)
        said = Generation(
            tuple(self.splitter.answer),
            _slice_logprobs(reply, answer_at, len(self.splitter.answer)),
            reply.end, reply.prefilled, reply.cached, reply.stop_id, reply.stop_logprob,
        )  # fmt: skip
        answer = split_answer(self.meter.engine.codec, (), said, opened=self.tag_opened)
        self.meter.recount(answer.thinking_tokens, "answer", "thinking")
        whole = answer.is_complete or answer.answer is not None
        own: Finish = "natural" if thought.rounds else "none"
        return thought, own if whole else self._derive_finish(reply, own), answer

    async def _generate(self) -> Generation:
        """Generate the reply, up to the room; if it still thinks there, up to what a forced answer leaves."""
        held = min(self.tail.fixed + self.rung.answer_room, self.total // 2) if self.can_think else 0
        try:
            reply = await self._continue(NOTHING, self.total - held)
            if held and reply.end in ("length", "context") and not self._split(reply).in_thinking:
                reply = await self._continue(reply, self.total)
        finally:  # what a solve that is cut off had written is charged
            self.stream.flush()
            self.events.flush()
        return reply

    def _split(self, reply: Generation) -> ReplySplitter:
        return split_reply(reply.ids, self.meter.engine.codec.markers, opened=self.opened)

    async def _continue(self, reply: Generation, room: int) -> Generation:
        """Continue a reply up to `room` tokens; again where a server cut it short of that."""
        stops = self.meter.engine.codec.markers.turn_end
        halt = self.halt if self.stops.loop else None
        while True:
            ids, left = (*self.prompt, *reply.ids), room - len(reply.ids)
            piece = await self.meter.sample(ids, left, stops, "thinking", self.stream.on_token, halt)
            reply = piece if reply is NOTHING else reply.joined(piece)
            self.cut_short = piece.end == "length" and not piece.ids
            if piece.end != "length" or self.cut_short or len(reply.ids) >= room:
                return reply

    def _read_thought(self, reply: Generation) -> Thought:
        """Return the first block of thinking as a chain that escalation can continue."""
        if not self.splitter.thought:
            return Thought()
        end = self.splitter.first_end
        ids = reply.ids if end is None else reply.ids[:end]
        logprobs = _slice_logprobs(reply, 0, len(ids))
        weakest = compute_weakest_logprob(Generation(ids, logprobs, reply.end, 0, 0))
        why: RoundEnd = "natural"
        if end is None and reply.stop_id is None:
            why = "loop" if reply.end == "halted" else self.why
        thought = Thought().with_round((), ids, why, weakest, stopped=why == "loop")
        one = thought.rounds[-1]
        said = {"said": self.halt.repetition} if why == "loop" else {}
        emit_event(self.watcher, "end", round=1, tokens=one.tokens, injected=0, charged=one.tokens,
                   budget=self.rung.budget, end=one.end, **said)  # fmt: skip
        return thought

    async def _force_answer(self, reply: Generation, thought: Thought) -> SampledAnswer:
        """End thinking that did not end itself, and sample the answer after it."""
        left = self.total - len(reply.ids) - self.tail.fixed
        if left < 1:
            return SampledAnswer("", "", Generation((), (), "context", 0, 0))
        closing = () if thought.ended or left <= len(self.tail.closing) else self.tail.closing
        prefix = () if thought.ended else self.tail.prefix
        between = (*closing, *self.tail.end, *self.tail.hand_over)
        self.meter.injected += len(between) + len(prefix)
        room = min(self.rung.answer_room, left - len(closing))
        ids = (*self.prompt, *thought.ids, *between)
        return await sample_answer(self.meter, ids, prefix, room, self.watcher)

    def _derive_finish(self, reply: Generation, own: Finish) -> Finish:
        """Return how the attempt finished; `own`: if the model ended it."""
        if reply.stop_id is not None:
            return own
        if self.cut_short:  # nothing says that the window is full
            return "budget"
        return "loop" if reply.end == "halted" else self.why


class _ReplyStream:
    """Emits the text of a reply as it comes, as thinking or as answer; a call with an id is an `OnToken`."""

    def __init__(self, codec: Codec, prompt: Sequence[int], opened: bool, watcher: OnEvent | None) -> None:
        self._codec, self._watcher = codec, watcher
        self._splitter = ReplySplitter(codec.markers, opened)
        self._ids = list(prompt)
        self._kind = ""
        self._text: TextStreamer | None = None

    @property
    def on_token(self) -> OnToken | None:
        """This stream, for an engine; None if nobody hears it, so that nothing is done for each token."""
        return self if self._watcher else None

    def __call__(self, token: int) -> None:
        """Take an id."""
        kind = self._splitter.add(token)
        if kind != "marker":
            if kind != self._kind or self._text is None:
                self.flush()
                self._kind, self._text = kind, TextStreamer(self._codec, kind, self._watcher, self._ids)
            self._text(token)
        self._ids.append(token)

    def flush(self) -> None:
        """Emit what is still held."""
        if self._text is not None:
            self._text.flush()


class _LoopHalt:
    """The `halt` of a plain reply: True once its thinking or its answer goes round in a loop."""

    def __init__(self, codec: Codec, opened: bool) -> None:
        self._splitter = ReplySplitter(codec.markers, opened)
        self._watches = {part: make_patient_watch(thinking=part == "thinking") for part in ("thinking", "answer")}
        self._decode = lru_cache(maxsize=None)(lambda token: codec.decode([token]))
        self.repetition = ""

    def __call__(self, token: int) -> bool:
        """Take an id; return whether it is the last one."""
        watch = self._watches.get(self._splitter.add(token))
        if watch is not None:
            text = self._decode(token)
            watch.add(token, boundary=is_boundary(text), figure=is_figure(text))
            self.repetition = watch.repetition
        return bool(self.repetition)


def _slice_logprobs(reply: Generation, start: int, count: int) -> tuple[float, ...]:
    """Return the log-probabilities of a part of a reply; none if the engine did not give all."""
    return reply.logprobs[start : start + count] if len(reply.logprobs) == len(reply.ids) else ()

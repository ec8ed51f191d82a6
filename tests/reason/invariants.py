"""What must hold of any attempt that budget forcing made (design §5, 1-4), on any token engine.

Everything is checked against what the engine was asked and made, not against what the attempt says of itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from adaptive._util.thinking_tags import ThinkingSplitter, split_thinking
from adaptive.engines.protocol import Codec, Generation, Prompt, Sampling, TokenEngine
from adaptive.errors import InputError
from adaptive.reason.budget import Style
from adaptive.reason.chain import Thought
from adaptive.reason.forcing import NO_STOPS, think_within_budget
from adaptive.types.attempt import Attempt, Round
from adaptive.types.events import Event
from adaptive.types.ladder import Rung
from adaptive.types.stops import Stops
from tests.support.scripted import Call

GREEDY = Sampling()


class Recorder:
    """A token engine that remembers what another one was asked, and what it made of it."""

    def __init__(self, engine: TokenEngine) -> None:
        self._engine = engine
        self.name, self.codec, self.context_window = engine.name, engine.codec, engine.context_window
        self.calls: list[Call] = []

    async def generate(self, ids: Sequence[int], **asked: Any) -> Generation:
        made = await self._engine.generate(ids, **asked)
        stops = tuple(asked["stop_ids"])
        probe = asked.get("halt") is not None and self.codec.markers.think_end not in stops
        self.calls.append(Call(tuple(ids), asked["max_tokens"], stops, asked["session"], made, probe))
        return made

    async def release(self, session: str) -> None:
        await self._engine.release(session)

    async def close(self) -> None:
        await self._engine.close()


@dataclass
class Case:
    """One question on one engine: rungs that are bought for it one after the other, on the same chain."""

    prompt: Prompt
    style: Style
    rungs: list[Rung]
    engine: TokenEngine
    sampling: Sampling = GREEDY
    keeps_cache: bool = True
    watched: bool = True
    stops: Stops = NO_STOPS

    def __repr__(self) -> str:
        window = self.engine.context_window
        return f"Case({self.style}, {self.stops}, {self.rungs}, window={window}, {self.engine})"

    async def check(self) -> list[Bought]:
        """Buy the rungs and check each attempt; stops at the first for which there is no room."""
        bought: list[Bought] = []
        thought = Thought()
        for index, rung in enumerate(self.rungs):
            try:
                bought.append(await self._buy(index, rung, thought))
            except InputError:
                check_nothing_fits(self, rung)
                break
            for check in CHECKS:
                check(bought[-1])
            thought = Thought.from_attempt(bought[-1].attempt)
        return bought

    async def _buy(self, index: int, rung: Rung, thought: Thought) -> Bought:
        recorder, events = Recorder(self.engine), list[Event]()
        attempt = await think_within_budget(
            recorder,
            self.prompt,
            rung,
            style=self.style,
            stops=self.stops,
            thought=thought,
            sampling=self.sampling,
            session=f"case {id(self)}",
            index=index,
            arm="budget" if index else "first",
            on_event=events.append if self.watched else None,
        )
        return Bought(self, rung, thought, attempt, recorder.calls, events)


@dataclass(frozen=True)
class Bought:
    """One attempt of a case, with what it started from and the calls that were made for it."""

    case: Case
    rung: Rung
    thought: Thought
    attempt: Attempt
    calls: list[Call]
    events: list[Event]

    @property
    def codec(self) -> Codec:
        return self.case.engine.codec

    @property
    def end(self) -> int:
        return self.codec.markers.think_end

    @property
    def start(self) -> tuple[int, ...]:
        return prompt_of(self.case, self.rung)

    @property
    def thinking(self) -> list[Call]:
        return [call for call in self.calls if self.end in call.stop_ids]

    @property
    def pieces(self) -> list[list[Call]]:
        """The calls that thought, by round: a round that is probed comes in several."""
        rounds: list[list[Call]] = []
        for call in self.thinking:
            if not rounds or rounds[-1][-1].made.stop_id is not None:
                rounds.append([])
            rounds[-1].append(call)
        return rounds

    @property
    def probes(self) -> list[tuple[Call, Call]]:
        """Each look at the answer, and the call that thought before it."""
        return [(before, call) for before, call in pairwise(self.calls) if call.probe]

    @property
    def adopted(self) -> bool:
        """Whether a probe was taken for the answer."""
        return self.calls[-1].probe

    @property
    def relapse(self) -> tuple[int, str, str]:
        """How many tokens of the last call the model still thought, though it was to answer, and both texts."""
        ids, decode = self.calls[-1].made.ids, self.codec.decode
        if self.adopted:
            return 0, "", decode((*self.prefix, *ids))
        ends = [i + 1 for i, token in enumerate(ids) if token == self.end and decode(ids[i + 1 :]).strip()]
        closed = max(ends, default=0)
        head = () if closed else self.prefix
        text = decode((*head, *ids[closed:]))
        splitter = ThinkingSplitter(opened=False)
        splitter.feed(text)
        splitter.finish()
        before = len(text) if splitter.answer_start is None else splitter.answer_start
        lengths = [len(decode((*head, *ids[closed:i]))) for i in range(closed + 1, len(ids) + 1)]
        tokens = closed + sum(length <= before for length in lengths) * bool(before)
        thought = decode((*self.prefix, *ids[:closed])).strip() if closed else ""
        tagged, answer = split_thinking(text, opened=False)
        return tokens, "\n\n".join(filter(None, (thought, tagged))), answer

    @property
    def prefix(self) -> tuple[int, ...]:
        """What heads the answer."""
        forced = self.rung.thinks and self.attempt.finish != "natural"
        return self.codec.encode(self.case.style.answer_prefix) if forced else ()

    @property
    def new(self) -> tuple[Round, ...]:
        """The rounds that it added."""
        return self.attempt.rounds[len(self.old) :]

    @property
    def region(self) -> tuple[int, ...]:
        """The ids between the open prompt and the end of thinking, as the engine was sent them last."""
        after = self.calls[-1].ids[len(self.start) :]
        return after[: after.index(self.end)] if self.end in after else ()

    @property
    def old(self) -> tuple[Round, ...]:
        """The rounds it started from: all of its thought's, or fewer where the budget was below them."""
        return self.attempt.rounds[: len(self.attempt.rounds) - len(self.pieces)]

    @property
    def kept(self) -> int:
        """The ids of those rounds."""
        return sum(one.tokens - one.ended_by_model for one in self.old)


def prompt_of(case: Case, rung: Rung) -> tuple[int, ...]:
    return case.prompt.open if rung.thinks else case.prompt.closed


def check_nothing_fits(case: Case, rung: Rung) -> None:
    encode = case.engine.codec.encode
    markers = 1 + len(encode(case.style.hand_over)) + len(encode(case.style.answer_prefix)) if rung.thinks else 0
    assert len(prompt_of(case, rung)) + markers + 1 > case.engine.context_window


def check_calls(one: Bought) -> None:
    """No empty request, none beyond the window, a bounded number, and ids that only ever grow."""
    for call in one.calls:
        assert call.max_tokens >= 1
        assert len(call.ids) + call.max_tokens <= one.case.engine.context_window
    assert len(one.pieces) <= one.rung.waits + 1
    assert len(one.calls) == len(one.thinking) + len(one.probes) + (not one.adopted)
    assert one.calls[0].ids[: len(one.start)] == one.start
    for before, after in pairwise(call for call in one.calls if not call.probe):
        known = (*before.ids, *before.made.ids)
        assert after.ids[: len(known)] == known, "generated ids were changed or tokenised again"


def check_budget(one: Bought) -> None:
    """What the engine was sent as thinking, and all that it sampled while thinking, is within the budget."""
    sampled = sum(call.sampled for call in one.thinking)
    if not one.rung.thinks:
        assert (sampled, one.attempt.thinking, one.attempt.rounds) == (0, one.relapse[1], ())
        assert one.attempt.finish == "none"
        return
    ends = sum(r.ended_by_model for r in one.attempt.rounds)
    assert len(one.region) + ends <= one.rung.budget
    assert sampled <= one.rung.budget
    assert one.kept + sampled <= one.rung.budget
    assert sum(r.tokens for r in one.attempt.rounds) == len(one.attempt.trace) + ends


def check_usage(one: Bought) -> None:
    """All that the engine sampled is in the usage once, and so is every id that nobody sampled."""
    usage, last = one.attempt.usage, one.calls[-1]
    assert usage.thinking == sum(call.sampled for call in one.thinking) + one.relapse[0]
    assert usage.answer == last.sampled - one.relapse[0]
    looks = one.probes[: len(one.probes) - one.adopted]
    assert usage.probe == sum(call.sampled + put_there(before, call) for before, call in looks)
    started = len(one.start) + one.kept
    sampled = sum(len(call.made.ids) for call in one.thinking) + own_end(one)
    assert len(last.ids) == started + sampled + usage.injected
    again = computed_again(one)
    assert usage.prompt == started + again
    assert usage.cached == min(one.calls[0].made.cached, started)
    assert usage.total == usage.prompt + usage.thinking + usage.injected + usage.answer + usage.probe
    assert (usage.cost, usage.estimated) == (None, ())
    if one.case.keeps_cache:
        assert again == 0, "something was computed twice"
        new = started - usage.cached + usage.injected + sum(put_there(*look) for look in looks)
        # The last id before a limit was sampled and never read.
        assert sum(call.made.prefilled for call in one.calls) <= new + len(one.calls)


def put_there(before: Call, probe: Call) -> int:
    """The ids of a probe that nobody sampled."""
    return len(probe.ids) - len(before.ids) - len(before.made.ids)


def computed_again(one: Bought) -> int:
    """Ids of the prompt and the chain that the engine computed more than once in this attempt."""
    again = known = chain = 0
    for call in one.calls:
        again += max(0, known - call.made.cached)
        chain = len(call.ids) + len(call.made.ids) if call in one.thinking else chain
        known = computed(call) if call in one.thinking else chain
    return again


def own_end(one: Bought) -> bool:
    """Whether the end marker that stands is one that this attempt sampled."""
    return bool(one.thinking) and one.thinking[-1].made.stop_id == one.end


def computed(call: Call) -> int:
    return len(call.ids) + len(call.made.ids) - (call.made.stop_id is None)


def check_chain(one: Bought) -> None:
    """The chain is the old one and what was added to it, no more waits than allowed, each of use."""
    style = one.case.style
    assert one.attempt.trace[: one.kept] == one.thought.ids[: one.kept]
    assert one.attempt.waits <= max(one.rung.waits, one.thought.waits)
    assert one.attempt.waits == Thought.from_attempt(one.attempt).waits
    for before, after in pairwise(call for calls in one.pieces for call in calls):
        if before.made.stop_id is None:
            assert before.made.end == "halted"
            assert after.ids == before.ids + before.made.ids, "a probe changed the chain"
            continue
        wait = after.ids[len(before.ids) + len(before.made.ids) :]
        assert wait in [one.codec.encode(text) for text in style.waits]
        assert after.max_tokens >= style.useful_round
    parts = (one.codec.decode(one.region) if one.rung.thinks else "", one.relapse[1])
    assert one.attempt.thinking == "\n\n".join(filter(None, parts))


def check_tail(one: Bought) -> None:
    """A forced end has its phrase, if there is room, and its prefix; a natural one has neither."""
    if not one.rung.thinks:
        assert one.calls[-1].ids == one.start
        return
    style, forced = one.case.style, one.attempt.finish != "natural"
    closing = one.region[len(one.attempt.trace) :]
    tail = one.calls[-1].ids[len(one.start) + len(one.region) :]
    assert tail == (one.end, *one.codec.encode(style.hand_over), *one.prefix)
    assert closing in ((), one.codec.encode(style.closing))
    assert forced or closing == ()
    if forced and not closing and one.attempt.finish == "budget":
        charged = sum(r.tokens for r in one.attempt.rounds)
        phrase = one.codec.encode(style.closing)
        assert not phrase or charged + len(phrase) > one.rung.budget


def check_answer(one: Bought) -> None:
    """The answer has its room, and is never empty without a status that says so."""
    attempt, last = one.attempt, one.calls[-1]
    if one.adopted:
        assert last.max_tokens == min(one.case.stops.probe_room, one.rung.answer_room)
    elif last.max_tokens < one.rung.answer_room:
        assert one.thinking == [], "thinking took the room of the answer"
        assert last.max_tokens == one.case.engine.context_window - len(last.ids)
    assert last.max_tokens <= one.rung.answer_room
    markers = one.codec.markers
    assert last.made.stop_id in (None, *markers.turn_end, markers.think_start)
    _, _, text = one.relapse
    made = text if one.relapse[0] else one.codec.decode(last.made.ids)
    assert attempt.text == text
    assert attempt.status in ("answered", "starved", "refused")
    assert attempt.status != "answered" or made.strip()
    assert (attempt.status != "refused") or (last.made.end == "stop" and not made.strip())
    assert attempt.status == "answered" or attempt.answer is None
    assert attempt.answer is None or attempt.answer.strip()
    assert attempt.confidence is None or 0 < attempt.confidence <= 1


def check_events(one: Bought) -> None:
    """One start, an end a round, a wait a wait."""
    if not one.case.watched:
        return
    names = [e["event"] for e in one.events]
    assert names[0] == "start"
    assert names.count("start") == 1
    assert names.count("end") == len(one.pieces)
    assert names.count("probe") == len(one.probes)
    assert names.count("wait") == one.attempt.waits - Thought(one.attempt.trace[: one.kept], one.old).waits
    ended = [e for e in one.events if e["event"] == "end"]
    assert all(e["charged"] <= e["budget"] == one.rung.budget for e in ended)
    assert [e["end"] for e in ended] == [r.end for r in one.new]
    if one.adopted:
        assert [e["text"] for e in one.events if e["event"] == "answer"] == [one.attempt.text]


def check_stops(one: Bought) -> None:
    """Only what is on stops a chain, and at most once; looks are as far apart as they should be, and whole."""
    stops, style = one.case.stops, one.case.style
    on = {"loop": stops.loop, "converged": stops.converged > 0, "confident": stops.confident is not None}
    stopped = [r for r in one.new if r.stopped]
    assert all(on[r.end] for r in stopped)
    assert stopped in ([], list(one.new[-1:]))
    assert not stopped or one.attempt.finish == stopped[0].end
    assert one.adopted == any(r.end != "loop" for r in stopped)
    assert not one.probes or (stops.probes_enabled and style.answer_prefix)
    prefix = one.codec.encode(style.answer_prefix)
    for before, look in one.probes:
        between = look.ids[len(before.ids) + len(before.made.ids) :]
        assert before.made.end == "halted"
        assert between[-len(prefix) :] == prefix
        assert look.max_tokens == min(stops.probe_room, one.rung.answer_room)
    for calls in one.pieces:
        assert all(len(call.made.ids) >= max(1, stops.probe_every) for call in calls[:-1])


CHECKS = (check_calls, check_budget, check_usage, check_chain, check_tail, check_answer, check_events, check_stops)

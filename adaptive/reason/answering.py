"""The answer after the thinking: sampled in its reserved room, extracted, with a status and a confidence.

A model may think on where its answer should stand: it closes a thought there that was closed already, or writes
one in tags that are plain text. That is split off: it is no answer, and it is counted as thinking.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass, replace

from adaptive._util.thinking_tags import ThinkingSplitter, join_parts
from adaptive.answers.boxed import BOX, extract_boxed
from adaptive.answers.extract import extract_final_answer, is_refusal
from adaptive.engines.protocol import Codec, Generation
from adaptive.reason.confidence import compute_mean_logprob
from adaptive.reason.meter import Meter
from adaptive.reason.token_stream import AnswerEvents, TextStreamer
from adaptive.types.attempt import Status
from adaptive.types.events import OnEvent


@dataclass(frozen=True)
class SampledAnswer:
    """The text after the thinking.

    Attributes:
        text: The text, with the prefix.
        generated: What the model wrote of it.
        generation: The tokens of it, without those of `thinking`.
        thinking: What the model thought before it, where the answer should stand.
        thinking_tokens: The tokens of `thinking` and of its marks.
        guided: Whether the text had to follow a schema: then it is the answer if it is whole JSON.
    """

    text: str
    generated: str
    generation: Generation
    thinking: str = ""
    thinking_tokens: int = 0
    guided: bool = False

    @property
    def answer(self) -> str | None:
        """The answer that the text marks as final, or all of it, if the model completed it and does not refuse.

        Of a text that was cut off only a complete box counts.
        """
        if self.guided:
            return self.text.strip() if _is_json(self.text) else None
        if not self.is_complete:
            return extract_boxed(self.text)
        final = extract_final_answer(self.text)
        if final is not None or is_refusal(self.text) or BOX in self.text:
            return final
        return self.text.strip()

    @property
    def is_complete(self) -> bool:
        """Whether the model wrote something and ended its turn."""
        return bool(self.generated.strip()) and self.generation.end == "stop"

    @property
    def status(self) -> Status:
        """`answered` if there is a box, or text that the model completed.

        `refused` if the model ended its turn without a word; a bare prefix is no text. Otherwise `starved`: the
        room was used up, or a guided answer broken off.
        """
        if self.answer is not None or (self.is_complete and not self.guided):
            return "answered"
        return "refused" if self.generation.end == "stop" and not self.generated.strip() else "starved"

    @property
    def mean_logprob(self) -> float | None:
        """The mean log-probability (nats) of the answer's ids; None if the engine gives none."""
        return compute_mean_logprob(self.generation)


async def probe_answer(meter: Meter, ids: tuple[int, ...], prefix: tuple[int, ...], room: int) -> SampledAnswer:
    """Sample what the answer after `ids` would be, up to its first whole box; it is counted as a probe.

    Args:
        meter: Sends the ids to the engine and counts.
        ids: The prompt, the thinking and its forced end.
        prefix: Heads the answer.
        room: The most tokens of the answer.
    """
    codec = meter.engine.codec
    reply: list[int] = list(prefix)

    def is_boxed(token: int) -> bool:
        reply.append(token)
        return extract_boxed(codec.decode(reply)) is not None

    meter.count_probe(len(prefix))
    room = min(room, meter.engine.context_window - len(ids) - len(prefix))
    generation = await meter.sample((*ids, *prefix), room, codec.markers.answer_stops, "probe", halt=is_boxed)
    return SampledAnswer(codec.decode((*prefix, *generation.ids)), codec.decode(generation.ids), generation)


async def sample_answer(
    meter: Meter,
    ids: tuple[int, ...],
    prefix: tuple[int, ...],
    room: int,
    watcher: OnEvent | None,
    schema: str = "",
) -> SampledAnswer:
    """Sample the answer after `ids`.

    It ends with the turn, or when thinking is opened again: that would be thinking past the budget. A second end
    of thinking ends nothing: models that were cut off are known to think on in the answer, close that, and then
    answer (s1.md §4.1). What stands before that end is thinking, and counted so; the answer's room bounds it.

    Args:
        meter: Sends the ids to the engine and counts.
        ids: The prompt, the thinking and its end.
        prefix: Heads the answer.
        room: The most tokens after the prefix; fewer if the window ends.
        watcher: Hears the answer's text as it comes.
        schema: What the answer must follow, as in `Sampling`: then none of it is thinking.
    """
    codec = meter.engine.codec
    events = AnswerEvents(watcher)
    stream = TextStreamer(codec, "answer", events if watcher else None, ids)
    for token in prefix:
        stream(token)
    start = (*ids, *prefix)
    room = min(room, meter.engine.context_window - len(start))
    try:
        generation = await meter.sample(
            start, room, codec.markers.answer_stops, "answer", stream.on_token, schema=schema
        )
    finally:  # what a solve that is cut off had written is charged
        stream.flush()
        events.flush()
    if schema:
        text = codec.decode(generation.ids)
        return SampledAnswer(text, text, generation, guided=True)
    answer = split_answer(codec, prefix, generation)
    meter.recount(answer.thinking_tokens, "answer", "thinking")
    return answer


def split_answer(
    codec: Codec, prefix: tuple[int, ...], generation: Generation, *, opened: bool = False
) -> SampledAnswer:
    """Split what a model generated in the place of an answer into thinking and answer.

    Args:
        codec: The model's codec.
        prefix: Heads the answer.
        generation: What came after it.
        opened: Whether a tag that is plain text opened the thinking before it. A complete reply that does not
            close it is an answer.
    """
    closed_at = _find_end_of_thought(codec, generation.ids)
    head, ids = ((), generation.ids[closed_at:]) if closed_at else (prefix, generation.ids)
    splitter, whole = ThinkingSplitter(opened and not closed_at), codec.decode((*head, *ids))
    tagged, text = join_parts([*splitter.feed(whole), *splitter.finish()])
    if opened and splitter.answer_start is None and generation.end == "stop":
        return split_answer(codec, prefix, generation)
    before = len(whole) if splitter.answer_start is None else splitter.answer_start
    if not closed_at and not before:
        return SampledAnswer(text, codec.decode(ids), generation)
    # A token that holds the answer's first character is the answer's.
    spent = closed_at + max(0, _count_tokens(codec, (*head, *ids), before) - len(head))
    complete = len(generation.logprobs) == len(generation.ids)
    said = replace(
        generation, ids=generation.ids[spent:], logprobs=generation.logprobs[spent:] if complete else ()
    )
    thought = codec.decode((*prefix, *generation.ids[:closed_at])) if closed_at else ""
    return SampledAnswer(text, text, said, "\n\n".join(filter(None, (thought.strip(), tagged))), spent)


def _is_json(text: str) -> bool:
    try:
        json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def _find_end_of_thought(codec: Codec, ids: tuple[int, ...]) -> int:
    """Return the place after the last end of thinking that text follows; 0 if there is none."""
    end, hand_over = codec.markers.think_end, codec.markers.hand_over
    # Where the answer has a mark of its own, as in the harmony format, a bare end may end the answer.
    mark = () if codec.decode(hand_over).isspace() else hand_over
    for place in range(len(ids) - 1, -1, -1):
        start = place + 1 + len(mark)
        if ids[place] == end and ids[place + 1 : start] == mark and codec.decode(ids[start:]).strip():
            return start
    return 0


def _count_tokens(codec: Codec, ids: tuple[int, ...], characters: int) -> int:
    """Return how many of the first ids stand within so many characters of their text."""
    return bisect_left(range(len(ids)), characters + 1, key=lambda count: len(codec.decode(ids[: count + 1])))

"""The answer after the thinking: sampled in its reserved room, extracted, with a status and a confidence."""

from __future__ import annotations

from dataclasses import dataclass

from adaptive.answers.extract import BOX, extract_final_answer, is_refusal
from adaptive.engines.protocol import Generation
from adaptive.reason.confidence import compute_mean_logprob
from adaptive.reason.meter import Meter
from adaptive.reason.token_stream import TextStreamer
from adaptive.types.attempt import Status
from adaptive.types.events import OnEvent


@dataclass(frozen=True)
class SampledAnswer:
    """The text after the thinking. `text` includes the prefix; `generated` is what the model wrote of it."""

    text: str
    generated: str
    generation: Generation

    @property
    def answer(self) -> str | None:
        """The boxed answer; or all of a text without a box, if the model completed it and it is no refusal."""
        boxed = extract_final_answer(self.text)
        if boxed is not None or not self.is_complete or is_refusal(self.text) or BOX in self.text:
            return boxed
        return self.text.strip()

    @property
    def is_complete(self) -> bool:
        """Whether the model wrote something and ended its turn."""
        return bool(self.generated.strip()) and self.generation.end == "stop"

    @property
    def status(self) -> Status:
        """`answered` if there is a box, or text that the model completed.

        `refused` if the model ended its turn without a word; a bare prefix is no text. Otherwise `starved`: the
        room was used up.
        """
        if self.is_complete or self.answer is not None:
            return "answered"
        return "refused" if self.generation.end == "stop" else "starved"

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
        return extract_final_answer(codec.decode(reply)) is not None

    meter.count_probe(len(prefix))
    room = min(room, meter.engine.context_window - len(ids) - len(prefix))
    generation = await meter.sample((*ids, *prefix), room, codec.markers.answer_stops, "probe", halt=is_boxed)
    return SampledAnswer(codec.decode((*prefix, *generation.ids)), codec.decode(generation.ids), generation)


async def sample_answer(
    meter: Meter, ids: tuple[int, ...], prefix: tuple[int, ...], room: int, watcher: OnEvent | None
) -> SampledAnswer:
    """Sample the answer after `ids`.

    It ends with the turn, or when thinking is opened again: that would be thinking past the budget. A second end
    of thinking ends nothing: models that were cut off are known to think on in the answer, close that, and then
    answer (s1.md §4.1). The answer's room bounds it, and the last box counts.

    Args:
        meter: Sends the ids to the engine and counts.
        ids: The prompt, the thinking and its end.
        prefix: Heads the answer.
        room: The most tokens after the prefix; fewer if the window ends.
        watcher: Hears the answer's text as it comes.
    """
    codec = meter.engine.codec
    stream = TextStreamer(codec, "answer", watcher, ids)
    for token in prefix:
        stream(token)
    start = (*ids, *prefix)
    room = min(room, meter.engine.context_window - len(start))
    generation = await meter.sample(start, room, codec.markers.answer_stops, "answer", stream)
    stream.flush()
    return SampledAnswer(codec.decode((*prefix, *generation.ids)), codec.decode(generation.ids), generation)

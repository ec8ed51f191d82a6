"""The answer after the thinking: asked for in its reserved room, read, given a status and a confidence."""

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
    """`text` is all that came after the thinking, a prefix included; `generated` is what the model wrote of it."""

    text: str
    generated: str
    generation: Generation

    @property
    def answer(self) -> str | None:
        """The final answer: what is boxed, or all of a text without a box that was ended and is no refusal."""
        boxed = extract_final_answer(self.text)
        if boxed is not None or not self.is_complete or is_refusal(self.text) or BOX in self.text:
            return boxed
        return self.text.strip()

    @property
    def is_complete(self) -> bool:
        """Whether the model wrote something, and to its end."""
        return bool(self.generated.strip()) and self.generation.end == "stop"

    @property
    def status(self) -> Status:
        """`answered` with a box, or with text that the model brought to its end.

        `refused` where the model ended its turn and had said nothing: a prefix that it wrote nothing after is no
        text. Otherwise `starved`: the room was used up.
        """
        if self.is_complete or self.answer is not None:
            return "answered"
        return "refused" if self.generation.end == "stop" else "starved"

    @property
    def mean_logprob(self) -> float | None:
        """The mean log-probability (nats) of the answer's ids; None where the engine gives none."""
        return compute_mean_logprob(self.generation)


async def probe_answer(meter: Meter, ids: tuple[int, ...], prefix: tuple[int, ...], room: int) -> SampledAnswer:
    """What the answer after `ids` would be: a reply that ends with its first whole box, counted as a probe."""
    codec = meter.engine.codec
    said: list[int] = list(prefix)

    def boxed(token: int) -> bool:
        said.append(token)
        return extract_final_answer(codec.decode(said)) is not None

    meter.count_probe(len(prefix))
    room = min(room, meter.engine.context_window - len(ids) - len(prefix))
    generation = await meter.sample((*ids, *prefix), room, codec.markers.answer_stops, "probe", halt=boxed)
    return SampledAnswer(codec.decode((*prefix, *generation.ids)), codec.decode(generation.ids), generation)


async def sample_answer(
    meter: Meter, ids: tuple[int, ...], prefix: tuple[int, ...], room: int, watcher: OnEvent | None
) -> SampledAnswer:
    """The answer after `ids`, headed by `prefix` and of at most `room` tokens more, fewer at the window's
    end.

    It ends with the turn, or where thinking would be opened again: that would be thinking past the budget.
    A second end of thinking ends nothing: models that were cut off are known to think on in the answer,
    close that, and then answer (s1.md §4.1). The answer's room bounds it, and the last box counts.
    """
    codec = meter.engine.codec
    stream = TextStreamer(codec, "answer", watcher, ids)
    for token in prefix:
        stream(token)
    asked = (*ids, *prefix)
    room = min(room, meter.engine.context_window - len(asked))
    generation = await meter.sample(asked, room, codec.markers.answer_stops, "answer", stream)
    stream.flush()
    return SampledAnswer(codec.decode((*prefix, *generation.ids)), codec.decode(generation.ids), generation)

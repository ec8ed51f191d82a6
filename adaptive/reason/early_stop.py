"""When to stop a chain before its budget is used up.

loop        the chain repeats itself (`loops.py`), as hundreds do in the notebook that the project began with
converged   probe after probe gives the same answer, with no doubt in between (answer consistency: Fu et al. 2024,
            "Certaindex", arXiv 2412.20993)
confident   the model is confident of a probe's answer (trial answers at the end of a thought: Yang et al. 2025,
            "DEER", arXiv 2504.15895)

A *probe* forces an answer at the end of a line or sentence of the chain. It shares the cache, the chain continues
as if nothing had happened, and its cost is counted. If a probe ends the chain, its answer is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from adaptive.answers.equality import same_answer
from adaptive.engines.protocol import Codec
from adaptive.reason.loops import LoopWatch, is_boundary, is_figure
from adaptive.types.attempt import RoundEnd
from adaptive.types.stops import Stops

_DOUBT = re.compile(
    r"\b(?:wait|hmm+|hold on|but|however|alternatively|actually|mistake|wrong|let me (?:check|re))\b", re.I
)


@dataclass(frozen=True)
class ProbeResult:
    """The result of a probe.

    Attributes:
        answer: The forced answer, if there is one.
        confidence: The model's confidence in it (0..1), if known.
        text: What the model thought since the probe before, without injected waits, which ask for doubt.
    """

    answer: str | None
    confidence: float | None
    text: str


@dataclass
class StopDecider:
    """Decides after each probe of a chain whether the chain stops."""

    stops: Stops
    probes: list[ProbeResult] = field(default_factory=list)

    def decide(self, probe: ProbeResult) -> RoundEnd | None:
        """Return why the chain stops at this probe; None if it continues."""
        self.probes.append(probe)
        if probe.answer is None:
            return None
        threshold = self.stops.confident
        if threshold is not None and probe.confidence is not None and probe.confidence >= threshold:
            return "confident"
        return "converged" if 0 < self.stops.converged <= self._count_repeats() else None

    def _count_repeats(self) -> int:
        """Count the last probes that gave the same answer with no doubt between them."""
        count, *before = 1, *reversed(self.probes)
        later: ProbeResult = before.pop(0)
        for probe in before:
            if _DOUBT.search(later.text) or not same_answer(probe.answer, later.answer):
                break
            count, later = count + 1, probe
        return count


class HaltWatch:
    """The `halt` of a call that thinks: True at a loop, and at the first boundary where a probe is due.

    Args:
        stops: Which early stops are on.
        codec: Decodes the ids.
        so_far: The chain before the call. Its end counts as the end of a sentence, even if it is a Wait.
        probes: Whether the chain is probed.
    """

    def __init__(self, stops: Stops, codec: Codec, so_far: Sequence[int], *, probes: bool) -> None:
        self._stops, self._probes = stops, probes
        self._classify = cache(lambda token: _classify_token(codec.decode((token,))))
        self._loops = LoopWatch() if stops.loop else None
        self._since = 0
        self.why: Literal["", "loop", "probe"] = ""
        self._remember(so_far)

    def __call__(self, token: int) -> bool:
        """Take a token of thinking; return whether it is the last one for now."""
        boundary, figure = self._classify(token)
        self._since += 1
        if self._loops is not None and self._loops.add(token, boundary=boundary, figure=figure):
            self.why = "loop"
        elif self._probes and boundary and self._since >= self._stops.probe_every:
            self.why, self._since = "probe", 0
        else:
            self.why = ""
        return bool(self.why)

    @property
    def repetition(self) -> str:
        """What the chain repeats, in words."""
        return self._loops.repetition if self._loops else ""

    def _remember(self, so_far: Sequence[int]) -> None:
        """Take the chain before the call. If it looped already, only loops from here on count."""
        if self._loops is None:
            return
        for place, token in enumerate(so_far, start=1):
            boundary, figure = self._classify(token)
            self._loops.add(token, boundary=boundary or place == len(so_far), figure=figure)
        if self._loops.repetition:
            self._loops = LoopWatch()


def _classify_token(text: str) -> tuple[bool, bool]:
    """Return whether a token with this text ends a line or sentence, and whether it holds no word."""
    return is_boundary(text), is_figure(text)

"""When to stop a chain before its budget does: what is looked at, and what is seen.

loop        the chain repeats itself (`loops.py`): the notebook that the project began with ends in hundreds of it
converged   the answer that the chain would give by now repeats from look to look, without a doubt in between
            (answer consistency: Fu et al. 2024, "Certaindex", arXiv 2412.20993)
confident   the model is sure of that answer (trial answers at the end of a thought: Yang et al. 2025, "DEER",
            arXiv 2504.15895)

To look is to force an answer where the chain stands, at the end of a line or sentence: a *probe*. It shares the
cache, the chain goes on as if nothing had been, and what it costs is counted. A probe that ends the chain is the
answer.
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
    """What a probe saw: the answer, None for none, how sure the model was of it, the chain since the last look.

    A Wait that was put there is in that text: it asks for doubt.
    """

    answer: str | None
    confidence: float | None
    text: str


@dataclass
class StopDecider:
    """Judges the looks at one chain."""

    stops: Stops
    probes: list[ProbeResult] = field(default_factory=list)

    def decide(self, probe: ProbeResult) -> RoundEnd | None:
        """Why the chain stops at this look; None where it goes on."""
        self.probes.append(probe)
        if probe.answer is None:
            return None
        sure = self.stops.confident is not None and probe.confidence is not None
        if sure and (probe.confidence or 0.0) >= (self.stops.confident or 0.0):
            return "confident"
        return "converged" if 0 < self.stops.converged <= self._count_repeats() else None

    def _count_repeats(self) -> int:
        """How many looks in a row, the last one included, gave its answer and no doubt came between them."""
        count, *before = 1, *reversed(self.probes)
        later: ProbeResult = before.pop(0)
        for look in before:
            if _DOUBT.search(later.text) or not same_answer(look.answer, later.answer):
                break
            count, later = count + 1, look
        return count


class HaltWatch:
    """The `halt` of a call that thinks: True at a loop, and at the first boundary where a probe is due.

    so_far: the chain before the call; a Wait, if that is what it ends with, is the end of a sentence.
    """

    def __init__(self, stops: Stops, codec: Codec, so_far: Sequence[int], *, probes: bool) -> None:
        self._stops, self._probes = stops, probes
        self._classify = cache(lambda token: _classify_token(codec.decode((token,))))
        self._loops = LoopWatch() if stops.loop else None
        self._since = 0
        self.why: Literal["", "loop", "probe"] = ""
        self._remember(so_far)

    def __call__(self, token: int) -> bool:
        """Take a token of thinking; whether it is to be the last one for now."""
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
        """What repeats, in words."""
        return self._loops.repetition if self._loops else ""

    def _remember(self, so_far: Sequence[int]) -> None:
        """Take what was thought before. What it repeated was let go on: then only what repeats from here on
        counts."""
        if self._loops is None:
            return
        for place, token in enumerate(so_far, start=1):
            boundary, figure = self._classify(token)
            self._loops.add(token, boundary=boundary or place == len(so_far), figure=figure)
        if self._loops.repetition:
            self._loops = LoopWatch()


def _classify_token(text: str) -> tuple[bool, bool]:
    """Whether a token with this text ends a line or sentence, and whether it holds no word."""
    return is_boundary(text), is_figure(text)

"""What is recorded of a model: which attempts at each question, and how they are made."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from adaptive.answers.grader import Grader
from adaptive.engines.protocol import TokenEngine
from adaptive.errors import InputError
from adaptive.learn.data.outcome import RecordedQuestion, make_plain_key, rung_to_key
from adaptive.reason.budget import Style
from adaptive.types.ladder import Effort, Ladder, Rung, parse_effort
from adaptive.types.stops import Stops


@dataclass(frozen=True)
class RecordingPlan:
    """The attempts to make at each question.

    waits: how many Waits in a row follow a chain that ended by itself. samples: the number of samples of each
    question, at `sample_effort` (an effort of the ladder) and `temperature`. unlimited: whether the chain of the
    top rung continues to its own end, or that of the window. plain: whether a plain call is recorded, in which the
    model answers in its own way.

    Raises:
        InputError: The ladder's first rung thinks, or it has no other rung.
    """

    engine: TokenEngine
    ladder: Ladder
    style: Style
    grader: Grader
    stops: Stops = field(default_factory=Stops)
    waits: int = 1
    samples: int = 0
    sample_effort: str = ""
    temperature: float = 0.7
    seed: int = 0
    unlimited: bool = True
    plain: bool = False

    def __post_init__(self) -> None:
        self.ladder.require_base("record")
        if self.sample_effort and self.sample_effort not in self.efforts:
            raise InputError(f"samples are drawn at an effort of the ladder ({', '.join(self.efforts)}).")

    @property
    def price_share(self) -> float:
        """What an attempt is paid for, as a share of the ordinary price."""
        return 1.0

    @property
    def efforts(self) -> list[Effort]:
        """The efforts of the rungs that think, in order."""
        return list(dict.fromkeys(r.effort for r in self.ladder if r.thinks))

    @property
    def budgets(self) -> list[int]:
        """The thinking budgets of the ladder, rising."""
        return sorted({r.budget for r in self.ladder if r.thinks})

    @property
    def window(self) -> int:
        """The context window, which is the budget of the plain call's key."""
        return self.engine.context_window

    @property
    def markers(self) -> str:
        """The name of the marks around the thinking."""
        return self.engine.codec.markers.name

    def is_recorded(self, one: RecordedQuestion) -> bool:
        """Return whether all attempts at a question are there: every rung, and what is made last."""
        last = [make_plain_key(self.window)] if self.plain else []
        if self.samples:
            sampled = Rung(parse_effort(self.sample_effort or self.efforts[-1]), self.budgets[-1])
            last.append(replace(rung_to_key(sampled), sample=self.samples))
        return one.is_complete(self.ladder) and all(key in one.outcomes for key in last)

    def to_plan(self, model: str, grader: str) -> dict[str, Any]:
        """Return the plan of an `OutcomeStore`: the settings of this recording, in plain JSON types.

        Args:
            model: The model's spec.
            grader: The grader's spec.
        """
        return {
            "model": model, "ladder": self.ladder.to_json(), "style": asdict(self.style),
            "stops": asdict(self.stops), "seed": self.seed, "temperature": self.temperature,
            "window": self.engine.context_window, "grader": grader,
        }  # fmt: skip

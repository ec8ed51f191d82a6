"""Effort, rung and ladder: what an attempt can cost, cheapest first. Plain data, no engine and no graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from adaptive.errors import InputError

NamedEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""How much a model is told to think, from nothing to the most."""
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max", "default"]
"""The effort of an attempt. At "default" the model is told nothing: it thinks in its own way."""
EFFORTS: tuple[NamedEffort, ...] = get_args(NamedEffort)
BELIEVED_DEFAULT: NamedEffort = "medium"
"""What a model is believed to do at "default": the named efforts above it are higher, those below it lower."""


def parse_effort(value: str) -> NamedEffort:
    """Return the effort named `value`; raise `InputError` with the choices if there is none."""
    for effort in EFFORTS:
        if effort == value:
            return effort
    raise InputError(f"effort {value!r} is not known: use one of {', '.join(EFFORTS)}.")


def parse_attempt_effort(value: str) -> Effort:
    """Return the effort of an attempt, which may be "default"; raise `InputError` as `parse_effort`."""
    return "default" if value == "default" else parse_effort(value)


def rank_effort(effort: str) -> int:
    """Return the place of an effort among `EFFORTS`; "default" has that of `BELIEVED_DEFAULT`."""
    return EFFORTS.index(BELIEVED_DEFAULT if effort == "default" else parse_effort(effort))


def find_nearest_effort(effort: Effort, efforts: Sequence[Effort]) -> Effort:
    """Return the nearest of `efforts`; of two equally near, the cheaper. "default" stays as it is."""
    if effort == "default":
        return effort
    place = rank_effort(effort)
    return min(efforts, key=lambda e: (abs(rank_effort(e) - place), rank_effort(e)))


@dataclass(frozen=True)
class Rung:
    """One level of thinking.

    Args:
        effort: The effort passed to the chat template; "default": none is, and nothing is forced.
        budget: The most thinking tokens, injected ones included.
        waits: The most Wait rounds: how often an early end of thinking is put off.
        answer_room: Tokens reserved for the answer.
        model: The spec of the model that thinks; empty: the profile's own.
    """

    effort: Effort
    budget: int
    waits: int = 0
    answer_room: int = 48
    model: str = ""

    def __post_init__(self) -> None:
        parse_attempt_effort(self.effort)
        for name in ("budget", "waits"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} must be 0 or more, got {getattr(self, name)}.")
        if self.answer_room < 1:
            raise InputError(f"answer_room must be 1 or more, got {self.answer_room}.")

    @property
    def thinks(self) -> bool:
        """Whether this rung thinks at all; rung 0 usually does not."""
        return self.budget > 0 and self.effort != "none"

    @property
    def is_plain(self) -> bool:
        """Whether the model answers in its own way: its template, nothing forced, up to its own end."""
        return self.effort == "default"

    @property
    def setting(self) -> tuple[str, str, int]:
        """What its attempts are found by: its model, effort and budget."""
        return self.model, self.effort, self.budget

    def to_json(self) -> dict[str, Any]:
        """Return the rung as plain JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class Ladder:
    """Rungs, cheapest first: the budgets of a model never fall from one of its rungs to the next."""

    rungs: tuple[Rung, ...]

    def __post_init__(self) -> None:
        if not self.rungs:
            raise InputError("a ladder needs at least one rung.")
        for model in self.models:
            budgets = [r.budget for r in self.rungs if r.model == model]
            if budgets != sorted(budgets):
                raise InputError(f"the rungs of a ladder must be ordered by budget, got {budgets}.")

    @property
    def models(self) -> tuple[str, ...]:
        """The models of its rungs, each once; the profile's own is ""."""
        return tuple(dict.fromkeys(rung.model for rung in self.rungs))

    def list_rungs_of(self, model: str) -> list[int]:
        """Return the indices of a model's rungs, ascending."""
        return [i for i, rung in enumerate(self.rungs) if rung.model == model]

    def find_rung(self, effort: str, budget: int, model: str = "") -> int:
        """Return the index of a rung of a model.

        It is the one of this effort and budget, else the first with enough budget, else the model's last; the top
        rung if the model has none.

        Args:
            effort: The effort.
            budget: The budget, in tokens.
            model: The model, as rungs name it.
        """
        rungs = {i: self.rungs[i] for i in self.list_rungs_of(model)}
        same = (i for i, r in rungs.items() if (r.effort, r.budget) == (effort, budget))
        enough = (i for i, r in rungs.items() if r.budget >= budget)
        return next(same, next(enough, max(rungs, default=self.top)))

    def require_base(self, to: str) -> None:
        """Raise `InputError` unless the first rung alone does not think; `to` names what needs that."""
        base, *others = self.rungs
        if base.thinks or not others or not all(r.thinks for r in others):
            raise InputError(
                f"a ladder to {to} starts with a rung that does not think (budget 0), and all others think."
            )

    @classmethod
    def from_json(cls, rows: Sequence[dict[str, Any]]) -> Ladder:
        """Return the ladder that `to_json` wrote; raise `InputError` if a value is wrong."""
        return cls(tuple(Rung(**row) for row in rows))

    def to_json(self) -> list[dict[str, Any]]:
        """Return the ladder as plain JSON types."""
        return [r.to_json() for r in self.rungs]

    def __len__(self) -> int:
        return len(self.rungs)

    def __getitem__(self, index: int) -> Rung:
        return self.rungs[index]

    def __iter__(self) -> Iterator[Rung]:
        return iter(self.rungs)

    @property
    def top(self) -> int:
        """The index of the most expensive rung."""
        return len(self.rungs) - 1

"""Typed results: what a finished solve, or a run of the map solver, returned.

A finished state keeps its result as plain JSON types (`adaptive_result`), so that it survives a checkpointer.
`Result.of(state)` reads it, and `to_json()` writes the same object again. Fields may be added, never renamed or
dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from adaptive.errors import InputError
from adaptive.types.attempt import Attempt, Status
from adaptive.types.ladder import Ladder
from adaptive.types.usage import Usage

Level = Literal["easy", "medium", "hard", "unknown"]


@dataclass(frozen=True)
class Difficulty:
    """How hard a question is predicted to be.

    Args:
        level: "easy" if it is likely to be solved without thinking, "medium" if some rung is likely to solve it,
            "hard" if none is, "unknown" without a trained model.
        p_solved: The probability that each rung of the ladder solves it; empty if nothing was trained for this
            model.
        tokens: The mean tokens of an attempt at each rung, its prompt included; empty like `p_solved`.
        general: The probability that an average model solves it with full thinking, by the general difficulty
            model.
        typical: The share of the questions that the profile was measured on that are at least as unlike the others
            as this one; None if the profile does not know its domain.
        outside: Whether it is unlike them, so that nothing that was measured counts; None as for `typical`.
    """

    level: Level
    p_solved: tuple[float, ...] = ()
    tokens: tuple[float, ...] = ()
    general: float | None = None
    typical: float | None = None
    outside: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        known = {"general": self.general, "typical": self.typical, "outside": self.outside}
        told = {name: value for name, value in known.items() if value is not None}
        tokens = {"tokens": list(self.tokens)} if self.tokens else {}
        return {"level": self.level, "p_solved": list(self.p_solved), **tokens, **told}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Difficulty:
        """Read what `to_json` wrote."""
        told = (data.get(name) for name in ("general", "typical", "outside"))
        return cls(data["level"], tuple(data["p_solved"]), tuple(data.get("tokens", ())), *told)


@dataclass(frozen=True)
class Exploration:
    """Attempts that only measured the model (`Options.explore`): the answer is none of theirs.

    Args:
        ladder: The rungs that are measured. Those that the solve itself tried from scratch are not tried again.
        attempts: The further attempts, judged by nobody.
    """

    ladder: Ladder
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class Result:
    """Everything about one solve.

    Args:
        question: The question's text.
        attempts: All attempts, in their order.
        kept: The index of the attempt whose answer is returned.
        kept_because: Why that one, in words.
        difficulty: How hard the question was predicted to be.
        stopped: Why the solve ended: "accepted", or a reason in words.
        models: Names; `attempt.model` is an index into them, and the first is the solver's own model.
        profile: The name of the profile.
        notes: What could not be done as asked.
        usage: What the whole solve spent, `cut` and `explored` included.
        seed: The seed of all sampling.
        shadow: What the policy would have begun with, if options made it begin with another rung.
        cut: What was spent by calls that the deadline cut off.
        explored: Further attempts that only measured the model; None if the solve did not explore.
    """

    question: str
    attempts: tuple[Attempt, ...]
    kept: int
    kept_because: str
    difficulty: Difficulty
    stopped: str
    models: tuple[str, ...]
    profile: str
    notes: tuple[str, ...]
    usage: Usage
    seed: int
    shadow: dict[str, Any] | None = None
    cut: Usage | None = None
    explored: Exploration | None = None

    @property
    def best(self) -> Attempt:
        """The attempt that was kept."""
        return self.attempts[self.kept]

    @property
    def answer(self) -> str | None:
        """The final answer; None if none could be extracted."""
        return self.best.answer

    @property
    def text(self) -> str:
        """All that the model wrote after its thinking."""
        return self.best.text

    @property
    def status(self) -> Status:
        """How the kept attempt ended."""
        return self.best.outcome

    @property
    def accepted(self) -> bool | None:
        """True if the verifiers accepted the answer, False if they rejected it, None if it is not verified."""
        return self.best.verdict.accepted if self.best.verdict else None

    @property
    def model(self) -> str:
        """The name of the solver's model; a stronger one may have made some attempts."""
        return self.models[0]

    @property
    def rung(self) -> int:
        """The rung of the kept attempt."""
        return self.best.rung

    @property
    def reason(self) -> str:
        """Why the solve began with the rung of its first attempt."""
        return self.attempts[0].reason

    @property
    def rung_attempts(self) -> dict[tuple[str, str, int], Attempt]:
        """The attempts that are what their rung alone gives, explored ones too, by `Rung.setting`."""
        own = [one for one in self.attempts if self._is_from_scratch(one)]
        explored = self.explored.attempts if self.explored else ()
        made = (*explored, *reversed(own))
        return {(self.models[one.model] if one.model else "", one.effort, one.budget): one for one in made}

    def _is_from_scratch(self, attempt: Attempt) -> bool:
        """Return whether it is an attempt on a chain of its own, and no sample.

        A direct answer has no chain: what follows it begins one.
        """
        begins = attempt.base is None or not self.attempts[attempt.base].rounds
        return begins and attempt.arm != "vote" and not attempt.waits

    @classmethod
    def of(cls, finished: Mapping[str, Any]) -> Result:
        """Read the result of a solve.

        Args:
            finished: The state that a solver returned, or the result object in it (what `--json` prints).

        Raises:
            InputError: The solve is not finished, or this is no state of a solver.
        """
        data = finished.get("adaptive_result", finished)
        if "kept_because" not in data:
            raise InputError(
                f"there is no result in a state with the keys {', '.join(map(repr, finished)) or 'none'}: "
                "give the state that a solver returned at its end."
            )
        rows, explored, cut = data["attempts"], data.get("explored"), data.get("cut")
        made = (*rows, *(explored["attempts"] if explored else ()))
        models = tuple(dict.fromkeys([data["model"], *(row["model"] for row in made)]))
        return cls(
            question=data["question"],
            attempts=_read_attempts(rows, models),
            kept=data["kept"],
            kept_because=data["kept_because"],
            difficulty=Difficulty.from_json(data["difficulty"]),
            stopped=data["stopped"],
            models=models,
            profile=data["profile"],
            notes=tuple(data["notes"]),
            usage=Usage.from_json(data["usage"]),
            seed=data["seed"],
            shadow=data.get("shadow"),
            cut=Usage.from_json(cut) if cut else None,
            explored=Exploration(
                Ladder.from_json(explored["ladder"]), _read_attempts(explored["attempts"], models)
            )
            if explored
            else None,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the result object in plain JSON types."""
        return {
            "question": self.question,
            "answer": self.answer,
            "text": self.text,
            "status": self.status,
            "accepted": self.accepted,
            "model": self.model,
            "profile": self.profile,
            "difficulty": self.difficulty.to_json(),
            "rung": self.rung,
            "kept": self.kept,
            "kept_because": self.kept_because,
            "notes": list(self.notes),
            "reason": self.reason,
            "stopped": self.stopped,
            "attempts": [self._attempt_to_json(attempt) for attempt in self.attempts],
            "usage": self.usage.to_json(),
            "seed": self.seed,
            **({"shadow": self.shadow} if self.shadow else {}),
            **({"cut": self.cut.to_json()} if self.cut else {}),
            **({"explored": self._exploration_to_json(self.explored)} if self.explored else {}),
        }

    def _exploration_to_json(self, explored: Exploration) -> dict[str, Any]:
        attempts = [self._attempt_to_json(attempt) for attempt in explored.attempts]
        return {"ladder": explored.ladder.to_json(), "attempts": attempts}

    def _attempt_to_json(self, attempt: Attempt) -> dict[str, Any]:
        """Name the model, and leave out token ids and turns, which only escalation needs."""
        data = {**attempt.to_json(), "model": self.models[attempt.model]}
        del data["trace"], data["turns"]
        return data


def _read_attempts(rows: Sequence[Mapping[str, Any]], models: Sequence[str]) -> tuple[Attempt, ...]:
    """Read the attempts of a result, whose models are named."""
    return tuple(Attempt.from_json({**row, "trace": (), "model": models.index(row["model"])}) for row in rows)


@dataclass(frozen=True)
class MapItem:
    """One question of a map solver's run.

    Args:
        id: The question's id; by default its number, from 1.
        question: The question's text.
        result: The result; None if the solve failed or did not start.
        error: Why there is no result.
        usage: What it spent; None if a failed solve does not say.
    """

    id: str
    question: str
    result: Result | None = None
    error: str | None = None
    usage: Usage | None = None

    @property
    def answer(self) -> str | None:
        """The final answer, if there is one."""
        return self.result.answer if self.result else None

    @property
    def status(self) -> Status:
        """How the kept attempt ended; "failed" without a result."""
        return self.result.status if self.result else "failed"

    @property
    def accepted(self) -> bool | None:
        """As in the result; False without one."""
        return self.result.accepted if self.result else False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> MapItem:
        """Read what `to_json` wrote."""
        usage = Usage.from_json(data["usage"]) if data["usage"] else None
        if "error" in data:
            return cls(data["id"], data["question"], error=data["error"], usage=usage)
        return cls(data["id"], data["question"], Result.of(data), usage=usage)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        if self.result is not None:
            return {"id": self.id, **self.result.to_json()}
        usage = self.usage.to_json() if self.usage else None
        return {"id": self.id, "question": self.question, "answer": None, "status": self.status, "accepted": False,
                "error": self.error, "usage": usage}  # fmt: skip


@dataclass(frozen=True)
class MapResult:
    """A run of the map solver: a result for each question, in their order."""

    items: tuple[MapItem, ...]

    @property
    def usage(self) -> Usage:
        """What all questions spent, as far as known."""
        return sum((item.usage for item in self.items if item.usage), Usage(cost=0.0))

    @classmethod
    def of(cls, finished: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> MapResult:
        """Read the results of a run.

        Args:
            finished: The state that a map solver returned, or the list `results` in it.

        Raises:
            InputError: The state has no `results`.
        """
        rows = finished.get("results") if isinstance(finished, Mapping) else finished
        if rows is None:
            raise InputError("there are no results in this state: give the state that a map solver returned.")
        return cls(tuple(MapItem.from_json(row) for row in rows))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types, as the map solver's state has them."""
        rows = [item.to_json() for item in self.items]
        return {"results": rows, "adaptive_summary": summarise_results(rows)}


def summarise_results(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how the questions of a run ended, and their usage, in plain JSON types.

    `accepted` and `unverified` count answers; the others were rejected, or there is none. `uncounted` is the
    number of failed questions that do not say what they spent.
    """
    return {
        "questions": len(rows),
        "accepted": sum(row["accepted"] is True for row in rows),
        "unverified": sum(row["accepted"] is None for row in rows),
        "statuses": dict(Counter(row["status"] for row in rows)),
        "uncounted": sum(row["usage"] is None for row in rows),
        "usage": sum_usage(rows).to_json(),
    }


def sum_usage(rows: Sequence[Mapping[str, Any]]) -> Usage:
    """Return what the questions of a run spent, as far as known."""
    return sum((Usage.from_json(row["usage"]) for row in rows if row["usage"]), Usage(cost=0.0))

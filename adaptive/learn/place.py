"""From a few graded questions to what a profile knows: the model's place on the scale of the general difficulty.

The text's difficulty is the general model's, so nothing of it is fitted. The rest of what outcomes teach, the
probe, the verifier model and the thresholds, is fitted to the same few questions where they are enough, and
otherwise left as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adaptive.errors import InputError
from adaptive.learn.data.splits import hash_question
from adaptive.learn.fit.difficulty import LEAST, assign_folds
from adaptive.learn.fit.examples import Examples
from adaptive.learn.fit.graded import Record
from adaptive.learn.fit.logistic import is_learnable
from adaptive.learn.fit.metrics import count_folds, measure_difficulty, predict_held_out
from adaptive.learn.fit.thresholds import Gates, compute_probe_from, summarise_thinking
from adaptive.learn.train import Floats, Labels, Solved, Trainer, build_probe, number_groups
from adaptive.profile.general import GeneralDifficulty
from adaptive.profile.placement import Placement, place_model
from adaptive.profile.probe import Probe
from adaptive.types.logistic import Logistic
from adaptive.types.policy import Policy

MIN_MEASURED = 20
"""Other graded questions from which on figures are given: of fewer they say nothing."""


@dataclass(frozen=True)
class GradedQuestions:
    """Questions and whether each rung solves them, shape (n, rungs): the model is placed by the rows `placing_rows`.

    records: what `adaptive train` writes down of each.
    """

    texts: Sequence[str]
    groups: Sequence[str]
    solved: Solved
    records: Sequence[Record]
    placing_rows: Labels

    @property
    def held_out_rows(self) -> Labels:
        """The rows that the model is measured on, all others. Some may be of a group that it was placed by: an
        ability for each rung and a slope cannot learn a template."""
        return np.setdiff1d(np.arange(len(self.texts)), self.placing_rows)


@dataclass(frozen=True)
class PlacedProfile:
    """What was learned; to be saved as a profile. said: what was not, and why.

    figures: `difficulty` is None where too few questions were left to measure on. held_out: those questions, and
    p(solved) of each, shape (m, rungs).
    """

    placement: Placement
    probe: Probe | None
    verifier: Logistic | None
    policy: Policy
    gates: Gates
    figures: dict[str, Any]
    held_out: tuple[list[str], Floats]
    notes: tuple[str, ...]


def select_by_hash(texts: Sequence[str], count: int) -> Labels:
    """`count` rows, all where there are fewer, whatever the order of the questions and wherever they came from."""

    def key(row: int) -> str:
        return hashlib.sha256(f"calibrate {hash_question(texts[row])}".encode()).hexdigest()

    return np.array(sorted(sorted(range(len(texts)), key=key)[:count]), dtype=np.int64)


@dataclass(frozen=True)
class Placer:
    """How it is learned: `general` says how hard a question is, `trainer` is for the rest."""

    general: GeneralDifficulty
    trainer: Trainer

    def place(self, graded: GradedQuestions, policy: Policy, examples: Examples | None = None) -> PlacedProfile:
        """Place the model; `policy` keeps what the questions do not teach.

        examples: the same rows with their attempts, for the probe and the verifier model; without them there are
        none. Raises `InputError` where there is no question.
        """
        rows, rest = graded.placing_rows, graded.held_out_rows
        if not len(rows):
            raise InputError("there is no graded question to place the model by: give some.")
        b = self.general.predict(graded.texts)
        placement = place_model(b[rows], graded.solved[rows], self.general.prior)
        predicted = np.round(placement.p_solved(b[rest]), 4)
        many = len(rest) >= MIN_MEASURED
        difficulty = measure_difficulty(graded.solved[rest], predicted, graded.solved[rows]) if many else None
        records = [graded.records[int(i)] for i in rows]
        gates = Gates.fit(records, self.trainer.target, self.trainer.seed)
        probe, verifier, figures, said = self._fit_probe_and_verifier(graded, b, examples)
        if difficulty is None:
            said.append(f"{len(rest)} other graded questions are too few to measure on: no figures of difficulty")
        figures = {"difficulty": difficulty, "placed_by": len(rows), **figures, **summarise_thinking(records)}
        held = [graded.texts[int(i)] for i in rest], predicted
        kept = _apply_gates(policy, gates, records)
        return PlacedProfile(placement, probe, verifier, kept, gates, figures, held, tuple(said))

    def _fit_probe_and_verifier(
        self, graded: GradedQuestions, b: Floats, examples: Examples | None
    ) -> tuple[Probe | None, Logistic | None, dict[str, Any], list[str]]:
        """The probe, the verifier model, its figures, and why there is none of them."""
        group, rows = number_groups(graded.groups), graded.placing_rows
        if examples is None or len(set(group[rows].tolist())) < LEAST:
            why = (
                "answers are not kept with questions" if examples is None else f"under {LEAST} groups of questions"
            )
            return None, None, {"verifier": None}, [f"no probe and no verifier model: {why}"]
        rows, text = self._predict_out_of_fold(graded, b)
        judged = self.trainer.fit_verifier(examples, rows, text, group)
        probe, said = (
            None,
            [] if judged else ["no verifier model: nearly all answers are right, or nearly none is"],
        )
        if all(is_learnable(graded.solved[rows, k], group[rows]) for k in range(graded.solved.shape[1])):
            probe = build_probe(self.trainer.fit_probe(examples, rows, text, graded.solved, group)[0])
        else:
            said.append("no probe: at some rung nearly all questions are solved, or nearly none is")
        return probe, judged.model if judged else None, {"verifier": judged.figures if judged else None}, said

    def _predict_out_of_fold(self, graded: GradedQuestions, b: Floats) -> tuple[Labels, Floats]:
        """The chosen rows, and p(solved) of each by a placement that its group had no part in."""
        chosen = graded.placing_rows
        own = [graded.groups[int(i)] for i in chosen]
        fold = assign_folds(graded.solved[chosen].sum(axis=1), count_folds(len(chosen)), self.trainer.seed, own)

        def fit(inside: Labels) -> Any:
            placed = place_model(b[chosen[inside]], graded.solved[chosen[inside]], self.general.prior)
            return lambda outside: placed.p_solved(b[chosen[outside]])

        rows, text = predict_held_out(fit, fold)
        return chosen[rows], np.round(text, 4)


def _apply_gates(policy: Policy, gates: Gates, records: Sequence[Record]) -> Policy:
    """The policy with the thresholds that were found and let something through on the half not fitted to.

    Few answers that show none are no reason to accept none.
    """
    named = {"none": gates.direct, **gates.chains}
    found = {effort: gate.threshold for effort, gate in named.items() if gate.accepted}
    return replace(
        policy,
        accept={**policy.accept, **{e: t for e, t in found.items() if t is not None}},
        agreement=gates.agreement.threshold if gates.agreement.accepted else policy.agreement,
        probe_from=compute_probe_from(records, gates.direct) if gates.direct.accepted else policy.probe_from,
    )

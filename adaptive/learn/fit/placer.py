"""Places a model on the scale of the general difficulty model, and fits what else few graded questions teach.

How hard a question is, the general model says, so no model of the text is fitted. The probe, the verifier model
and the thresholds are fitted to the same few questions if they are enough; otherwise they stay as they were.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adaptive.errors import InputError
from adaptive.learn.data.held_out import HeldOut
from adaptive.learn.fit.difficulty import LEAST, assign_folds
from adaptive.learn.fit.examples import Examples
from adaptive.learn.fit.logistic import is_learnable
from adaptive.learn.fit.metrics import count_folds, measure_difficulty, predict_held_out
from adaptive.learn.fit.thresholds import Gates, summarise_thinking
from adaptive.learn.fit.token_costs import choose_default_worth
from adaptive.learn.fit.trainer import Floats, Labels, Solved, Trainer, build_probe, number_groups
from adaptive.profile.general import GeneralDifficulty
from adaptive.profile.placement import Placement, place_model
from adaptive.profile.probe import Probe
from adaptive.types.logistic import Logistic
from adaptive.types.policy import Policy

MIN_MEASURED = 20
"""Figures need at least so many graded questions that the model was not placed by."""


@dataclass(frozen=True)
class PlacementFit:
    """All that was fitted. notes: what could not be, and why.

    figures: `difficulty` is None if too few questions were left to measure on. held_out: what is predicted of
    those questions.
    """

    placement: Placement
    probe: Probe | None
    verifier: Logistic | None
    policy: Policy
    gates: Gates
    figures: dict[str, Any]
    held_out: HeldOut
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Placer:
    """general: tells how hard a question is. trainer: fits the probe and the verifier model."""

    general: GeneralDifficulty
    trainer: Trainer

    def place(self, examples: Examples, solved: Solved, chosen: Labels, policy: Policy) -> PlacementFit:
        """Place the model.

        Args:
            examples: Graded questions.
            solved: Whether each rung solves them, shape (n, rungs).
            chosen: The rows to place the model by. It is measured on all others. These may be of the same groups:
                an ability for each rung and a slope cannot learn a template.
            policy: Keeps what the questions do not teach.

        Raises:
            InputError: No row is chosen.
        """
        if not len(chosen):
            raise InputError("there is no graded question to place the model by: give some.")
        rest = np.setdiff1d(np.arange(len(examples)), chosen)
        b = self.general.predict(examples.texts)
        placement = place_model(b[chosen], solved[chosen], self.general.prior)
        predicted = np.round(placement.p_solved(b[rest]), 4)
        measurable = len(rest) >= MIN_MEASURED
        difficulty = measure_difficulty(solved[rest], predicted, solved[chosen]) if measurable else None
        graded = [examples.graded[int(i)] for i in chosen]
        gates = Gates.fit(graded, self.trainer.target, self.trainer.seed)
        probe, verifier, figures, notes = self._fit_probe_and_verifier(examples, solved, chosen, b)
        if difficulty is None:
            notes.append(f"{len(rest)} other graded questions are too few to measure on: no figures of difficulty")
        figures = {"difficulty": difficulty, "placed_by": len(chosen), **figures, **summarise_thinking(graded)}
        usual = np.tile(examples.average_tokens(), (len(rest), 1))
        held_out = HeldOut([examples.texts[int(i)] for i in rest], predicted, usual)
        p, tokens = np.round(placement.p_solved(b[chosen]), 4), examples.tokens[chosen]
        worth = choose_default_worth(solved[chosen], p, tokens, np.tile(tokens.mean(axis=0), (len(chosen), 1)))
        tuned = replace(_apply_gates(policy, gates), unit=examples.unit, worth=worth)
        return PlacementFit(placement, probe, verifier, tuned, gates, figures, held_out, tuple(notes))

    def _fit_probe_and_verifier(
        self, examples: Examples, solved: Solved, chosen: Labels, b: Floats
    ) -> tuple[Probe | None, Logistic | None, dict[str, Any], list[str]]:
        """Return the probe, the verifier model, its figures, and why either is missing."""
        group = number_groups(examples.groups)
        if len(set(group[chosen].tolist())) < LEAST:
            note = f"no probe and no verifier model: under {LEAST} groups of questions"
            return None, None, {"verifier": None}, [note]
        rows, text = self._predict_out_of_fold(examples, solved, chosen, b)
        probe, notes = None, list[str]()
        fitted = self.trainer.fit_verifier(examples, rows, text, group)
        if fitted is None:
            notes.append("no verifier model: nearly all answers are right, or nearly none is")
        if not examples.direct:
            notes.append("no probe: the ladder has no direct answer")
        elif all(is_learnable(solved[rows, k], group[rows]) for k in range(solved.shape[1])):
            probe = build_probe(self.trainer.fit_probe(examples, rows, text, solved, group)[0])
        else:
            notes.append("no probe: at some rung nearly all questions are solved, or nearly none is")
        return probe, fitted.model if fitted else None, {"verifier": fitted.figures if fitted else None}, notes

    def _predict_out_of_fold(
        self, examples: Examples, solved: Solved, chosen: Labels, b: Floats
    ) -> tuple[Labels, Floats]:
        """Return the chosen rows, and p(solved) of each by a placement without its group."""
        groups = [examples.groups[int(i)] for i in chosen]
        fold = assign_folds(solved[chosen].sum(axis=1), count_folds(len(chosen)), self.trainer.seed, groups)

        def fit(inside: Labels) -> Any:
            placement = place_model(b[chosen[inside]], solved[chosen[inside]], self.general.prior)
            return lambda outside: placement.p_solved(b[chosen[outside]])

        rows, text = predict_held_out(fit, fold)
        return chosen[rows], np.round(text, 4)


def _apply_gates(policy: Policy, gates: Gates) -> Policy:
    """Return the policy with the thresholds that let something through on the half that they were not fitted to.

    A few answers that show no threshold are no reason to accept no answer.
    """
    named = {"none": gates.direct, **gates.chains}
    thresholds = {effort: gate.threshold for effort, gate in named.items() if gate.accepted}
    return replace(
        policy,
        accept={**policy.accept, **{e: t for e, t in thresholds.items() if t is not None}},
        agreement=gates.agreement.threshold if gates.agreement.accepted else policy.agreement,
    )

"""Fits all models of a profile to examples: difficulty from the text, the probe, the verifier model, thresholds.

The probe and the verifier model take the text model's out-of-fold predictions as features, so that training sees
what inference will see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive.errors import InputError
from adaptive.learn.data.held_out import HeldOut
from adaptive.learn.fit import logistic
from adaptive.learn.fit.corpus import Corpus
from adaptive.learn.fit.difficulty import LEAST, TrainedDifficulty, assign_folds, check_trainable
from adaptive.learn.fit.domain import fit_domain
from adaptive.learn.fit.domain_figures import measure_domain
from adaptive.learn.fit.examples import Examples
from adaptive.learn.fit.log_rows import LogRows
from adaptive.learn.fit.logistic import LogisticFit
from adaptive.learn.fit.metrics import count_folds, measure_difficulty, measure_rung, predict_held_out
from adaptive.learn.fit.thresholds import Gates, summarise_thinking
from adaptive.learn.fit.token_costs import choose_default_worth, measure_tokens
from adaptive.learn.fit.verifier import FittedVerifier, fit_verifier_model
from adaptive.profile.domain import ALPHA, Domain
from adaptive.profile.probe import Probe
from adaptive.types.logistic import Logistic, LogitModel, log_odds
from adaptive.types.policy import Policy

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Solved = NDArray[np.bool_]
OnProgress = Callable[[str], None]
PROBE_FEATURES = ("text", "sure", "unknown", "missing", "length", "size")
"""The features of the probe, in the order of its columns."""


@dataclass(frozen=True)
class FittedModels:
    """All that was fitted. verifier: None if nearly all answers are right, or nearly none is.

    probe: None if the ladder has no direct answer.
    domain: the recorded questions.
    held_out: the out-of-fold predictions that the probe and the verifier model saw.
    """

    difficulty: TrainedDifficulty
    probe: Probe | None
    verifier: Logistic | None
    policy: Policy
    gates: Gates
    domain: Domain
    figures: dict[str, Any]
    held_out: HeldOut


@dataclass(frozen=True)
class Trainer:
    """Settings of the fit. target: the precision that accepted answers should have. alpha: see `Domain`."""

    target: float = 0.97
    seed: int = 0
    alpha: float = ALPHA
    on_progress: OnProgress = lambda _: None

    def fit(
        self,
        examples: Examples,
        policy: Policy,
        solved: Solved | None = None,
        log_rows: LogRows | None = None,
    ) -> FittedModels:
        """Fit all models.

        Args:
            examples: The recorded questions.
            policy: Keeps what is not fitted here.
            solved: What difficulty predicts, shape (n, rungs). Default: whether each rung's own answer is right.
            log_rows: Logged solves that difficulty is fitted to as well.

        Raises:
            InputError: There is too little to learn from.
        """
        solved = examples.solved if solved is None else solved
        check_examples(examples, solved)
        self.on_progress(f"Reading {len(examples)} questions.")
        difficulty_rows = DifficultyRows.from_examples(examples, solved, log_rows)
        self.on_progress("Fitting the difficulty of questions, and measuring it on questions held out.")
        rows, text, forecast = self._predict_held_out(difficulty_rows, len(examples))
        difficulty = difficulty_rows.fit(np.arange(len(difficulty_rows.groups)), self.seed)
        group = number_groups(examples.groups)
        self.on_progress("Fitting the probe and the verifier model.")
        probe = self.fit_probe(examples, rows, text, solved, group) if examples.direct else None
        verifier = self.fit_verifier(examples, rows, text, group)
        gates = Gates.fit(examples.graded, self.target, self.seed)
        tuned = replace(
            policy,
            accept=gates.to_thresholds(examples.ladder),
            agreement=gates.agreement.threshold,
            unit=examples.unit,
            worth=choose_default_worth(solved[rows], text, examples.tokens[rows], forecast),
        )
        domain = fit_domain(examples.texts, examples.groups, self.alpha)
        figures = {
            "difficulty": measure_difficulty(solved[rows], text, solved),
            "tokens_by_rung": measure_tokens(examples.tokens[rows], forecast),
            "probe": _measure_probe(solved, rows, probe[1], probe[0]) if probe else None,
            "verifier": verifier.figures if verifier else None,
            "domain": measure_domain(domain, rows, solved[rows], text, verifier),
            "tokens_of_text": _rank_tokens(difficulty),
            **summarise_thinking(examples.graded),
        }
        model = verifier.model if verifier else None
        held_out = HeldOut([examples.texts[int(row)] for row in rows], text, forecast)
        built = build_probe(probe[0]) if probe else None
        return FittedModels(difficulty, built, model, tuned, gates, domain.domain, figures, held_out)

    def _predict_held_out(self, difficulty_rows: DifficultyRows, count: int) -> tuple[Labels, Floats, Floats]:
        """Return rows, and their out-of-fold p(solved) and tokens, rounded as a profile returns them.

        The rows after them come from the log: they are in every fit, and nothing is measured on them.
        """
        labels, groups = difficulty_rows.solved[:count].sum(axis=1), difficulty_rows.groups[:count]
        fold = assign_folds(labels, count_folds(count), self.seed, groups)
        logged = np.arange(count, len(difficulty_rows.groups))

        def fit(inside: Labels) -> Callable[[Labels], Floats]:
            model = difficulty_rows.fit(np.concatenate([inside, logged]), self.seed)

            def predict(outside: Labels) -> Floats:
                p, tokens = model.forecast(difficulty_rows.corpus.select(outside))
                assert tokens is not None  # they are known of all recorded questions
                return np.hstack([p, tokens])

            return predict

        rows, predicted = predict_held_out(fit, fold)
        p, tokens = np.hsplit(predicted, 2)
        return rows, np.round(p, 4), np.round(tokens, 1)

    def fit_probe(
        self, examples: Examples, rows: Labels, text: Floats, solved: Solved, group: Labels
    ) -> tuple[list[LogisticFit], Floats]:
        """Fit the probe.

        Args:
            examples: All examples.
            rows: Which of them to fit to, shape (m,).
            text: The text model's out-of-fold p(solved) of these rows, shape (m, rungs).
            solved: Whether each rung solves each example, shape (n, rungs).
            group: The group of each example, shape (n,).

        Returns:
            A fit for each rung, and their own out-of-fold p(solved) of these rows, shape (m, rungs).
        """
        direct = np.array([[examples.direct[i][n] for n in PROBE_FEATURES[1:]] for i in rows])
        fits, predicted = [], []
        for k in range(solved.shape[1]):
            data = (
                np.column_stack([_to_log_odds(text[:, k]), direct]),
                solved[rows, k],
                np.ones(len(rows)),
                group[rows],
            )
            fits.append(logistic.fit_logistic(*data, self.seed))
            predicted.append(logistic.predict_out_of_fold(*data, self.seed))
        return fits, np.column_stack(predicted)

    def fit_verifier(self, examples: Examples, rows: Labels, text: Floats, group: Labels) -> FittedVerifier | None:
        """Fit the verifier model to these rows; None if there is too little to tell right from wrong.

        The arguments are those of `fit_probe`.
        """
        p_solved = {int(row): text[i].tolist() for i, row in enumerate(rows)}
        return fit_verifier_model(examples.verifier_examples, p_solved, group, self.target, self.seed)


@dataclass(frozen=True)
class DifficultyRows:
    """What difficulty is fitted to: n questions, whether each rung solves them, and whether that was observed.

    tokens: what each attempt took, shape (n, rungs), NaN if that is not known.
    """

    corpus: Corpus
    solved: Solved
    observed: Solved
    groups: list[str]
    tokens: Floats

    @classmethod
    def from_examples(cls, examples: Examples, solved: Solved, log_rows: LogRows | None) -> DifficultyRows:
        """Return the examples, observed at every rung, and after them the rows of the log.

        Args:
            examples: The recorded questions.
            solved: Whether each rung solves them, shape (n, rungs).
            log_rows: Logged solves, if there are any.
        """
        if log_rows is None:
            return cls(Corpus.read(examples.texts), solved, np.ones_like(solved), examples.groups, examples.tokens)
        return cls(
            Corpus.read([*examples.texts, *log_rows.texts]),
            np.concatenate([solved, log_rows.solved]),
            np.concatenate([np.ones_like(solved), log_rows.observed]),
            [*examples.groups, *log_rows.groups],
            np.concatenate([examples.tokens, np.full(log_rows.solved.shape, np.nan)]),
        )

    def fit(self, rows: Labels, seed: int) -> TrainedDifficulty:
        """Fit to some of the rows."""
        groups = [self.groups[int(i)] for i in rows]
        return TrainedDifficulty.refit(
            self.corpus.select(rows), self.solved[rows], seed, groups, self.observed[rows], self.tokens[rows]
        )


def number_groups(groups: Sequence[str]) -> Labels:
    """Return a number for each group, shape (n,)."""
    return np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)[1]


def build_probe(fits: Sequence[LogisticFit]) -> Probe:
    """Return the probe as a profile keeps it."""
    return Probe(tuple(LogitModel(f.weights_by_name(PROBE_FEATURES), round(f.bias, 6)) for f in fits))


def check_examples(examples: Examples, solved: Solved) -> None:
    """Raise `InputError` if the examples are too few, or too much alike, to learn from."""
    require_any_example(examples)
    groups = len(set(examples.groups))
    if groups < LEAST:
        raise InputError(
            f"{len(examples)} questions of {groups} groups are too few to train on: record at least {LEAST} of "
            "different groups."
        )
    check_trainable(solved)


def require_any_example(examples: Examples) -> None:
    """Raise `InputError`, with the reasons, if there is no example."""
    if not len(examples):
        why = "; ".join(f"{count} {words}" for words, count in examples.left_out.items())
        raise InputError(f"there is no question to learn from{f' ({why})' if why else ''}: record more.")


def _to_log_odds(p: Floats) -> Floats:
    return np.array([log_odds(one) for one in p.tolist()])


def _measure_probe(solved: Solved, rows: Labels, predicted: Floats, fits: Sequence[LogisticFit]) -> dict[str, Any]:
    """Return the figures that the text model has too, and the weights of each rung."""
    rungs = [
        measure_rung(solved[rows, k], predicted[:, k], float(np.mean(solved[:, k])))
        for k in range(solved.shape[1])
    ]
    return {
        "rungs": rungs,
        "reliability": measure_difficulty(solved[rows], predicted, solved)["reliability"],
        "importance": [[[n, round(w, 4)] for n, w in f.rank_weights(PROBE_FEATURES)] for f in fits],
    }


def _rank_tokens(difficulty: TrainedDifficulty, most: int = 10) -> list[list[list[Any]]]:
    """Return the heaviest features of the text for each rung."""
    return [[[n, round(w, 4)] for n, w in rung[:most]] for rung in difficulty.rank_weights()]

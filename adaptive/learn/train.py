"""From recorded outcomes to what a profile knows: difficulty by the text, the probe, a verifier model, figures.

What one model is given of another is what that one says of questions it was not fitted to: the probe and the
verifier model see the text's p(solved) out of fold, as they will see it of a new question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive.errors import InputError
from adaptive.learn.fit import logistic
from adaptive.learn.fit.corpus import Corpus
from adaptive.learn.fit.difficulty import LEAST, TrainedDifficulty, assign_folds, check_trainable
from adaptive.learn.fit.embedding import Fused, Given
from adaptive.learn.fit.examples import Examples
from adaptive.learn.fit.log_rows import LogRows
from adaptive.learn.fit.logistic import LogisticFit
from adaptive.learn.fit.metrics import count_folds, measure_difficulty, measure_rung, predict_held_out
from adaptive.learn.fit.thresholds import Gates, compute_probe_from, summarise_thinking
from adaptive.learn.fit.verifier import FittedVerifier, fit_verifier_model
from adaptive.profile.embedding import odds
from adaptive.profile.probe import Probe
from adaptive.types.logistic import Logistic, LogitModel
from adaptive.types.policy import Policy

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Solved = NDArray[np.bool_]
Tell = Callable[[str], None]
PROBE_FEATURES = ("text", "sure", "unknown", "missing", "length", "size")
"""What the probe sees, in the order of its columns."""


@dataclass(frozen=True)
class TrainedProfile:
    """What was learned; to be saved as a profile. verifier is None where all answers are right or none is.

    fused: what was fitted to embeddings of the questions, None where none were given. held_out: questions, and the
    p(solved) that the probe and the verifier saw of each, by models that were not fitted to it, shape (n, rungs).
    """

    trained: TrainedDifficulty
    probe: Probe
    verifier: Logistic | None
    policy: Policy
    gates: Gates
    figures: dict[str, Any]
    held_out: tuple[list[str], Floats]
    fused: Fused | None = None


@dataclass(frozen=True)
class Trainer:
    """How it is learned. target: the precision that an accepted answer should have. tell: is told what is done."""

    target: float = 0.97
    seed: int = 0
    on_progress: Tell = lambda _: None

    def train(
        self,
        examples: Examples,
        policy: Policy,
        solved: Solved | None = None,
        log_rows: LogRows | None = None,
        embeddings: Given | None = None,
    ) -> TrainedProfile:
        """Learn from examples; `policy` keeps what is not learned here.

        solved: what difficulty means where that is not each rung's own answer, shape (n, rungs). added: what else
        difficulty is fitted to. given: embeddings of the examples' questions. Raises `InputError` where there is
        too little to learn from.
        """
        solved = examples.solved if solved is None else solved
        check_examples(examples, solved)
        self.on_progress(f"Reading {len(examples)} questions.")
        every = DifficultyRows.from_examples(examples, solved, log_rows)
        self.on_progress("Fitting the difficulty of questions, and measuring it on questions held out.")
        rows, text = self._predict_held_out(every, len(examples), embeddings is not None)
        trained = every.fit(np.arange(len(every.groups)), self.seed)
        group = number_groups(examples.groups)
        fused = self._fit_embedding(embeddings, rows, text, solved, group)
        told = fused.held_out if fused else text
        self.on_progress("Fitting the probe and the verifier model.")
        fits, probed = self.fit_probe(examples, rows, told, solved, group)
        verifier = self.fit_verifier(examples, rows, told, group)
        gates = Gates.fit(examples.records, self.target, self.seed)
        learned = replace(
            policy,
            accept=gates.to_thresholds(examples.ladder),
            agreement=gates.agreement.threshold,
            probe_from=compute_probe_from(examples.records, gates.direct),
        )
        figures = {
            "difficulty": measure_difficulty(solved[rows], text, solved),
            **({"embedding": fused.figures} if fused else {}),
            "probe": _measure_probe(solved, rows, probed, fits),
            "verifier": verifier.figures if verifier else None,
            "tokens_of_text": _rank_tokens(trained),
            **summarise_thinking(examples.records),
        }
        probe = build_probe(fits)
        model, held = verifier.model if verifier else None, [examples.texts[int(row)] for row in rows]
        return TrainedProfile(trained, probe, model, learned, gates, figures, (held, told), fused)

    def _fit_embedding(
        self, embeddings: Given | None, rows: Labels, text: Floats, solved: Solved, group: Labels
    ) -> Fused | None:
        """What the embeddings add to the text; None without any."""
        if embeddings is None:
            return None
        self.on_progress("Fitting the embedding on top of that, and measuring it on questions held out.")
        return embeddings.fit(rows, text, solved, group, self.seed)

    def _predict_held_out(self, every: DifficultyRows, count: int, all_folds: bool) -> tuple[Labels, Floats]:
        """The text's p(solved) of questions in no fold that it was fitted to, rounded as a profile tells it.

        Of the first `count` rows: the others were added, and are fitted to each time. all_folds: of every row,
        however many there are: an embedding's line has many weights.
        """
        fold = assign_folds(every.solved[:count].sum(axis=1), count_folds(count), self.seed, every.groups[:count])
        added = np.arange(count, len(every.groups))

        def fit(inside: Labels) -> Callable[[Labels], Floats]:
            made = every.fit(np.concatenate([inside, added]), self.seed)
            return lambda outside: made.p_solved(every.corpus.select(outside))

        rows, predicted = predict_held_out(fit, fold, all_folds)
        return rows, np.round(predicted, 4)

    def fit_probe(
        self, examples: Examples, rows: Labels, text: Floats, solved: Solved, group: Labels
    ) -> tuple[list[LogisticFit], Floats]:
        """The probe's line for each rung, and what it predicts out of fold for `rows`.

        text: what a model that was not fitted to them says of `rows`, shape (m, rungs). group: of each example.
        """
        seen = np.array([[examples.direct[i][n] for n in PROBE_FEATURES[1:]] for i in rows])
        lines, predicted = [], []
        for k in range(solved.shape[1]):
            columns = np.column_stack([odds(text[:, k]), seen])
            given = columns, solved[rows, k], np.ones(len(rows)), group[rows]
            lines.append(logistic.fit_logistic(*given, self.seed))
            predicted.append(logistic.predict_out_of_fold(*given, self.seed))
        return lines, np.maximum.accumulate(np.column_stack(predicted), axis=1)

    def fit_verifier(self, examples: Examples, rows: Labels, text: Floats, group: Labels) -> FittedVerifier | None:
        """The verifier model of these rows; None where there is too little to tell right from wrong."""
        known = {int(row): text[i].tolist() for i, row in enumerate(rows)}
        return fit_verifier_model(examples.verifier_examples, known, group, self.target, self.seed)


@dataclass(frozen=True)
class DifficultyRows:
    """What difficulty is fitted to: questions, and whether each rung solves them, where that is known."""

    corpus: Corpus
    solved: Solved
    observed: Solved
    groups: list[str]

    @classmethod
    def from_examples(cls, examples: Examples, solved: Solved, log_rows: LogRows | None) -> DifficultyRows:
        """The examples, of which all is known, and after them what was added."""
        if log_rows is None:
            return cls(Corpus.read(examples.texts), solved, np.ones_like(solved), examples.groups)
        return cls(
            Corpus.read([*examples.texts, *log_rows.texts]),
            np.concatenate([solved, log_rows.solved]),
            np.concatenate([np.ones_like(solved), log_rows.observed]),
            [*examples.groups, *log_rows.groups],
        )

    def fit(self, rows: Labels, seed: int) -> TrainedDifficulty:
        """Fit to some of the rows."""
        own = [self.groups[int(i)] for i in rows]
        return TrainedDifficulty.refit(self.corpus.select(rows), self.solved[rows], seed, own, self.observed[rows])


def number_groups(groups: Sequence[str]) -> Labels:
    """A number for each group, shape (n,)."""
    return np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)[1]


def build_probe(fits: Sequence[LogisticFit]) -> Probe:
    """The probe as a profile keeps it."""
    return Probe(tuple(LogitModel(f.weights_by_name(PROBE_FEATURES), round(f.bias, 6)) for f in fits))


def check_examples(examples: Examples, solved: Solved) -> None:
    """Raise `InputError` where the examples are too few or too much alike to learn from."""
    require_any_example(examples)
    groups = len(set(examples.groups))
    if groups < LEAST:
        raise InputError(
            f"{len(examples)} questions of {groups} groups are too few to train on: record at least {LEAST} of "
            "different groups."
        )
    check_trainable(solved)


def require_any_example(examples: Examples) -> None:
    """Raise `InputError` where there is no example, saying why."""
    if not len(examples):
        why = "; ".join(f"{count} {words}" for words, count in examples.left_out.items())
        raise InputError(f"there is no question to learn from{f' ({why})' if why else ''}: record more.")


def _measure_probe(solved: Solved, rows: Labels, predicted: Floats, fits: Sequence[LogisticFit]) -> dict[str, Any]:
    """The same figures as of the text alone, and what weighs."""
    rungs = [
        measure_rung(solved[rows, k], predicted[:, k], float(np.mean(solved[:, k])))
        for k in range(solved.shape[1])
    ]
    return {
        "rungs": rungs,
        "reliability": measure_difficulty(solved[rows], predicted, solved)["reliability"],
        "importance": [[[n, round(w, 4)] for n, w in f.rank_weights(PROBE_FEATURES)] for f in fits],
    }


def _rank_tokens(trained: TrainedDifficulty, most: int = 10) -> list[list[list[Any]]]:
    """For each rung the features of the text that weigh most."""
    return [[[n, round(w, 4)] for n, w in rung[:most]] for rung in trained.rank_weights()]


def _write_models(out: Path, examples: Examples, learned: TrainedProfile) -> None:
    """The files beside `profile.json`; what an earlier profile had of an embedding goes with it."""
    from adaptive.learn.data.held_out import write_held_out
    from adaptive.learn.data.splits import write_used_keys
    from adaptive.profile.embedding import FILE

    learned.trained.save(out)
    if learned.fused:
        learned.fused.lines.save(out)
    else:
        (out / FILE).unlink(missing_ok=True)
    write_used_keys(out, examples.texts)
    write_held_out(out, *learned.held_out)

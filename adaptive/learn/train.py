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
from adaptive.learn.fit.difficulty import LEAST, Trained, enough, folds
from adaptive.learn.fit.embedding import Fused, Given
from adaptive.learn.fit.examples import Examples
from adaptive.learn.fit.log_rows import Added
from adaptive.learn.fit.logistic import Fitted
from adaptive.learn.fit.metrics import folds_for, held_out, measure, rung_figures
from adaptive.learn.fit.thresholds import Gates, counted, probe_from
from adaptive.learn.fit.verifier import Judge, judge
from adaptive.profile.embedding import odds
from adaptive.profile.probe import Probe
from adaptive.types.logistic import Line, Logistic
from adaptive.types.policy import Policy

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Solved = NDArray[np.bool_]
Tell = Callable[[str], None]
SEEN = ("text", "sure", "unknown", "missing", "length", "size")
"""What the probe sees, in the order of its columns."""


@dataclass(frozen=True)
class FromOutcomes:
    """What was learned; to be saved as a profile. verifier is None where all answers are right or none is.

    fused: what was fitted to embeddings of the questions, None where none were given. held_out: questions, and the
    p(solved) that the probe and the verifier saw of each, by models that were not fitted to it, shape (n, rungs).
    """

    trained: Trained
    probe: Probe
    verifier: Logistic | None
    policy: Policy
    gates: Gates
    figures: dict[str, Any]
    held_out: tuple[list[str], Floats]
    fused: Fused | None = None


@dataclass(frozen=True)
class Fit:
    """How it is learned. target: the precision that an accepted answer should have. tell: is told what is done."""

    target: float = 0.97
    seed: int = 0
    tell: Tell = lambda _: None

    def learn(
        self,
        examples: Examples,
        policy: Policy,
        solved: Solved | None = None,
        added: Added | None = None,
        given: Given | None = None,
    ) -> FromOutcomes:
        """Learn from examples; `policy` keeps what is not learned here.

        solved: what difficulty means where that is not each rung's own answer, shape (n, rungs). added: what else
        difficulty is fitted to. given: embeddings of the examples' questions. Raises `InputError` where there is
        too little to learn from.
        """
        solved = examples.solved if solved is None else solved
        checked(examples, solved)
        self.tell(f"Reading {len(examples)} questions.")
        every = Rows.of(examples, solved, added)
        self.tell("Fitting the difficulty of questions, and measuring it on questions held out.")
        rows, text = self._held_out(every, len(examples), given is not None)
        trained = every.fit(np.arange(len(every.groups)), self.seed)
        group = numbered(examples.groups)
        fused = self._fused(given, rows, text, solved, group)
        told = fused.held_out if fused else text
        self.tell("Fitting the probe and the verifier model.")
        fits, probed = self.fit_probe(examples, rows, told, solved, group)
        verifier = self.fit_judge(examples, rows, told, group)
        gates = Gates.fit(examples.records, self.target, self.seed)
        learned = replace(
            policy,
            accept=gates.accept(examples.ladder),
            agreement=gates.agreement.threshold,
            probe_from=probe_from(examples.records, gates.direct),
        )
        figures = {
            "difficulty": measure(solved[rows], text, solved),
            **({"embedding": fused.figures} if fused else {}),
            "probe": _probe_figures(solved, rows, probed, fits),
            "verifier": verifier.figures if verifier else None,
            "tokens_of_text": _weightiest(trained),
            **counted(examples.records),
        }
        probe = probe_of(fits)
        model, held = verifier.model if verifier else None, [examples.texts[int(row)] for row in rows]
        return FromOutcomes(trained, probe, model, learned, gates, figures, (held, told), fused)

    def _fused(
        self, given: Given | None, rows: Labels, text: Floats, solved: Solved, group: Labels
    ) -> Fused | None:
        """What the embeddings add to the text; None without any."""
        if given is None:
            return None
        self.tell("Fitting the embedding on top of that, and measuring it on questions held out.")
        return given.fit(rows, text, solved, group, self.seed)

    def _held_out(self, every: Rows, count: int, all_folds: bool) -> tuple[Labels, Floats]:
        """The text's p(solved) of questions in no fold that it was fitted to, rounded as a profile tells it.

        Of the first `count` rows: the others were added, and are fitted to each time. all_folds: of every row,
        however many there are: an embedding's line has many weights.
        """
        fold = folds(every.solved[:count].sum(axis=1), folds_for(count), self.seed, every.groups[:count])
        added = np.arange(count, len(every.groups))

        def fit(inside: Labels) -> Callable[[Labels], Floats]:
            made = every.fit(np.concatenate([inside, added]), self.seed)
            return lambda outside: made.p_solved(every.corpus.part(outside))

        rows, predicted = held_out(fit, fold, all_folds)
        return rows, np.round(predicted, 4)

    def fit_probe(
        self, examples: Examples, rows: Labels, text: Floats, solved: Solved, group: Labels
    ) -> tuple[list[Fitted], Floats]:
        """The probe's line for each rung, and what it predicts out of fold for `rows`.

        text: what a model that was not fitted to them says of `rows`, shape (m, rungs). group: of each example.
        """
        seen = np.array([[examples.direct[i][n] for n in SEEN[1:]] for i in rows])
        lines, predicted = [], []
        for k in range(solved.shape[1]):
            columns = np.column_stack([odds(text[:, k]), seen])
            given = columns, solved[rows, k], np.ones(len(rows)), group[rows]
            lines.append(logistic.fit(*given, self.seed))
            predicted.append(logistic.out_of_fold(*given, self.seed))
        return lines, np.maximum.accumulate(np.column_stack(predicted), axis=1)

    def fit_judge(self, examples: Examples, rows: Labels, text: Floats, group: Labels) -> Judge | None:
        """The verifier model of these rows; None where there is too little to tell right from wrong."""
        known = {int(row): text[i].tolist() for i, row in enumerate(rows)}
        return judge(examples.judged, known, group, self.target, self.seed)


@dataclass(frozen=True)
class Rows:
    """What difficulty is fitted to: questions, and whether each rung solves them, where that is known."""

    corpus: Corpus
    solved: Solved
    known: Solved
    groups: list[str]

    @classmethod
    def of(cls, examples: Examples, solved: Solved, added: Added | None) -> Rows:
        """The examples, of which all is known, and after them what was added."""
        if added is None:
            return cls(Corpus.read(examples.texts), solved, np.ones_like(solved), examples.groups)
        return cls(
            Corpus.read([*examples.texts, *added.texts]),
            np.concatenate([solved, added.solved]),
            np.concatenate([np.ones_like(solved), added.known]),
            [*examples.groups, *added.groups],
        )

    def fit(self, rows: Labels, seed: int) -> Trained:
        """Fit to some of the rows."""
        own = [self.groups[int(i)] for i in rows]
        return Trained.refit(self.corpus.part(rows), self.solved[rows], seed, own, self.known[rows])


def numbered(groups: Sequence[str]) -> Labels:
    """A number for each group, shape (n,)."""
    return np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)[1]


def probe_of(fits: Sequence[Fitted]) -> Probe:
    """The probe as a profile keeps it."""
    return Probe(tuple(Line(f.named(SEEN), round(f.bias, 6)) for f in fits))


def checked(examples: Examples, solved: Solved) -> None:
    """Raise `InputError` where the examples are too few or too much alike to learn from."""
    some(examples)
    groups = len(set(examples.groups))
    if groups < LEAST:
        raise InputError(
            f"{len(examples)} questions of {groups} groups are too few to train on: record at least {LEAST} of "
            "different groups."
        )
    enough(solved)


def some(examples: Examples) -> None:
    """Raise `InputError` where there is no example, saying why."""
    if not len(examples):
        why = "; ".join(f"{count} {words}" for words, count in examples.left_out.items())
        raise InputError(f"there is no question to learn from{f' ({why})' if why else ''}: record more.")


def _probe_figures(solved: Solved, rows: Labels, predicted: Floats, fits: Sequence[Fitted]) -> dict[str, Any]:
    """The same figures as of the text alone, and what weighs."""
    rungs = [
        rung_figures(solved[rows, k], predicted[:, k], float(np.mean(solved[:, k])))
        for k in range(solved.shape[1])
    ]
    return {
        "rungs": rungs,
        "reliability": measure(solved[rows], predicted, solved)["reliability"],
        "importance": [[[n, round(w, 4)] for n, w in f.importance(SEEN)] for f in fits],
    }


def _weightiest(trained: Trained, most: int = 10) -> list[list[list[Any]]]:
    """For each rung the features of the text that weigh most."""
    return [[[n, round(w, 4)] for n, w in rung[:most]] for rung in trained.importance()]


def _write_models(out: Path, examples: Examples, learned: FromOutcomes) -> None:
    """The files beside `profile.json`; what an earlier profile had of an embedding goes with it."""
    from adaptive.learn.data.held_out import write_held_out
    from adaptive.learn.data.splits import write_seen
    from adaptive.profile.embedding import FILE

    learned.trained.save(out)
    if learned.fused:
        learned.fused.lines.save(out)
    else:
        (out / FILE).unlink(missing_ok=True)
    write_seen(out, examples.texts)
    write_held_out(out, *learned.held_out)

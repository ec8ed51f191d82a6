"""Recorded outcomes of real models, and what else is known of questions, for the general difficulty model.

The folder holds `outcomes/NAME.jsonl` with `NAME.meta.json` beside it, and `questions/NAME.jsonl`: one object a
line with `question`, `fold` (from a hash of the question, so the same question has the same fold in every file)
and what the file is about. models/difficulty/README.md says where they come from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive.learn.fit.general import GeneralExamples
from adaptive.learn.fit.item_response import ItemResponseFit, Responses
from adaptive.learn.fit.metrics import compute_auroc
from adaptive.profile.general import QUESTION_KINDS

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Row = dict[str, Any]

SETS = {
    "GSM8K": ("zeroeval_gsm8k_test", "word problem"),
    "MATH level 5": ("zeroeval_math_l5_test", "competition"),
    "CRUXEval-output": ("zeroeval_cruxeval_output", "code"),
    "MMLU-Pro": ("mmlu_pro", "choice"),
}
OTHERS = {
    "questions/math_train": "competition", "questions/math500": "competition",
    "outcomes/dsr_sub_qwen25_math_1p5b": "competition", "questions/gsm8k_train": "word problem",
    "questions/svamp": "word problem",
}  # fmt: skip
SUBJECTS = (
    "Algebra", "Counting & Probability", "Geometry", "Intermediate Algebra", "Number Theory", "Prealgebra",
    "Precalculus",
)  # fmt: skip
HELD_OUT, WITHIN = (7, 8, 9), (5, 6)
RIGHT = {"1": 1.0, "0": 0.0}


@dataclass(frozen=True)
class Recorded:
    """One data set of outcomes.

    solved: shape (n, models), NaN where not known. most: whether most models solve it, of the small ones where
    these are marked.
    """

    name: str
    kind: int
    questions: list[str]
    fold: NDArray[np.int64]
    models: tuple[str, ...]
    solved: Floats
    most: Bools

    def responses(self, rows: Bools, models: Bools | None = None) -> Responses:
        """What the item response model is fitted to: some questions, some models."""
        kept = np.ones(len(self.models), dtype=np.bool_) if models is None else models
        names = tuple(name for name, keep in zip(self.models, kept, strict=True) if keep)
        return Responses(names, self.solved[rows][:, kept])


def recorded(folder: Path) -> list[Recorded]:
    """The data sets of `SETS`."""
    return [_set(folder, name, file, QUESTION_KINDS.index(kind)) for name, (file, kind) in SETS.items()]


def lines(file: Path) -> list[Row]:
    """The objects in a file, one a line."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def held_out(sets: Sequence[Recorded]) -> tuple[int, ...]:
    """Folds 7 to 9; where the folder has none of them, 5 and 6, and what is measured says so."""
    there = {int(fold) for one in sets for fold in one.fold}
    return HELD_OUT if there & set(HELD_OUT) else WITHIN


def examples(
    folder: Path, sets: Sequence[Recorded], rows: Sequence[Bools], fitted: ItemResponseFit
) -> GeneralExamples:
    """The questions of `rows` with their difficulties, and of the same folds the other questions' figures."""
    kept = [[one.questions[i] for i in np.flatnonzero(rows_)] for one, rows_ in zip(sets, rows, strict=True)]
    folds = {int(f) for one, rows_ in zip(sets, rows, strict=True) for f in one.fold[rows_]}
    more = [(row, kind) for row, kind in others(folder) if row["fold"] in folds]
    count, b, variance = len(more), np.concatenate(fitted.b), np.concatenate(fitted.variance)
    unknown = np.full(count, np.nan)
    return GeneralExamples(
        questions=[*(q for part in kept for q in part), *(row["question"] for row, _ in more)],
        kind=np.array(
            [one.kind for one, part in zip(sets, kept, strict=True) for _ in part] + [k for _, k in more]
        ),
        fold=np.concatenate(
            [*(one.fold[r] for one, r in zip(sets, rows, strict=True)), [r["fold"] for r, _ in more]]
        ),
        b=np.concatenate([b, unknown]),
        variance=np.concatenate([variance, unknown]),
        asides=np.concatenate([np.full((len(b), len(ASIDES)), np.nan), [_asides(row) for row, _ in more]]),
    )


def others(folder: Path) -> list[tuple[Row, int]]:
    """Questions with a level, a number of steps or the pass rate of one more model, and their kind."""
    return [
        (row, QUESTION_KINDS.index(kind))
        for name, kind in OTHERS.items()
        for row in lines(folder / f"{name}.jsonl")
    ]


def by_fold(one: Recorded, rows: Bools, b: Floats) -> float:
    """AUROC of "most models solve it", the mean over folds, for scores from a different model for each."""
    found = [
        compute_auroc(one.most[rows & (one.fold == f)], -b[one.fold[rows] == f]) for f in np.unique(one.fold[rows])
    ]
    return float(np.mean([value for value in found if value is not None]))


def _set(folder: Path, name: str, file: str, kind: int) -> Recorded:
    rows = lines(folder / "outcomes" / f"{file}.jsonl")
    meta = json.loads((folder / "outcomes" / f"{file}.meta.json").read_text(encoding="utf-8"))
    solved = np.array([[RIGHT.get(str(mark), np.nan) for mark in row["correct"]] for row in rows])
    most = np.array([row.get("pass_rate_small", row["pass_rate"]) > 0.5 for row in rows])
    models = tuple(_model(one["model"]) for one in meta["models"])
    fold = np.array([row["fold"] for row in rows], dtype=np.int64)
    return Recorded(name, kind, [row["question"] for row in rows], fold, models, solved, most)


def _model(name: str) -> str:
    """One name for one model, whoever served it: two that were served twice stay two columns of one name."""
    return re.sub(r"@.*|_5shots", "", name).replace("3_1", "3.1")


def _level(row: Row) -> float:
    return float(row["level"]) if row.get("level") else np.nan


def _steps(row: Row) -> float:
    return float(np.log(row["n_steps"] + 0.5)) if "n_steps" in row else np.nan


def _length(row: Row) -> float:
    return float(np.log(len(row["solution"]))) if "n_steps" in row else np.nan


def _missed(row: Row) -> float:
    """The log-odds, smoothed, that the model of the pass rates misses the question."""
    return float(np.log((1.05 - row["pass_rate"]) / (0.05 + row["pass_rate"]))) if "pass_rate" in row else np.nan


def _subject(name: str) -> Callable[[Row], float]:
    return lambda row: float(row["subject"] == name) if row.get("subject") in SUBJECTS else np.nan


ASIDES: tuple[Callable[[Row], float], ...] = (_level, _steps, _length, _missed, *map(_subject, SUBJECTS))


def _asides(row: Row) -> list[float]:
    return [known(row) for known in ASIDES]

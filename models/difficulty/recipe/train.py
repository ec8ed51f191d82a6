"""Makes models/difficulty from recorded outcomes: the model, its card and its figures.

    PYTHONPATH=. python models/difficulty/recipe/train.py DATA [--out FOLDER]

DATA is laid out as benchmarks/recorded.py says. First a model is fitted without the held-out folds and measured on
them, beside a TF-IDF ridge; then the one that is kept is fitted to everything. Takes some minutes on one core.
"""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import process_time
from typing import Any

import click
import numpy as np
from scipy.sparse import csr_matrix, hstack
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from adaptive.learn.fit import item_response
from adaptive.learn.fit.general import TrainedGeneral
from adaptive.learn.fit.metrics import compute_auroc
from adaptive.learn.report.tables import format_markdown_table
from adaptive.profile.features import count_features
from adaptive.profile.general import QUESTION_KINDS, GeneralDifficulty
from benchmarks.placing import prior_of
from benchmarks.recorded import Bools, Floats, Recorded, by_fold, examples, held_out, lines, recorded

HERE = Path(__file__).parent
TARGETS = {"GSM8K": 0.70, "MATH level 5": 0.76, "CRUXEval-output": 0.70, "MMLU-Pro": 0.79}
OUTSIDE = {
    "math500_qwen3_0p6b": ("MATH levels 1-5, Qwen3-0.6B", "qwen3_0p6b"),
    "dsr_sub_qwen25_math_1p5b": ("competition maths, Qwen2.5-Math-1.5B", "pass_rate"),
    "svamp_codex": ("SVAMP, Codex writing programs", "codex_pot_zeroshot"),
    "gsm8k_openai_models": ("GSM8K, GPT-3 175B fine-tuned", "175b_finetuning"),
}
DRAWS = 1000


def trained(folder: Path, sets: Sequence[Recorded], rows: Sequence[Bools]) -> TrainedGeneral:
    """The model of these questions, with the prior of the models that were recorded."""
    fitted = item_response.fit_item_response([one.responses(kept) for one, kept in zip(sets, rows, strict=True)])
    model = TrainedGeneral.fit(examples(folder, sets, rows, fitted))
    return model.with_prior(prior_of(sets, rows, split(model, rows)))


def split(model: TrainedGeneral, rows: Sequence[Bools]) -> list[Floats]:
    """What was predicted crosswise, for each data set."""
    assert model.out_of_fold is not None
    return np.split(model.out_of_fold[: sum(map(np.sum, rows))], np.cumsum([kept.sum() for kept in rows])[:-1])


def plain(one: Recorded, rows: Bools, asked: Bools, strength: float = 3.0) -> Floats:
    """The baseline: TF-IDF of words and pairs and a dozen counts, a ridge regression of the share of models."""
    questions = np.array(one.questions, dtype=object)
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit(questions[rows])
    figures = count_features(one.questions)
    scaler = StandardScaler().fit(figures[rows])

    def columns(kept: Bools) -> Any:
        return hstack(
            [words.transform(questions[kept]), csr_matrix(0.1 * scaler.transform(figures[kept]))]
        ).tocsr()

    share = np.nanmean(one.solved[rows], axis=1)
    return np.asarray(Ridge(alpha=strength).fit(columns(rows), share).predict(columns(asked)))


def plain_crosswise(one: Recorded) -> float:
    """The baseline's AUROC on every fold, predicted from the others; the mean over folds."""
    every, said = np.ones(len(one.questions), dtype=np.bool_), np.empty(len(one.questions))
    for fold in np.unique(one.fold):
        said[one.fold == fold] = plain(one, one.fold != fold, one.fold == fold)
    return by_fold(one, every, -said)


def interval(most: Bools, scores: Floats) -> list[float]:
    """95 % interval of the AUROC from bootstrap samples of the questions."""
    rng = np.random.default_rng(0)
    draws = (rng.integers(0, len(most), len(most)) for _ in range(DRAWS))
    found = [value for d in draws if (value := compute_auroc(most[d], scores[d])) is not None]
    return [round(float(x), 3) for x in np.percentile(found, (2.5, 97.5))]


def measured(folder: Path, sets: Sequence[Recorded], out: tuple[int, ...]) -> dict[str, Any]:
    """Figures on the held-out folds, of a model that never saw them."""
    rows = [~np.isin(one.fold, out) for one in sets]
    fitted = trained(folder, sets, rows)
    model = fitted.to_model()
    figures: dict[str, Any] = {"held_out_folds": list(out), "sets": {}}
    for one, kept, crossed in zip(sets, rows, split(fitted, rows), strict=True):
        asked = ~kept
        said = -model.predict([q for q, wanted in zip(one.questions, asked, strict=True) if wanted])
        most, share = one.most[asked], np.nanmean(one.solved[asked], axis=1)
        figures["sets"][one.name] = {
            "questions": int(asked.sum()), "most_solve_it": round(float(most.mean()), 3),
            "auroc": compute_auroc(most, said), "interval": interval(most, said), "target": TARGETS[one.name],
            "auroc_baseline": compute_auroc(most, plain(one, kept, asked)),
            "spearman": float(spearmanr(said, share)[0]), "crosswise": by_fold(one, kept, crossed),
        }  # fmt: skip
    figures["outside"] = outside(folder, model, out)
    return figures


def outside(folder: Path, model: GeneralDifficulty, out: tuple[int, ...]) -> dict[str, Any]:
    """AUROC for single models that are in no data set of `SETS`, on the held-out folds."""
    figures = {}
    for file, (name, key) in OUTSIDE.items():
        rows = [row for row in lines(folder / "outcomes" / f"{file}.jsonl") if row["fold"] in out]
        right = np.array([row[key] > 0.5 for row in rows])
        figures[name] = {
            "questions": len(rows),
            "auroc": compute_auroc(right, -model.predict([r["question"] for r in rows])),
        }
    return figures


def kept(folder: Path, sets: Sequence[Recorded], into: Path) -> dict[str, Any]:
    """Fits the model that is kept to every question and saves it; its figures."""
    rows = [np.ones(len(one.questions), dtype=np.bool_) for one in sets]
    fitted = trained(folder, sets, rows)
    fitted.save(into)
    model = GeneralDifficulty.load(into)
    crossed = {one.name: by_fold(one, r, c) for one, r, c in zip(sets, rows, split(fitted, rows), strict=True)}
    settings = {
        kind: {"strength": round(head.line.alpha, 3), "aside": head.aside}
        for kind, head in zip(QUESTION_KINDS, fitted.heads, strict=True)
    }
    return {
        "prior": asdict(model.prior), "terms": len(model.vocabulary), "settings": settings, "crosswise": crossed,
        "crosswise_baseline": {one.name: plain_crosswise(one) for one in sets},
        "bytes": sum((into / f"difficulty.{end}").stat().st_size for end in ("npz", "skops")),
        "times": times(model, into, sets),
    }  # fmt: skip


def times(model: GeneralDifficulty, into: Path, sets: Sequence[Recorded]) -> dict[str, Any]:
    """Milliseconds to load and for one question, microseconds each for many: processor time, the best of five."""

    def best(work: Any) -> float:
        found = []
        for _ in range(5):
            start = process_time()
            work()
            found.append(process_time() - start)
        return min(found)

    one = sets[-1].questions[0]
    many = {s.name: s.questions[:1000] for s in sets}
    return {
        "load_ms": round(1e3 * best(lambda: GeneralDifficulty.load(into)), 1),
        "one_ms": round(1e3 * best(lambda: model.predict([one])), 3),
        "batch_us": {
            name: round(1e6 * best(lambda q=q: model.predict(q)) / len(q), 1) for name, q in many.items()
        },
    }


def card(figures: dict[str, Any]) -> str:
    """The README.md, from the text beside this file."""
    head = ("data set", "questions", "AUROC", "95 %", "target", "TF-IDF ridge", "crosswise", "TF-IDF ridge")
    rows = [
        (name, f["questions"], f["auroc"], "{} to {}".format(*f["interval"]), f"{f['target']:.2f}",
         f["auroc_baseline"], figures["kept"]["crosswise"][name], figures["kept"]["crosswise_baseline"][name])
        for name, f in figures["sets"].items()
    ]  # fmt: skip
    beyond = [(name, f["questions"], f["auroc"]) for name, f in figures["outside"].items()]
    timed = figures["kept"]["times"]
    batch = ", ".join(f"{name} {us:.0f}" for name, us in timed["batch_us"].items())
    text = string.Template((HERE / "card.md").read_text(encoding="utf-8"))
    return text.substitute(
        folds=", ".join(map(str, figures["held_out_folds"])), table=format_markdown_table(head, rows), batch=batch,
        outside=format_markdown_table(("outcomes", "questions", "AUROC"), beyond), load=timed["load_ms"],
        one=timed["one_ms"], terms=figures["kept"]["terms"], size=f"{figures['kept']['bytes'] / 1e6:.1f}",
        **{key: f"{value:.2f}" for key, value in figures["kept"]["prior"].items()},
    )  # fmt: skip


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", default=HERE.parent, type=click.Path(file_okay=False, path_type=Path))
def main(data: Path, out: Path) -> None:
    """Measure, fit, save, and write the card."""
    sets = recorded(data)
    figures = measured(data, sets, held_out(sets))
    print(json.dumps(figures, indent=1))
    figures["kept"] = kept(data, sets, out)
    print(json.dumps(figures["kept"], indent=1))
    (out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (out / "README.md").write_text(card(figures), encoding="utf-8")


if __name__ == "__main__":
    main()

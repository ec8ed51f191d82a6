"""Outcomes of other tools, imported: bench sees the accuracy that their log tells of each setting."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from adaptive.cli import cli
from adaptive.learn.data.outcome import RecordedQuestion, rung_to_key
from adaptive.learn.data.outcomes import OutcomeStore, build_recorded_profile
from adaptive.learn.tuning.ways import Way
from adaptive.types.routine import format_rung
from tests.learn.importing.imported import LOGS
from tests.learn.made import LADDER, many, write
from tests.learn.toy import ROOT
from tests.support.choosing import make_fixed_chooser

MAP = (
    "id=name,question=asked,setting=bought,correct=ok,output_tokens=n.out,thinking_tokens=n.think,"
    "prompt_tokens=n.in"
)


def call(*args: str) -> str:
    made = CliRunner().invoke(cli, args, prog_name="adaptive")
    assert made.exit_code == 0, made.output
    return made.stdout


def export(file: Path, recorded: list[RecordedQuestion]) -> Path:
    """The rungs' attempts, a row each."""
    rows = []
    for rung in reversed(tuple(LADDER)):
        for one in recorded:
            outcome = one.outcomes[rung_to_key(rung)]
            counts = {"out": outcome.attempt.usage.answer + outcome.attempt.chain_tokens,
                      "think": outcome.attempt.chain_tokens, "in": outcome.prompt}  # fmt: skip
            rows.append({
                "name": one.question.id, "asked": one.question.text, "right answer": one.question.reference,
                "bought": f"{rung.effort} {rung.budget}" if rung.thinks else "none", "ok": outcome.right,
                "n": counts,
            })  # fmt: skip
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def bench(profile: Path, questions: Path, outcomes: Path) -> dict[str, tuple[float, float]]:
    figures = json.loads(call("bench", str(profile), str(questions), "--replay", str(outcomes), "--json"))
    return {
        way["name"]: (way["accuracy"]["value"], way["tokens"])
        for way in figures["lines"]
        if way["kind"] in ("fixed", "top")
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """The outcomes as they were recorded, as they were imported, and the questions."""
    folder = tmp_path_factory.mktemp("trip")
    recorded = list({one.question.text: one for one in many(60)}.values())
    kept = write(folder / "recorded.db", recorded)
    table = export(folder / "table.jsonl", recorded)
    call("import", str(table), "--out", str(folder / "imported.db"), "--map", f"{MAP},answer=right answer")
    questions = folder / "questions.jsonl"
    asked = ({"id": r.question.id, "question": r.question.text, "answer": r.question.reference} for r in recorded)
    questions.write_text("".join(json.dumps(one) + "\n" for one in asked))
    return kept, folder / "imported.db", questions


def test_every_attempt_is_as_it_was_recorded(files: tuple[Path, Path, Path]) -> None:
    recorded, imported, _ = files
    with OutcomeStore(recorded) as first, OutcomeStore(imported) as second:
        assert build_recorded_profile(second, "x").ladder.to_json() == [
            {**rung.to_json(), "answer_room": 4} for rung in LADDER
        ]
        mine = {one.question.id: one for one in first}
        for one in second:
            assert one.question == mine[one.question.id].question
            for rung in LADDER:
                key = rung_to_key(rung)
                was, now = mine[one.question.id].outcomes[key], one.outcomes[key]
                assert (now.right, now.compute_usage()) == (was.right, was.compute_usage())


def test_bench_replay_measures_the_same(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    recorded, imported, questions = files
    with OutcomeStore(recorded) as outcomes:
        profile = build_recorded_profile(outcomes, "toy")
        replace(profile, policy=replace(profile.policy, max_attempts=1)).save(tmp_path / "profile")
        expected = {
            rung.budget: Way.replay("", make_fixed_chooser(rung_to_key(rung)), list(outcomes)).right.mean()
            for rung in LADDER
        }
    before, after = (
        bench(tmp_path / "profile", questions, recorded),
        bench(tmp_path / "profile", questions, imported),
    )
    assert after == before
    assert sorted(right for right, _ in after.values()) == pytest.approx(sorted(expected.values()), abs=1e-4)


ANSWERS = {
    "How many wheels have six bicycles?": "12", "What is 13 plus 29?": "42",
    "Spell the number of days in a week in digits.": "7", "How many sides have four triangles?": "12",
    "What is 15 minus 8?": "7",
}  # fmt: skip
TOKENIZER = str(ROOT / "models" / "abacus" / "onnx")
KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Inspect": (("inspect_low.eval", "inspect_high.json"), ()),
    "batch": (("batch_input.jsonl", "batch_output.jsonl", "batch_errors.jsonl"), ("--answers", "{answers}")),
    "LiteLLM": (("litellm_spend_logs.json",), ("--answers", "{answers}")),
    "Langfuse": (("langfuse_observations.jsonl", "langfuse_scores.jsonl"), ()),
    "lm-eval": (
        ("small-model/samples_small_sums_2026-11-29T11-26-16.319186.jsonl",),
        ("--score", "exact_match,flexible", "--tokenizer", TOKENIZER),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_of_each_kind_is_measured_as_it_tells(kind: str, tmp_path: Path) -> None:
    answers, out, profile = tmp_path / "answers.jsonl", tmp_path / "out.db", tmp_path / "profile"
    answers.write_text("".join(json.dumps({"question": q, "answer": a}) + "\n" for q, a in ANSWERS.items()))
    logs, more = KINDS[kind]
    options = [one.format(answers=answers) for one in more]
    call("import", *(str(LOGS / log) for log in logs), "--out", str(out), *options)
    with OutcomeStore(out) as outcomes:
        made = build_recorded_profile(outcomes, "imported")
        complete = [one for one in outcomes if one.is_complete(made.ladder)]
    made.save(profile)
    questions = tmp_path / "questions.jsonl"
    questions.write_text("".join(json.dumps({"question": one.question.text}) + "\n" for one in complete))
    found = bench(profile, questions, out)
    assert len(complete) >= 2
    assert len(found) == len(made.ladder)
    for rung in made.ladder:
        (measured,) = (accuracy for name, (accuracy, _) in found.items() if format_rung(rung) in name)
        told = [one.outcomes[rung_to_key(rung)].right for one in complete]
        assert measured == pytest.approx(sum(map(bool, told)) / len(told), abs=1e-4)

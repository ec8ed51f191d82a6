"""From a hosted model's questions to a tuned policy and its solves, on each provider's wire: what was planted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adaptive import Profile
from adaptive.learn.data.outcome import OutcomeKey, RecordedQuestion
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.tuning.replay import Replay, select_replayable
from adaptive.learn.tuning.ways import Way
from tests.hosted.clients import NAMES, PROVIDERS
from tests.hosted.planted import NEEDED, Planted, make_questions, write_questions
from tests.hosted.recorded import EFFORTS, build_model_args, call, price_call, record
from tests.hosted.server import Hosted
from tests.support.choosing import make_fixed_chooser

LEARNED, NEW = 240, 60
BRAIN = Planted(LEARNED + NEW)
HOW = ("--efforts", EFFORTS, "--samples", "2", "--concurrency", "16")
HIGH = OutcomeKey("high", 32768)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_tuned_policy_finds_what_was_planted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTIVE_LOG", str(tmp_path / "log.db"))
    learned, new = (tmp_path / f"{part}.jsonl" for part in ("learned", "new"))
    lines = write_questions(learned, LEARNED + NEW).read_text().splitlines(keepends=True)
    learned.write_text("".join(lines[:LEARNED]))
    new.write_text("".join(lines[LEARNED:]))
    outcomes, held_out, folder = tmp_path / "outcomes.db", tmp_path / "held_out.db", tmp_path / "profile"
    with Hosted(BRAIN) as hosted:
        record(name, hosted, learned, outcomes, *HOW)
        record(name, hosted, new, held_out, *HOW)
        assert len(hosted.asked) == 5 * (LEARNED + NEW)
        call("train", str(outcomes), "--out", str(folder))
        # The questions that are left to tune on are too few to show a loss below 1 point for every policy.
        call("tune", str(folder), "--outcomes", str(outcomes), "--target-loss", "0.03")
        check_solves(name, hosted, folder)
    with OutcomeStore(held_out) as store:
        recorded = select_replayable(Profile.load(folder), store)
    shown = call("bench", str(folder), str(new), "--replay", str(held_out), "--json")
    check_policy(Profile.load(folder), recorded, json.loads(shown))


def check_policy(profile: Profile, recorded: list[RecordedQuestion], figures: dict[str, Any]) -> None:
    """Each kind is answered at the effort that it needs, at high's accuracy and a part of its cost."""
    policy = Way.replay("", Replay.from_recorded(profile, recorded).solve, recorded)
    top = Way.replay("", make_fixed_chooser(HIGH), recorded)
    kinds = {one.text: one.kind for one in make_questions(LEARNED + NEW)}
    efforts = [result.key.effort for result in policy if result.key]
    needed = [NEEDED[kinds[one.question.text]] for one in recorded]
    assert sum(one == other for one, other in zip(efforts, needed, strict=True)) >= 0.85 * len(recorded)
    assert policy.right.mean() >= top.right.mean() - 0.05
    cost, of_top = (sum(result.usage.cost or 0.0 for result in way) for way in (policy, top))
    assert cost <= 0.65 * of_top
    line = next(one for one in figures["lines"] if one["kind"] == "policy")
    assert line["cost"] == pytest.approx(cost / len(recorded))


def check_solves(name: str, hosted: Hosted, folder: Path) -> None:
    """A solve with the profile begins at the effort that the question's kind needs, and costs what is billed."""
    profile = Profile.load(folder)
    for question in [one for one in make_questions(LEARNED + NEW) if not profile.is_outside(one.text)][-3:]:
        hosted.asked = []
        shown = call("solve", question.text, *build_model_args(name, hosted), "--profile", str(folder), "--json")
        result = json.loads(shown)
        assert hosted.asked[0].effort == NEEDED[question.kind]
        billed = sum(price_call(asked, BRAIN, PROVIDERS[name].spec) for asked in hosted.asked)
        assert result["usage"]["cost"] == pytest.approx(billed, abs=1e-9)

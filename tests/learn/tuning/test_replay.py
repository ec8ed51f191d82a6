"""What is replayed on recorded outcomes is what a solve does: on the embedded model, attempt by attempt."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from adaptive._util.files import find_artifact
from adaptive.answers.registry import open_grader
from adaptive.engines.protocol import TokenEngine
from adaptive.engines.registry import open_engine
from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.questions import Question
from adaptive.learn.data.recorder import Recorder
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.ways import WayResult
from adaptive.profile.profile import Profile
from adaptive.solver.build import build_solver
from adaptive.types.ladder import Ladder
from adaptive.types.options import Options
from adaptive.types.policy import Policy

ASKED = slice(8, 12)
"""Two of these take several attempts."""


def questions() -> list[Question]:
    lines = (find_artifact("abacus") / "questions" / "fresh.jsonl").read_text().splitlines()[ASKED]
    rows = [json.loads(line) for line in lines]
    return [Question(str(i), row["question"], row["answer"]) for i, row in enumerate(rows)]


@pytest.fixture(scope="module")
def engine() -> TokenEngine:
    return open_engine("embedded")


@pytest.fixture(scope="module")
def profile() -> Profile:
    known = Profile.load(find_artifact("abacus") / "profile")
    policy = replace(known.policy, worth=0.0, hopeless=0.0, vote_most=0)  # votes are recorded at one effort
    strict = replace(known.verifier, threshold=0.99) if known.verifier else None
    ladder = Ladder(tuple(replace(r, waits=0) for r in known.ladder))
    return replace(known, ladder=ladder, policy=policy, verifier=strict)


@pytest.fixture(scope="module")
def recorded(
    engine: TokenEngine, profile: Profile, tmp_path_factory: pytest.TempPathFactory
) -> list[RecordedQuestion]:
    file = tmp_path_factory.mktemp("replay") / "outcomes.db"
    recorder = Recorder(engine, profile.ladder, profile.style, open_grader("exact"), profile.stops,
                        samples=1, sample_effort="medium", unlimited=False)  # fmt: skip
    with OutcomeStore(file, {"grader": "exact"}) as outcomes:
        outcomes.add_questions(questions())
        asyncio.run(recorder.record(questions(), outcomes, 1, lambda *_: None, lambda _: None))
        return list(outcomes)


POLICIES = {
    "the profile's": {},
    "everything but a vote": {"accept": {"none": None, "medium": 0.9999, "high": None}, "worth": -1000.0,
                              "vote_most": 0, "payoffs": (), "max_waits": 1, "max_attempts": 6},
    "the direct answer first, and given up": {"probe_from": 0.0, "hopeless": 0.5},
}  # fmt: skip


@pytest.mark.parametrize("name", POLICIES)
async def test_a_replay_is_what_a_solve_does(
    engine: TokenEngine, profile: Profile, recorded: list[RecordedQuestion], name: str
) -> None:
    known = replace(profile, policy=replace(profile.policy, **POLICIES[name]))  # type: ignore[arg-type]
    solver = build_solver(engine, profile=known, options=Options())
    several = 0
    for one in recorded:
        state = await solver.ainvoke({"messages": [("user", one.question.text)]})
        live, taken = state["adaptive_result"], Replay(known).solve(one)
        several += len(live["attempts"]) > 1
        assert seen(taken) == told(live)
        assert live["answer"] == one.outcomes[taken.key].attempt.answer
    assert several


def seen(taken: WayResult) -> dict[str, Any]:
    """What the replay says; the confidence of a chain in pieces differs in the windows over their seams."""
    usage = taken.usage
    return {"accepted": taken.accepted, "attempts": taken.attempts, "thinking": usage.thinking,
            "answer": usage.answer, "injected": usage.injected}  # fmt: skip


def told(live: dict[str, Any]) -> dict[str, Any]:
    """The same of the result object."""
    usage = live["usage"]
    return {"accepted": live["accepted"], "attempts": len(live["attempts"]),
            **{k: usage[k] for k in ("thinking", "answer", "injected")}}  # fmt: skip


def test_an_arm_that_was_not_recorded_is_not_taken(profile: Profile, recorded: list[RecordedQuestion]) -> None:
    bare = [
        RecordedQuestion(r.question, {k: o for k, o in r.outcomes.items() if not k.waits and not k.sample})
        for r in recorded
    ]
    never = Policy(accept={"none": None, "medium": None, "high": None}, agreement=None)
    known = replace(profile, policy=never, verifier=None)
    arms = [Replay(known).solve(one) for one in bare]
    assert all(not taken.accepted and taken.key is not None and not taken.key.sample for taken in arms)

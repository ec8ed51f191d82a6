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
from adaptive.learn.tuning.constants import list_constants
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.ways import WayResult
from adaptive.profile.domain import find_no_domain
from adaptive.profile.profile import Profile
from adaptive.solver.build import build_solver
from adaptive.types.ladder import Ladder
from adaptive.types.options import Options
from adaptive.types.policy import Evidence, FollowUp, Policy
from tests.support.solving import list_follow_ups

ASKED = slice(11, 15)
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
    policy = replace(known.policy, vote_most=0)  # votes are recorded at one effort
    strict = replace(known.verifier, threshold=0.99) if known.verifier else None
    ladder = Ladder(tuple(replace(r, waits=0) for r in known.ladder))
    return replace(known, ladder=ladder, policy=policy, verifier=strict, domain_model=find_no_domain)


@pytest.fixture(scope="module")
def recorded(
    engine: TokenEngine, profile: Profile, tmp_path_factory: pytest.TempPathFactory
) -> list[RecordedQuestion]:
    file = tmp_path_factory.mktemp("replay") / "outcomes.db"
    recorder = Recorder(engine, profile.ladder, profile.style, open_grader("exact"), profile.stops,
                        waits=2, samples=3, sample_effort="medium", plain=True)  # fmt: skip
    with OutcomeStore(file, {"grader": "exact"}) as outcomes:
        outcomes.add_questions(questions())
        asyncio.run(recorder.record(questions(), outcomes, 1, lambda *_: None, lambda _: None))
        return list(outcomes)


RUNGS = 5
"""Of the profile's ladder."""
SOME = tuple(
    FollowUp(arm, source, rung, right=0.3, bias=-1.0, slope=1.0, breaks=0.05, cost=0.3)
    for arm in ("budget", "effort")
    for source in range(RUNGS)
    for rung in range(source + 1, RUNGS)
)
"""Each pays at some questions."""
SHIFTS = (-2.0, 0.0, 2.0)
POLICIES: dict[str, dict[str, Any]] = {
    "the profile's": {},
    "everything but a vote": {"worth": 1000.0, "escalates": True, "follow_ups": list_follow_ups(RUNGS),
                              "max_waits": 1, "max_attempts": 6},
    "what pays after a cheap rung": {"worth": 150.0, "escalates": True, "follow_ups": SOME,
                                     "evidence": tuple(Evidence(k, SHIFTS, SHIFTS) for k in range(RUNGS))},
}  # fmt: skip
COUNTED = ("thinking", "answer", "injected")
SEVERAL = {"everything but a vote", "what pays after a cheap rung"}


@pytest.mark.parametrize("name", POLICIES)
async def test_a_replay_is_what_a_solve_does(
    engine: TokenEngine, profile: Profile, recorded: list[RecordedQuestion], name: str
) -> None:
    known = replace(profile, policy=replace(profile.policy, **POLICIES[name]))
    solver = build_solver(engine, profile=known, options=Options())
    several = 0
    for one in recorded:
        state = await solver.ainvoke({"messages": [("user", one.question.text)]})
        live, taken = state["adaptive_result"], Replay(known).solve(one)
        several += len(live["attempts"]) > 1
        assert seen(taken) == told(live)
        assert live["answer"] == one.outcomes[taken.key].attempt.answer
    assert several or name not in SEVERAL


CONSTANTS = ("medium 256", "high 512, 2 Waits", "vote of 3 of medium 128", "no thinking, then high 512",
             "unlimited thinking", "a plain call")  # fmt: skip
"""One of each kind."""


@pytest.mark.parametrize("name", CONSTANTS)
async def test_a_profile_does_a_constant_as_it_was_recorded(
    engine: TokenEngine, profile: Profile, recorded: list[RecordedQuestion], name: str
) -> None:
    judge = Replay.from_recorded(profile, recorded)
    listed = list_constants(profile.ladder, recorded, direct_first=True)
    constant = next(one for one in listed if one.name == name)
    known = replace(profile, policy=constant.to_policy(profile.policy))
    solver = build_solver(engine, profile=known, options=Options())
    for one in recorded:
        state = await solver.ainvoke({"messages": [("user", one.question.text)]})
        live, taken = state["adaptive_result"], constant.choose(one, judge)
        usage = {kind: live["usage"][kind] for kind in COUNTED}
        assert usage == {kind: getattr(taken.usage, kind) for kind in COUNTED}
        assert len(live["attempts"]) == taken.attempts
        assert live["answer"] == one.outcomes[taken.key].attempt.answer
        assert live["attempts"][0]["reason"].endswith(f"at every question: {name}")


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
    never = Policy(accept={"none": None, "medium": None, "high": None}, agreement=None,
                   follow_ups=list_follow_ups(RUNGS))  # fmt: skip
    known = replace(profile, policy=never, verifier=None)
    arms = [Replay(known).solve(one) for one in bare]
    assert all(not taken.accepted and taken.key is not None and not taken.key.sample for taken in arms)

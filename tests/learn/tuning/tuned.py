"""A trained profile and its outcomes, split into those to search on and those to test on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from adaptive.learn.data.held_out import read_held_out
from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.splits import assign_split, hash_question
from adaptive.learn.tuning.goal import Goal
from adaptive.learn.tuning.policy_search import Search
from adaptive.learn.tuning.tune import TuningResult, tune_policy
from adaptive.profile.domain import find_no_domain
from adaptive.profile.profile import Profile
from tests.learn.fitted import fitted


class Tuned:
    """The profile `toy`, with what `adaptive tune` would search and test it on."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.source = fitted(folder)
        # Every question counts here: the domain has tests of its own (test_outside).
        self.profile = replace(Profile.load(self.folder), domain_model=find_no_domain)
        held_out = read_held_out(self.folder)
        with OutcomeStore(self.source) as file:
            recorded = list(file)
        self.learn = [one for one in recorded if assign_split(one.question) == "learn"]
        self.test = [one for one in recorded if assign_split(one.question) == "tune"]
        self.search = Search(self.learn, {(q := r.question.text): held_out[hash_question(q)] for r in self.learn})

    def tune(self, goal: Goal, test: list[RecordedQuestion] | None = None, seed: int = 0) -> TuningResult:
        """Tune the profile to a goal."""
        search = replace(self.search, seed=seed)
        return tune_policy(self.profile, search, self.test if test is None else test, goal)

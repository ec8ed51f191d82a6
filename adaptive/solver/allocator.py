"""Chooses the rung and the model of each attempt, by how hard the question is for the model."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adaptive.policy import allocate, escalate, ladder
from adaptive.policy.arms import OWN_WAY_REASON, UNTRAINED_REASON, EscalationState, Plan
from adaptive.profile.probe import find_direct_answer
from adaptive.solver.protocol import SolverModel
from adaptive.types.attempt import Attempt
from adaptive.types.options import Options

SHORT_QUESTION_CHARS = 1000
"""A prediction for a question of at most so many characters takes about as long as starting a thread."""


@dataclass(frozen=True)
class Allocator:
    """Chooses among the rungs of `models`, the stronger ones last.

    loaded_models: the indices of those whose difficulty model was read from its files, and whether it was the
    general one.
    """

    models: tuple[SolverModel, ...]
    loaded_models: set[tuple[int, bool]] = field(default_factory=set)

    async def predict_difficulty(
        self, model: int, question: str, options: Options, attempts: Sequence[Attempt] = ()
    ) -> dict[str, Any]:
        """Predict how hard a question is for a model.

        Args:
            model: The index of the model.
            question: The question's text.
            options: Limit the ladder.
            attempts: The attempts so far. A direct answer among them tells more than the text alone.

        Returns:
            The profile's prediction, with a probability for each rung of the limited ladder.
        """
        profile = self.models[model].profile
        probe = find_direct_answer(attempts, model)
        loaded = (model, profile.general)
        if loaded in self.loaded_models and len(question) <= SHORT_QUESTION_CHARS:
            known = profile.predict_difficulty(question, probe)
        else:  # in a thread: the first prediction reads the difficulty model's files
            known = await asyncio.to_thread(profile.predict_difficulty, question, probe)
            self.loaded_models.add(loaded)
        shaped = ladder.limit_ladder(profile.get_ladder(options), options)
        return {**known, "p_solved": ladder.map_to_ladder(known["p_solved"], profile.ladder, shaped)}

    def choose_first(self, difficulty: Mapping[str, Any], options: Options) -> Plan:
        """Choose the first attempt by how hard the question is."""
        model = self.models[0]
        ladder, known = model.build_ladder(options), model.profile.get_ladder(options)
        plan = allocate.choose_first_rung(ladder, model.profile.policy, difficulty["p_solved"], options, known)
        unmeasured = model.unmeasured and plan.reason in (OWN_WAY_REASON, UNTRAINED_REASON)
        return replace(plan, reason=f"{model.unmeasured}: it thinks as long as it does") if unmeasured else plan

    def choose_next(
        self, attempts: list[Attempt], options: Options, p_solved: Sequence[float], seconds: float
    ) -> Plan | str:
        """Choose what follows a rejected attempt.

        Args:
            attempts: The attempts so far.
            options: The options of the solve.
            p_solved: For each rung of the last attempt's model, the probability that it solves the question.
            seconds: How long the solve has run.

        Returns:
            The next attempt, or the reason to stop.
        """
        model = self.models[attempts[-1].model]
        now = EscalationState(attempts, model.build_ladder(options), model.profile.policy, p_solved, options,
                        model.efforts, len(self.models), seconds)  # fmt: skip
        return escalate.choose_next_plan(now)

    def choose_on_next_model(self, plan: Plan, options: Options, p_solved: Sequence[float]) -> Plan:
        """Choose the rung on the ladder of the model that `plan` names."""
        model = self.models[plan.model]
        rung = allocate.choose_thinking_rung(model.build_ladder(options), model.profile.policy, p_solved, "model")
        return replace(rung, model=plan.model, reason=f"{plan.reason}, {model.name}: {rung.reason}")

    async def compute_shadow(
        self, question: str, first_attempt: Attempt, options: Options
    ) -> dict[str, Any] | None:
        """Return what the policy would have begun with, if the options made it begin with another rung."""
        if options.adapt and options.effort is None and options.budget is None:
            return None
        free, model = Options(), self.models[0]
        p_solved = (await self.predict_difficulty(0, question, free))["p_solved"]
        plan = allocate.choose_first_rung(model.build_ladder(free), model.profile.policy, p_solved, free)
        if (plan.rung.effort, plan.rung.budget) == (first_attempt.effort, first_attempt.budget):
            return None
        return {"rung": plan.index, "effort": plan.rung.effort, "budget": plan.rung.budget, "reason": plan.reason,
                "p_solved": p_solved}  # fmt: skip

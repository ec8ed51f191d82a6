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
from adaptive.types.forecast import Forecast
from adaptive.types.ladder import Ladder
from adaptive.types.options import Options

SHORT_QUESTION_CHARS = 1000
"""A prediction for a question of at most so many characters takes about as long as starting a thread."""


@dataclass(frozen=True)
class Allocator:
    """Chooses among the rungs of `models`, the stronger ones last; those that share a profile follow its own.

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
        probe = find_direct_answer(attempts, self._find_model(model, profile.ladder[0].model))
        loaded = (model, profile.general)
        if loaded in self.loaded_models and len(question) <= SHORT_QUESTION_CHARS:
            known = profile.predict_difficulty(question, probe)
        else:  # in a thread: the first prediction reads the difficulty model's files
            known = await asyncio.to_thread(profile.predict_difficulty, question, probe)
            self.loaded_models.add(loaded)
        shaped = ladder.limit_ladder(profile.get_ladder(options), options)
        mapped: dict[str, Any] = {
            name: ladder.map_to_ladder(known[name], profile.ladder, shaped)
            for name in ("p_solved", "tokens")
            if name in known
        }
        return {**known, **mapped}

    def choose_first(self, difficulty: Mapping[str, Any], options: Options) -> Plan:
        """Choose the first attempt by how hard the question is."""
        model = self.models[0]
        shaped, known = self.build_ladder(0, options), model.profile.get_ladder(options)
        forecast = Forecast.from_difficulty(difficulty)
        policy = model.profile.policy.with_worth(options.worth)
        plan = self._place(allocate.choose_first_rung(shaped, policy, forecast, options, known))
        unmeasured = model.unmeasured and plan.reason in (OWN_WAY_REASON, UNTRAINED_REASON)
        return (
            replace(plan, reason=f"{model.unmeasured}: the model thinks as long as it likes")
            if unmeasured
            else plan
        )

    def choose_next(
        self, attempts: list[Attempt], options: Options, difficulty: Mapping[str, Any], seconds: float
    ) -> Plan | str:
        """Choose what follows a rejected attempt.

        Args:
            attempts: The attempts so far.
            options: The options of the solve.
            difficulty: Of the question, for the last attempt's model.
            seconds: How long the solve has run.

        Returns:
            The next attempt, or the reason to stop.
        """
        model = self.models[attempts[-1].model]
        policy, forecast = model.profile.policy.with_worth(options.worth), Forecast.from_difficulty(difficulty)
        now = EscalationState(attempts, self.build_ladder(attempts[-1].model, options), policy, forecast, options,
                        model.efforts, self._find_better(attempts[-1].model), seconds)  # fmt: skip
        plan = escalate.choose_next_plan(now)
        return self._place(plan) if isinstance(plan, Plan) and plan.arm != "model" else plan

    def choose_on_next_model(self, plan: Plan, options: Options, difficulty: Mapping[str, Any]) -> Plan:
        """Choose the rung on the ladder of the model that `plan` names."""
        model, forecast = self.models[plan.model], Forecast.from_difficulty(difficulty)
        policy = model.profile.policy.with_worth(options.worth)
        shaped = self.build_ladder(plan.model, options)
        rung = allocate.choose_thinking_rung(shaped, policy, forecast, "model")
        return self._place(replace(rung, model=plan.model, reason=f"{plan.reason}, {model.name}: {rung.reason}"))

    def build_ladder(self, model: int, options: Options) -> Ladder:
        """Return the ladder of a model's profile within the options, with efforts that its models take."""
        first, *others = self._list_sharing(model)
        shaped = self.models[first].build_ladder(options)
        for index in others:
            one = self.models[index]
            shaped = ladder.map_efforts(shaped, one.efforts, one.rung_model)[0]
        return shaped

    def _list_sharing(self, model: int) -> list[int]:
        """Return the models that share the profile of a model, its own one first."""
        owners = [i for i, one in enumerate(self.models) if not one.rung_model]
        own = max(i for i in owners if i <= model)
        return list(range(own, next((i for i in owners if i > own), len(self.models))))

    def _find_better(self, model: int) -> int | None:
        """Return the next better model than one, and those that share its profile; None if there is none."""
        after = self._list_sharing(model)[-1] + 1
        return after if after < len(self.models) else None

    def _find_model(self, near: int, name: str) -> int:
        """Return the model of that name in the rungs of a profile, which is that of the model `near`."""
        return next(i for i in self._list_sharing(near) if self.models[i].rung_model == name)

    def _place(self, plan: Plan) -> Plan:
        """Return the plan with the model of its rung."""
        return replace(plan, model=self._find_model(plan.model, plan.rung.model))

    async def compute_shadow(
        self, question: str, first_attempt: Attempt, options: Options
    ) -> dict[str, Any] | None:
        """Return what the policy would have begun with, if the options made it begin with another rung."""
        if options.adapt and options.effort is None and options.budget is None:
            return None
        free, model = Options(), self.models[0]
        forecast = Forecast.from_difficulty(await self.predict_difficulty(0, question, free))
        shaped = self.build_ladder(0, free)
        plan = self._place(allocate.choose_first_rung(shaped, model.profile.policy, forecast, free))
        first = (first_attempt.model, first_attempt.effort, first_attempt.budget)
        if (plan.model, plan.rung.effort, plan.rung.budget) == first:
            return None
        return {"rung": plan.index, "effort": plan.rung.effort, "budget": plan.rung.budget, "reason": plan.reason,
                "p_solved": list(forecast.p_solved)}  # fmt: skip

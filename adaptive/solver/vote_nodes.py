"""The nodes of a vote: samples are drawn side by side, judged and counted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from langgraph.types import Send

from adaptive._util.deadline import Deadline, DeadlineExceeded
from adaptive.engines.protocol import Sampling
from adaptive.errors import AdaptiveError
from adaptive.policy import limits
from adaptive.policy.vote import VoteResult, count_vote, count_wanted_samples
from adaptive.solver.node_tools import NodeTools, describe_failure, explain_no_answer, read_cut
from adaptive.solver.spent import SpentTokens
from adaptive.solver.state import SolverState, SolveView, Update
from adaptive.types.attempt import Attempt
from adaptive.types.events import OnEvent
from adaptive.types.usage import Usage

SEEDS_PER_SOLVE = 1009
"""The distance between the seeds of two solves; a vote has fewer samples."""

SAMPLE_STATE_KEYS = (
    "messages",
    "adaptive_asked",
    "adaptive_session",
    "adaptive_plan",
    "adaptive_attempts",
    "adaptive_seconds",
)
"""The part of the state that a sample of a vote gets."""


@dataclass(frozen=True)
class VoteNodes(NodeTools):
    """The nodes and routers of a vote."""

    async def sample(self, view: SolveView, on_event: OnEvent) -> Update:
        """Draw one sample of a vote; many of them run side by side."""
        number, model = view.state["adaptive_sample"], view.models[view.plan.model]
        options, deadline, spent = view.options, view.deadline, SpentTokens()
        temperature = options.temperature or model.profile.policy.vote_temperature
        place = 1 + number - sum(a.arm != "vote" for a in view.attempts)  # as the recorder counts its samples
        sampling = Sampling(temperature=temperature, seed=options.seed * SEEDS_PER_SOLVE + place)
        listener = spent.wrap_listener(lambda event: on_event({**event, "sample": number}))
        try:
            async with (
                deadline.enforce(),
                self.vote_slots.hold(view.solve_id, model.shares_cache, lambda: self.release_sessions(view)),
            ):
                attempt = await self.make_attempt(view, sampling, listener, number)
            drawn: dict[str, Any] = {"attempt": attempt.to_json()}
        except DeadlineExceeded:
            drawn = {"cut": spent.to_usage(deadline.elapsed - deadline.previous_seconds).to_json()}
        except AdaptiveError as error:
            if not view.attempts:
                raise
            drawn = {"cut": read_cut(error, spent).to_json(), "failure": describe_failure(error)}
        return {"adaptive_samples": [{"number": number, "seconds": deadline.elapsed, **drawn}]}

    async def tally(self, view: SolveView, on_event: OnEvent) -> Update:
        """Judge the new samples of a vote and count it; once it is settled, the majority has its verdict."""
        self.vote_slots.clear_failed(view.solve_id)
        samples = sorted(view.state["adaptive_samples"], key=lambda s: s["number"])
        drawn = [Attempt.from_json(s["attempt"]) for s in samples if "attempt" in s]
        cuts = [s["cut"] for s in samples if "cut" in s]
        # The samples ran side by side: the slowest of them says how long the solve has run.
        seconds = max((s["seconds"] for s in samples), default=view.elapsed)
        if not (view.attempts or drawn):
            cut = sum(map(Usage.from_json, cuts), Usage())
            spent = f"{cut.thinking} thinking and {cut.answer} answer tokens spent"
            raise explain_no_answer(view.options, spent)
        verifier = self.make_attempt_verifier(view, on_event, Deadline(seconds, view.options.timeout))
        attempts = [*view.attempts]
        for place, attempt in enumerate(drawn, start=1):
            attempts.append(await verifier.verify_attempt(attempt, attempts, drawn[place:]))
        vote = count_vote(attempts, view.plan, view.models[view.plan.model].profile.policy)
        if vote.finished:
            on_event({"event": "vote", "attempt": vote.leader, "accepted": vote.accepted,
                      "reason": vote.verdict.reason})  # fmt: skip
        steps = limits.STEPS_TO_GO_ON if vote.finished else limits.STEPS_TO_ATTEMPT
        stop = next((s["failure"] for s in samples if "failure" in s), "")
        if not stop:
            stop = limits.describe_timeout(view.options) if cuts else view.find_step_limit(steps)
        lost = [Usage.from_json(one) for one in (view.state["adaptive_cut"], *cuts) if one]
        return {
            "adaptive_samples": None,
            "adaptive_seconds": seconds,
            "adaptive_cut": sum(lost[1:], lost[0]).to_json() if lost else None,
            "adaptive_attempts": [a.to_json() for a in vote.attempts],
            "adaptive_stop": "accepted" if vote.accepted else stop or self._find_vote_stop(view, vote),
        }

    def route_vote(self, state: SolverState) -> str | list[Send]:
        """After `tally`: draw more samples until the vote is settled or a limit is reached."""
        view = SolveView(state, self.options, self.models)
        return "finish" if view.stop else self.send_samples(view) or "escalate"

    def send_samples(self, view: SolveView) -> list[Send]:
        """Send the next samples of a vote; the first time at least one, later none if the vote is settled."""
        attempts, policy = view.attempts, view.models[view.plan.model].profile.policy
        if attempts and limits.find_reached_limit(attempts, view.options, view.elapsed):
            return []
        shared: dict[str, Any] = {key: view.state[key] for key in SAMPLE_STATE_KEYS if key in view.state}  # type: ignore[literal-required]
        shared["adaptive_sent"] = time.time()
        wanted = count_wanted_samples(attempts, view.plan, policy)
        return [Send("sample", {**shared, "adaptive_sample": len(attempts) + i}) for i in range(wanted)]

    def _find_vote_stop(self, view: SolveView, vote: VoteResult) -> str:
        """Say why no attempt follows a vote that is over and accepted no answer; empty if one may."""
        measured = view.models[view.plan.model].profile.policy.measured
        return vote.verdict.reason if vote.finished and not measured and not vote.verdict.decided else ""

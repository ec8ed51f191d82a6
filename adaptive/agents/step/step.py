"""One step of an agent: the model asked until its answer is accepted, starves twice or the limits are reached.

Events, told to the run's `custom` stream with the step's number in its run (`step`) and the attempt's in the step:

start     attempt, effort, budget, cap, arm ("first" or "effort"), reason: before a call
recover   attempt, effort, cap, starved_effort, starved_cap, message: that message starved, and is asked for again
verdict   attempt, message, accepted, score, verifier, reason: on a final answer
escalate  attempt, effort, reason: that attempt was rejected, and a higher effort follows
kept      attempt, message, status: the step is over, and this is its message

`message` is the id that the tokens of the call have in the `messages` stream: what has another id than the kept
one was rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from adaptive._util.redact import redact_error
from adaptive.agents.step.call_settings import CallSettings
from adaptive.agents.step.counts import Counts
from adaptive.agents.step.effects import ModelCall, ModelReply, StepResult, StepWork, VerdictRequest, count_call
from adaptive.agents.step.verdict import build_attempt, is_cut_off, read_final_text
from adaptive.chat.capabilities import get_capabilities
from adaptive.chat.error_details import read_error_text
from adaptive.chat.errors import classify_error
from adaptive.chat.request import ChatRequest
from adaptive.policy import select
from adaptive.reason.starvation import Recovery
from adaptive.types.attempt import Arm, Attempt
from adaptive.types.events import OnEvent, emit_event
from adaptive.types.ladder import Effort, Ladder
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict

MOST_RETRIES = 4
"""How often a call is made again because the model's refusal of a setting taught which it takes."""


@dataclass
class Step:
    """A step being made.

    index: where it begins on the ladder. over: whether nothing more may be bought after so much was spent.
    recovery: what to do about a call that starved. prompt: tokens of the messages, estimated: what is counted
    where the provider does not say.
    """

    call_settings: CallSettings
    ladder: Ladder
    index: int
    reason: str
    question: str
    max_escalations: int
    is_over_limit: Callable[[Usage], bool]
    recovery: Recovery
    prompt: int
    on_event: OnEvent
    counts: Counts = field(default_factory=lambda: Counts(steps=1))
    attempts: list[tuple[Attempt, ModelReply, ChatRequest]] = field(default_factory=list)
    advice: str = ""

    def run(self) -> StepWork:
        """All calls and verdicts; returns what is kept. Raises what the first call raises."""
        index = self.index
        yield from self._make_attempt(index, "first", self.reason)
        while (higher := self._find_higher_rung(index)) is not None:
            index, rejected = higher, self._last.verdict
            self._emit_event("escalate", len(self.attempts), effort=self.ladder[index].effort,
                       reason=rejected.reason if rejected else "")  # fmt: skip
            self.counts += Counts(escalations=1)
            if not (yield from self._make_attempt(index, "effort", "the answer was rejected")):
                break
        return self._select_best()

    @property
    def _last(self) -> Attempt:
        return self.attempts[-1][0]

    @property
    def _efforts(self) -> list[Effort]:
        """The efforts that may be asked for in place of another."""
        used = {rung.effort for rung in self.ladder}
        return [effort for effort in self.call_settings.model.efforts if effort in used]

    def _make_attempt(self, index: int, arm: Arm, reason: str) -> Generator[ModelCall | VerdictRequest, Any, bool]:
        """One attempt and its verdict; False where the model could not be asked, and there is one before."""
        number, rung = len(self.attempts) + 1, self.ladder[index]
        ask = self.call_settings.build_request(rung, max((ask.cap for _, _, ask in self.attempts), default=0))
        self._emit_event(
            "start", number, effort=ask.effort, budget=ask.budget, cap=ask.cap, arm=arm, reason=reason
        )
        reply, ask = yield from self._call_model(ask)
        if not self._raise_or_keep(reply, bool(self.attempts)):
            return False
        reply, ask = yield from self._recover(number, ask, reply)
        attempt = self._read_attempt(index, arm, ask, reply)
        if read_final_text(reply.read_response(), reply.structured) is not None:
            attempt = yield from self._judge_attempt(number, attempt, reply)
        self.attempts.append((attempt, reply, ask))
        return True

    def _call_model(
        self, request: ChatRequest
    ) -> Generator[ModelCall | VerdictRequest, Any, tuple[ModelReply, ChatRequest]]:
        """A call, made again where the model's refusal taught which settings it takes; and what was asked for."""
        for _ in range(MOST_RETRIES):
            request = self.call_settings.clamp_request(request)
            reply: ModelReply = yield ModelCall(self.call_settings.build_arguments(request))
            self.counts += count_call(reply, self.prompt)
            if not self._learn_from_error(reply.error, request):
                break
        return reply, request

    def _learn_from_error(self, error: Exception | None, request: ChatRequest) -> bool:
        if error is None or classify_error(error) != "request":
            return False
        sent = {"effort": request.effort, "cap": request.cap, "budget": request.budget}
        model = self.call_settings.model
        return get_capabilities(model.name).learn(read_error_text(error), sent, model.efforts)

    def _recover(
        self, number: int, request: ChatRequest, reply: ModelReply
    ) -> Generator[ModelCall | VerdictRequest, Any, tuple[ModelReply, ChatRequest]]:
        """The reply, or where it starved, what one call more brought."""
        turn, efforts = reply.read_response(), self._efforts
        if not is_cut_off(turn):
            self.recovery.record(request, turn)
            return reply, request
        self.counts += Counts(starved=1)
        retry = self.recovery.plan_retry(request, turn, self.counts.usage or Usage(), efforts)
        if not isinstance(retry, ChatRequest):
            self.advice = retry
            return reply, request
        self._emit_event("recover", number, effort=retry.effort, cap=retry.cap, starved_effort=request.effort,
                   starved_cap=request.cap, message=_read_message_id(reply))  # fmt: skip
        again, retry = yield from self._call_model(retry)
        if not self._raise_or_keep(again, True):
            return reply, request
        if is_cut_off(again.read_response()):
            self.counts += Counts(starved=1)
            self.advice = self.recovery.advise(retry, again.read_response(), efforts)
        else:
            self.recovery.record(retry, again.read_response())
        return again, retry

    def _raise_or_keep(self, reply: ModelReply, has_fallback: bool) -> bool:
        """Whether the call brought something; with one in hand a provider's failure is noted, else raised."""
        if reply.error is None or reply.message is not None:
            return True
        if not has_fallback or classify_error(reply.error) == "other":
            raise reply.error
        self.call_settings.notes[
            f"asking again failed ({redact_error(reply.error)}): what was there before is kept"
        ] = None
        return False

    def _read_attempt(self, index: int, arm: Arm, request: ChatRequest, reply: ModelReply) -> Attempt:
        return build_attempt(
            reply.read_response(),
            reply.structured,
            rung=index,
            arm=arm,
            effort=request.effort,
            budget=request.budget,
            failed=reply.error is not None,
        )

    def _judge_attempt(
        self, number: int, attempt: Attempt, reply: ModelReply
    ) -> Generator[ModelCall | VerdictRequest, Any, Attempt]:
        """The attempt with its verdict, whose cost is counted."""
        verdict: Verdict = yield VerdictRequest(self.question, attempt, tuple(a for a, _, _ in self.attempts))
        self.counts += Counts(usage=verdict.usage)
        self._emit_event("verdict", number, message=_read_message_id(reply), accepted=verdict.accepted, score=verdict.score,
                   verifier=verdict.verifier, reason=verdict.reason)  # fmt: skip
        return attempt.with_verdict(verdict)

    def _find_higher_rung(self, index: int) -> int | None:
        """The rung to go on with; None where the answer stands, or nothing more may be bought.

        Only a rejection is a reason to: not that a verifier could not tell, and not a refusal of the model, which
        more thinking does not change.
        """
        last = self._last
        rejected = last.verdict is not None and last.verdict.decided and not last.verdict.accepted
        over = self.is_over_limit(self.counts.usage or Usage())
        if (
            not rejected
            or over
            or len(self.attempts) > self.max_escalations
            or _is_final(last, self.attempts[-1][1])
        ):
            return None
        return index + 1 if index < self.ladder.top else None

    def _select_best(self) -> StepResult:
        """The best attempt: accepted before not, whole before not, the higher score, the earlier."""
        best = select.select_best_attempt([attempt for attempt, _, _ in self.attempts])
        attempt, reply, ask = self.attempts[best]
        self._emit_event("kept", best + 1, message=_read_message_id(reply), status=attempt.status)
        if reply.error is not None and reply.agent_response is None:
            raise reply.error
        advice = self.advice if attempt.status == "starved" else ""
        return StepResult(reply, attempt, ask, len(self.attempts), self.counts, advice)

    def _emit_event(self, event: str, attempt: int, **data: Any) -> None:
        emit_event(self.on_event, event, attempt=attempt, **data)


def _is_final(attempt: Attempt, reply: ModelReply) -> bool:
    """Whether asking again is of no use: the model refused, or it starved twice."""
    return attempt.status == "starved" or reply.read_response().finish == "refusal"


def _read_message_id(reply: ModelReply) -> str | None:
    return reply.message.id if reply.message else None

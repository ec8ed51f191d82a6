"""One step of an agent: calls of the model until its answer is accepted, starves twice or a limit is reached.

Events, sent to the run's `custom` stream with the number of the step in its run (`step`) and of the attempt in the
step:

start     attempt, effort, budget, cap, arm ("first" or "effort"), reason: before a call
recover   attempt, effort, cap, starved_effort, starved_cap, message: that message starved; one more call
verdict   attempt, message, accepted, score, verifier, reason: on a final answer
escalate  attempt, effort, reason: that attempt was rejected, and a higher effort follows
kept      attempt, message, status: the step is over, and this is its message

`message` is the id of the call's tokens in the `messages` stream: tokens with another id than the kept one were
rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from adaptive._util.redact import redact_error
from adaptive.agents.step.call_settings import CallSettings
from adaptive.agents.step.counts import Counts
from adaptive.agents.step.effects import (
    MOST_RETRIES,
    CallCounter,
    Fallback,
    ModelCall,
    ModelReply,
    StepResult,
    StepWork,
    VerdictRequest,
)
from adaptive.agents.step.prompt_cache import PromptCache
from adaptive.agents.step.verdict import build_attempt, is_cut_off, read_final_text
from adaptive.chat.errors import classify_error
from adaptive.chat.model import fit_to_window
from adaptive.chat.request import ChatRequest
from adaptive.policy import select
from adaptive.reason.starvation import Recovery, measure_cap
from adaptive.types.attempt import Arm, Attempt
from adaptive.types.events import OnEvent, emit_event
from adaptive.types.ladder import Effort, Ladder
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict

T = TypeVar("T")
Effects = Generator[ModelCall | VerdictRequest, Any, T]


class StepAttempt(NamedTuple):
    """An attempt of a step, the reply it was read from, and the settings of that call."""

    attempt: Attempt
    reply: ModelReply
    request: ChatRequest


@dataclass
class Step:
    """A step in progress.

    Attributes:
        call_settings: The model and the settings of its calls.
        ladder: The rungs to use.
        index: The rung that the step begins with.
        reason: Why it begins there.
        question: What a final answer is judged by.
        max_escalations: How often a rejected answer leads to a higher effort.
        is_over_limit: Whether a limit is reached after the step has spent so much.
        recovery: What to do about a call that starved.
        counter: Counts its calls.
        cache: What is cached of the conversation.
        on_event: Is sent the step's events.
    """

    call_settings: CallSettings
    ladder: Ladder
    index: int
    reason: str
    question: str
    max_escalations: int
    is_over_limit: Callable[[Usage], bool]
    recovery: Recovery
    counter: CallCounter
    on_event: OnEvent
    cache: PromptCache = field(default_factory=PromptCache)
    counts: Counts = field(default_factory=lambda: Counts(steps=1))
    attempts: list[StepAttempt] = field(default_factory=list)
    advice: str = ""

    def run(self) -> StepWork:
        """Make all calls and verdicts, and return what is kept. Raises what the first call raises."""
        index = self.index
        yield from self._make_attempt(index, "first", self.reason)
        while (higher := self._find_higher_rung(index)) is not None:
            index, rejected = higher, self._last.verdict
            reason = rejected.reason if rejected else ""
            self._emit("escalate", len(self.attempts), effort=self.ladder[index].effort, reason=reason)
            self.counts += Counts(escalations=1)
            if not (yield from self._make_attempt(index, "effort", "the answer was rejected")):
                break
        return self._select_best()

    @property
    def _last(self) -> Attempt:
        return self.attempts[-1].attempt

    @property
    def _spent(self) -> Usage:
        return self.counts.spent

    @property
    def _efforts(self) -> list[Effort]:
        """The efforts of the ladder that the model takes; all of them if it keeps its own."""
        if self.ladder[0].is_plain:
            return list(self.call_settings.model.efforts)
        used = {rung.effort for rung in self.ladder}
        return [effort for effort in self.call_settings.model.efforts if effort in used]

    def _make_attempt(self, index: int, arm: Arm, reason: str) -> Effects[bool]:
        """Make one attempt and its verdict; False if the call failed and an earlier attempt can be kept."""
        number, rung = len(self.attempts) + 1, self.ladder[index]
        request = self.call_settings.build_request(
            rung, max((a.request.cap or 0 for a in self.attempts), default=0)
        )
        self._emit(
            "start", number, effort=request.effort, budget=request.budget, cap=request.cap, arm=arm, reason=reason
        )
        reply, request = yield from self._call_model(request)
        if not self._raise_or_keep(reply, has_fallback=bool(self.attempts)):
            return False
        reply, request = yield from self._recover(number, request, reply)
        attempt = build_attempt(
            reply.read_response(),
            reply.structured,
            rung=index,
            arm=arm,
            effort=request.effort,
            budget=request.budget,
            failed=reply.error is not None,
        )
        if read_final_text(reply.read_response(), reply.structured) is not None:
            attempt = yield from self._judge_attempt(number, attempt, reply)
        self.attempts.append(StepAttempt(attempt, reply, request))
        return True

    def _call_model(self, request: ChatRequest) -> Effects[tuple[ModelReply, ChatRequest]]:
        """Return the last of the calls that one takes.

        It is made again if a refusal taught which settings the model takes, and once if the provider failed in the
        middle of its answer.
        """
        unfinished = 0
        for _ in range(MOST_RETRIES):
            request = self.call_settings.clamp_request(request)
            call = self.call_settings.build_call(request)
            reply: ModelReply = yield call
            self._count(call, request, reply)
            called = reply.fallback or Fallback(self.call_settings.model, call.sent)
            if reply.error is None:
                unfinished += reply.read_response().finish == "failed"
                if reply.read_response().finish != "failed" or unfinished > 1:
                    break
            elif not called.model.learn_from_error(reply.error, called.sent):
                break
            else:
                request = fit_to_window(request, reply.error)
        if reply.error is None and reply.fallback is None:
            called.model.confirm(called.sent)
        return reply, request

    def _count(self, call: ModelCall, request: ChatRequest, reply: ModelReply) -> None:
        """Count a call, and what it read anew because its effort is another than that of the call before."""
        counts = self.counter.count(reply)
        if reply.message is not None and reply.fallback is None:
            self.cache, lost = self.cache.after_call(
                self.call_settings.model, request, call.sent, reply.read_response(), counts.spent.cost
            )
            price = self.counter.cache_prices.price_loss(lost, written=self.cache.written) if lost else 0.0
            counts = replace(counts, cache_lost=lost, cache_lost_cost=price)
        self.counts += counts

    def _recover(
        self, number: int, request: ChatRequest, reply: ModelReply
    ) -> Effects[tuple[ModelReply, ChatRequest]]:
        """Return the reply; if it starved, that of one more call, unless the limits have no room for it."""
        response, efforts = reply.read_response(), self._efforts
        if not is_cut_off(response):
            self.recovery.record(request, response)
            return reply, request
        self.counts += Counts(starved=1)
        self.recovery = self.recovery.with_starved(request, response)
        retry = self.recovery.plan_retry(request, response, self._spent, efforts)
        if not isinstance(retry, ChatRequest):
            self.advice = retry
            return reply, request
        self._emit("recover", number, effort=retry.effort, cap=retry.cap, starved_effort=request.effort,
                   starved_cap=measure_cap(request, response), message=_read_message_id(reply))  # fmt: skip
        second, retry = yield from self._call_model(retry)
        if not self._raise_or_keep(second, has_fallback=True):
            return reply, request
        if is_cut_off(second.read_response()):
            self.counts += Counts(starved=1)
            self.recovery = self.recovery.with_starved(retry, second.read_response())
            self.advice = self.recovery.advise(retry, second.read_response(), efforts)
        else:
            self.recovery.record(retry, second.read_response())
        return second, retry

    def _raise_or_keep(self, reply: ModelReply, *, has_fallback: bool) -> bool:
        """Whether the call returned a message. Raises its error, unless an earlier reply can be kept."""
        if reply.error is None or reply.message is not None:
            return True
        if not has_fallback or classify_error(reply.error) == "other":
            raise reply.error
        note = f"asking again failed ({redact_error(reply.error)}): what was there before is kept"
        self.call_settings.notes[note] = None
        return False

    def _judge_attempt(self, number: int, attempt: Attempt, reply: ModelReply) -> Effects[Attempt]:
        """Return the attempt with its verdict, whose cost is counted."""
        verdict: Verdict = yield VerdictRequest(self.question, attempt, tuple(a.attempt for a in self.attempts))
        self.counts += Counts(usage=verdict.usage)
        self._emit("verdict", number, message=_read_message_id(reply), accepted=verdict.accepted,
                   score=verdict.score, verifier=verdict.verifier, reason=verdict.reason)  # fmt: skip
        return attempt.with_verdict(verdict)

    def _find_higher_rung(self, index: int) -> int | None:
        """Return the rung to go on with; None if the answer stands, or a limit is reached.

        Only a rejection leads to more thinking. A verifier that cannot tell is no rejection, and more thinking
        changes neither a refusal of the model, nor a call that failed twice, nor an attempt that starved twice.
        """
        last = self._last
        rejected = last.verdict is not None and last.verdict.rejected
        over = self.attempts[-1].reply.read_response().finish in ("refusal", "failed")
        if not rejected or over or last.status == "starved":
            return None
        if self.is_over_limit(self._spent) or len(self.attempts) > self.max_escalations:
            return None
        return index + 1 if index < self.ladder.top else None

    def _select_best(self) -> StepResult:
        """Return the best attempt: accepted first, then not verified, then the higher score, then the earlier."""
        best = select.select_best_attempt([a.attempt for a in self.attempts])
        attempt, reply, request = self.attempts[best]
        self._emit("kept", best + 1, message=_read_message_id(reply), status=attempt.status)
        if reply.error is not None and reply.agent_response is None:
            raise reply.error
        advice = self.advice if attempt.status == "starved" else ""
        return StepResult(reply, attempt, request, len(self.attempts), self.counts, advice, self.cache)

    def _emit(self, event: str, attempt: int, **data: Any) -> None:
        emit_event(self.on_event, event, attempt=attempt, **data)


def _read_message_id(reply: ModelReply) -> str | None:
    return reply.message.id if reply.message else None

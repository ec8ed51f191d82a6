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

from adaptive._util.redact import said
from adaptive.agents.step.call_settings import Levers
from adaptive.agents.step.counts import Counts
from adaptive.agents.step.effects import Call, Done, Judge, Reply, Work, counted
from adaptive.agents.step.verdict import cut, final_text, made
from adaptive.chat.capabilities import taught
from adaptive.chat.errors import fault, whole
from adaptive.chat.request import Ask
from adaptive.policy import select
from adaptive.reason.starvation import Recovery
from adaptive.types.attempt import Arm, Attempt
from adaptive.types.events import OnEvent, tell
from adaptive.types.ladder import Effort, Ladder
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict

LESSONS = 4
"""How often a call is made again because the model's refusal of a setting taught which it takes."""


@dataclass
class Step:
    """A step being made.

    index: where it begins on the ladder. over: whether nothing more may be bought after so much was spent.
    recovery: what to do about a call that starved. prompt: tokens of the messages, estimated: what is counted
    where the provider does not say.
    """

    levers: Levers
    ladder: Ladder
    index: int
    reason: str
    question: str
    max_escalations: int
    over: Callable[[Usage], bool]
    recovery: Recovery
    prompt: int
    watcher: OnEvent
    counts: Counts = field(default_factory=lambda: Counts(steps=1))
    made: list[tuple[Attempt, Reply, Ask]] = field(default_factory=list)
    advice: str = ""

    def work(self) -> Work:
        """All calls and verdicts; returns what is kept. Raises what the first call raises."""
        index = self.index
        yield from self._attempt(index, "first", self.reason)
        while (higher := self._higher(index)) is not None:
            index, rejected = higher, self._last.verdict
            self._tell("escalate", len(self.made), effort=self.ladder[index].effort,
                       reason=rejected.reason if rejected else "")  # fmt: skip
            self.counts += Counts(escalations=1)
            if not (yield from self._attempt(index, "effort", "the answer was rejected")):
                break
        return self._kept()

    @property
    def _last(self) -> Attempt:
        return self.made[-1][0]

    @property
    def _efforts(self) -> list[Effort]:
        """The efforts that may be asked for in place of another."""
        used = {rung.effort for rung in self.ladder}
        return [effort for effort in self.levers.model.efforts if effort in used]

    def _attempt(self, index: int, arm: Arm, reason: str) -> Generator[Call | Judge, Any, bool]:
        """One attempt and its verdict; False where the model could not be asked, and there is one before."""
        number, rung = len(self.made) + 1, self.ladder[index]
        ask = self.levers.ask(rung, max((ask.cap for _, _, ask in self.made), default=0))
        self._tell("start", number, effort=ask.effort, budget=ask.budget, cap=ask.cap, arm=arm, reason=reason)
        reply, ask = yield from self._call(ask)
        if not self._usable(reply, bool(self.made)):
            return False
        reply, ask = yield from self._recovered(number, ask, reply)
        attempt = self._read(index, arm, ask, reply)
        if final_text(reply.turn(), reply.structured) is not None:
            attempt = yield from self._judged(number, attempt, reply)
        self.made.append((attempt, reply, ask))
        return True

    def _call(self, ask: Ask) -> Generator[Call | Judge, Any, tuple[Reply, Ask]]:
        """A call, made again where the model's refusal taught which settings it takes; and what was asked for."""
        for _ in range(LESSONS):
            ask = self.levers.taken_of(ask)
            reply: Reply = yield Call(self.levers.settings(ask))
            self.counts += counted(reply, self.prompt)
            if not self._learns(reply.error, ask):
                break
        return reply, ask

    def _learns(self, error: Exception | None, ask: Ask) -> bool:
        if error is None or fault(error) != "request":
            return False
        sent = {"effort": ask.effort, "cap": ask.cap, "budget": ask.budget}
        model = self.levers.model
        return taught(model.name).learn(whole(error), sent, model.efforts)

    def _recovered(self, number: int, ask: Ask, reply: Reply) -> Generator[Call | Judge, Any, tuple[Reply, Ask]]:
        """The reply, or where it starved, what one call more brought."""
        turn, efforts = reply.turn(), self._efforts
        if not cut(turn):
            self.recovery.seen(ask, turn)
            return reply, ask
        self.counts += Counts(starved=1)
        retry = self.recovery.retry(ask, turn, self.counts.usage or Usage(), efforts)
        if not isinstance(retry, Ask):
            self.advice = retry
            return reply, ask
        self._tell("recover", number, effort=retry.effort, cap=retry.cap, starved_effort=ask.effort,
                   starved_cap=ask.cap, message=_id(reply))  # fmt: skip
        again, retry = yield from self._call(retry)
        if not self._usable(again, True):
            return reply, ask
        if cut(again.turn()):
            self.counts += Counts(starved=1)
            self.advice = self.recovery.advice(retry, again.turn(), efforts)
        else:
            self.recovery.seen(retry, again.turn())
        return again, retry

    def _usable(self, reply: Reply, in_hand: bool) -> bool:
        """Whether the call brought something; with one in hand a provider's failure is noted, else raised."""
        if reply.error is None or reply.message is not None:
            return True
        if not in_hand or fault(reply.error) == "other":
            raise reply.error
        self.levers.notes[f"asking again failed ({said(reply.error)}): what was there before is kept"] = None
        return False

    def _read(self, index: int, arm: Arm, ask: Ask, reply: Reply) -> Attempt:
        return made(
            reply.turn(),
            reply.structured,
            rung=index,
            arm=arm,
            effort=ask.effort,
            budget=ask.budget,
            failed=reply.error is not None,
        )

    def _judged(self, number: int, attempt: Attempt, reply: Reply) -> Generator[Call | Judge, Any, Attempt]:
        """The attempt with its verdict, whose cost is counted."""
        verdict: Verdict = yield Judge(self.question, attempt, tuple(a for a, _, _ in self.made))
        self.counts += Counts(usage=verdict.usage)
        self._tell("verdict", number, message=_id(reply), accepted=verdict.accepted, score=verdict.score,
                   verifier=verdict.verifier, reason=verdict.reason)  # fmt: skip
        return attempt.judged(verdict)

    def _higher(self, index: int) -> int | None:
        """The rung to go on with; None where the answer stands, or nothing more may be bought.

        Only a rejection is a reason to: not that a verifier could not tell, and not a refusal of the model, which
        more thinking does not change.
        """
        last = self._last
        rejected = last.verdict is not None and last.verdict.decided and not last.verdict.accepted
        over = self.over(self.counts.usage or Usage())
        if not rejected or over or len(self.made) > self.max_escalations or _final(last, self.made[-1][1]):
            return None
        return index + 1 if index < self.ladder.top else None

    def _kept(self) -> Done:
        """The best attempt: accepted before not, whole before not, the higher score, the earlier."""
        best = select.best([attempt for attempt, _, _ in self.made])
        attempt, reply, ask = self.made[best]
        self._tell("kept", best + 1, message=_id(reply), status=attempt.status)
        if reply.error is not None and reply.response is None:
            raise reply.error
        advice = self.advice if attempt.status == "starved" else ""
        return Done(reply, attempt, ask, len(self.made), self.counts, advice)

    def _tell(self, event: str, attempt: int, **data: Any) -> None:
        tell(self.watcher, event, attempt=attempt, **data)


def _final(attempt: Attempt, reply: Reply) -> bool:
    """Whether asking again is of no use: the model refused, or it starved twice."""
    return attempt.status == "starved" or reply.turn().finish == "refusal"


def _id(reply: Reply) -> str | None:
    return reply.message.id if reply.message else None

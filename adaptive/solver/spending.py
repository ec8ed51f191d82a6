"""What a solve has spent so far, read off its stream: also of one that is cancelled, fails or runs out of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.messages import BaseMessage

from adaptive.chat.response import estimate_prompt, estimate_tokens
from adaptive.prices import Prices, add_cost
from adaptive.solver.nodes import Solver
from adaptive.solver.spent import SpentTokens
from adaptive.types.events import Event
from adaptive.types.usage import Usage

CALL_EVENTS = ("start", "recover")
"""Events after which a model reads the prompt."""


@dataclass
class _OpenAttempt:
    """An attempt that has not ended. model: the index of its model. texts: texts that came without a count."""

    model: int
    calls: int = 0
    tokens: SpentTokens = field(default_factory=SpentTokens)
    texts: dict[str, list[str]] = field(default_factory=lambda: {"thinking": [], "answer": []})

    def count_event(self, event: Event) -> None:
        """Count one event."""
        kind = event["event"]
        self.calls += kind in CALL_EVENTS
        self.tokens.count_event(event)
        if kind in self.texts and not event["tokens"]:  # of a provider, which counts at the end
            self.texts[kind].append(event["text"])
        elif kind in ("end", "recover"):
            self.texts["thinking"].clear()  # now it is counted

    def estimate(self, prompt: int) -> Usage:
        """Return what it has spent, estimated; `prompt`: tokens of the prompt."""
        known = self.tokens.to_usage(0.0)
        thinking, answer = (estimate_tokens("".join(self.texts[kind])) for kind in ("thinking", "answer"))
        return replace(
            known,
            prompt=prompt * self.calls,
            thinking=known.most_thinking + thinking,
            answer=known.answer + answer,
        )


class SolveSpending:
    """Counts one solve: attempts that have ended as they report it, others by their events.

    Args:
        solver: The nodes, for the names and prices of their models; None: costs are not known.
        messages: The conversation, whose tokens are estimated.
    """

    def __init__(self, solver: Solver | None, messages: Sequence[BaseMessage]) -> None:
        self._models = [model.name for model in solver.models] if solver else []
        self._prices = solver.prices if solver else Prices()
        self._prompt = estimate_prompt(messages)
        self._state: Mapping[str, Any] = {}
        self._open: dict[int, _OpenAttempt] = {}
        self._cut: list[_OpenAttempt] = []

    def count_event(self, event: Event) -> None:
        """Count an event of the stream's mode "custom"."""
        if event["event"] == "start":
            model = self._state.get("adaptive_plan", {}).get("model", 0)
            self._open.setdefault(event["attempt"], _OpenAttempt(model))
        if attempt := self._open.get(event["attempt"]):
            attempt.count_event(event)

    def read_state(self, state: Mapping[str, Any]) -> None:
        """Take a state of the stream's mode "values": attempts in it have ended."""
        self._state = state
        for sample in state.get("adaptive_samples") or ():
            attempt = self._open.pop(sample["number"], None)
            if attempt and "cut" in sample:
                self._cut.append(attempt)
        for number in range(len(state.get("adaptive_attempts", ()))):
            self._open.pop(number, None)
        if self._is_complete:
            self._open.clear()

    def sum_usage(self) -> Usage:
        """Return what was spent so far; what is estimated says so."""
        samples = self._state.get("adaptive_samples") or ()
        ended = [*self._state.get("adaptive_attempts", ()), *(s["attempt"] for s in samples if "attempt" in s)]
        if self._is_complete:  # it has the explored rungs too
            ended = [self._state["adaptive_result"]]
        parts = [Usage.from_json(one["usage"]) for one in ended]
        parts += [self._price(attempt) for attempt in (*self._cut, *self._open.values())]
        return sum(parts[1:], parts[0]) if parts else Usage(cost=0.0)

    @property
    def _is_complete(self) -> bool:
        """Whether there is a result that counts all: a call that the deadline cut is known by its events alone."""
        return "adaptive_result" in self._state and not self._state["adaptive_result"].get("cut")

    def _price(self, attempt: _OpenAttempt) -> Usage:
        usage = attempt.estimate(self._prompt)
        return add_cost(usage, self._models[attempt.model], self._prices) if self._models else usage

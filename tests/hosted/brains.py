"""Brains: replies in order, and a model that starves on a share of its questions."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass

from tests.hosted.script import Asked, Brain, Reply, Spoken, words

UNITS = {"none": 0.0, "minimal": 0.25, "low": 0.5, "medium": 1.0, "high": 2.0, "xhigh": 4.0, "max": 8.0}
"""Thinking at each effort, in thinking at medium effort, which is also what no effort means."""


def always(reply: Reply) -> Brain:
    """The same for every call."""
    return lambda _: reply


def in_order(*replies: Reply) -> Brain:
    """One reply a call, in order of arrival; the last one again and again."""
    left, lock = list(replies), threading.Lock()

    def brain(_: Asked) -> Reply:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return brain


@dataclass(frozen=True)
class Starving:
    """Thinks for `need` tokens, no more than the budget if one is asked for, and then answers.

    A hungry question (`hungry`: the given share, by a hash of seed and question) needs UNITS[effort] times `cap`
    and up to an eighth of `cap` more; any other needs an eighth of that. So at `cap` a hungry question starves
    from medium effort up, and no other starves below max effort. At low effort, or at a cap of `enough`, it is
    answered whole. Nothing depends on the order of calls.
    """

    seed: int
    share: float
    cap: int
    answer: Callable[[str], str]

    def __call__(self, asked: Asked) -> Spoken:
        need = self.need(asked.question, asked.effort)
        thought = need if asked.budget is None else min(need, asked.budget)
        return Spoken(self.answer(asked.question), thinking="let me see", thought=thought)

    def hungry(self, question: str) -> bool:
        return self._drawn("hungry", question) < self.share

    def need(self, question: str, effort: str | None) -> int:
        """Thinking tokens that the question takes at this effort."""
        if effort == "none":
            return 0
        more = self._drawn("more", question) / 8
        need = self.cap * (UNITS[effort or "medium"] + more)
        return int(need if self.hungry(question) else need / 8)

    def starves(self, question: str, effort: str | None, cap: int) -> bool:
        """Whether no answer comes at this effort and cap."""
        return self.need(question, effort) >= cap

    def enough(self, question: str, effort: str | None) -> int:
        """The smallest cap at which the answer is whole."""
        return self.need(question, effort) + words(self.answer(question))

    def _drawn(self, what: str, question: str) -> float:
        """In [0, 1), by seed and question."""
        digest = hashlib.sha256(f"{self.seed}\0{what}\0{question}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48


def starving(seed: int, share: float, cap: int, answer: Callable[[str], str] = lambda _: "42") -> Starving:
    """A brain that starves on a share of its questions at `cap`, as `Starving` says."""
    return Starving(seed, share, cap, answer)

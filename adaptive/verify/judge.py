"""`judge`: a chat model's opinion of an answer, by a rubric, as a probability."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from pydantic import BaseModel, Field

from adaptive.attempt import Attempt, Usage
from adaptive.chat.open import opened
from adaptive.errors import InputError
from adaptive.verify.judge_prompt import DEFAULT_RUBRIC, judge_messages
from adaptive.verify.outside import CannotTell, Found, Outside, time_limit
from adaptive.verify.said import shown
from adaptive.verify.spending import counted


class Opinion(BaseModel):
    """What you think of the proposed answer."""

    # The reason first: what a model writes can only rest on what it wrote before. The bounds are in words, because
    # not every provider takes them in a schema.
    reason: str = Field(description="One sentence: why the proposed answer is correct or not.")
    correct: float = Field(description="The probability, from 0 to 1, that the proposed answer is correct.")


class Judge(Outside):
    """Accepts an answer that `model` holds for correct with a probability of at least `threshold`.

    rubric: what correct means, in place of `DEFAULT_RUBRIC`. What the model says must fit `Opinion`: nonsense, a
    refusal, an error or more than `timeout` seconds are no verdict on the answer: it could not tell. Its tokens do
    not show in the caller's stream and are counted as `verifier`, estimated where the model does not report them;
    what it costs is not known. Raises `InputError` for a model without structured output, and for bad values.
    """

    name = "judge"

    def __init__(
        self,
        model: BaseChatModel,
        *,
        rubric: str = DEFAULT_RUBRIC,
        timeout: float = 60.0,
        threshold: float = 0.5,
    ) -> None:
        if not 0 < threshold <= 1:
            raise InputError(f"a judge's threshold of {threshold} cannot be: give a probability, more than 0.")
        self.rubric, self.timeout, self.threshold = rubric, time_limit(timeout), threshold
        try:
            self._model = model.with_structured_output(Opinion, include_raw=True)
        except NotImplementedError as error:
            kind = type(model).__name__
            raise InputError(f"{kind} cannot judge: it has no structured output. Use another model.") from error

    async def find_out(self, question: str, answer: str, attempt: Attempt) -> Found:
        """What the model holds of it."""
        messages = judge_messages(self.rubric, question, answer, attempt.thinking)
        given, usage = await counted(self._asked(messages), "the judge", self.timeout)
        opinion = _opinion(given, usage)
        reason = f"the judge holds it correct at {opinion.correct:.2f}: {shown(opinion.reason)}"
        return Found(opinion.correct >= self.threshold, opinion.correct, reason, usage)

    async def _asked(self, messages: list[BaseMessage]) -> Any:
        return await self._model.ainvoke(messages)


def judge_model(spec: str) -> BaseChatModel:
    """The chat model that `--judge PROVIDER:MODEL` names, as `init_chat_model` of LangChain knows it.

    Raises `InputError` where the provider, its package or its key is missing.
    """
    return opened(spec, f"the judge {spec!r}", extra="judge")


def _opinion(given: Any, usage: Usage) -> Opinion:
    """The opinion in what the model gave; `CannotTell` where there is none."""
    opinion = given.get("parsed") if isinstance(given, dict) else None
    if not isinstance(opinion, Opinion):
        raise CannotTell("the judge gave no opinion in form", usage)
    if not 0 <= opinion.correct <= 1:
        raise CannotTell(f"the judge gave a probability of {opinion.correct:g}, which is none", usage)
    return opinion

"""A chat model that plays a part: how much each effort thinks, what it answers, how calls end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage

from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse, ResponseFinish
from adaptive.reason.budget import Style
from adaptive.reason.chat import NO_CHAT_CHAIN, ChatChain, think_at_effort
from adaptive.reason.starvation import Recovery
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Effort, Rung
from adaptive.types.usage import Usage
from tests.support.scripted import run

ANSWER_TOKENS = 10
STYLE = Style(waits=("Wait.",), useful_round=1)


@dataclass
class Player:
    """Thinks `thinking[effort]` tokens, then says the next of `answers`, the last one for ever.

    A cap that the thinking fills leaves nothing to be seen, one that the answer fills a part of it.
    """

    thinking: Mapping[str, int] = field(default_factory=lambda: {"low": 100, "medium": 400, "high": 1600})
    answers: Sequence[str] = (r"\boxed{4}",)
    refuses: bool = False
    efforts: tuple[Effort, ...] = ("low", "medium", "high")
    name: str = "player"
    images: bool = False
    largest_cap: int | None = None
    asked: list[tuple[ChatRequest, list[AnyMessage]]] = field(default_factory=list)

    def notes(self) -> list[str]:
        return []

    async def ask(self, messages: Sequence[AnyMessage], ask: ChatRequest, on_event: Any = None) -> ChatResponse:
        said = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append((ask, list(messages)))
        thought = min(self.thinking.get(ask.effort, 0), ask.cap)
        spoken = min(ANSWER_TOKENS, ask.cap - thought)
        whole = spoken == ANSWER_TOKENS
        text = said if whole else said[:spoken]
        finish: ResponseFinish = "refusal" if self.refuses else "stop" if whole else "length"
        usage = Usage(prompt=5 * len(messages), thinking=thought, answer=spoken)
        return ChatResponse(AIMessage(text), text, "", finish, usage)


def buy(player: Any, rung: Rung, after: Attempt | None = None, recovery: Recovery | None = None) -> Attempt:
    """The attempt that a rung buys, going on with the talk of `after`."""
    talk = ChatChain.from_attempt(after) if after else NO_CHAT_CHAIN
    work = think_at_effort(player, [], rung, style=STYLE, recovery=recovery or Recovery(), chain=talk, index=1,
                 arm="wait" if after else "first")  # fmt: skip
    return run(work)

"""What the timeline of a solve says of tokens whose kind the provider does not tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import AnyMessage

from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse
from adaptive.cli.support.event_lines import describe_event
from adaptive.solve_log import LoggedSolve
from adaptive.types.ladder import Rung
from adaptive.view.timeline import AttemptStep, view_solve
from tests.reason.talking import Player, buy


class Uncounted(Player):
    """Its provider does not count thinking apart, as Mistral, Bedrock and Ollama."""

    async def ask(self, messages: list[AnyMessage], ask: ChatRequest, on_event: Any = None) -> ChatResponse:  # type: ignore[override]
        turn = await super().ask(messages, ask, on_event)
        usage = turn.usage
        return replace(turn, usage=replace(usage, thinking=None, answer=usage.generated))


def view(player: Player) -> AttemptStep:
    attempt = buy(player, Rung("medium", 1000, answer_room=200)).to_json()
    (step,) = view_solve(LoggedSolve(1, "", {"attempts": [attempt], "model": "player", "kept": 0})).steps
    return step


@pytest.mark.parametrize(
    ("player", "kinds", "at_most"), [(Player(), ["own", "answer"], False), (Uncounted(), ["own"], True)]
)
def test_each_token_is_drawn_once(player: Player, kinds: list[str], at_most: bool) -> None:
    step = view(player)
    assert [part.kind for part in step.parts] == kinds
    drawn = sum(part.width for part in step.parts)
    assert step.budget_at is not None
    assert drawn / step.budget_at == pytest.approx(410 / 1000)
    assert [(one.tokens, one.at_most) for one in step.rounds] == [(410 if at_most else 400, at_most)]


def test_an_event_line_says_at_most() -> None:
    end = {"event": "end", "round": 1, "tokens": 410, "charged": 410, "budget": 1000, "injected": 0, "end": ""}
    assert str(describe_event({**end, "at_most": True})).startswith("round 1: at most 410 tokens")
    assert str(describe_event(end)).startswith("round 1: 410 tokens")

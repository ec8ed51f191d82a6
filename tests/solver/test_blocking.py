"""What a solve does beside the engine's thread: nothing long on the event loop. Asserted by thread, not time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from adaptive import build_solver
from adaptive.engines.protocol import SHORT_TEXT, Prompt
from tests.support.scripted import ByteCodec, ScriptedEngine
from tests.support.solving import SURE, boxed, profile

LONG = "and on " * SHORT_TEXT


class Watched(ByteCodec):
    """Notes the thread and the characters of each prompt."""

    def __init__(self) -> None:
        super().__init__()
        self.rendered: list[tuple[int, int]] = []

    def render(self, messages: Sequence[tuple[str, str]], effort: Any) -> Prompt:
        self.rendered.append((threading.get_ident(), sum(len(text) for _, text in messages)))
        return super().render(messages, effort)


@pytest.mark.parametrize("long", [True, False])
async def test_a_long_conversation_is_encoded_once_and_in_a_thread(long: bool) -> None:
    codec = Watched()
    engine = ScriptedEngine([], [boxed(SURE)], codec=codec, context_window=10 * len(LONG))
    asked = [HumanMessage(LONG if long else "Hi."), AIMessage("Yes."), HumanMessage("2+2?")]
    done = await build_solver(engine, profile=profile()).ainvoke({"messages": asked})
    assert done["adaptive_result"]["answer"] == SURE
    texts = [(thread, length) for thread, length in codec.rendered if length]
    assert len(texts) == 1, "notes need no text"
    assert (texts[0][0] == threading.get_ident()) == (not long)


@pytest.mark.parametrize("question", ["Short, what is 2 + 2?", "Long, what is 2 + 2?" + " It is so long." * 70])
async def test_difficulty_is_first_predicted_in_a_thread(question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads the model's files; later only a long question needs one."""
    from adaptive.profile.profile import Profile

    predict, threads = Profile.predict_difficulty, list[int]()

    def watched(self: Profile, *args: Any, **more: Any) -> Any:
        threads.append(threading.get_ident())
        return predict(self, *args, **more)

    monkeypatch.setattr(Profile, "predict_difficulty", watched)
    solver = build_solver("embedded")
    for _ in range(2):
        await solver.ainvoke({"messages": [("user", question)]}, context={"max_attempts": 1, "effort": "none"})  # type: ignore[arg-type]
    here = threading.get_ident()
    assert threads[0] != here
    assert (here in threads) == (len(question) < 1000)

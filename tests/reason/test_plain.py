"""A plain attempt is a plain call of the engine, id for id, until the model is cut off or loops."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.engines.protocol import Generation, Halt, Markers, OnToken, Prompt, Sampling
from adaptive.engines.registry import open_engine
from adaptive.errors import InputError
from adaptive.reason.budget import Style
from adaptive.reason.loops import PATIENT_FIGURES
from adaptive.reason.plain import answer_plainly
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Rung
from adaptive.types.stops import Stops
from tests.support.scripted import END, STOP, THINK, ByteCodec, Forever, ScriptedEngine, run, says

RUNG = Rung("default", 100_000, answer_room=20)
STYLE = Style(hand_over="", useful_round=1)
BOX = says("\\boxed{7}", STOP)


class Instruct(ByteCodec):
    """An ordinary instruct model: no tokens for thinking."""

    markers = Markers(None, None, (STOP,))
    efforts = ()

    def render(self, messages: Sequence[tuple[str, str]], effort: Any) -> Prompt:
        head = self.encode("".join(content for _, content in messages))
        return Prompt(head, head)


class Opening(ByteCodec):
    """A model that opens its thinking itself, if it thinks."""

    def render(self, messages: Sequence[tuple[str, str]], effort: Any) -> Prompt:
        head = self.encode("".join(content for _, content in messages))
        return Prompt(head, head)


@dataclass
class Replies(ScriptedEngine):
    """Plays one reply, whatever it was sent: a call continues it where the ids that it is sent end."""

    reply: Sequence[int] = ()
    prompt: int = 0
    cuts: tuple[int, ...] = ()

    def _next_ids(self, state: Any, ids: Sequence[int]) -> Iterable[int]:  # type: ignore[override]
        at = len(ids) - self.prompt
        own = tuple(ids[self.prompt :]) == tuple(self.reply[:at])
        yield from self.reply[at:] if own else BOX
        while True:
            yield STOP

    async def generate(self, ids: Sequence[int], **asked: Any) -> Generation:
        cut = next((c for c in self.cuts if c > len(ids) - self.prompt), None)
        if cut is not None:
            asked["max_tokens"] = min(asked["max_tokens"], cut - (len(ids) - self.prompt))
        return await super().generate(ids, **asked)


def reply(*ids: int, codec: Any = None, cuts: tuple[int, ...] = (), window: int = 100_000) -> Replies:
    codec = codec or ByteCodec()
    prompt = len(codec.render([("user", "hello")], "default").open)
    return Replies(reply=ids, prompt=prompt, codec=codec, cuts=cuts, context_window=window)


def plain(engine: ScriptedEngine, rung: Rung = RUNG, events: list[Any] | None = None, **how: Any) -> Attempt:
    prompt = engine.codec.render([("user", "hello")], "default")
    settings: dict[str, Any] = {
        "style": STYLE, "stops": Stops(), "sampling": Sampling(), "session": "s", "index": 0, "arm": "first",
        "on_event": None if events is None else events.append, **how,
    }  # fmt: skip
    return run(answer_plainly(engine, prompt, rung, **settings))


def test_a_model_that_thinks_thinks_as_long_as_it_does_in_one_call() -> None:
    engine = reply(*says("so it is"), END, 10, 10, *BOX)
    attempt = plain(engine)
    (call,) = engine.calls
    assert call.stop_ids == (STOP,)
    assert (attempt.thinking, attempt.text, attempt.answer) == ("so it is", "\\boxed{7}", "7")
    assert (attempt.status, attempt.finish) == ("answered", "natural")
    assert [(r.tokens, r.injected, r.end) for r in attempt.rounds] == [(9, 0, "natural")]
    assert attempt.trace == says("so it is")
    usage = attempt.usage
    assert (usage.thinking, usage.answer, usage.injected) == (9 + 2, len(BOX), 0)
    assert usage.thinking + usage.answer == call.sampled


def test_a_model_without_thinking_tokens_only_answers() -> None:
    engine = reply(*says("Paris, of course.", STOP), codec=Instruct())
    attempt = plain(engine)
    assert (attempt.thinking, attempt.text, attempt.answer) == ("", "Paris, of course.", "Paris, of course.")
    assert (attempt.usage.thinking, attempt.usage.injected, attempt.finish, attempt.rounds) == (0, 0, "none", ())
    assert attempt.usage.answer == engine.calls[0].sampled


class TextTags(Instruct):
    """A model whose template opens its thinking with a tag that is plain text to its tokenizer."""

    markers = Markers(None, None, (STOP,), name="<think>")

    def render(self, messages: Sequence[tuple[str, str]], effort: Any) -> Prompt:
        head = self.encode("".join(content for _, content in messages) + "<think>\n")
        return Prompt(head, head)


@pytest.mark.parametrize(
    ("codec", "text", "thinking", "answer", "tokens"),
    [
        (Instruct(), "<think>\\boxed{5}?</think>\n\n7", "\\boxed{5}?", "7", len("<think>\\boxed{5}?</think>\n\n")),
        (Instruct(), "[THINK]hm[/THINK]7", "hm", "7", len("[THINK]hm[/THINK]")),
        (Instruct(), "<reasoning>hm</reasoning>\n<answer>\n7\n</answer>", "hm", "7", 35),
        (Instruct(), "<think>hm</think><think>so</think>7", "hm\n\nso", "7", 34),
        (Instruct(), "The tag </think> ends it.", "", "The tag </think> ends it.", 0),
        (Instruct(), "Use ```<think>```.", "", "Use ```<think>```.", 0),
        (TextTags(), "\\boxed{5}?\n</think>\n\n7", "\\boxed{5}?", "7", len("\\boxed{5}?\n</think>\n\n")),
        (TextTags(), "7", "", "7", 0),
    ],
)  # fmt: skip
def test_thinking_in_tags_that_are_text_is_split_and_counted_to_the_token(
    codec: Any, text: str, thinking: str, answer: str, tokens: int
) -> None:
    events: list[Any] = []
    attempt = plain(reply(*says(text, STOP), codec=codec), events=events)
    assert (attempt.thinking, attempt.answer, attempt.status) == (thinking, answer, "answered")
    assert (attempt.usage.thinking, attempt.usage.answer) == (tokens, len(text) + 1 - tokens)
    told = ["".join(e["text"] for e in events if e["event"] == kind) for kind in ("thinking", "answer")]
    assert told == [thinking, answer] or (codec.markers.name and told == [answer, ""])
    assert sum(e["tokens"] for e in events if e["event"] in ("thinking", "answer")) == len(text)


def test_thinking_in_tags_that_is_cut_off_is_no_answer() -> None:
    for codec, text in ((Instruct(), "<think>It is \\boxed{5}, or"), (TextTags(), "It is \\boxed{5}, or")):
        attempt = plain(reply(*says(text + " not" * 9), codec=codec), room=len(text), stops=Stops(loop=False))
        assert (attempt.status, attempt.answer, attempt.text) == ("starved", None, "")
        assert (attempt.usage.thinking, attempt.usage.answer) == (len(text), 0)


def test_a_user_s_text_opens_no_thinking() -> None:
    class Plain(Instruct):
        markers = Markers(None, None, (STOP,))

        def render(self, messages: Sequence[tuple[str, str]], effort: Any) -> Prompt:
            return Prompt(self.encode("What ends <think>"), self.encode("What ends <think>"))

    attempt = plain(reply(*says("It is\n</think>\nso 7", STOP), codec=Plain()))
    assert (attempt.thinking, attempt.text) == ("", "It is\n</think>\nso 7")


def test_a_model_that_could_think_and_does_not_only_answers() -> None:
    attempt = plain(reply(*says("Hi.", STOP), codec=Opening()))
    assert (attempt.thinking, attempt.text, attempt.usage.thinking, attempt.finish) == ("", "Hi.", 0, "none")


def test_a_model_that_opens_its_thinking_itself_is_split_by_its_own_markers() -> None:
    attempt = plain(reply(THINK, *says("hm"), END, *BOX, codec=Opening()))
    assert (attempt.thinking, attempt.answer, attempt.trace) == ("hm", "7", (THINK, *says("hm")))


@pytest.mark.parametrize("cuts", [(), (3,), (3, 4, 9), (1, 2)])
def test_where_a_server_cuts_a_reply_it_goes_on(cuts: tuple[int, ...]) -> None:
    said = (*says("so it is"), END, *BOX)
    whole, pieces = plain(reply(*said)), plain(reply(*said, cuts=cuts))
    same = {"usage": whole.usage}
    assert replace(pieces, **same) == replace(whole, **same)
    assert (pieces.usage.thinking, pieces.usage.answer) == (whole.usage.thinking, whole.usage.answer)


def test_thinking_that_fills_the_window_is_made_to_answer() -> None:
    engine = reply(*[65 + n % 26 * (1 + n % 3) % 50 for n in range(500)], window=200)
    attempt = plain(engine, stops=Stops(loop=False))
    assert (attempt.status, attempt.answer, attempt.finish) == ("answered", "7", "context")
    assert len(engine.calls) == 2
    assert all(len(c.ids) + len(c.made.ids) <= 200 for c in engine.calls)


def test_an_answer_that_needs_the_room_that_was_held_back_gets_it() -> None:
    prompt = len(ByteCodec().render([("user", "hello")], "default").open)
    said = (*says("hm"), END, *says("0123456789" * 4, STOP))
    attempt = plain(reply(*said, window=prompt + len(said)), stops=Stops(loop=False))
    assert (attempt.text, attempt.status) == ("0123456789" * 4, "answered")


def test_thinking_that_ends_the_turn_is_made_to_answer() -> None:
    attempt = plain(reply(*says("it is 7", STOP)))
    assert (attempt.thinking, attempt.answer, attempt.finish) == ("it is 7", "7", "natural")
    assert attempt.rounds[0].end == "natural"


def test_thinking_in_a_loop_is_stopped_and_made_to_answer() -> None:
    events: list[Any] = []
    attempt = plain(reply(*list(_cycled("and then we go round "))[:3000]), events=events)
    assert (attempt.finish, attempt.answer, attempt.rounds[0].end) == ("loop", "7", "loop")
    assert attempt.rounds[0].stopped
    assert attempt.usage.thinking == PATIENT_FIGURES  # one byte is no word
    (end,) = [e for e in events if e["event"] == "end"]
    assert "repeated 8 times" in end["said"]


@pytest.mark.parametrize("text", ["round and round we go ", "!"])
def test_an_answer_in_a_loop_is_stopped_and_is_no_answer(text: str) -> None:
    attempt = plain(reply(*list(_cycled(text))[:4000], codec=Instruct()))
    assert (attempt.finish, attempt.answer, attempt.status) == ("loop", None, "starved")
    assert attempt.usage.answer <= 520


def test_a_loop_after_a_boxed_answer_costs_the_answer_nothing() -> None:
    attempt = plain(reply(*says("\\boxed{5} "), *list(_cycled("and so on and on "))[:3000], codec=Instruct()))
    assert (attempt.answer, attempt.status, attempt.finish) == ("5", "answered", "none")


@pytest.mark.parametrize("text", [
    "I will not talk in class. " * 4,
    "| 0 | 0 | 0 |\n" * 12,
    "\n".join(f"The price of the item with the number {n} is {n * n} dollars." for n in range(20)),
    "0.142857" + "142857" * 40,
])  # fmt: skip
def test_answers_that_repeat_themselves_for_a_reason_are_left_alone(text: str) -> None:
    assert plain(reply(*says(text, STOP), codec=Instruct())).text == text


def test_without_the_stop_nothing_is_stopped() -> None:
    said = list(_cycled("round and round we go "))[:3000]
    attempt = plain(reply(*said, STOP, codec=Instruct()), stops=Stops(loop=False))
    assert (len(attempt.text), attempt.status) == (3000, "answered")


def test_the_room_that_a_limit_leaves_is_never_passed() -> None:
    engine = reply(*says("a long answer that goes on", STOP), codec=Instruct())
    attempt = plain(engine, room=6)
    assert (attempt.text, attempt.status, attempt.finish) == ("a long", "starved", "budget")
    assert attempt.usage.answer == 6


def test_a_reply_that_is_cut_before_its_first_token_is_no_sign_of_a_full_window() -> None:
    class Silent(Replies):
        async def generate(self, ids: Sequence[int], **asked: Any) -> Generation:
            return Generation((), (), "length", len(ids), 0)

    attempt = plain(Silent(reply=BOX, prompt=0, codec=Instruct()))
    assert (attempt.answer, attempt.status, attempt.finish) == (None, "starved", "budget")


def test_a_prompt_that_fills_the_window_is_refused() -> None:
    with pytest.raises(InputError, match="shorten the question"):
        plain(reply(*BOX, window=len(ByteCodec().render([("user", "hello")], "default").open)))


texts = st.lists(st.sampled_from([*b"ab \n7", THINK, END]), max_size=40)


@given(said=texts, window=st.integers(1, 60), box=st.booleans(), opened=st.booleans())
def test_tokens_are_counted_as_the_engine_made_them_and_the_room_is_kept(
    said: list[int], window: int, box: bool, opened: bool
) -> None:
    codec = ByteCodec() if opened else Opening()
    engine = reply(*said, *(BOX if box else (STOP,)), codec=codec)
    prompt = codec.render([("user", "hello")], "default").open
    engine.context_window = len(prompt) + window
    events: list[Any] = []
    attempt = plain(engine, events=events, stops=Stops(loop=False))
    usage = attempt.usage
    assert usage.thinking + usage.answer == sum(call.sampled for call in engine.calls)
    assert all(len(call.ids) + len(call.made.ids) <= engine.context_window for call in engine.calls)
    first = engine.calls[0]
    assert first.ids == prompt  # nothing of ours
    assert attempt.chain_tokens <= usage.thinking + 1
    streamed = "".join(e["text"] for e in events if e["event"] == "thinking")
    # What stands before a second end was streamed as answer when that end came.
    if END not in said or (
        said.count(END) == 1 and said.index(END) > 0 and (opened or THINK in said[: said.index(END)])
    ):
        assert streamed == attempt.thinking


@given(said=st.lists(st.sampled_from([*b"ab 7"]), max_size=60))
def test_the_first_call_of_an_attempt_is_the_plain_call(said: list[int]) -> None:
    """What the engine is sent and what it makes is what a call without us sends and makes."""
    ours = reply(*said, END, *BOX)
    plain(ours, stops=Stops())
    theirs = reply(*said, END, *BOX)
    prompt = theirs.codec.render([("user", "hello")], "default").open
    made = run(theirs.generate(prompt, max_tokens=1000, stop_ids=(STOP,), sampling=Sampling(), session="s"))
    assert (ours.calls[0].ids, ours.calls[0].made.ids) == (prompt, made.ids)


@pytest.mark.parametrize("question", ["What is 47 + 38 - 12?", "Calculate 5693 + 9683."])
def test_on_the_embedded_engine_the_ids_are_those_of_a_plain_call(question: str) -> None:
    async def both() -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
        engine = open_engine("embedded")
        heard = Heard(engine)
        prompt = engine.codec.render([("user", question)], "default")
        room, stops = engine.context_window - len(prompt.open), engine.codec.markers.turn_end
        made = await engine.generate(
            prompt.open, max_tokens=room, stop_ids=stops, sampling=Sampling(), session="a"
        )
        await answer_plainly(heard, prompt, RUNG, style=Style(), stops=Stops(), sampling=Sampling(), session="b",
                             index=0, arm="first")  # fmt: skip
        await engine.close()
        return made.ids, heard.made

    theirs, ours = asyncio.run(both())
    assert ours == [theirs]


class Heard:
    """An engine that keeps what was made."""

    def __init__(self, engine: Any) -> None:
        self._engine, self.made = engine, list[tuple[int, ...]]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def generate(
        self, ids: Sequence[int], *, on_token: OnToken | None = None, halt: Halt | None = None, **asked: Any
    ) -> Generation:
        made: Generation = await self._engine.generate(ids, on_token=on_token, halt=halt, **asked)
        self.made.append(made.ids)
        return made


def _cycled(text: str) -> Iterable[int]:
    for token, _ in zip(Forever(text), range(5000), strict=False):
        yield token

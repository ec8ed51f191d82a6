"""Budget forcing, one rule a test: what is counted, going on with a chain, the answer, the window."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import Any

import pytest

from adaptive.engines.protocol import Generation, Sampling
from adaptive.errors import AdaptiveError, InputError
from adaptive.reason import token_stream
from adaptive.reason.budget import Style
from adaptive.reason.chain import Thought
from adaptive.reason.forcing import think_within_budget
from adaptive.types.attempt import Attempt, Round
from adaptive.types.events import Event
from adaptive.types.ladder import Rung
from tests.reason import buying
from tests.reason.buying import PLAIN, QUESTION, buy, rung, thinking_ids
from tests.support.scripted import END, MARKERS, STOP, THINK, TURN, Forever, ScriptedEngine, logprob, says

OPEN = len(QUESTION.open)
BOXED = says("\\boxed{4}", STOP)


def spent(attempt: Attempt) -> tuple[int, int, int, int]:
    """Prompt, thinking, injected and answer tokens."""
    usage = attempt.usage
    return usage.prompt, usage.thinking, usage.injected, usage.answer


def forced(attempt: Attempt) -> list[str]:
    """What stands in the thinking that the model did not write."""
    return [attempt.thinking[start:end] for start, end in attempt.forced]


# What is counted, and where.


def test_a_natural_end_is_a_thinking_token_and_stays_where_it_is() -> None:
    engine = ScriptedEngine([says("2+2=4", END)], [BOXED])
    attempt = buy(engine, rung(64))
    assert spent(attempt) == (OPEN, 6, 2, 10)
    assert attempt.rounds == (Round(6, 0, "natural"),)
    assert (attempt.finish, attempt.answer, attempt.thinking) == ("natural", "4", "2+2=4")
    assert engine.calls[-1].ids == (*QUESTION.open, *says("2+2=4"), END, *says("\n\n"))


def test_a_forced_end_is_injected() -> None:
    engine = ScriptedEngine([Forever("so ")], [says("4}", STOP)])
    style = Style(closing=" Now!", answer_prefix="\\boxed{")
    attempt = buy(engine, rung(10), style)
    assert spent(attempt) == (OPEN, 5, len(" Now!") + 1 + 2 + len("\\boxed{"), 3)
    assert thinking_ids(engine) == says("so so Now!")
    assert attempt.thinking == "so so Now!"
    assert forced(attempt) == [" Now!"]
    assert attempt.rounds == (Round(5, 0, "budget"),)
    assert (attempt.finish, attempt.text, attempt.answer) == ("budget", "\\boxed{4}", "4")


def test_a_put_off_end_and_its_wait_are_charged() -> None:
    engine = ScriptedEngine([says("2+2=5", END), says(" no, 4", END)], [BOXED])
    attempt = buy(engine, rung(64, waits=1))
    assert spent(attempt) == (OPEN, 6 + 7, 4 + 2, 10)
    assert attempt.rounds == (Round(6, 0, "natural"), Round(11, 4, "natural"))
    assert (attempt.thinking, attempt.waits) == ("2+2=5Wait no, 4", 1)
    assert forced(attempt) == ["Wait"]
    assert thinking_ids(engine) == says("2+2=5Wait no, 4")


def test_a_turn_that_ends_inside_the_thinking_ends_the_thinking() -> None:
    attempt = buy(engine := ScriptedEngine([says("2+2=4", STOP)], [BOXED]), rung(64))
    assert spent(attempt) == (OPEN, 6, 3, 10), "its stop was sampled, the end marker is ours"
    assert (attempt.finish, attempt.answer) == ("natural", "4")
    assert engine.calls[-1].ids == (*QUESTION.open, *says("2+2=4"), END, *says("\n\n"))


def test_a_rung_that_does_not_think_answers_from_the_closed_prompt() -> None:
    for none in (Rung("none", 64), Rung("low", 0)):
        engine = ScriptedEngine([Forever("so ")], [BOXED])
        attempt = buy(engine, none, Style(answer_prefix="\\boxed{", closing="Now!"))
        assert spent(attempt) == (OPEN + 1, 0, 0, 10)
        assert (attempt.finish, attempt.rounds, attempt.trace, attempt.thinking) == ("none", (), (), "")
        assert [call.ids for call in engine.calls] == [QUESTION.closed]


def test_what_an_engine_without_a_cache_computes_again_is_counted() -> None:
    script = [says("2+2=5", END), says(" no, 4", END)]
    kept = buy(ScriptedEngine(script, [BOXED]), rung(64, waits=1))
    lost = buy(ScriptedEngine(script, [BOXED], keeps_cache=False), rung(64, waits=1))
    assert kept.usage.prompt == OPEN
    assert lost.usage.prompt == OPEN + (OPEN + 5) + (OPEN + 5 + 4 + 6)
    assert kept.usage.cached == lost.usage.cached == 0


@pytest.mark.parametrize("budget", [0, 1, 2, 3, 4, 5, 6, 7])
def test_small_budgets_are_exact(budget: int) -> None:
    engine = ScriptedEngine([Forever("abc")], [BOXED])
    attempt = buy(engine, rung(budget, waits=50), Style(closing="!"))
    assert attempt.usage.thinking + attempt.thinking.count("!") == budget
    assert attempt.status == "answered"


def test_seconds_are_measured() -> None:
    assert 0 < buy(ScriptedEngine([], [BOXED]), rung(8)).usage.seconds < 5


# Going on with a chain.


def test_continuing_a_chain_prefills_only_what_is_new() -> None:
    engine = ScriptedEngine([Forever("so ")], [BOXED, BOXED])
    first = buy(engine, rung(8), Style(closing="Now!"))
    calls = len(engine.calls)
    second = buy(engine, rung(32), Style(closing="Now!"), after=first)
    resumed, answered = (call.made for call in engine.calls[calls:])
    assert resumed.cached == OPEN + len(first.trace)
    assert resumed.prefilled == 0
    # the last thought, the phrase, the marker, the hand-over
    assert answered.prefilled == 1 + len("Now!") + 1 + 2
    assert second.usage.prompt == second.usage.cached == OPEN + len(first.trace)


def test_a_chain_that_was_cut_goes_on_before_the_closing_phrase() -> None:
    engine = ScriptedEngine([says("2+2 is four", END)], [says("3", STOP), BOXED])
    first = buy(engine, rung(8), Style(closing="Now!"))
    second = buy(engine, rung(64), Style(closing="Now!"), after=first)
    assert (first.thinking, first.finish) == ("2+2 Now!", "budget")
    assert (second.thinking, second.finish) == ("2+2 is four", "natural")
    assert second.rounds == (Round(4, 0, "budget"), Round(8, 0, "natural"))
    assert second.waits == 0


def test_a_chain_that_ended_goes_on_with_a_wait() -> None:
    engine = ScriptedEngine([says("2+2=5", END), says(" no, 4", END)], [says("5", STOP), BOXED])
    first = buy(engine, rung(64))
    second = buy(engine, rung(64, waits=1), after=first, arm="wait")
    assert engine.calls[2].ids == (*QUESTION.open, *says("2+2=5Wait"))
    assert second.rounds == (Round(6, 0, "natural"), Round(11, 4, "natural"))
    assert first.usage.thinking + second.usage.thinking + 4 == Thought.from_attempt(second).charged
    assert (second.arm, second.waits, second.answer) == ("wait", 1, "4")


def test_the_waits_of_earlier_attempts_count() -> None:
    engine = ScriptedEngine([says(c, END) for c in "abcd"], [BOXED] * 2)
    first = buy(engine, rung(64, waits=2))
    second = buy(engine, rung(64, waits=3), after=first, arm="wait")
    assert (first.waits, second.waits) == (2, 3)


def test_a_chain_with_nothing_left_to_buy_is_answered_as_it_stands() -> None:
    engine = ScriptedEngine([says("2+2=4", END)], [says("5", STOP), BOXED])
    first = buy(engine, rung(64))
    second = buy(engine, rung(64), after=first)
    assert spent(second) == (OPEN + 5, 0, 3, 10), "nobody sampled that end marker this time"
    assert (second.rounds, second.finish, second.answer) == (first.rounds, "natural", "4")


def test_a_chain_longer_than_the_budget_is_cut_to_it() -> None:
    engine = ScriptedEngine([says("2+2=5", END), says(" no, it is 4", END)], [BOXED] * 9)
    whole = buy(engine, rung(64, waits=1))
    cut = {n: buy(engine, rung(n, waits=1), after=whole) for n in (1, 4, 5, 6, 10, 11, 12, whole.budget)}
    assert cut[4].thinking == "2+2="
    assert [cut[n].finish for n in (5, 6, 10, 11)] == ["budget", "natural", "natural", "budget"]
    assert cut[11].thinking == "2+2=5Wait "
    assert all(cut[n].usage.thinking == 0 for n in cut)
    assert cut[64].rounds == whole.rounds


def test_a_chain_that_fits_is_not_cut_for_a_phrase_that_it_does_not_need() -> None:
    engine = ScriptedEngine([says("2+2=4", END)], [BOXED] * 2)
    first = buy(engine, rung(6))
    second = buy(engine, rung(6), Style(closing="Now!"), after=first)
    assert (second.thinking, second.rounds, second.finish) == ("2+2=4", first.rounds, "natural")


def test_saying_the_same_after_a_cut_is_no_loop() -> None:
    engine = ScriptedEngine([says("ab" * 2, END)], [BOXED] * 2)
    second = buy(engine, rung(64), after=buy(engine, rung(2)))
    assert [one.end for one in second.rounds] == ["budget", "natural"]


def test_waits_rotate_and_go_on_rotating() -> None:
    engine = ScriptedEngine([says(c, END) for c in "abcde"], [BOXED] * 2)
    style = Style(waits=("W", "Hm", ""), useful_round=1)
    first = buy(engine, rung(64, waits=2), style)
    second = buy(engine, rung(64, waits=4), style, after=first)
    assert (first.thinking, second.thinking) == ("aWbHmc", "aWbHmcdWe")
    assert second.waits == 4


def test_a_wait_needs_a_useful_round_after_it() -> None:
    script = [says("2+2=5", END), says(" no, 4", END)]
    style = Style(useful_round=8)
    for budget, waits in ((6 + 4 + 7, 0), (6 + 4 + 8, 1)):
        assert buy(ScriptedEngine(script, [BOXED]), rung(budget, waits=1), style).waits == waits


def test_empty_waits_end_too() -> None:
    engine = ScriptedEngine([says("a", END)], [BOXED])
    style = Style(waits=("",), useful_round=1, stop_on_repeat=False)
    attempt = buy(engine, rung(512, waits=50), style)
    assert (attempt.waits, len(engine.calls), attempt.usage.thinking) == (50, 52, 52)


# The answer.


@pytest.mark.parametrize(
    ("reply", "room", "expected"),
    [
        (BOXED, 20, ("answered", "4", "\\boxed{4}")),
        (says(" four ", STOP), 20, ("answered", "four", " four ")),
        (says("I do not know", STOP), 20, ("answered", None, "I do not know")),
        (says("", STOP), 20, ("refused", None, "")),
        (says(" \n", STOP), 20, ("refused", None, " \n")),
        (says("It is surely 4, that much is clear"), 20, ("starved", None, "It is surely 4, that")),
        (says("\\boxed{4} since 2+2=4"), 15, ("answered", "4", "\\boxed{4} since")),
        (says("\\boxed{123456}"), 13, ("starved", None, "\\boxed{123456")),
        (says("\\boxed{4", STOP), 20, ("answered", None, "\\boxed{4")),
        (says("so \\boxed{5}", END, *BOXED), 30, ("answered", "4", "\\boxed{4}")),
        (says("\\boxed{4}", END, STOP), 20, ("answered", "4", "\\boxed{4}")),
        (says("<think>\\boxed{5}</think>4", STOP), 30, ("answered", "4", "4")),
        (says("<think>so \\boxed{5}, no"), 20, ("starved", None, "")),
        (says("The tag </think> ends", STOP), 30, ("answered",) + ("The tag </think> ends",) * 2),
        (says("", THINK, *says("so")), 20, ("refused", None, "")),
        (says("\\boxed{4}", THINK, *says("\\boxed{5}")), 20, ("answered", "4", "\\boxed{4}")),
    ],
)
def test_an_answer_and_its_status(
    reply: tuple[int, ...], room: int, expected: tuple[str, str | None, str]
) -> None:
    attempt = buy(ScriptedEngine([says("so", END)], [reply]), rung(64, answer_room=room))
    assert (attempt.status, attempt.answer, attempt.text) == expected


@pytest.mark.parametrize(
    ("reply", "thinking", "tokens"),
    [
        (says("so 5", END, *BOXED), "2+2\n\nso 5", 5),
        (says("<think>so 5</think>\n\n4", STOP), "2+2\n\nso 5", len("<think>so 5</think>\n\n")),
        (
            says("<think>so", END, *b"<think>5</think>4", STOP),
            "2+2\n\n<think>so\n\n5",
            10 + len("<think>5</think>"),
        ),
        (says("4", STOP), "2+2", 0),
    ],
)
def test_a_thought_in_the_place_of_the_answer_is_thinking(reply: Any, thinking: str, tokens: int) -> None:
    """To the token: models that were cut off think on in the answer, close that, and then answer."""
    told: list[Event] = []
    attempt = buy(ScriptedEngine([says("2+2", END)], [reply]), rung(64, answer_room=50), on_event=told.append)
    assert (attempt.thinking, attempt.answer) == (thinking, "4")
    assert attempt.usage.thinking == len(says("2+2")) + 1 + tokens
    assert attempt.usage.answer == len(reply) - tokens
    # An end that is a token is noticed when it comes: what was told before it is told.
    told_answer = [e["text"] for e in told if e["event"] == "answer"]
    assert END in reply or "".join(told_answer) == "4"
    shown = [e for e in told if e["event"] in ("thinking", "answer")]
    assert sum(e["tokens"] for e in shown) == len(says("2+2")) + len([i for i in reply if i != STOP])


@pytest.mark.parametrize(
    ("reply", "text"), [(says("4", END, *b" x", STOP), "4 x"), (says("so", END, TURN, *b"4", STOP), "4")]
)
def test_an_end_that_also_ends_answers_is_an_end_of_thinking_only_before_the_mark_of_an_answer(
    reply: Any, text: str
) -> None:
    """As in the harmony format, where one token ends every message, and a channel begins the answer."""
    engine = ScriptedEngine([says("2+2", END)], [reply])
    engine.codec.markers = replace(MARKERS, hand_over=(TURN,))
    assert buy(engine, rung(64)).text == text


def test_a_prefix_alone_is_no_answer() -> None:
    style = Style(answer_prefix="Final Answer:")
    attempt = buy(ScriptedEngine([Forever("so ")], [says("", STOP)]), rung(4), style)
    assert (attempt.status, attempt.text, attempt.answer) == ("refused", "Final Answer:", None)


def test_confidence_is_over_all_that_was_sampled_for_the_answer() -> None:
    attempt = buy(ScriptedEngine([], [BOXED]), rung(0))
    assert attempt.confidence == pytest.approx(math.exp(sum(map(logprob, BOXED)) / len(BOXED)))
    cut = buy(ScriptedEngine([], [BOXED]), rung(0, answer_room=3))
    assert cut.confidence == pytest.approx(math.exp(sum(map(logprob, BOXED[:3])) / 3))


def test_confidence_is_no_higher_than_that_of_the_thinking() -> None:
    weak, strong = b"o" * 8, b"b" * 8
    assert logprob(weak[0]) < sum(map(logprob, BOXED)) / len(BOXED) < logprob(strong[0])
    for thinking, confidence in ((weak, logprob(weak[0])), (strong, sum(map(logprob, BOXED)) / len(BOXED))):
        attempt = buy(ScriptedEngine([(*thinking, END)], [BOXED]), rung(64))
        assert attempt.confidence == pytest.approx(math.exp(confidence))


def test_no_confidence_without_log_probabilities() -> None:
    engine = ScriptedEngine([says("so", END)], [BOXED], gives_logprobs=False)
    assert buy(engine, rung(64)).confidence is None


# The context window.


def test_thinking_gives_way_to_the_answer() -> None:
    engine = ScriptedEngine([Forever("so ")], [BOXED], context_window=OPEN + 6 + 3 + 20)
    attempt = buy(engine, rung(64))
    assert (attempt.finish, attempt.rounds) == ("context", (Round(6, 0, "context"),))
    assert (engine.calls[-1].max_tokens, attempt.status) == (20, "answered")


def test_the_answer_gives_way_last() -> None:
    engine = ScriptedEngine([Forever("so ")], [BOXED], context_window=OPEN + 3 + 1)
    attempt = buy(engine, rung(64))
    assert (attempt.finish, attempt.rounds, attempt.usage.thinking) == ("context", (), 0)
    assert (engine.calls[-1].max_tokens, attempt.status, attempt.text) == (1, "starved", "\\")


@pytest.mark.parametrize(
    ("bought", "window", "needed"), [(rung(8), OPEN + 3, 4), (rung(0), OPEN + 1, 1), (rung(8), 1, 4)]
)
def test_a_prompt_that_does_not_fit_is_one_plain_sentence(bought: Rung, window: int, needed: int) -> None:
    engine = ScriptedEngine([], [BOXED], context_window=window)
    took = OPEN if bought.thinks else OPEN + 1
    with pytest.raises(InputError) as error:
        buy(engine, bought)
    assert str(error.value) == (
        f"the question takes {took} tokens and its answer at least {needed} more, "
        f"but the model's context window holds {window}: shorten the question."
    )
    assert engine.calls == []


class ShortWindow(ScriptedEngine):
    """Its server was started with a smaller window than it says."""

    async def generate(self, ids: Any, **asked: Any) -> Generation:
        if END in asked["stop_ids"]:
            self.context_window = OPEN + 5
        try:
            return await super().generate(ids, **asked)
        finally:
            self.context_window = 1000


def test_a_window_that_ends_early_ends_the_round() -> None:
    attempt = buy(ShortWindow([Forever("so ")], [BOXED]), rung(64))
    assert (attempt.finish, attempt.rounds, attempt.answer) == ("context", (Round(5, 0, "context"),), "4")


# Engines, watchers, and more than one at once.


class Deaf(ScriptedEngine):
    """Ignores the limit it is given."""

    async def generate(self, ids: Any, **asked: Any) -> Generation:
        return await super().generate(ids, **{**asked, "max_tokens": asked["max_tokens"] + 1})


def test_an_engine_that_ignores_its_limit_is_found_out() -> None:
    with pytest.raises(AdaptiveError, match="scripted made 9 tokens where at most 8 were asked for"):
        buy(Deaf([Forever("so ")], [BOXED]), rung(8))


def test_events_tell_the_whole_attempt() -> None:
    engine = ScriptedEngine([says("aπ", END), says("b")], [says("4", STOP)])
    events: list[dict[str, Any]] = []
    buy(engine, rung(9, waits=1), on_event=events.append)
    assert events == [
        {"event": "start", "rung": 1, "arm": "first", "effort": "low", "budget": 9, "waits": 1},
        {"event": "thinking", "text": "a", "tokens": 1},
        {"event": "thinking", "text": "π", "tokens": 2},
        {"event": "end", "round": 1, "tokens": 4, "injected": 0, "charged": 4, "budget": 9, "end": "natural"},
        {"event": "wait", "text": "Wait", "number": 1},
        {"event": "thinking", "text": "b", "tokens": 1},
        {"event": "end", "round": 2, "tokens": 5, "injected": 4, "charged": 9, "budget": 9, "end": "budget"},
        {"event": "answer", "text": "4", "tokens": 1},
    ]


def test_a_character_that_was_cut_is_told_too() -> None:
    events: list[dict[str, Any]] = []
    buy(ScriptedEngine([Forever("🙂")], [Forever("🙂")]), rung(6, answer_room=2), on_event=events.append)
    told = [(e["event"], e["text"], e["tokens"]) for e in events if "text" in e]
    assert told == [("thinking", "🙂", 4), ("thinking", "\ufffd", 2), ("answer", "\ufffd", 2)]


def test_a_prefix_is_told_as_part_of_the_answer() -> None:
    events: list[dict[str, Any]] = []
    engine = ScriptedEngine([Forever("so ")], [says("4}", STOP)])
    attempt = buy(engine, rung(4), Style(answer_prefix="\\boxed{"), on_event=events.append)
    assert "".join(e["text"] for e in events if e["event"] == "answer") == attempt.text == "\\boxed{4}"


def test_sampling_session_and_markers_reach_the_engine() -> None:
    asked: list[dict[str, Any]] = []

    class Watched(ScriptedEngine):
        async def generate(self, ids: Any, **more: Any) -> Generation:
            asked.append(more)
            return await super().generate(ids, **more)

    sampling = Sampling(temperature=0.7, seed=3)
    buy(Watched([says("so", END)], [BOXED]), rung(64), sampling=sampling, session="mine")
    assert [(a["sampling"], a["session"]) for a in asked] == [(sampling, "mine")] * 2
    assert asked[0]["stop_ids"] == (END, STOP)
    assert set(asked[1]["stop_ids"]) == {STOP, MARKERS.think_start}


@pytest.mark.parametrize("heard", [True, False])
def test_an_engine_tells_of_tokens_only_if_somebody_hears_them(heard: bool) -> None:
    told: list[bool] = []

    class Watched(ScriptedEngine):
        async def generate(self, ids: Any, *, on_token: Any = None, **more: Any) -> Generation:
            told.append(on_token is not None)
            return await super().generate(ids, on_token=on_token, **more)

    buy(Watched([says("so", END)], [BOXED]), rung(64), on_event=(lambda event: None) if heard else None)
    assert told == [heard, heard]


@pytest.mark.parametrize("calls", [1, 2], ids=["thinking", "answer"])
def test_what_was_written_before_a_failure_is_emitted(calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_stream, "CHUNK_SECONDS", 3600.0)
    monkeypatch.setattr(buying, "run", asyncio.run)  # what waits for its time needs a loop
    left, events = calls, list[Event]()

    class Broken(ScriptedEngine):
        async def generate(self, ids: Any, **more: Any) -> Generation:
            nonlocal left
            left -= 1
            made = await super().generate(ids, **more)
            if not left:
                raise AdaptiveError("gone.")
            return made

    with pytest.raises(AdaptiveError, match="gone"):
        buy(Broken([says("so it is", END)], [BOXED]), rung(64), on_event=events.append)
    kind, text = ("thinking", "so it is") if calls == 1 else ("answer", "\\boxed{4}")
    assert "".join(e["text"] for e in events if e["event"] == kind) == text


def test_the_same_twice_gives_the_same() -> None:
    def once() -> dict[str, Any]:
        engine = ScriptedEngine([says("2+2=5", END), says(" no, 4", END)], [BOXED])
        data = buy(engine, rung(64, waits=1)).to_json()
        del data["usage"]["seconds"]
        return data

    assert once() == once()


def test_a_cancelled_attempt_stops() -> None:
    async def cancelled() -> int:
        engine = ScriptedEngine([Forever("so ")], [BOXED], yields=True)
        seen: list[Any] = []
        asked: dict[str, Any] = {
            "style": PLAIN,
            "sampling": Sampling(),
            "session": "s",
            "index": 0,
            "arm": "first",
        }
        bought = think_within_budget(engine, QUESTION, rung(100_000), **asked, on_event=seen.append)
        task = asyncio.ensure_future(bought)
        while len(seen) < 20:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return len(seen)

    assert asyncio.run(cancelled()) <= 21


def test_an_attempt_survives_json() -> None:
    attempt = buy(ScriptedEngine([says("2+2=5", END), says(" no, 4", END)], [BOXED]), rung(64, waits=1))
    assert Thought.from_attempt(Attempt.from_json(attempt.to_json())) == Thought.from_attempt(attempt)

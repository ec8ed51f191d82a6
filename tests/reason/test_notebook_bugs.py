"""The eleven bugs of the notebook that this project started from, each a test that ours passes.

The notebook: datawhalechina/happy-llm, Extra-Chapter/s1-vllm-thinking-budget (9a882a9). It generates until
`</think>`, counts by tokenising the text again, appends a wait and goes on until the count is over the
budget. What each of them did there is told in `research/s1.md` §3.3; the numbers are its.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import combinations_with_replacement, pairwise

import pytest

from adaptive.engines.protocol import Prompt, Sampling
from adaptive.errors import InputError
from adaptive.reason.budget import Style
from adaptive.reason.forcing import think_within_budget
from adaptive.types.attempt import Attempt, Round
from tests.reason.buying import PLAIN, QUESTION, buy, rung, thinking_ids
from tests.support.scripted import END, STOP, THINK, Forever, ScriptedEngine, run, says

BOXED = says("\\boxed{4}", STOP)
LONG_WAIT = "\nWait a moment. Was there any loophole in my thought just now?!\n"


def test_bug_1_a_budget_that_is_exactly_used_asks_for_nothing_more() -> None:
    """`count > budget` let count == budget through, and asked vLLM for max_tokens=0: an exception."""
    for length, budget in combinations_with_replacement(range(24), 2):
        engine = ScriptedEngine([says("x" * length, END)] * 60, [BOXED])
        attempt = buy(engine, rung(budget, waits=50), replace(PLAIN, stop_on_repeat=False))
        assert min(call.max_tokens for call in engine.calls) >= 1
        assert sum(one.tokens for one in attempt.rounds) <= budget


def test_bug_2_a_round_that_was_cut_gets_no_wait() -> None:
    """The finish reason was never read: a chain cut by its budget got "Wait!" within a sentence."""
    engine = ScriptedEngine([Forever("so ")], [BOXED])
    attempt = buy(engine, rung(64, waits=50))
    assert attempt.rounds == (Round(64, 0, "budget"),)
    assert (attempt.waits, attempt.finish) == (0, "budget")
    assert b"Wait" not in bytes(thinking_ids(engine))


@pytest.mark.parametrize("wait", ["Wait", "\nWait!\n", LONG_WAIT])
def test_bug_3_waits_are_charged(wait: str) -> None:
    """Injected text was not charged: 17 and 4 tokens over the budget in the two recorded runs."""
    for budget in range(150):
        engine = ScriptedEngine([says("x" * n, END) for n in range(9)], [BOXED])
        buy(engine, rung(budget, waits=50), replace(PLAIN, waits=(wait,)))
        assert len(thinking_ids(engine)) <= budget if budget else engine.calls[-1].ids == QUESTION.closed


def test_bug_4_rounds_are_capped() -> None:
    """A model that stops after each token made 8,142 calls at a budget of 32,768."""
    engine = ScriptedEngine([says(c, END) for c in "ab" * 9000], [BOXED])
    attempt = buy(engine, rung(32_768, waits=2))
    assert (attempt.waits, len(engine.calls)) == (2, 4)


def test_bug_4_a_loop_is_noticed() -> None:
    script = [says(text, END) for text in ("first", " again", " again", " new")]
    attempt = buy(ScriptedEngine(script, [BOXED]), rung(32_768, waits=6))
    assert [one.end for one in attempt.rounds] == ["natural", "natural", "loop"]


def test_bug_4_a_wait_that_brings_nothing_is_noticed() -> None:
    attempt = buy(ScriptedEngine([says("2+2=4", END)], [BOXED]), rung(32_768, waits=6))
    assert [one.end for one in attempt.rounds] == ["natural", "loop"]


def test_bug_4_an_answer_that_repeats_is_noticed() -> None:
    """9 of 9 stretches said 188 and 19 of 19 said 322: no wait ever changed the answer."""
    answers = (187, 188, 188, 188, 188)
    script = [says(f"try {n}: \\boxed{{{answer}}}", END) for n, answer in enumerate(answers)]
    attempt = buy(ScriptedEngine(script, [BOXED]), rung(32_768, waits=17))
    assert [one.end for one in attempt.rounds] == ["natural", "natural", "converged"]


def test_bug_4_a_repeat_may_be_pressed_on() -> None:
    """s1's own count is fixed: it can be had, and escalation may ask for one wait more after a repeat."""
    script = [says("\\boxed{188}", END)] * 9
    fixed = buy(ScriptedEngine(script, [BOXED]), rung(512, waits=6), replace(PLAIN, stop_on_repeat=False))
    assert [one.end for one in fixed.rounds] == ["natural"] * 7
    engine = ScriptedEngine(script, [BOXED] * 2)
    first = buy(engine, rung(512, waits=6))
    assert (first.waits, buy(engine, rung(512, waits=2), after=first, arm="wait").waits) == (1, 2)


def test_bug_5_generated_ids_are_sent_back_as_they_were() -> None:
    """The text was tokenised again in each round: other ids, another count, all of it prefilled anew."""
    pieces = (300, 301, 302, 304)  # the codec would write each of these as several ids
    engine = ScriptedEngine([(*pieces, END), (*pieces[::-1], END)], [BOXED])
    attempt = buy(engine, rung(64, waits=1))
    assert thinking_ids(engine) == (*pieces, *says("Wait"), *pieces[::-1])
    assert attempt.usage.thinking == 4 + 1 + 4 + 1
    for before, after in pairwise(engine.calls):
        assert after.made.cached == len(before.ids) + len(before.made.ids)
    read = sum(call.made.prefilled for call in engine.calls)
    assert read == len(QUESTION.open) + len("Wait") + len((END, *says("\n\n")))


def test_bug_6_the_end_is_a_token_and_not_a_text() -> None:
    """`stop="</think>"` matched the literal text too."""
    engine = ScriptedEngine([(*says("the tag </think> and "), 303, *says(" end a thought"), END)], [BOXED])
    attempt = buy(engine, rung(64))
    assert attempt.thinking == "the tag </think> and </think> end a thought"
    assert all(isinstance(one, int) for call in engine.calls for one in call.stop_ids)


def test_bug_6_a_wait_cannot_close_the_thinking() -> None:
    engine = ScriptedEngine([says("a", END), says("b", END)], [BOXED])
    buy(engine, rung(64, waits=1), replace(PLAIN, waits=("</think><|im_end|>",), closing="</think>"))
    assert thinking_ids(engine) == says("a</think><|im_end|>b")


def test_bug_7_the_end_is_forced_as_the_template_writes_it() -> None:
    r"""It closed with "\n</think>\n", with no phrase; Qwen3 writes "\n</think>\n\n" after one of its own."""
    style = Style(closing="\n\nI have to answer now.\n", answer_prefix="Final Answer:")
    engine = ScriptedEngine([Forever("so ")], [says(" 4", STOP)])
    attempt = buy(engine, rung(64), style)
    tail = (*says("\n\nI have to answer now.\n"), END, *says("\n\nFinal Answer:"))
    assert engine.calls[-1].ids[-len(tail) :] == tail
    assert attempt.text == "Final Answer: 4"


def test_bug_7_the_answer_has_its_room_in_the_window() -> None:
    """The answer was given 4,096 tokens whatever the model's window."""
    for window in range(1, 120):
        check_room(window)


def check_room(window: int) -> None:
    engine = ScriptedEngine([Forever("so ")], [Forever("x")], context_window=window)
    try:
        buy(engine, rung(64, answer_room=20))
    except InputError:
        assert window <= len(QUESTION.open) + 3
        return
    last = engine.calls[-1]
    assert len(last.ids) + last.max_tokens <= window
    assert last.max_tokens == 20 or len(engine.calls) == 1


def test_bug_8_braces_reach_the_model_as_they_were_written() -> None:
    r"""`\\boxed{{}}` stood in a string that was not formatted: the prompt really said `\boxed{{}}`."""
    style = replace(PLAIN, waits=("{x}",), closing="{{}}", answer_prefix="\\boxed{")
    engine = ScriptedEngine([says("a", END), Forever("b")], [says("4}", STOP)])
    attempt = buy(engine, rung(12, waits=1), style)
    assert thinking_ids(engine) == says("a{x}bbb{{}}")
    assert (attempt.text, attempt.answer) == ("\\boxed{4}", "4")


@pytest.mark.parametrize("text", ["<think>\n", "</think>", "a<think>b</think>\\boxed{7}<|im_end|>"])
def test_bug_9_tags_in_a_question_change_no_count(text: str) -> None:
    """`split("<think>\\n")[-1]` counted from a tag in the user's text, or all if there was none."""
    for opened in ((THINK,), ()):
        prompt = Prompt(open=(*says(text), *opened), closed=(*says(text), THINK, END))
        engine = ScriptedEngine([Forever("so ")], [BOXED])
        attempt = buy(engine, rung(30), prompt=prompt)
        assert (attempt.usage.thinking, attempt.rounds) == (30, (Round(30, 0, "budget"),))
        assert (attempt.thinking, attempt.answer) == ("so " * 10, "4")


def test_bug_10_the_length_of_the_question_changes_no_budget() -> None:
    """`max_token` added the length of the prompt to the budget, and was then never used."""
    for length in (1, 5000):
        prompt = Prompt(open=(*says("q" * length), THINK), closed=())
        assert buy(ScriptedEngine([Forever("so ")], [BOXED]), rung(30), prompt=prompt).usage.thinking == 30


def test_bug_10_several_at_once_do_not_mix() -> None:
    """One prompt at a time, and output files named by the second."""

    async def several(count: int) -> list[Attempt]:
        engine = ScriptedEngine([says("2+2=5", END), says(" no, 4", END)], [BOXED], yields=True)
        bought = [
            think_within_budget(engine, QUESTION, rung(8 + 4 * n, waits=1), style=PLAIN, sampling=Sampling(),
                  session=str(n), index=n, arm="first")
            for n in range(count)
        ]  # fmt: skip
        return await asyncio.gather(*bought)

    for n, attempt in enumerate(asyncio.run(several(8))):
        engine = ScriptedEngine([says("2+2=5", END), says(" no, 4", END)], [BOXED])
        alone = buy(engine, rung(8 + 4 * n, waits=1), index=n)
        seconds = replace(attempt.usage, seconds=alone.usage.seconds)
        assert replace(attempt, usage=seconds) == alone


def test_bug_11_two_waits_are_two_rounds_of_one_wait() -> None:
    """The readme read "2x Wait" as the string "Wait, Wait"; and it waited until the budget was full."""
    engine = ScriptedEngine([says(" a", END), says(" b", END), says(" c", END), says(" d", END)], [BOXED])
    attempt = buy(engine, rung(512, waits=2), Style())
    assert attempt.thinking == " aWait bWait c"
    assert (attempt.waits, attempt.finish) == (2, "natural")
    assert run(engine.close()) is None

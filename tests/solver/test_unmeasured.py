"""Without a profile a solve is a plain call with a net: every token beyond it is spent on evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive import Options, build_solver
from adaptive.profile.untrained import build_untrained_profile
from adaptive.types.attempt import Attempt
from adaptive.verify.check_function import Function
from tests.reason.test_plain import Instruct
from tests.support.scripted import END, STOP, ByteCodec, ScriptedEngine, says
from tests.support.solving import ask

WINDOW = 4000
NEVER = Function(lambda question, answer: False)


class Instructed(ScriptedEngine):
    """An instruct model that says one reply a call, in order, whatever was sent."""

    def _next_ids(self, state: Any, ids: Sequence[int]) -> Any:
        yield from next(state.answers, says("nothing more", STOP))
        while True:
            yield STOP


def instruct(*replies: str | Sequence[int]) -> Instructed:
    said = [says(one, STOP) if isinstance(one, str) else one for one in replies]
    return Instructed(answers=said, codec=Instruct(), context_window=WINDOW, keeps_cache=False)


def thinker(*stretches: str, answers: Sequence[str] = ("\\boxed{7}",)) -> ScriptedEngine:
    return ScriptedEngine(
        thinking=[says(one, END) for one in stretches],
        answers=[says(one, STOP) for one in answers],
        context_window=WINDOW,
    )


def solve(engine: Any, options: Options | None = None, **how: Any) -> dict[str, Any]:
    profile = build_untrained_profile(engine.name, engine.context_window)
    solver = build_solver(engine, profile=profile, options=options, **how)
    result: dict[str, Any] = solver.invoke(ask("2+2?"))["adaptive_result"]
    return result


def arms(result: dict[str, Any]) -> list[str]:
    return [a["arm"] for a in result["attempts"]]


def endless(text: str) -> tuple[int, ...]:
    return tuple(islice(cycle(text.encode()), 3 * WINDOW))


@pytest.mark.parametrize(
    "engine", [instruct("Four."), instruct("\\boxed{4}"), thinker("hm", answers=["It is four."]), thinker("hm")]
)
def test_one_call_and_nothing_is_verified(engine: ScriptedEngine) -> None:
    result = solve(engine)
    (call,) = engine.calls
    prompt = engine.codec.render([("user", "2+2?")], "default").open
    assert (call.ids, call.stop_ids, call.max_tokens + len(prompt)) == (prompt, (STOP,), WINDOW) or (
        engine.codec.markers.think_end is not None  # the room for a forced answer is held back
        and (call.ids, call.stop_ids) == (prompt, (STOP,))
    )
    assert (len(result["attempts"]), result["accepted"], result["status"]) == (1, None, "answered")
    assert result["stopped"] == "not verified: no profile, no check"
    (attempt,) = result["attempts"]
    assert (attempt["effort"], attempt["rung"], attempt["verdict"]["accepted"]) == ("default", 0, None)
    assert result["usage"]["injected"] == 0
    assert result["difficulty"]["level"] in ("easy", "medium", "hard")
    assert result["notes"] == []


@pytest.mark.parametrize("score", ["1", "0", "z"])
def test_no_confidence_accepts_or_rejects(score: str) -> None:
    assert solve(instruct(score * 9))["accepted"] is None
    assert len(solve(instruct(score * 9))["attempts"]) == 1


def test_what_a_check_accepts_is_accepted_in_one_attempt() -> None:
    result = solve(instruct("four"), check=Function(lambda question, answer: answer == "four"))
    assert (arms(result), result["accepted"], result["stopped"]) == (["first"], True, "accepted")


def test_a_failed_check_is_followed_by_a_vote_on_answers_that_can_be_compared() -> None:
    engine = instruct("\\boxed{5}", "\\boxed{4}")
    result = solve(engine, check=Function(lambda question, answer: answer == "4"))
    assert arms(result)[:2] == ["first", "vote"]
    assert (result["answer"], result["accepted"]) == ("4", True)


def test_free_text_is_never_voted_on() -> None:
    text = "It is a long answer in words that no other answer will ever be the same as."
    result = solve(instruct(text), check=NEVER)
    assert (arms(result), result["accepted"]) == (["first"], False)
    assert "cannot be compared" in result["stopped"]


def test_a_check_that_cannot_tell_is_no_evidence() -> None:
    def check(question: str, answer: str) -> bool:
        raise RuntimeError("broken")

    result = solve(instruct("\\boxed{5}"), check=Function(check))
    assert (arms(result), result["accepted"]) == (["first"], None)
    assert result["stopped"].startswith("not verified: the check")


def test_a_loop_is_followed_by_samples_until_they_agree_and_stays_unverified() -> None:
    engine = instruct(endless("and round we go "), *["\\boxed{4}"] * 8)
    result = solve(engine)
    assert arms(result)[0] == "first"
    assert 2 <= arms(result).count("vote") <= 5
    assert (result["answer"], result["accepted"], result["status"]) == ("4", None, "answered")
    assert "answers agree" in result["stopped"]


def test_after_a_loop_the_first_free_text_is_the_answer() -> None:
    text = "It is a long answer in words that no other answer will ever be the same as."
    result = solve(instruct(endless("and round we go "), *[text] * 8))
    # The samples have a session of their own, in which the script begins with the loop again.
    assert (arms(result), result["answer"], result["accepted"]) == (["first", "vote", "vote"], text, None)


def test_thinking_in_a_loop_answers_in_the_same_attempt_and_is_rejected() -> None:
    engine = thinker()
    engine.thinking = [endless("and round we go ")]
    result = solve(engine, Options(max_attempts=1))
    assert (arms(result), result["accepted"], result["answer"]) == (["first"], False, "7")
    assert "loop" in result["attempts"][0]["verdict"]["reason"]


@pytest.mark.parametrize("budget", [1, 5, 40])
def test_a_budget_that_is_asked_for_forces_the_end_at_exactly_that(budget: int) -> None:
    engine = thinker("a thought of more than forty bytes, which goes on and on")
    result = solve(engine, Options(budget=budget))
    (attempt,) = result["attempts"]
    assert [(r["tokens"], r["end"]) for r in attempt["rounds"]] == [(budget, "budget")]
    assert (attempt["effort"], result["accepted"], result["answer"]) == ("low", None, "7")


def test_a_low_effort_that_is_cut_goes_on_to_the_next_budget() -> None:
    engine = thinker("x" * 200)
    result = solve(engine, Options(effort="low"))
    assert arms(result) == ["first", "budget"]
    assert (result["attempts"][0]["budget"], result["attempts"][0]["finish"]) == (WINDOW // 4 // 16, "budget")
    assert (result["attempts"][1]["finish"], result["accepted"]) == ("natural", None)


def test_a_wait_follows_only_if_it_was_asked_for() -> None:
    for options, expected in (
        (Options(samples=0), ["first", "effort"]),
        (Options(waits=1, samples=0), ["first", "wait"]),
    ):
        result = solve(thinker("hm", "hm again", answers=["\\boxed{5}", "\\boxed{6}"]), options, check=NEVER)
        assert arms(result)[:2] == expected


def test_limits_of_the_caller_hold() -> None:
    engine = instruct(*["\\boxed{5}"] * 20)
    assert len(solve(engine, Options(max_attempts=1), check=NEVER)["attempts"]) == 1
    prompt = len(engine.codec.render([("user", "2+2?")], "default").open)
    result = solve(instruct("a very long answer"), Options(max_tokens=prompt + 6))
    assert (result["text"], result["status"], len(result["attempts"])) == ("a very", "starved", 1)


def test_named_verifiers_are_asked_as_before() -> None:
    result = solve(instruct("\\boxed{4}"), Options(verify="rules"))
    assert (result["accepted"], len(result["attempts"])) == (True, 1)


@settings(max_examples=60, deadline=None)
@given(
    replies=st.lists(st.sampled_from(["\\boxed{4}", "\\boxed{5}", "four", "", "\\boxed{4", "so it goes " * 20]),
                     min_size=1, max_size=12),
    checked=st.booleans(),
    most=st.integers(1, 4),
)  # fmt: skip
def test_a_second_attempt_has_evidence_before_it(replies: list[str], checked: bool, most: int) -> None:
    options = Options(max_attempts=most)
    check = {"check": Function(lambda question, answer: answer == "4")} if checked else {}
    result = solve(instruct(*replies), options, **check)
    attempts = [Attempt.from_json({**a, "trace": (), "model": 0}) for a in result["attempts"]]
    first = attempts[0]
    assert first.verdict is not None
    if len(attempts) > 1:
        assert first.verdict.rejected
    else:
        assert first.verdict.accepted is not True or checked
    kept = attempts[result["kept"]].verdict
    assert kept is not None
    level = {True: 2, None: 1, False: 0}
    assert level[kept.accepted] == max(level[a.verdict.accepted] for a in attempts if a.verdict)
    if not checked:
        assert result["accepted"] is not True


def test_the_prompt_is_the_template_alone() -> None:
    engine = instruct("hello")
    profile = build_untrained_profile(engine.name, engine.context_window)
    messages = [("system", "Be brief."), ("user", "2+2?"), ("ai", "4"), ("user", "3+3?")]
    build_solver(engine, profile=profile).invoke({"messages": messages})
    turns = [("system", "Be brief."), ("user", "2+2?"), ("assistant", "4"), ("user", "3+3?")]
    assert engine.calls[0].ids == engine.codec.render(turns, "default").open


def test_markers_that_a_model_need_not_know_make_it_think() -> None:
    class Marked(ByteCodec):
        markers = replace(Instruct.markers, name="prompted")

        def render(self, messages: Any, effort: Any) -> Any:
            return Instruct().render([*messages, ("", f"<{effort}>")], effort)

    engine = Instructed(
        answers=[says("hm", STOP), says("\\boxed{4}", STOP)], codec=Marked(), context_window=WINDOW
    )
    profile = build_untrained_profile(engine.name, WINDOW)
    plain = build_solver(engine, profile=profile).invoke(ask("2+2?"))["adaptive_result"]
    assert plain["attempts"][0]["effort"] == "default"
    named = build_solver(engine, profile=profile, engine={"markers": "prompted"}).invoke(ask("2+2?"))
    (attempt,) = named["adaptive_result"]["attempts"]
    assert (attempt["effort"], attempt["finish"], attempt["thinking"]) == ("medium", "natural", "hm")


def test_without_adapting_the_waits_that_were_asked_for_are_made() -> None:
    result = solve(thinker("hm", "hm again", "and again"), Options(adapt=False, waits=2))
    (attempt,) = result["attempts"]
    assert (attempt["waits"], attempt["effort"], len(attempt["rounds"])) == (2, "default", 3)
    assert len(solve(thinker("hm", "hm again"), Options(waits=2))["attempts"][0]["rounds"]) == 1

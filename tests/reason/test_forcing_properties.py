"""Budget forcing on the scripted engine: 1,000 cases in the profile `ci`, 10,000 by `make many`.

`invariants.py` has what always holds.

A case is a question asked by several attempts on one chain, with budgets that grow (and now and then
shrink), any waits and wait strings, any script of early ends, and any context window. Then the same with early
stops on.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, cycle, islice

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from adaptive.engines.protocol import Prompt
from adaptive.reason.budget import Style
from adaptive.types.ladder import Rung
from adaptive.types.stops import Stops
from tests.reason.invariants import Case
from tests.support.scripted import END, PIECES, STOP, THINK, ScriptedEngine, run

ALPHABET = (*b"so 12 \\boxed{7}. ", *"π🙂".encode(), *PIECES)
MARK = {"end": (END,), "turn": (STOP,), "none": ()}

CASES = settings.default.max_examples  # type: ignore[union-attr]

# Few draws a case keep many cases cheap: a stretch is one number.
LENGTHS = (*range(16), *range(20, 100, 7), 150, 300, 511, 512, 600)
ENDS = ("end", "end", "end", "turn", "none")
WAITS = ("Wait", "", "\nWait!\n", "</think>", "Hmm, π", "Was there any loophole in my thought just now?!")
ANSWERS = (
    "\\boxed{12}", "12}", "12", "", " ", "\\boxed{12", "\\boxed{}", "or\ufffd", "<think>so 5</think>\n12",
    "<think>so", "</think>12", "<answer>12</answer>",
)  # fmt: skip
AFTER = ((STOP,), (END, 97, STOP), (THINK, *b"again"), tuple(b" and on" * 9))

stretches = st.lists(st.sampled_from([(n, end) for n in LENGTHS for end in ENDS]), max_size=6)
waits = st.one_of(st.sampled_from([(a, b) for a in WAITS for b in WAITS]), st.tuples(st.text(max_size=12)))
tails = st.sampled_from(
    [(c, h, p) for c in ("", "\n", " So I answer now.") for h in ("\n\n", "") for p in ("", "\\boxed{")]
)
budgets = st.one_of(st.integers(0, 12), st.integers(0, 512))
purchases = st.lists(st.tuples(budgets, st.integers(0, 50)), min_size=1, max_size=3)
windows = st.one_of(st.integers(1, 800), st.just(100_000))
replies = st.sampled_from([(*text.encode(), *after) for text in ANSWERS for after in AFTER])
answers = st.lists(replies, min_size=3, max_size=3)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any case; scripts are slices of one alphabet, so that shrinking has only lengths and ends to shrink."""
    closing, hand_over, prefix = draw(tails)
    style = Style(draw(waits), closing, hand_over, prefix, draw(st.integers(1, 12)), draw(st.booleans()))
    drawn, room, grows = draw(purchases), draw(st.integers(1, 40)), draw(st.integers(0, 4))
    rungs = [Rung("low", budget, n, room) for budget, n in (sorted(drawn) if grows else drawn)]
    prompt = Prompt(open=(*range(97, 97 + draw(st.integers(0, 20))), THINK), closed=(97, THINK, END))
    script = played(draw(stretches), draw(st.integers(1, 8)), same=draw(st.booleans()))
    keeps, watched = draw(st.booleans()), draw(st.booleans())
    engine = ScriptedEngine(script, draw(answers), draw(windows), keeps_cache=keeps)
    return Case(prompt, style, rungs, engine, keeps_cache=keeps, watched=watched)


def played(
    drawn: list[tuple[int, str]], times: int, *, same: bool, alphabet: tuple[int, ...] = ALPHABET
) -> list[tuple[int, ...]]:
    """Stretches of these lengths and ends, `times` over; all starting with the same ids, or each going on."""
    starts = accumulate((0 if same else n for n, _ in drawn), initial=0)
    return [
        (*islice(cycle(alphabet), start, start + n), *MARK[end])
        for start, (n, end) in zip(starts, drawn, strict=False)
    ] * times


@settings(max_examples=5 * CASES, suppress_health_check=list(HealthCheck))
@given(cases())
def test_budget_forcing_always_holds(case: Case) -> None:
    for bought in run(case.check()):
        event(f"{min(3, len(bought.thinking))} rounds or more, finish {bought.attempt.finish}")


NEVER = 10**9
PROSE = (*b"so it is 4. ", *b"but 12 is 3\n", *b"and so. ", *PIECES, *b"\n")
LOOKS = tuple((*text.encode(), STOP) for text in ("4}", "4} and", "}", "12}", "", "\\boxed{4}"))

stopped = st.builds(
    Stops,
    loop=st.booleans(),
    probe_every=st.integers(1, 40),
    converged=st.sampled_from((0, 2, 3)),
    confident=st.none() | st.floats(0, 1),
    probe_room=st.integers(1, 12),
)


@st.composite
def stopping(draw: st.DrawFn) -> Case:
    """Any case with an answer prefix, mostly, and early stops on."""
    case = draw(cases())
    prefix = draw(st.sampled_from(("\\boxed{", "\\boxed{", "Answer: ", "")))
    script = played(draw(stretches), 3, same=draw(st.booleans()), alphabet=PROSE)
    answers = draw(st.lists(st.sampled_from(LOOKS), min_size=1, max_size=4)) * 40
    window = draw(st.sampled_from((case.engine.context_window, 100_000)))
    engine = replace(case.engine, thinking=script, answers=answers, context_window=window)
    return replace(case, style=replace(case.style, answer_prefix=prefix), engine=engine, stops=draw(stopped))


@settings(max_examples=max(10, CASES // 2), suppress_health_check=list(HealthCheck))
@given(stopping())
def test_budget_forcing_always_holds_with_early_stops(case: Case) -> None:
    for bought in run(case.check()):
        event(f"{min(3, len(bought.probes))} probes or more, finish {bought.attempt.finish}")


@settings(suppress_health_check=list(HealthCheck))
@given(stopping(), st.integers(1, 40))
def test_probes_that_stop_nothing_change_nothing(case: Case, every: int) -> None:
    looking = Stops(loop=False, probe_every=every, converged=NEVER)
    plain, looked = (
        run(replace(case, stops=stops, engine=replace(case.engine)).check())
        for stops in (Stops(loop=False), looking)
    )
    assert [b.attempt.trace for b in looked] == [b.attempt.trace for b in plain]
    assert [b.attempt.rounds for b in looked] == [b.attempt.rounds for b in plain]
    assert [b.attempt.weakest for b in looked] == [b.attempt.weakest for b in plain]
    for one, other in zip(looked, plain, strict=True):
        for name in ("thinking", "injected"):
            assert getattr(one.attempt.usage, name) == getattr(other.attempt.usage, name)
    event(f"{min(3, sum(len(b.probes) for b in looked))} probes or more")

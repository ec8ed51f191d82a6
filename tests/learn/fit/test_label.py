from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from adaptive.engines.protocol import Generation, Sampling
from adaptive.errors import AdaptiveError, InputError
from adaptive.learn.data.questions import Question
from adaptive.learn.fit.graded import Record
from adaptive.learn.fit.label import Labeller, audit_share, chance
from adaptive.reason.budget import Style
from adaptive.types.ladder import Ladder, Rung
from tests.learn.toy import ToyEngine
from tests.support.scripted import Forever, ScriptedEngine, run

LADDER = Ladder((Rung("none", 0), Rung("low", 16), Rung("low", 32), Rung("high", 40), Rung("high", 64, waits=2)))
ONE, TWO, THREE, FOUR = (Question(q, f"What is {q} + 1?", str(int(q) + 1)) for q in ("3", "31", "314", "3141"))


def labeller(engine: ToyEngine | ScriptedEngine, *, audit: float = 0.0, style: Style = Style()) -> Labeller:  # noqa: B008
    return Labeller(engine, LADDER, style, Sampling(), audit)


def label(question: Question, *, audit: float = 0.0, style: Style = Style()) -> Record:  # noqa: B008
    return asyncio.run(labeller(ToyEngine(), audit=audit, style=style).label(question))


@pytest.mark.parametrize(
    ("question", "rung", "efforts"),
    [(ONE, 0, []), (TWO, 2, ["low"]), (THREE, 4, ["low", "high"]), (FOUR, 5, ["low", "high"])],
)
def test_the_label_is_the_cheapest_rung_that_solves_it(question: Question, rung: int, efforts: list[str]) -> None:
    record = label(question)
    assert record.find_label(len(LADDER)) == rung
    assert [c.effort for c in record.chains] == efforts
    assert not record.audited


def test_a_chain_fits_only_where_its_closing_phrase_would_not_cut_it() -> None:
    assert label(TWO).chains[0].thinking == 21
    ladder = Ladder((Rung("none", 0), Rung("low", 21), Rung("low", 22), Rung("low", 40)))
    for closing, rung in (("", 1), (".", 2), ("....", 3)):
        made = replace(labeller(ToyEngine(), style=Style(closing=closing)), ladder=ladder)
        assert asyncio.run(made.label(TWO)).find_label(4) == rung


def test_on_audited_questions_everything_is_run() -> None:
    record = label(ONE, audit=1.0)
    assert record.audited
    assert [c.effort for c in record.chains] == ["low", "high"]
    assert record.find_label(len(LADDER)) == 0


def test_what_is_written_down_of_an_attempt() -> None:
    record = label(TWO)
    assert record.direct.answer == "33"
    assert not record.direct.correct
    assert record.direct.confidence is not None
    assert record.direct.confidence < record.chains[0].confidence  # type: ignore[operator]
    chain = record.chains[0]
    assert (chain.answer, chain.budget, chain.status, chain.finish) == ("32", 32, "answered", "natural")
    assert chain.made > chain.thinking


def test_a_chain_that_was_cut_needs_the_largest_budget() -> None:
    engine = ScriptedEngine(thinking=[Forever("x")], answers=[b"\\boxed{7}", b"\\boxed{32}"])
    record = run(labeller(engine).label(TWO))
    assert record.chains[0].finish == "budget"
    assert record.find_label(len(LADDER)) == 2


def test_no_waits_are_bought_and_every_session_is_released() -> None:
    engine = ToyEngine()
    questions = [ONE, TWO, THREE, FOUR]
    found: dict[Question, object] = {}
    asyncio.run(labeller(engine).run(questions, 2, found.__setitem__))
    assert list(found) == questions or set(found) == set(questions)
    assert len(set(engine.released)) == 4


def test_a_question_that_does_not_fit_is_told_and_the_others_go_on() -> None:
    engine = ToyEngine()
    long = Question("long", "What is 1 + 1?" + " " * 3000, "2")
    found: dict[Question, object] = {}
    asyncio.run(labeller(engine).run([long, ONE], 1, found.__setitem__))
    assert isinstance(found[long], InputError)
    assert isinstance(found[ONE], Record)


def test_an_engine_that_fails_ends_the_run() -> None:
    class Failing(ToyEngine):
        async def generate(self, ids: object, **_: object) -> Generation:  # type: ignore[override]
            raise AdaptiveError("the model is gone.")

    with pytest.raises(AdaptiveError, match="the model is gone"):
        asyncio.run(labeller(Failing()).run([ONE, TWO, THREE], 2, lambda *_: None))


@pytest.mark.parametrize("budgets", [(0,), (16, 32), (0, 0, 16)])
def test_a_ladder_needs_a_rung_that_does_not_think_and_one_that_does(budgets: tuple[int, ...]) -> None:
    ladder = Ladder(tuple(Rung("low" if b else "none", b) for b in budgets))
    with pytest.raises(InputError, match="starts with a rung that does not think"):
        Labeller(ToyEngine(), ladder, Style(), Sampling())


@pytest.mark.parametrize(("questions", "share"), [(0, 1.0), (1000, 1.0), (2000, 0.5), (100_000, 0.2)])
def test_how_many_are_audited(questions: int, share: float) -> None:
    assert audit_share(questions) == share


def test_chance_is_even_and_the_same_each_time() -> None:
    found = [chance(f"q{i}") for i in range(2000)]
    assert found[:3] == [chance(f"q{i}") for i in range(3)]
    assert sum(c < 0.2 for c in found) == pytest.approx(400, abs=60)

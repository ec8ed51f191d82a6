"""A steered chain gives what rounds give, token for token.

1,000 cases in the profile `ci`, 10,000 by `make many`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from adaptive.engines.protocol import Prompt, Sampling
from adaptive.errors import InputError
from adaptive.reason.budget import Style
from adaptive.reason.chain import Thought
from adaptive.reason.forcing import think_within_budget
from adaptive.types.attempt import Attempt
from adaptive.types.events import Event
from adaptive.types.ladder import Rung
from adaptive.types.stops import Stops
from tests.support.scripted import END, THINK, run
from tests.support.steering_engine import FunctionEngine

CASES = settings.default.max_examples  # type: ignore[union-attr]
GREEDY = Sampling()
PROMPT = Prompt(open=(97, 98, THINK), closed=(97, 98, THINK, END))


@dataclass(frozen=True)
class Case:
    """Rungs that are bought one after the other on one chain."""

    engine: FunctionEngine
    style: Style
    rungs: tuple[Rung, ...]
    loop: bool
    prompt: Prompt = PROMPT
    sampling: Sampling = GREEDY

    def buy(self, *, steers: bool) -> list[tuple[Attempt, list[Event]]]:
        """The attempts and their events, as far as the window has room."""
        engine = replace(self.engine, steers=steers)
        bought: list[tuple[Attempt, list[Event]]] = []
        for index, rung in enumerate(self.rungs):
            events: list[Event] = []
            thought = Thought.from_attempt(bought[-1][0]) if bought else Thought()
            work = think_within_budget(
                engine, self.prompt, rung, style=self.style, stops=Stops(loop=self.loop), thought=thought,
                sampling=self.sampling, session="one", index=index, arm="first", on_event=events.append,
            )  # fmt: skip
            try:
                bought.append((run(work), events))
            except InputError:
                break
        return bought


STYLES = st.builds(
    Style,
    st.sampled_from([("Wait",), ("Wait", "Hmm, π"), ("so ", "1"), ("Was there any loophole just now?!",)]),
    st.sampled_from(["", "\n", " So I answer now."]),
    st.sampled_from(["\n\n", ""]),
    st.sampled_from(["", "\\boxed{"]),
    st.integers(1, 12),
    st.booleans(),
)
BUDGETS = st.one_of(st.integers(1, 12), st.integers(1, 300))
RUNGS = st.lists(
    st.builds(Rung, st.just("low"), BUDGETS, st.integers(0, 6), st.integers(1, 30)), min_size=1, max_size=3
)
ENGINES = st.builds(
    FunctionEngine,
    st.integers(0, 2**20),
    st.sampled_from([2, 3, 5, 40]),
    st.sampled_from([0, 4, 12, 40, 120, 250]),
    st.sampled_from([0, 0, 0, 1, 2, 7, 40]),
    context_window=st.sampled_from([20, 60, 130, 400, 100_000, 100_000, 100_000]),
)
SAMPLINGS = st.sampled_from([GREEDY, GREEDY, Sampling(temperature=0.8)])
CASE = st.builds(Case, ENGINES, STYLES, RUNGS.map(tuple), st.booleans(), sampling=SAMPLINGS)


def compare(event: Event) -> Any:
    return {name: value for name, value in event.items() if name != "seconds"}


def merge_texts(events: list[Event]) -> list[Event]:
    """Events with the texts of one kind in a row joined: how they come in pieces is no matter."""
    merged: list[Event] = []
    for one in events:
        if merged and one["event"] in ("thinking", "answer") and merged[-1]["event"] == one["event"]:
            before = merged[-1]
            merged[-1] = {
                **before,
                "text": before["text"] + one["text"],
                "tokens": before["tokens"] + one["tokens"],
            }
        else:
            merged.append(one)
    return merged


def without_reading(attempt: Attempt) -> Attempt:
    """The attempt without what was read and how long it took: one request reads otherwise than several."""
    return replace(attempt, usage=replace(attempt.usage, prompt=0, cached=0, seconds=0.0))


@settings(max_examples=5 * CASES, suppress_health_check=list(HealthCheck))
@given(CASE)
def test_it_is_the_attempt_that_rounds_make(case: Case) -> None:
    steered, rounds = case.buy(steers=True), case.buy(steers=False)
    assert len(steered) == len(rounds)
    for (one, said), (other, said_in_rounds) in zip(steered, rounds, strict=True):
        assert without_reading(one) == without_reading(other)
        assert merge_texts(said) == merge_texts(said_in_rounds)
        event(f"{min(3, len(one.rounds))} rounds or more, {one.waits > 0}, finish {one.finish}")


def make(engine: FunctionEngine, **more: Any) -> Attempt:
    return run(
        think_within_budget(
            engine, PROMPT, Rung("low", 120, 2, 20), style=Style(answer_prefix="\\boxed{"), sampling=GREEDY,
            session="one", index=0, arm="first", **more,
        )
    )  # fmt: skip


def test_an_attempt_with_waits_is_one_request() -> None:
    engines = [FunctionEngine(seed, ends=12) for seed in range(40)]
    waited = [engine for engine in engines if make(engine).waits and engine.requests == 1]
    assert len(waited) > 5
    for engine in waited:
        engine.steers, engine.requests = False, 0
        attempt = make(engine)
        assert engine.requests == len(attempt.rounds) + 1


def test_probed_attempts_are_made_in_rounds() -> None:
    engine = FunctionEngine(3)
    assert make(engine, stops=Stops(converged=2, probe_every=8)).probes
    assert engine.requests > 2

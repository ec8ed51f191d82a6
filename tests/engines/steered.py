"""An attempt steered and in rounds, on one engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from adaptive._util.files import find_artifact
from adaptive.engines.protocol import Sampling, TokenEngine
from adaptive.profile.profile import Profile
from adaptive.reason.forcing import think_within_budget
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Rung
from adaptive.types.stops import Stops

STYLE = replace(
    Profile.load(find_artifact("abacus") / "profile").style, waits=("Wait", "Hmm"), closing=" So I answer now."
)


class InRounds:
    """The engine, without its steering."""

    steers = False

    def __init__(self, engine: TokenEngine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


async def attempt(engine: Any, question: str, rung: Rung, temperature: float = 0.0, loop: bool = True) -> Attempt:
    made = await think_within_budget(
        engine,
        engine.codec.render([("user", question)], "medium"),
        rung,
        style=STYLE,
        stops=Stops(loop=loop),
        sampling=Sampling(temperature=temperature, seed=3),
        session=question,
        index=0,
        arm="first",
    )
    usage = replace(made.usage, prompt=0, cached=0, seconds=0.0)
    rounded = {name: round(value, 3) for name in ("confidence", "weakest") if (value := getattr(made, name))}
    return replace(made, usage=usage, **rounded)  # type: ignore[arg-type]

"""Calls to an engine, in sessions of one test."""

from __future__ import annotations

from adaptive.engines.protocol import Generation, Halt, Sampling, TokenEngine

GREEDY = Sampling()
QUESTION = "What is 47 + 38 - 12?"


class Asker:
    """Asks `engine` in sessions whose names begin with `session`."""

    def __init__(self, engine: TokenEngine, session: str) -> None:
        self.engine, self.session = engine, session

    def prompt(self, question: str = QUESTION) -> tuple[int, ...]:
        return self.engine.codec.render([("user", question)], "medium").open

    async def __call__(
        self,
        ids: tuple[int, ...],
        tokens: int = 12,
        *,
        stop: tuple[int, ...] = (),
        sampling: Sampling = GREEDY,
        session: str = "",
        halt: Halt | None = None,
    ) -> Generation:
        name = f"{self.session} {session}"
        return await self.engine.generate(
            ids, max_tokens=tokens, stop_ids=stop, sampling=sampling, session=name, halt=halt
        )

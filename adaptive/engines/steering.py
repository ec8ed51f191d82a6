"""How an engine is asked to steer a chain of thinking inside one request.

An engine that can force tokens is sent a plan with the ids, and does what rounds do otherwise. What a plan holds,
and how the ids that come back are split into rounds again, is `adaptive.reason.steered_chain`'s.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from adaptive.engines.protocol import Generation, Sampling, TokenEngine

STEERING_KEY = "adaptive"
"""The name of our argument in a request's `extra_args` (`vllm_xargs` over HTTP)."""

ECHO = "echo"
"""A plan of this alone forces one token over and over, which shows that an engine steers."""
ECHO_TOKENS = (3, 5)
"""They are asked for after a prompt of one token; no model chooses both by itself."""

OnPart = Callable[[Sequence[int], Sequence[float | None], Sequence[bool]], None]
"""Takes the ids of a part, the log-probability of each, and whether each is the most probable one."""


@dataclass(frozen=True)
class RequestSteering:
    """What a request is steered by: a plan as JSON, and whether an end of thinking may be put off in it."""

    plan: str
    may_wait: bool


def make_echo(token: int) -> RequestSteering:
    """Return the steering of a request that gives `token`, whatever the model would choose."""
    return RequestSteering(json.dumps({ECHO: token}), may_wait=False)


@runtime_checkable
class SteeringEngine(Protocol):
    """A token engine that may be able to steer."""

    @property
    def steers(self) -> bool:
        """Whether it is able to."""
        ...

    async def generate_steered(
        self,
        ids: Sequence[int],
        *,
        steering: RequestSteering,
        max_tokens: int,
        stop_ids: Sequence[int],
        sampling: Sampling,
        session: str,
        on_part: OnPart,
    ) -> Generation:
        """Continue `ids` as `TokenEngine.generate`, with the tokens forced that the plan forces.

        Args:
            ids: The whole sequence so far.
            steering: The plan.
            max_tokens: The most new tokens, forced ones included.
            stop_ids: Any of these ends the generation, forced or not.
            sampling: How tokens are chosen.
            session: The chain's name for the engine's cache.
            on_part: Called in the caller's event loop with the new ids, part by part. It does not hear a stop id.

        Returns:
            The generation. It may end early without a stop id: the caller asks for the rest with a new plan.
        """
        ...


def find_steering(engine: TokenEngine) -> SteeringEngine | None:
    """Return the engine if it steers."""
    return engine if isinstance(engine, SteeringEngine) and engine.steers else None

"""SteeringProcessor: the one name that vLLM loads, whichever of its model runners is in use."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from adaptive._util.optional import import_optional
from adaptive.engines.steering import STEERING_KEY
from adaptive.errors import InputError
from adaptive.in_vllm.model import GREEDY_BELOW
from adaptive.in_vllm.request import check_steering
from adaptive.in_vllm.v1 import V1Steering
from adaptive.in_vllm.v2 import V2Steering

V2 = "vllm.v1.worker.gpu.sample.logits_processor"
"""Older versions of vLLM do not have it."""


def _find_bases() -> tuple[Any, ...]:
    """Return the classes that a processor must derive from, of each model runner that there is."""
    first: Any = import_optional("vllm.v1.sample.logits_processor", "vllm").LogitsProcessor
    if (
        find_spec("vllm.v1.worker.gpu") is None
        or find_spec(V2.rpartition(".")[0]) is None
        or find_spec(V2) is None
    ):
        return (first,)
    return first, import_optional(V2, "vllm").LogitsProcessor


class SteeringProcessor(*_find_bases()):  # type: ignore[misc]
    """Steers the requests that ask for it. Which runner makes it shows in its arguments."""

    def __new__(cls, vllm_config: Any, *runner: Any) -> Any:
        """Return the adapter: V1 gives a device and whether memory is pinned, V2 its state of requests."""
        return V2Steering(vllm_config, *runner) if len(runner) == 1 else V1Steering(vllm_config)

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Raise `ValueError`, which the client sees, for an argument that cannot be read."""
        arguments = sampling_params.extra_args or {}
        if STEERING_KEY not in arguments:
            return
        try:
            check_steering(arguments[STEERING_KEY], greedy=sampling_params.temperature < GREEDY_BELOW)
        except InputError as error:
            raise ValueError(str(error)) from error

"""Chains on generators of ONNX Runtime GenAI, for models whose graph `onnx_graph` does not run.

The runtime holds Python's lock while it computes. So concurrent calls take turns, token by token: what they gain
from each other is fairness, not speed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive.engines.chain_runners import ThreadRunner
from adaptive.engines.chains import Chain, ChainPool
from adaptive.engines.onnx_config import OnnxConfig
from adaptive.errors import AdaptiveError

FIRST_ROOM = 4096
"""Ids that a chain has room for at first: a generator allocates its whole cache at once, so it starts small."""

# The memory that idle chains may take, and the bounds of their number: a solve forks at least once.
_CACHE_BYTES = 1 << 30
_FEWEST_IDLE, _MOST_IDLE = 2, 64


class GeneratorChain(Chain):
    """A chain on a generator of ONNX Runtime GenAI; its room doubles when it has to grow.

    Args:
        make: Returns a new generator with room for so many ids.
        window: The most ids that a generator may have room for.
    """

    def __init__(self, make: Callable[[int], Any], window: int) -> None:
        super().__init__()
        self._make = make
        self._window = window
        self._room = 0
        self._generator: Any = None

    def reserve(self, length: int) -> None:
        """Make room for `length` ids. The cache is lost if the room has to grow."""
        if length > self._room:
            self._room = min(self._window, max(FIRST_ROOM, 1 << (length - 1).bit_length()))
            self._generator = self._make(self._room)
            self._forget()

    def _compute(self, ids: Sequence[int]) -> NDArray[np.float32]:
        self._generator.append_tokens(np.array(ids, dtype=np.int32))
        logits: NDArray[np.float32] = self._generator.get_logits()[0, -1]
        return logits

    def _crop(self, length: int) -> int:
        # No get_logits after this and before an append: it would run the queued last token a second time.
        self._generator.rewind_to(length)
        return length


@dataclass(frozen=True)
class GeneratorModel:
    """A loaded model."""

    runtime: Any
    model: Any

    def create_generator(self, room: int) -> Any:
        """Return a new generator with room for `room` ids."""
        params = self.runtime.GeneratorParams(self.model)
        params.set_search_options(max_length=room, batch_size=1, num_beams=1)
        return self.runtime.Generator(self.model, params)


def open_generator_runner(config: OnnxConfig, sessions: int | None) -> ThreadRunner:
    """Load a model and return what runs calls on it.

    Args:
        config: Its folder and configuration.
        sessions: How many caches are kept when idle; None for as many as fit in 1 GiB.

    Raises:
        AdaptiveError: The model does not load.
    """
    model = load_generator_model(config)
    new_chain = partial(GeneratorChain, model.create_generator, config.window)
    return ThreadRunner(ChainPool(new_chain, _count_idle_chains(config) if sessions is None else sessions))


def load_generator_model(config: OnnxConfig) -> GeneratorModel:
    """Load the model of a configuration; raise `AdaptiveError` if that fails."""
    og = _import_runtime()
    try:
        changed = og.Config(str(config.folder))
        changed.overlay(json.dumps({"model": {"decoder": {"session_options": config.default_options}}}))
        model = og.Model(changed)
    except RuntimeError as error:
        raise config.build_error(error) from error
    return GeneratorModel(og, model)


def _import_runtime() -> Any:
    """Import the runtime on first use: it takes longer than all else that `adaptive --help` needs."""
    # From 1.29 on ONNX Runtime reports to Microsoft unless this is set before it is loaded.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime_genai
    except ImportError as error:
        raise AdaptiveError(f"onnxruntime-genai does not load ({error}): install it again.") from error
    return onnxruntime_genai


def _count_idle_chains(config: OnnxConfig) -> int:
    """Return how many idle chains fit in the memory that they may take."""
    chain_bytes = config.bytes_per_id * min(FIRST_ROOM, config.window)
    return max(_FEWEST_IDLE, min(_MOST_IDLE, _CACHE_BYTES // chain_bytes))

"""OnnxEngine: the token engine on ONNX Runtime GenAI. No GPU, no network, no torch.

The runtime holds Python's lock while it computes. So concurrent calls take turns, token by token: what they gain
from each other is fairness, not speed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive._util.files import read_json
from adaptive.engines.chain_engine import ChainEngine
from adaptive.engines.chains import Chain
from adaptive.engines.markers import MarkerStyle
from adaptive.engines.tokenizer import FolderCodec
from adaptive.errors import AdaptiveError, InputError, to_single_line

CONFIG = "genai_config.json"
FIRST_ROOM = 4096
"""Ids that a chain has room for at first: a generator allocates its whole cache at once, so it starts small."""

# The memory that idle chains may take, and the bounds of their number: a solve forks at least once.
_CACHE_BYTES = 1 << 30
_FEWEST_IDLE, _MOST_IDLE = 2, 64


class OnnxEngine(ChainEngine):
    """A model of ONNX Runtime GenAI in a folder.

    Args:
        folder: The model's folder.
        name: The model spec.
        sessions: How many caches are kept when idle; None for as many as fit in 1 GiB.
        markers: How the model marks its thinking; None to find out.

    Raises:
        InputError: There is no model in the folder.
        AdaptiveError: The model does not load.
    """

    def __init__(
        self, folder: Path, *, name: str, sessions: int | None = None, markers: MarkerStyle | None = None
    ) -> None:
        model = load_onnx_model(folder)
        super().__init__(
            name=name,
            codec=FolderCodec(folder, markers),
            new_chain=partial(OnnxChain, model.create_generator, model.window),
            window=model.window,
            vocabulary=model.vocabulary,
            sessions=model.idle_chains if sessions is None else sessions,
        )


class OnnxChain(Chain):
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
class OnnxModel:
    """A loaded model: its context window, the size of its vocabulary, and how many chains may wait idle."""

    runtime: Any
    model: Any
    window: int
    vocabulary: int
    idle_chains: int

    def create_generator(self, room: int) -> Any:
        """Return a new generator with room for `room` ids."""
        params = self.runtime.GeneratorParams(self.model)
        params.set_search_options(max_length=room, batch_size=1, num_beams=1)
        return self.runtime.Generator(self.model, params)


def load_onnx_model(folder: Path) -> OnnxModel:
    """Load the model in `folder`; raise `InputError` or `AdaptiveError` if that fails."""
    if not folder.is_dir():
        raise InputError(f"model folder {folder} does not exist: give a folder that holds {CONFIG}.")
    facts = read_json(folder / CONFIG).get("model", {})
    og = _import_runtime()
    try:
        config = og.Config(str(folder))  # checks the types of what is read from `facts` below
        config.overlay(json.dumps({"model": {"decoder": {"session_options": _build_session_options(facts)}}}))
        model = og.Model(config)
    except RuntimeError as error:
        reason = to_single_line(error)
        raise AdaptiveError(f"the model in {folder} does not load, get its files again ({reason}).") from error
    return OnnxModel(og, model, int(facts["context_length"]), int(facts["vocab_size"]), _count_idle_chains(facts))


def _import_runtime() -> Any:
    """Import the runtime on first use: it takes longer than all else that `adaptive --help` needs."""
    # From 1.29 on ONNX Runtime reports to Microsoft unless this is set before it is loaded.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime_genai
    except ImportError as error:
        raise AdaptiveError(f"onnxruntime-genai does not load ({error}): install it again.") from error
    return onnxruntime_genai


def _build_session_options(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the session options that the folder does not set itself."""
    cores = os.cpu_count() or 1
    defaults = {
        # The runtime holds Python's lock, so calls never compute side by side: threads within a call are the
        # only use of a second core. Left alone the runtime takes half of the cores, which of two is one.
        "intra_op_num_threads": max(min(cores, 2), cores // 2),
        # Measured with 8 M parameters on two cores, against one thread (470 tokens a second): two that spin
        # while they wait 1.7 times as fast, two that sleep 1.4; with other work on the cores 0.5 and 0.9.
        "session.intra_op.allow_spinning": "0",
        # Errors are raised, and reported once, by us.
        "log_severity_level": 4,
    }
    own = facts.get("decoder", {}).get("session_options", {})
    return {name: value for name, value in defaults.items() if name not in own}


def _count_idle_chains(facts: dict[str, Any]) -> int:
    """Return how many idle chains fit in the memory that they may take."""
    decoder = facts.get("decoder", {})
    shape = ("num_hidden_layers", "num_key_value_heads", "head_size")
    layers, heads, size = (int(decoder.get(name, 1)) for name in shape)
    chain_bytes = 2 * 4 * layers * heads * size * min(FIRST_ROOM, int(facts["context_length"]))
    return max(_FEWEST_IDLE, min(_MOST_IDLE, _CACHE_BYTES // chain_bytes))

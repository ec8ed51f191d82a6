"""OnnxEngine: the token engine on ONNX Runtime. No GPU, no network, no torch.

The decoder graphs that the exporter of ONNX Runtime GenAI writes are run here, all calls side by side in one
batch. Models of other forms are left to ONNX Runtime GenAI, one call after the other.
"""

from __future__ import annotations

from pathlib import Path

from adaptive.engines.chain_engine import ChainEngine
from adaptive.engines.chain_runners import BatchRunner, ChainRunner
from adaptive.engines.chains import ChainPool
from adaptive.engines.markers import MarkerStyle
from adaptive.engines.onnx_config import OnnxConfig
from adaptive.engines.onnx_genai import open_generator_runner
from adaptive.engines.onnx_graph import GraphBatch, open_graph
from adaptive.engines.tokenizer import FolderCodec

ROWS = 64
"""The most calls in a batch: more gain little, since each reads keys and values of its own."""

# Idle chains, and the memory that they may take.
_MOST_IDLE, _IDLE_BYTES = 1024, 1 << 30


class OnnxEngine(ChainEngine):
    """A model in a folder in the format of ONNX Runtime GenAI.

    Args:
        folder: The model's folder.
        name: The model spec.
        sessions: How many caches are kept when idle; None for as many as fit in 1 GiB.
        markers: How the model marks its thinking; None to find out.

    Raises:
        InputError: There is no model in the folder.
        AdaptiveError: The model does not load.
    """

    parallel = 32

    def __init__(
        self, folder: Path, *, name: str, sessions: int | None = None, markers: MarkerStyle | None = None
    ) -> None:
        config = OnnxConfig.read(folder)
        runner = _open_batch_runner(config, sessions) or open_generator_runner(config, sessions)
        codec = FolderCodec(folder, markers)
        super().__init__(name=name, codec=codec, runner=runner, window=config.window, vocabulary=config.vocabulary)


def _open_batch_runner(config: OnnxConfig, sessions: int | None) -> ChainRunner | None:
    """Load a model and return what runs calls on it; None if its graph is of another form."""
    graph = open_graph(config)
    if graph is None:
        return None
    batch = GraphBatch(graph, config.window)
    pool = ChainPool(batch.new_chain, _MOST_IDLE if sessions is None else sessions, _IDLE_BYTES)
    return BatchRunner(pool, batch, ROWS)

"""OnnxEngine: the token engine on ONNX Runtime GenAI. No GPU, no network, no torch.

The runtime holds Python's lock while it computes. Several calls at once therefore take turns, token by token,
and what they gain from each other is fairness, not speed.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from adaptive.engines.chain_engine import ChainEngine
from adaptive.engines.chains import OnnxChain
from adaptive.engines.codec import FolderCodec
from adaptive.engines.markers import MarkerStyle
from adaptive.engines.onnx_model import load_model


class OnnxEngine(ChainEngine):
    """The model in `folder`, named by the spec `name`; `sessions` caps how many caches are kept when idle.

    markers: how it marks its thinking, None to find out. Raises `InputError` or `AdaptiveError` if the folder
    holds no model that works.
    """

    def __init__(
        self, folder: Path, *, name: str, sessions: int | None = None, markers: MarkerStyle | None = None
    ) -> None:
        model = load_model(folder)
        super().__init__(
            name=name,
            codec=FolderCodec(folder, markers),
            new_chain=partial(OnnxChain, model.generator, model.window),
            window=model.window,
            vocabulary=model.vocabulary,
            sessions=model.idle if sessions is None else sessions,
        )

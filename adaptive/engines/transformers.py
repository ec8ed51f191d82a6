"""TransformersEngine: the token engine on any causal language model of Hugging Face transformers.

It does not use `generate()`, which prefills the whole prompt each time and knows no budget. Here a chain keeps its
KV cache over rounds, forced answers and forks, and is cropped to go back. A model whose cache cannot be cropped
(sliding windows, state spaces) computes from the start again, which `Usage.prompt` then shows.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive._util.optional import import_optional
from adaptive.engines.chain_engine import ChainEngine
from adaptive.engines.chain_runners import ThreadRunner
from adaptive.engines.chains import Chain, ChainPool
from adaptive.engines.markers import MarkerStyle
from adaptive.engines.tokenizer import FolderCodec, find_tokenizer_folder
from adaptive.errors import AdaptiveError, InputError, to_single_line

SESSIONS = 16
"""How many idle caches are kept by default."""


class TransformersEngine(ChainEngine):
    """A model of transformers, as `hf:model`.

    Args:
        model: A folder or an ID on the Hugging Face hub.
        dtype: As transformers takes it: "auto", "float32", "bfloat16", ...
        device: As torch takes it ("cpu", "cuda", "cuda:1", "mps"), or "auto" for the first accelerator.
        sessions: How many caches are kept when idle.
        markers: How the model marks its thinking; None to find out.

    Raises:
        InputError: There is no such model, device or dtype, or a package is missing.
        AdaptiveError: The model does not load.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        dtype: str = "auto",
        device: str = "auto",
        sessions: int = SESSIONS,
        markers: MarkerStyle | None = None,
    ) -> None:
        torch = import_optional("torch", "transformers")
        transformers = import_optional("transformers", "transformers")
        codec = FolderCodec(find_tokenizer_folder(str(model)), markers)
        network = _load_network(transformers, torch, str(model), dtype, _find_device(torch, device))
        new_chain = partial(TorchChain, network, torch, transformers.DynamicCache, _limit_logits(network))
        super().__init__(
            name=f"hf:{model}",
            codec=codec,
            runner=ThreadRunner(ChainPool(new_chain, sessions)),
            window=int(network.config.get_text_config().max_position_embeddings),
            vocabulary=int(network.get_input_embeddings().weight.shape[0]),
        )


class TorchChain(Chain):
    """A chain on a model of transformers; its cache of keys and values grows with it."""

    def __init__(self, network: Any, torch: Any, new_cache: Any, last_only: dict[str, int]) -> None:
        super().__init__()
        self._network, self._torch, self._last_only = network, torch, last_only
        self._new_cache = partial(new_cache, config=network.config)
        self._cache = self._new_cache()

    def reserve(self, length: int) -> None:
        """Do nothing: the cache grows by itself."""

    def _compute(self, ids: Sequence[int]) -> NDArray[np.float32]:
        rows = self._torch.tensor([list(ids)], device=self._network.device)
        with self._torch.inference_mode():
            output = self._network(input_ids=rows, past_key_values=self._cache, use_cache=True, **self._last_only)
        logits: NDArray[np.float32] = output.logits[0, -1].float().cpu().numpy()
        return logits

    def _crop(self, length: int) -> int:
        if length and _is_croppable(self._cache):
            self._cache.crop(length - len(self.ids))  # a negative number takes so many off, in every version
            return length
        self._cache = self._new_cache()
        return 0


def _limit_logits(network: Any) -> dict[str, int]:
    """Return the argument that limits a prefill's logits to the last id, if the model has one."""
    return {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(network.forward).parameters else {}


def _is_croppable(cache: Any) -> bool:
    """Return whether every layer of a cache keeps all keys and values."""
    return all(type(layer).__name__ == "DynamicLayer" for layer in cache.layers)


def _find_device(torch: Any, name: str) -> Any:
    """Return the torch device of a name; raise `InputError` if it cannot be used."""
    try:
        if name == "auto":
            accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
            return accelerator or torch.device("cpu")
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = to_single_line(error, 120)
        raise InputError(f"device {name!r} cannot be used ({reason}): use cpu, cuda, mps or auto.") from error
    return device


def _load_network(transformers: Any, torch: Any, model: str, dtype: str, device: Any) -> Any:
    kind = dtype if dtype == "auto" else getattr(torch, dtype, None)
    if kind != "auto" and not isinstance(kind, torch.dtype):
        raise InputError(f"dtype {dtype!r} is not known: use auto, float32, bfloat16 or float16.")
    transformers.utils.logging.disable_progress_bar()
    try:
        network = transformers.AutoModelForCausalLM.from_pretrained(model, dtype=kind)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = to_single_line(error, 200)
        raise AdaptiveError(f"model 'hf:{model}' does not load ({reason}).") from error
    return network.to(device).eval()

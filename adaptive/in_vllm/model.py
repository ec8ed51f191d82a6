"""The model that vLLM has loaded, as far as steering needs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adaptive.engines.tokenizer import FolderCodec, find_tokenizer_folder
from adaptive.errors import InputError
from adaptive.in_vllm.request import EchoRequest, SteeredRequest, open_request

GREEDY_BELOW = 1e-5
"""vLLM chooses the most probable token at temperatures below this."""


class LoadedModel:
    """The codec and the window of a model. Raises `InputError` if its tokenizer is not on this machine."""

    def __init__(self, vllm_config: Any) -> None:
        model = vllm_config.model_config
        self._codec = FolderCodec(find_tokenizer_folder(model.tokenizer))
        self._window = int(model.max_model_len)

    def open_request(
        self, steering: object, prompt: Sequence[int], params: Any
    ) -> SteeredRequest | EchoRequest | None:
        """Return the steered request of a request's argument; None if it cannot be steered.

        Args:
            steering: The argument. It was checked when the request came, but not against the prompt.
            prompt: The request's ids.
            params: vLLM's sampling parameters.
        """
        greedy = params.temperature < GREEDY_BELOW
        try:
            return open_request(steering, prompt, self._codec, self._window, greedy=greedy)
        except InputError:
            return None  # the prompt leaves no room to answer: the request ends at once, with or without us

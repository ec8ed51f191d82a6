"""The model that vLLM has loaded, as far as steering needs it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from adaptive.engines.tokenizer import FolderCodec, find_tokenizer_folder
from adaptive.errors import AdaptiveError
from adaptive.in_vllm.request import EchoRequest, SteeredRequest, open_request

logger = logging.getLogger(__name__)
GREEDY_BELOW = 1e-5
"""vLLM chooses the most probable token at temperatures below this."""


class LoadedModel:
    """The codec and the window of a model. Raises `InputError` if its tokenizer is not on this machine."""

    def __init__(self, vllm_config: Any) -> None:
        model = vllm_config.model_config
        self._codec = FolderCodec(find_tokenizer_folder(model.tokenizer))
        self._window, self._vocabulary = int(model.max_model_len), int(model.get_vocab_size())

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
        # Whatever a client sends must not end the engine, and with it all other requests.
        try:
            request = open_request(
                steering, prompt, self._codec, self._window, greedy=greedy, max_tokens=params.max_tokens
            )
            if request is not None:
                self._check_ids(request)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, AdaptiveError) as error:
            logger.warning("a request is not steered: %s", error)
            return None
        return request

    def _check_ids(self, request: SteeredRequest | EchoRequest) -> None:
        """Raise `ValueError` if the request would force an id that the model does not have."""
        for token in request.list_forcible():
            if not isinstance(token, int) or not 0 <= token < self._vocabulary:
                raise ValueError(
                    f"its plan forces {token!r}, but the model has the ids 0 to {self._vocabulary - 1}"
                )

"""The adapter to vLLM's V1 model runner (`vllm.v1.sample.logits_processor`), whose rows are requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adaptive._util.optional import import_optional
from adaptive.engines.steering import STEERING_KEY
from adaptive.in_vllm.forced_rows import force_rows
from adaptive.in_vllm.model import LoadedModel
from adaptive.in_vllm.request import EchoRequest, SteeredRequest

interface: Any = import_optional("vllm.v1.sample.logits_processor", "vllm")
SAME_REQUEST = "adaptive steered request"


class V1Steering:
    """Forces tokens of steered requests; rows of others stay as they are."""

    def __init__(self, vllm_config: Any) -> None:
        self._model = LoadedModel(vllm_config)
        self._rows: dict[int, tuple[SteeredRequest | EchoRequest, Sequence[int]]] = {}

    def is_argmax_invariant(self) -> bool:
        """Return False: forcing changes which token is the most probable one."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow the batch: rows are removed, added and moved, in this order."""
        if batch_update is None:
            return
        for row in batch_update.removed:
            self._rows.pop(row, None)
        for row, params, prompt, generated in batch_update.added:
            self._rows.pop(row, None)
            if (request := self._find_request(params, prompt)) is not None:
                self._rows[row] = request, generated
        for source, target, way in batch_update.moved:
            moved, other = self._rows.pop(source, None), self._rows.pop(target, None)
            if moved is not None:
                self._rows[target] = moved
            if other is not None and way == interface.MoveDirectionality.SWAP:
                self._rows[source] = other

    def apply(self, logits: Any) -> Any:
        """Force the next token of each steered row that has no choice, and put off ends."""
        for request, generated in self._rows.values():
            request.read(generated)
        force_rows(logits, {row: request for row, (request, _) in self._rows.items()})
        return logits

    def _find_request(self, params: Any, prompt: Sequence[int] | None) -> SteeredRequest | EchoRequest | None:
        """Return the steered request of a row; None if it is not steered.

        A request that was preempted comes back with the same arguments: its state stays with them.
        """
        arguments = params.extra_args or {}
        if STEERING_KEY not in arguments or prompt is None:
            return None
        if SAME_REQUEST not in arguments:
            arguments[SAME_REQUEST] = self._model.open_request(arguments[STEERING_KEY], prompt, params)
        request: SteeredRequest | EchoRequest | None = arguments[SAME_REQUEST]
        return request

"""The adapter to vLLM's Model Runner V2 (`vllm.v1.worker.gpu.sample.logits_processor`).

Its rows are not requests: they come in another order each step, and what a request has generated stands on the
device. So each step reads the last tokens of the steered requests from there, which waits for the step before.
"""

from __future__ import annotations

from typing import Any

from adaptive._util.optional import import_optional
from adaptive.engines.steering import STEERING_KEY
from adaptive.in_vllm.forced_rows import force_rows
from adaptive.in_vllm.model import LoadedModel
from adaptive.in_vllm.request import EchoRequest, SteeredRequest

torch: Any = import_optional("torch", "vllm")


class V2Steering:
    """Forces tokens of steered requests; `states` is the runner's state of requests, by slot.

    Raises:
        ValueError: Drafts are checked: a request then has several rows, which is not supported.
    """

    def __init__(self, vllm_config: Any, states: Any) -> None:
        if vllm_config.speculative_config is not None:
            raise ValueError("SteeringProcessor does not work beside speculative decoding: leave one of them out.")
        self._model, self._states = LoadedModel(vllm_config), states
        self._asked: dict[int, Any] = {}
        self._requests: dict[int, tuple[SteeredRequest | EchoRequest, list[int]]] = {}

    def add_request(self, slot: int, params: Any) -> bool:
        """Take a request into a slot, whose last one is over; return whether it is steered."""
        self._requests.pop(slot, None)
        self._asked.pop(slot, None)
        if STEERING_KEY not in (params.extra_args or {}):
            return False
        self._asked[slot] = params
        return True

    def apply_staged_writes(self) -> None:
        """Do nothing: all that is kept is on the host."""

    def apply(self, logits: Any, context: Any) -> Any:
        """Force the next token of each steered row that has no choice, and put off ends."""
        if not (self._asked or self._requests):
            return logits
        slots = context.expanded_idx_mapping.tolist()
        for slot in slots:
            if slot in self._asked:
                self._open(slot)
        rows = {row: slot for row, slot in enumerate(slots) if slot in self._requests}
        if rows:
            self._read(list(rows.values()))
            force_rows(logits, {row: self._requests[slot][0] for row, slot in rows.items()})
        return logits

    def _open(self, slot: int) -> None:
        """Open the request of a slot, now that its prompt is on the device."""
        params = self._asked.pop(slot)
        prompt = self._states.all_token_ids.gpu[slot, : int(self._states.prompt_len.np[slot])].tolist()
        request = self._model.open_request(params.extra_args[STEERING_KEY], prompt, params)
        if request is not None:
            self._requests[slot] = request, []

    def _read(self, slots: list[int]) -> None:
        """Read what the requests have generated since the last step."""
        device = self._states.all_token_ids.gpu.device
        index = torch.tensor(slots, device=device)
        starts = [int(self._states.prompt_len.np[slot]) + len(self._requests[slot][1]) for slot in slots]
        new = [
            max(0, total - start)
            for total, start in zip(self._states.total_len.gpu[index].tolist(), starts, strict=True)
        ]
        columns = torch.tensor(starts, device=device)[:, None] + torch.arange(max(new), device=device)
        columns = columns.clamp(max=self._states.all_token_ids.gpu.shape[1] - 1)
        for slot, count, ids in zip(
            slots, new, self._states.all_token_ids.gpu[index[:, None], columns].tolist(), strict=True
        ):
            request, generated = self._requests[slot]
            generated.extend(ids[:count])
            request.read(generated)

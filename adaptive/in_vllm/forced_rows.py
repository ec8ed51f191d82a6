"""Rows of logits in which a token is forced. Both adapters use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adaptive._util.optional import import_optional
from adaptive.in_vllm.request import EchoRequest, SteeredRequest

torch: Any = import_optional("torch", "vllm")


def force_rows(logits: Any, requests: Mapping[int, SteeredRequest | EchoRequest]) -> None:
    """Force the next token of each request that has no choice, and put a wait in the place of ends.

    Args:
        logits: A row for each request, over the vocabulary; changed in place.
        requests: The steered ones by their row. They have read what was generated.
    """
    forced = {row: token for row, request in requests.items() if (token := request.forced) is not None}
    looked = [row for row, request in requests.items() if row not in forced and request.may_wait]
    if looked:
        choices = logits[torch.tensor(looked, device=logits.device)].argmax(dim=-1).tolist()
        for row, choice in zip(looked, choices, strict=True):
            if (token := requests[row].replace_end(choice)) is not None:
                forced[row] = token
    if forced:
        rows = torch.tensor(list(forced), device=logits.device)
        logits[rows] = float("-inf")
        logits[rows, torch.tensor(list(forced.values()), device=logits.device)] = 0.0

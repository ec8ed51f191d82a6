"""Batched generation on the plain network, fast enough to evaluate with.

`generate` answers a list of prompts with lists of new token ids; a stop id that ended a row is its last id.
Prompts are padded on the left, so that all rows of a batch stand at the same place of the cache.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from net import FORBIDDEN, Abacus, Cache
from torch import Tensor

KEEP = 0.75  # a batch is shrunk when fewer of its rows than this are still going


def generate(
    net: Abacus,
    prompts: Sequence[list[int]],
    limits: Sequence[int],
    stops: frozenset[int],
    temperature: float = 0.0,
    batch: int = 192,
    seed: int = 0,
) -> list[list[int]]:
    """New ids for each prompt, at most `limits[i]` of them; greedy at temperature 0. Use a
    `net.bfloat16()`.
    """
    random = torch.Generator().manual_seed(seed)
    answers: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda row: (limits[row], len(prompts[row])))
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        fresh = _Batch(net, [prompts[row] for row in rows], [limits[row] for row in rows], stops)
        for row, answer in zip(rows, fresh.run(temperature, random), strict=True):
            answers[row] = answer
    return answers


def choose(scores: Tensor, temperature: float, random: torch.Generator) -> Tensor:
    """The next id of every row."""
    if temperature == 0.0:
        return scores.argmax(-1)
    return torch.multinomial((scores.float() / temperature).softmax(-1), 1, generator=random)[:, 0]


class _Batch:
    """Prompts that are answered together."""

    def __init__(self, net: Abacus, prompts: list[list[int]], limits: list[int], stops: frozenset[int]) -> None:
        self.net, self.prompts, self.limits, self.stops = net, prompts, limits, stops
        self.answers: list[list[int]] = [[] for _ in prompts]
        self.live = list(range(len(prompts)))  # which prompt each row of the cache belongs to
        self.width = max(map(len, prompts))
        room = self.width + max(limits)
        self.pads = torch.tensor([self.width - len(prompt) for prompt in prompts])
        self.mask = torch.where(torch.arange(room) < self.pads[:, None], FORBIDDEN, 0.0)[:, None, None].to(
            self._dtype
        )
        self.cache = Cache(net.config, len(prompts), room, self._dtype)

    @property
    def _dtype(self) -> torch.dtype:
        return self.net.model.embed_tokens.weight.dtype

    @torch.inference_mode()
    def run(self, temperature: float, random: torch.Generator) -> list[list[int]]:
        ids = torch.tensor([[0] * (self.width - len(prompt)) + prompt for prompt in self.prompts])
        later = torch.full((self.width, self.width), FORBIDDEN, dtype=self._dtype).triu(1)
        hidden = self.net(ids, self.mask[..., : self.width] + later, self.cache)
        while True:
            chosen = choose(self.net.logits(hidden[:, -1]), temperature, random)
            going = self._record(chosen.tolist())
            if not going.any():
                return self.answers
            if going.float().mean() < KEEP:
                chosen = self._shrink(going, chosen)
            hidden = self.net(chosen[:, None], self.mask[..., : self.cache.length + 1], self.cache)

    def _record(self, chosen: list[int]) -> Tensor:
        """Add an id to every answer that is still open; say which stay open."""
        return torch.tensor([self._extend(row, one) for row, one in zip(self.live, chosen, strict=True)])

    def _extend(self, row: int, one: int) -> bool:
        answer = self.answers[row]
        if self._open(answer, row):
            answer.append(one)
        return self._open(answer, row)

    def _open(self, answer: list[int], row: int) -> bool:
        return len(answer) < self.limits[row] and not (answer and answer[-1] in self.stops)

    def _shrink(self, going: Tensor, chosen: Tensor) -> Tensor:
        self.live = [row for row, keep in zip(self.live, going.tolist(), strict=True) if keep]
        self.cache.keep(going)
        self.mask = self.mask[going]
        return chosen[going]

"""Abacus' network: a compact Llama whose parameters map one to one to Hugging Face's LlamaForCausalLM.

Parameter names are Hugging Face's own, so `state_dict()` is the exported checkpoint (the tied output matrix
left out). Positions count along the row and are never reset per document: rotary attention sees only
differences.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEAD = 64
ROPE_THETA = 10000.0
EPS = 1e-6
FORBIDDEN = -1e4  # not -inf: its gradient is NaN in the compiled softmax


@dataclass(frozen=True)
class Config:
    """The shape of a network. `positions` is the longest row it may ever see."""

    layers: int = 4
    width: int = 384
    inner: int = 1024
    vocab: int = 2048
    positions: int = 1024

    @property
    def heads(self) -> int:
        return self.width // HEAD

    def hugging_face(self) -> dict[str, Any]:
        """The keyword arguments of the equal `transformers.LlamaConfig`."""
        return {
            "num_hidden_layers": self.layers,
            "hidden_size": self.width,
            "intermediate_size": self.inner,
            "vocab_size": self.vocab,
            "max_position_embeddings": self.positions,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.heads,
            "head_dim": HEAD,
            "rms_norm_eps": EPS,
            "rope_theta": ROPE_THETA,
            "tie_word_embeddings": True,
            "attention_bias": False,
            "mlp_bias": False,
            "hidden_act": "silu",
        }

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


class Cache:
    """Keys and values of every layer for a batch whose rows all stand at the same (left-padded) position."""

    def __init__(self, config: Config, rows: int, room: int, dtype: torch.dtype) -> None:
        shape = (config.layers, rows, config.heads, room, HEAD)
        self.keys, self.values, self.length = (
            torch.zeros(shape, dtype=dtype),
            torch.zeros(shape, dtype=dtype),
            0,
        )

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values of a layer; return all of that layer so far."""
        end = self.length + keys.shape[2]
        self.keys[layer, :, :, self.length : end] = keys
        self.values[layer, :, :, self.length : end] = values
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def keep(self, rows: Tensor) -> None:
        """Drop all rows but these."""
        self.keys, self.values = self.keys[:, rows], self.values[:, rows]


class Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + EPS) * self.weight).to(x.dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding, halves paired as in Hugging Face."""
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


class Scores(torch.autograd.Function):
    """q @ k.mT whose gradients are laid out by rows: from autograd's own, torch 2.13's compiler makes NaN."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor) -> Tensor:
        ctx.save_for_backward(q, k)
        return q @ k.mT

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        q, k = ctx.saved_tensors
        return grad @ k, grad.mT @ q


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    scores = Scores.apply(q * HEAD**-0.5, k)
    if mask is not None:
        scores = scores + mask
    return scores.float().softmax(-1).to(v.dtype) @ v


class Attention(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.heads = config.heads
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            self.add_module(name, nn.Linear(config.width, config.width, bias=False))

    def forward(
        self, x: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None, cache: Cache | None, layer: int
    ) -> Tensor:
        rows, length, width = x.shape
        joined = torch.cat((self.q_proj.weight, self.k_proj.weight, self.v_proj.weight))
        q, k, v = F.linear(x, joined).view(rows, length, 3, self.heads, HEAD).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, *rope), rotate(k, *rope)
        if cache is not None:
            k, v = cache.extend(layer, k, v)
        mixed = attend(q, k, v, mask)
        return self.o_proj(mixed.transpose(1, 2).reshape(rows, length, width))


class Gated(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.width, config.inner, bias=False)
        self.up_proj = nn.Linear(config.width, config.inner, bias=False)
        self.down_proj = nn.Linear(config.inner, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = F.linear(x, torch.cat((self.gate_proj.weight, self.up_proj.weight))).chunk(2, -1)
        return self.down_proj(F.silu(gate) * up)


class Block(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = Norm(config.width), Norm(config.width)
        self.self_attn, self.mlp = Attention(config), Gated(config)

    def forward(
        self, x: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None, cache: Cache | None, layer: int
    ) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), rope, mask, cache, layer)
        return x + self.mlp(self.post_attention_layernorm(x))


class Trunk(nn.Module):
    """Everything but the output matrix; named `model` in a checkpoint, as in Hugging Face."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab, config.width)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = Norm(config.width)
        angles = torch.outer(
            torch.arange(config.positions).float(), ROPE_THETA ** (-torch.arange(0, HEAD, 2).float() / HEAD)
        ).repeat(1, 2)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, ids: Tensor, mask: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        x = self.embed_tokens(ids)
        if torch.is_autocast_enabled("cpu"):
            x = x.bfloat16()  # the residual stream in bfloat16 halves the traffic that bounds a CPU
        start = cache.length if cache is not None else 0
        rope = tuple(part[start : start + ids.shape[1]].to(x.dtype) for part in (self.cos, self.sin))
        for layer, block in enumerate(self.layers):
            x = block(x, rope, mask, cache, layer)
        if cache is not None:
            cache.length += ids.shape[1]
        return self.norm(x)


class Abacus(nn.Module):
    """The language model: `forward` gives final hidden states, `logits` turns chosen ones into scores."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, self.model = config, Trunk(config)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                out = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * config.layers) if out else 0.02)

    def forward(self, ids: Tensor, mask: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        hidden: Tensor = self.model(ids, mask, cache)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.model.embed_tokens.weight)


def block_mask(documents: Tensor) -> Tensor:
    """(rows, length) document numbers -> what to add to the scores for causal attention inside each
    document.
    """
    same = documents[:, None, :, None] == documents[:, None, None, :]
    seen = same & torch.ones(documents.shape[1], documents.shape[1], dtype=torch.bool).tril()
    return torch.where(seen, 0.0, FORBIDDEN).bfloat16()

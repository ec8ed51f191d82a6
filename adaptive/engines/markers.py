"""How models mark their thinking: a table of styles, and which of them a model speaks.

A style's texts are ours, so special tokens in them are recognised. `end` is one special token, or empty for a
model that has none for it: then only the end of the turn ends its thinking, and what follows is put in its place.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from adaptive.errors import InputError


@dataclass(frozen=True)
class MarkerStyle:
    """Texts around thinking.

    opener: the special token that opens thinking; where a template writes it itself, nothing is added.
    start: put after the template's opening of the turn, to think. end: the special token that closes thinking.
    hand_over: what stands between that and the answer. closed: put after the opening of the turn, to answer
    without thinking.
    """

    name: str
    opener: str
    start: str
    end: str
    hand_over: str
    closed: str


def make_tag_style(opener: str, end: str, hand_over: str = "\n\n", name: str = "") -> MarkerStyle:
    """Thinking between two tags, as most models have it."""
    return MarkerStyle(name or opener, opener, f"{opener}\n", end, hand_over, f"{opener}\n\n{end}{hand_over}")


STYLES = (
    make_tag_style("<think>", "</think>"),  # Qwen3, DeepSeek-R1, QwQ, GLM-4.5, abacus
    make_tag_style("[THINK]", "[/THINK]", ""),  # Magistral
    make_tag_style("<seed:think>", "</seed:think>", ""),  # Seed-OSS
    MarkerStyle(  # gpt-oss (the harmony format)
        "<|channel|>",
        "<|channel|>",
        "<|channel|>analysis<|message|>",
        "<|end|>",
        "<|start|>assistant<|channel|>final<|message|>",
        "<|channel|>final<|message|>",
    ),
    MarkerStyle(  # Command A Reasoning
        "<|START_THINKING|>",
        "<|START_THINKING|>",
        "<|START_THINKING|>",
        "<|END_THINKING|>",
        "<|START_RESPONSE|>",
        "<|START_THINKING|><|END_THINKING|><|START_RESPONSE|>",
    ),
)
"""Looked through in this order: the first whose special tokens a model has is its own."""

S1 = MarkerStyle("<|im_start|>", "", "<|im_start|>think\n", "<|im_start|>", "answer\n", "")
"""s1's own (arXiv 2501.19393, and its evaluation code). Only where it is named: every ChatML model has the token,
and one that was not trained to think so ends its turn where its answer should begin."""

PROMPTED = MarkerStyle(
    "prompted", "", "Let me think step by step.\n", "", "\n\nFinal answer:\n", "Final answer:\n"
)
"""For a model without any of those tokens: the prompt begins its thinking, and plain words its answer."""


def find_marker_style(special: Container[str]) -> MarkerStyle:
    """The style of a model with these special tokens."""
    return next((s for s in STYLES if all(t in special for t in (s.opener, s.end) if t)), PROMPTED)


def parse_marker_style(text: str) -> MarkerStyle:
    """A style by its name in the table, or `OPENER END` for tags of one's own; raises `InputError`."""
    named = {s.name: s for s in (*STYLES, S1, PROMPTED)}
    parts = text.split()
    if len(parts) == 2:
        return make_tag_style(*parts)
    if text in named:
        return named[text]
    raise InputError(f"markers {text!r} are not known: use one of {', '.join(named)}, or two tags, '<a> </a>'.")

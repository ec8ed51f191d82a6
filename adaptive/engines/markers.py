"""How models mark their thinking: a table of styles, and which of them a model uses.

A style's texts are ours, so special tokens in them are recognised. `end` is one special token, or empty for a
model without one: then only the end of the turn ends its thinking, and `hand_over` takes its place.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from adaptive.errors import InputError


@dataclass(frozen=True)
class MarkerStyle:
    """Texts around thinking.

    Attributes:
        name: What `--markers` calls the style.
        opener: The special token that opens thinking; nothing is added if the template writes it itself.
        start: Added after the template's opening of the turn, to think.
        end: The special token that closes thinking.
        hand_over: What stands between the end of thinking and the answer.
        closed: Added after the template's opening of the turn, to answer without thinking.
    """

    name: str
    opener: str
    start: str
    end: str
    hand_over: str
    closed: str


def make_tag_style(opener: str, end: str, hand_over: str = "\n\n", name: str = "") -> MarkerStyle:
    """Return the style of thinking between two tags, which most models use."""
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
    MarkerStyle(  # Gemma 4
        "<|channel>",
        "<|channel>",
        "<|channel>thought\n",
        "<channel|>",
        "",
        "<|channel>thought\n<channel|>",
    ),
    MarkerStyle(  # Apriel: it thinks in every turn
        "[BEGIN FINAL RESPONSE]",
        "",
        "Here are my reasoning steps:\n",
        "[BEGIN FINAL RESPONSE]",
        "\n",
        "[BEGIN FINAL RESPONSE]\n",
    ),
    MarkerStyle(  # Kimi K3: its template opens the thinking or the answer
        "<|close|>",
        "",
        "<|open|>think<|sep|>",
        "<|close|>",
        "think<|sep|><|open|>response<|sep|>",
        "",
    ),
    MarkerStyle(  # Muse Glimmer
        "<|eom|>",
        "",
        " to=self<|message|>",
        "<|eom|>",
        "<|start|>assistant to=user<|message|>",
        " to=user<|message|>",
    ),
)
"""A model uses the first of these whose special tokens it has."""

S1 = MarkerStyle("<|im_start|>", "", "<|im_start|>think\n", "<|im_start|>", "answer\n", "")
"""s1's own (arXiv 2501.19393, and its evaluation code). Used only by name: every ChatML model has the token, and
one that was not trained to think so ends its turn where its answer should begin."""

PROMPTED = MarkerStyle(
    "prompted", "", "Let me think step by step.\n", "", "\n\nFinal answer:\n", "Final answer:\n"
)
"""For a model without any of those tokens: plain words begin its thinking and its answer."""


INVENTED_MARKERS = (S1.name, PROMPTED.name)
"""Styles that a model need not know: named by a caller, they make it think; found by us, they are not used."""


def make_text_style(opener: str, end: str) -> MarkerStyle:
    """Return the style of thinking between tags that are plain text to the tokenizer."""
    return MarkerStyle(opener, "", f"{opener}\n", "", f"\n{end}\n\n", f"{opener}\n\n{end}\n\n")


def find_marker_style(special: Container[str]) -> MarkerStyle:
    """Return the style of a model with these special tokens."""
    return next((s for s in STYLES if all(t in special for t in (s.opener, s.end) if t)), PROMPTED)


def parse_marker_style(text: str) -> MarkerStyle:
    """Return a style by its name, or of the two tags in `OPENER END`; raise `InputError` if it is neither."""
    by_name = {s.name: s for s in (*STYLES, S1, PROMPTED)}
    parts = text.split()
    if len(parts) == 2:
        return make_tag_style(*parts)
    if text in by_name:
        return by_name[text]
    raise InputError(f"markers {text!r} are not known: use one of {', '.join(by_name)}, or two tags, '<a> </a>'.")

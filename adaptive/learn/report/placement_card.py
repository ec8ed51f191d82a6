"""Formats the figures of a model placed by a few graded questions, for the terminal and for the card."""

from __future__ import annotations

from adaptive.learn.fit.placer import PlacementFit
from adaptive.learn.report import tables
from adaptive.learn.report.outcomes_card import format_verifier
from adaptive.learn.report.tables import format_ladder, format_markdown_table
from adaptive.profile.profile import Profile


def format_placement_figures(profile: Profile, placed: PlacementFit) -> str:
    """Return all figures as text with Markdown tables."""
    difficulty = placed.figures["difficulty"]
    measured = () if difficulty is None else (
        tables.format_levels(difficulty),
        tables.format_rungs(profile.ladder, difficulty),
        tables.format_reliability(difficulty),
    )  # fmt: skip
    return "\n\n".join([
        _format_placement(placed),
        *measured,
        *(format_verifier(placed.figures["verifier"]) if placed.verifier else ()),
        tables.format_gates(placed.gates),
        tables.format_thinking(placed.figures),
        *(f"{note[0].upper()}{note[1:]}." for note in placed.notes),
    ])  # fmt: skip


def format_placement_card(profile: Profile, placed: PlacementFit, command: str, source: str) -> str:
    """Return the README.md of a profile's folder.

    Args:
        profile: The profile.
        placed: Its fit.
        command: How it was made.
        source: The questions that the model was placed by, in words.
    """
    return f"""# Profile {profile.name}

What `adaptive` knows of the model `{profile.model}` from a few graded questions. The general difficulty model says
from its text how hard a question is; how likely each rung is to solve one that hard follows from the model's place
on that scale: logit p(solved) = slope * (ability - difficulty).

{format_ladder(profile.ladder, profile.model)}

## How it was made

    {command}

Placed by {source}. `seen.txt` names them, as hashes: leave these out when measuring the profile.

## Figures

Of difficulty: measured on the other graded questions of the same source, which may be of the same templates; the
base is the share among those that the model was placed by. Thresholds: each half of the answers is judged by the
other half's. Where none lets an answer through there, the threshold stated before is kept.

{format_placement_figures(profile, placed)}

## What it cannot do

* It ranks questions as the general difficulty model does, whatever this model is good at. A profile that was
  trained on thousands of the model's own answers may know better.
* The general model was fitted to public sets of questions: on questions of these its ranking is better than on new
  ones.
* The probabilities hold for questions like those that the model was placed by.

Files: `profile.json` (ladder, style, policy, placement, figures), `seen.txt`, and `held_out.npz` (p(solved) of the
other questions). The general difficulty model comes with `adaptive`.
"""


def _format_placement(placed: PlacementFit) -> str:
    placement = placed.placement
    abilities = [(i, ability) for i, ability in enumerate(placement.abilities)]
    title = (
        f"Placed by {placed.figures['placed_by']} questions, {placement.answers} answers: "
        f"slope {placement.slope:.3f}, and the abilities in logits"
    )
    return title + "\n\n" + format_markdown_table(("rung", "ability"), abilities)

"""The result of a fit: a decision, the page that explains it, and the profile that does what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from adaptive import __version__
from adaptive._util.files import write_atomically
from adaptive.fit.candidate import Candidate
from adaptive.fit.constant_profile import make_constant_profile
from adaptive.fit.decision import Decision
from adaptive.fit.job import FitJob
from adaptive.fit.measures import HeldOutMeasures
from adaptive.fit.page import evidence_to_json, format_page, format_sentence
from adaptive.learn.data.reference import explain_reference
from adaptive.learn.data.splits import read_used_keys, write_used_keys
from adaptive.profile.store import FIT_FILE, FIT_PAGE, ProfileStore
from adaptive.types.usage import CostUnit, Usage

FORMAT = 1
FEW = 150
"""With fewer held-out questions, intervals are wider than some points of accuracy."""
UNIT_NOTES: dict[CostUnit, str] = {
    "tokens": "Tokens: the mean of all kinds.",
    "dollars": "Dollars: the mean, at the ordinary price.",
}


@dataclass(frozen=True)
class FitResult:
    """The result of a fit.

    learned, held_out: how many questions were learned from and measured on. usage: what all attempts took.
    left_out: why questions could not be recorded, a sentence each. seconds: how long this run took.
    """

    job: FitJob
    candidate: Candidate
    measures: HeldOutMeasures
    decision: Decision
    learned: int
    held_out: int
    usage: Usage
    left_out: tuple[str, ...] = ()
    seconds: float = 0.0
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @cached_property
    def sentence(self) -> str:
        """What to use."""
        share = self.held_out / (self.learned + self.held_out)
        word = "accuracy" if self.job.reference == "answers" else "agreement with the dearest rung"
        return format_sentence(self.decision, self.measures.best, self.measures.evidence, share, word)

    @cached_property
    def page(self) -> str:
        """The page, as Markdown; its last line is the sentence."""
        job, total = self.job, self.learned + self.held_out
        facts = [
            f"{total} questions of {job.source}: {self.learned} to learn from, {self.held_out} held out.",
            f"The profile was {self.candidate.how}.",
            f"On the questions to learn from, the best fixed setting is {self.measures.best.name}.",
            f"All attempts took {self.usage.total - self.usage.cached:,} tokens{_format_money(self.usage)}; "
            f"{job.outcomes} keeps them.",
        ]
        measures = self.measures
        title = f"adaptive fit: {job.model}"
        return format_page(title, facts, measures.lines, self.notes, self.sentence, measures.unit)

    @property
    def notes(self) -> list[str]:
        """What a reader should know of the figures."""
        notes = [
            f"All figures are of the held-out questions. {UNIT_NOTES[self.measures.unit]} p: McNemar's exact test."
        ]
        if self.held_out < FEW:
            notes.append(f"{self.held_out} questions are few: differences inside the intervals prove nothing.")
        notes += filter(None, [explain_reference(self.job.reference)])
        if self.left_out:
            notes.append(f"{len(self.left_out)} questions were left out: {self.left_out[0]}")
        return [*notes, *self.candidate.notes]

    def to_json(self) -> dict[str, Any]:
        """Return all figures in plain JSON types."""
        evidence = self.measures.evidence
        job, against = self.job, evidence.best_against_plain
        return {
            "format": FORMAT, "model": job.model, "date": self.date, "questions": self.learned + self.held_out,
            "sentence": self.sentence, "choice": self.decision.choice, "needed": self.decision.needed,
            "margin": job.margin, "seed": job.recorder.seed, "learned": self.learned, "held_out": self.held_out,
            "source": job.source, "reference": job.reference, "how": self.candidate.how,
            "best": self.measures.best.name, "ways": [line.to_json() for line in self.measures.lines],
            "profile_against_best": evidence_to_json(evidence.profile_against_best),
            "profile_against_plain": evidence_to_json(evidence.profile_against_plain),
            "best_against_plain": None if against is None else evidence_to_json(against),
            "usage": self.usage.to_json(), "seconds": round(self.seconds, 1), "notes": self.notes,
            "outcomes": str(job.outcomes), "markers": job.recorder.markers,
            "command": job.command, "version": __version__,
        }  # fmt: skip

    def save(self, store: ProfileStore) -> Path:
        """Store the profile in place of an older one of the model; return its folder."""
        return store.replace(self.job.model, self._write)

    def _write(self, folder: Path) -> None:
        learned = self.candidate.learned
        base = replace(self.job.base, ladder=learned.profile.ladder)
        summary = {"choice": self.decision.choice, "date": self.date, "outcomes": str(self.job.outcomes),
                   "markers": self.job.recorder.markers}  # fmt: skip
        if self.decision.choice == "profile":
            profile = replace(learned.profile, figures={**learned.profile.figures, "fit": summary})
            replace(learned, profile=profile).save(folder, self.job.command)
        else:
            plain = next(one for one, _ in self.measures.constants if one.kind == "plain")
            constant = plain if self.decision.choice == "plain" else self.measures.best
            base = replace(base, policy=learned.profile.policy)
            profile = make_constant_profile(base, constant, {"fit": summary})
            profile.save(folder, card=self.page)
        texts = [one.text for one in self.job.split.questions]
        write_used_keys(folder, texts, before=read_used_keys(folder))
        profile.save(folder)  # again, with the digests of the files as they are now
        write_atomically(folder / FIT_PAGE, self.page)
        write_atomically(folder / FIT_FILE, json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n")


def _format_money(usage: Usage) -> str:
    """Return in words what a usage cost at ordinary prices; empty if that is not known."""
    return "" if usage.cost is None else f" (${usage.cost:.4f})"

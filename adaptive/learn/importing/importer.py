"""Importer: the rules by which rows of a log become outcomes. The room's docstring has those of settings.

* A verdict that comes along is kept. A row without one is graded by the right answer that its log or `references`
  tells. Without that it is left out and counted, or kept ungraded, to be graded by the dearest rung later. Without
  a reply to grade it is left out and counted.
* A failed request is left out and counted, or counts as wrong.
* A row without its output tokens is refused, unless a tokenizer counts its reply.
* A row that is there already is not added again. A log's own id of a row says so, or else all of its content, of
  which a log may have several: then they are samples.
* Further attempts at a question at the same setting are samples, in the order of the log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any, Literal

from adaptive.answers.extract import extract_final_answer
from adaptive.answers.grader import Grader
from adaptive.errors import InputError
from adaptive.learn.data.outcomes import UNNAMED_MODEL
from adaptive.learn.data.questions import Question, make_question_id
from adaptive.learn.data.splits import hash_question
from adaptive.learn.importing.ladder import ImportedLadder
from adaptive.learn.importing.pricing import Pricing, name_rung_models, to_model_spec
from adaptive.learn.importing.row import ImportedRow
from adaptive.learn.importing.store import GradedRow, ImportStore, make_origin
from adaptive.prices import Prices
from adaptive.reason.budget import Style
from adaptive.types.stops import Stops

FailedRule = Literal["drop", "wrong"]
CountTokens = Callable[[str], int]
BATCH = 500
KEPT_VERDICTS = "imported"
"""The grader in the plan of a file whose verdicts all came along."""


@dataclass
class ImportCounts:
    """How many rows were added, were there already or failed, how many we graded, and how many nobody did.

    Without a verdict are left out: unjudged: those without a right answer. unanswered: those without a reply.
    """

    added: int = 0
    known: int = 0
    failed: int = 0
    unjudged: int = 0
    unanswered: int = 0
    graded: int = 0
    ungraded: int = 0


@dataclass
class Importer:
    """Adds rows to a file by the rules above.

    Args:
        store: The file.
        failed: What a failed request is.
        references: Right answers by `hash_question` of their questions.
        grader: Grades rows without a verdict.
        count_tokens: Counts the tokens of a text; None: rows without a count are refused.
        prices: Of the models. A file with several models is counted in dollars.
        keeps_ungraded: Whether a row without a verdict and without a right answer is kept.
        pricing: What attempts cost, once outcomes are made.
    """

    store: ImportStore
    failed: FailedRule = "drop"
    references: Mapping[str, Question] = field(default_factory=dict)
    grader: Grader | None = None
    count_tokens: CountTokens | None = None
    prices: Prices = field(default_factory=Prices)
    keeps_ungraded: bool = False
    pricing: Pricing = field(default_factory=lambda: Pricing(Prices()))
    counts: ImportCounts = field(default_factory=ImportCounts)

    def add_log(self, rows: Iterable[ImportedRow]) -> None:
        """Add the rows of one log. Of a log that has an error nothing is added; interrupted, all until then.

        Raises:
            InputError: A row cannot be imported; the message has its place.
        """
        last, before, seen, left = self.store.get_last_number(), replace(self.counts), Counter[str](), iter(rows)
        try:
            while batch := list(islice(left, BATCH)):
                with self.store.batch():
                    for row in batch:
                        self._add(row, seen)
        except InputError:
            self.store.remove_after(last)
            self.counts = before
            raise

    def _add(self, row: ImportedRow, seen: Counter[str]) -> None:
        self.counts.failed += bool(row.failed)
        if row.failed and self.failed == "drop":
            return
        origin = make_origin(row)
        if not row.origin:
            seen[origin] += 1
            origin = f"{origin}-{seen[origin]}"
        if self.store.has_row(origin):
            self.counts.known += 1
        elif (graded := self._grade(row)) is not None:
            self.store.add_row(graded, origin)
            self.counts.added += 1

    def _grade(self, row: ImportedRow) -> GradedRow | None:
        """Return the row with its verdict and its tokens; None, and count it, if there is no verdict."""
        if not row.question.strip():
            raise InputError(
                f"{row.place} has no question: name the field with --map question=..., or leave it out."
            )
        held = self.references.get(hash_question(row.question))
        reference = row.reference or (held.reference if held else "")
        name = row.id or (held.id if held else make_question_id(row.question, reference))
        group = row.group or (held.group if held else "")
        answer = row.answer if row.answer is not None else _extract(row.reply)
        right, why = row.right, ""
        if row.failed:
            right, why = False, f"the request failed: {row.failed}"
        elif right is None:
            if row.reply is None and row.answer is None:
                self.counts.unanswered += 1
                return None
            if reference and self.grader is not None:
                grade = self.grader.grade(row.question, answer, reference)
                right, why = (grade.right, "") if grade.decided else (None, grade.reason)
                self.counts.graded += 1
            elif self.keeps_ungraded:
                why = "no right answer is known"
                self.counts.ungraded += 1
            else:
                self.counts.unjudged += 1
                return None
        output, prompt, estimated = self._count(row)
        return GradedRow(
            replace(row, answer=answer), Question(name, row.question, reference, group), right, why, output,
            prompt, estimated,
        )  # fmt: skip

    def _count(self, row: ImportedRow) -> tuple[int, int, tuple[str, ...]]:
        """Return the tokens of the output and of the prompt, and the names of those that are not exact."""
        estimated = []
        output = row.output
        if output is None and row.failed:
            output = 0
        if output is None:
            if self.count_tokens is None or row.reply is None:
                what = "its reply, either" if row.reply is None else "a tokenizer to count its reply"
                raise InputError(
                    f"{row.place} does not tell how many tokens were generated, and there is not {what}: "
                    "name its field with --map output_tokens=..., or a tokenizer with --tokenizer."
                )
            output = self.count_tokens(row.thought + row.reply)
            estimated.append("answer")
        prompt = row.prompt
        if prompt is None and row.failed:
            prompt = 0
        if prompt is None:
            prompt = self.count_tokens(row.question) if self.count_tokens is not None else 0
            estimated.append("prompt")
        return output, prompt, tuple(estimated)

    def settle(self, order: Iterable[str], model: str | None, grade: str) -> ImportedLadder:
        """Make the outcomes of all rows that the file has.

        Args:
            order: The names of the settings, cheap to dear; empty: their names tell.
            model: The model's spec; None: the log's model.
            grade: The spec of the grader.

        Raises:
            InputError: There is no row, the order is not known, or there are several models and what one costs is
                not known.
        """
        if not self.store.count_rows():
            raise InputError(self._explain_emptiness())
        models = self.store.list_models()
        rung_models = {} if model else name_rung_models(models)
        named = bool(rung_models) or len(models) == 1
        plan: dict[str, Any] = {
            "model": model or (to_model_spec(models[0]) if named else UNNAMED_MODEL),
            "models": models, "style": asdict(Style()), "stops": asdict(Stops()), "seed": 0, "temperature": None,
            "grader": grade if self.counts.graded else self.store.plan.get("grader", KEPT_VERDICTS),
        }  # fmt: skip
        self.pricing = Pricing.for_models(self.prices, models, model, self.store.find_unpaid())
        return self.store.settle(list(order), plan, self.pricing, rung_models)

    def _explain_emptiness(self) -> str:
        if self.counts.unjudged:
            return (
                f"{self.counts.unjudged} rows have no verdict, and no right answer to grade them by: name a file "
                "of questions and right answers with --answers, or keep them with --reference dearest."
            )
        if self.counts.unanswered:
            return (
                f"{self.counts.unanswered} rows have neither a verdict nor a reply to grade: name the field of "
                "either with --map correct=... or reply=...."
            )
        failed = (
            f" {self.counts.failed} requests failed; --failed wrong imports them." if self.counts.failed else ""
        )
        return f"nothing was imported, so {self.store.path} holds no outcome.{failed}"


def _extract(reply: str | None) -> str | None:
    return (extract_final_answer(reply) or reply.strip() or None) if reply else None

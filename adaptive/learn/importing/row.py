"""A row of another tool's log: one attempt at a question, as far as the log tells."""

from __future__ import annotations

from dataclasses import dataclass

from adaptive.types.ladder import EFFORTS

DIRECT_NAMES = ("none", "off", "no thinking", "0")
"""Names of a setting that does not think."""


@dataclass(frozen=True)
class ImportedSetting:
    """What was bought for a row. Empty texts and None: the log does not tell.

    name: its own name, if it is none of an effort or a budget. budget: the most thinking tokens.
    """

    name: str = ""
    model: str = ""
    effort: str = ""
    budget: int | None = None

    @classmethod
    def parse(cls, text: str, model: str = "") -> ImportedSetting:
        """Read a setting's name: an effort, a budget, both ("low 64", "64:low"), or any other text."""
        words = text.strip().lower()
        if words in DIRECT_NAMES:
            return cls(model=model, effort="none", budget=0)
        if words in (*EFFORTS, "default"):
            return cls(model=model, effort=words)
        effort, budget = "", None
        for part in words.replace(":", " ").split():
            if part in (*EFFORTS, "default") and not effort:
                effort = part
            elif part.isascii() and part.isdigit() and len(part) < 10 and budget is None:
                budget = int(part)
            else:
                return cls(name=text.strip(), model=model)
        return cls(model=model, effort=effort, budget=budget)

    @property
    def is_direct(self) -> bool:
        """Whether it surely does not think."""
        return self.effort == "none" or self.budget == 0

    def format(self, with_model: bool) -> str:
        """Return it in words; `with_model`: the model's name is needed to tell it from others."""
        budget = "" if self.budget is None or self.is_direct else str(self.budget)
        effort = "none" if self.is_direct else self.effort
        own = self.name or " ".join(filter(None, (effort, budget)))
        return " ".join(filter(None, (self.model if with_model else "", own))) or self.model or "default"


@dataclass(frozen=True)
class ImportedRow:
    """One attempt. None and empty texts: the log does not tell.

    Args:
        place: Where it stands in its log, for error sentences.
        question: The text of the question.
        setting: What was bought.
        right: The verdict that came along.
        output: All tokens that the model generated, thinking included.
        thinking: The thinking tokens among them.
        prompt: The tokens of the prompt.
        cost: The dollars that were paid.
        id: The id of the question.
        reference: The right answer.
        group: Shared by questions of one template, say.
        reply: What the model wrote after its thinking.
        thought: Its thinking as text.
        answer: The final answer, if the log has it apart from the reply.
        cut: Whether a limit on tokens ended it.
        failed: Why the request failed, in words.
        sample: The number of the sample, which orders samples of a question.
        origin: The log's own id of the row; empty: its content is its id.
    """

    place: str
    question: str
    setting: ImportedSetting
    right: bool | None = None
    output: int | None = None
    thinking: int | None = None
    prompt: int | None = None
    cost: float | None = None
    id: str = ""
    reference: str = ""
    group: str = ""
    reply: str | None = None
    thought: str = ""
    answer: str | None = None
    cut: bool = False
    failed: str = ""
    sample: int = 0
    origin: str = ""

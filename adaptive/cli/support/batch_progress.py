"""Progress of a recording by a provider's batch API: what was submitted, how far it is, and how to go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from adaptive.cli.support.progress import Progress

if TYPE_CHECKING:
    from adaptive.chat.batch_api import BatchStatus
    from adaptive.learn.data.batch_desk import UnansweredError
    from adaptive.learn.data.batch_journal import OpenBatch


class BatchReport:
    """Tells of batches in words: a `BatchListener`.

    Args:
        tell: Prints a sentence.
        show: Shows how far a batch is.
    """

    def __init__(self, tell: Callable[[str], None], show: Callable[[str], None]) -> None:
        self.tell, self.show = tell, show
        self._open: dict[str, None] = {}
        self._unanswered: list[str] = []

    def on_batch(self, batch: OpenBatch, *, resumed: bool) -> None:
        """Say that a batch was submitted, or that one of a former run is waited for."""
        most = "" if batch.most is None else f", at most ${batch.most:.4f}"
        if batch.id is not None:
            self._open[batch.id] = None
            self.tell(f"{'Waiting for' if resumed else 'Submitted'} {batch.id}: {batch.count} requests{most}.")
        else:
            self.tell(f"Looking for a batch whose submission was cut off: {batch.count} requests{most}.")

    def on_status(self, status: BatchStatus) -> None:
        """Show how far a batch is."""
        self.show(f"{status.id}: {status.done} of {status.total} requests are over")
        if status.ended:
            self._open.pop(status.id, None)

    def on_unanswered(self, error: UnansweredError) -> None:
        """Count an attempt that the next run has to make."""
        self._unanswered.append(str(error).rstrip("."))

    def describe_open(self) -> str:
        """Return in words which batches go on if the run ends now; empty if none does."""
        ids = ", ".join(self._open)
        return f": {ids} goes on meanwhile, and nothing is bought twice" if ids else ""

    def describe_unanswered(self) -> str:
        """Return in words how many requests failed or expired; empty if none did."""
        count = len(self._unanswered)
        if not count:
            return ""
        return f"{count} requests failed or expired ({self._unanswered[0]}): the next run makes them again."


class BatchProgress(Progress):
    """A `Progress` of a recording by batches.

    Args:
        total: The number of questions.
        kept_in: The file of outcomes.
    """

    def __init__(self, total: int, kept_in: str) -> None:
        super().__init__(total, 0, kept_in, word="recorded")
        self.report = BatchReport(self.tell, self.show)

    def __str__(self) -> str:
        return super().__str__() + self.report.describe_open()

    def advance(self, cost: str = "") -> None:
        """Count one more as done. How long the others take cannot be told: they wait for a batch, not in turn."""
        self.done += 1
        self._bar.update(self._task, completed=self.done, cost=cost)

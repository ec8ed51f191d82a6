"""The calls that were paid for, in the file of their outcomes: a row each, written before the call is made.

A call that a kill cut off was billed, and nobody saw its usage. Its row has no cost; it counts with the most that
it may have cost.
"""

from __future__ import annotations

from adaptive._util.sqlite import SqliteFile

TABLE = "CREATE TABLE IF NOT EXISTS calls (number INTEGER PRIMARY KEY, most REAL, cost REAL)"


class CallJournal(SqliteFile):
    """The open journal of a file of outcomes; a context manager.

    Raises:
        AdaptiveError: The file cannot be used.
    """

    KIND, REMEDY = "outcomes", "name another file"
    MAKES_FOLDER = False
    SYNCHRONOUS = "NORMAL"

    def _prepare_tables(self) -> None:
        self._db.execute(TABLE)

    def begin_call(self, most: float | None) -> int:
        """Write that a call is made, and return its number.

        Args:
            most: The most dollars that it may cost; None if its price is not known.
        """
        with self._explain_errors():
            return self._insert_call(most)

    def _insert_call(self, most: float | None) -> int:
        return int(self._db.execute("INSERT INTO calls (most) VALUES (?)", (most,)).lastrowid or 0)

    def end_call(self, number: int, cost: float | None) -> None:
        """Write what a call cost, in dollars."""
        with self._explain_errors():
            self._db.execute("UPDATE calls SET cost = ?, most = NULL WHERE number = ?", (cost, number))

    def sum_costs(self) -> float | None:
        """Return the dollars of all calls; None if the cost of one is not known."""
        sql = "SELECT count(*), count(coalesce(cost, most)), total(coalesce(cost, most)) FROM calls"
        with self._explain_errors():
            calls, known, dollars = self._db.execute(sql).fetchone()
        return float(dollars) if calls == known else None

    def sum_settled_costs(self) -> float:
        """Return the dollars of the calls whose cost is known."""
        with self._explain_errors():
            return float(self._db.execute("SELECT total(cost) FROM calls").fetchone()[0])

    def sum_open_calls(self) -> tuple[int, float]:
        """Return how many calls have no cost yet, and the most dollars that they may have cost."""
        sql = "SELECT count(*), total(most) FROM calls WHERE cost IS NULL AND most IS NOT NULL"
        with self._explain_errors():
            calls, dollars = self._db.execute(sql).fetchone()
        return int(calls), float(dollars)

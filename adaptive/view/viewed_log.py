"""The log of solves as the pages read it: only read, filtered and a page at a time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from adaptive.solve_log import LoggedSolve, SolveLog

Verdict = Literal["accepted", "rejected", "unverified"]
VERDICTS: dict[Verdict, bool | None] = {"accepted": True, "rejected": False, "unverified": None}
MOST_RUNS = 200
"""How many runs can be chosen from, the newest."""

_PART = "CASE WHEN json_valid(result) THEN {}(result, '{}') END"
_OUTSIDE = _PART.format("json_extract", "$.difficulty.outside")
_COST = _PART.format("json_extract", "$.usage.cost")
_ATTEMPTS = _PART.format("json_array_length", "$.attempts")
_COLUMNS = (
    "id, time, question, model, profile, answer, status, accepted, rung, tokens, seconds, "
    f"{_COST}, {_OUTSIDE}, {_ATTEMPTS}"
)


@dataclass(frozen=True)
class SolveFilter:
    """Which solves are shown; what is None or empty leaves none out.

    Args:
        search: Text of the question or the answer.
        status: How the solve ended.
        verdict: What the verifiers said.
        model: The model's name.
        profile: The profile's name.
        outside: Whether the question is outside the profile's domain.
        day: A UTC day, "2026-01-31".
    """

    search: str = ""
    status: str = ""
    verdict: Verdict | None = None
    model: str = ""
    profile: str = ""
    outside: bool | None = None
    day: str = ""

    def to_sql(self) -> tuple[str, dict[str, Any]]:
        """Return the condition, and its values by name."""
        conditions = ["1"]
        if self.search:  # not LIKE: it would read % and _ in the text as wildcards
            conditions.append("(instr(lower(question), lower(:search)) OR instr(lower(answer), lower(:search)))")
        conditions += [f"{name} = :{name}" for name in ("status", "model", "profile") if getattr(self, name)]
        if self.verdict is not None:
            conditions.append("accepted IS :accepted")
        if self.outside is not None:
            conditions.append(f"{_OUTSIDE} = :outside")
        if self.day:
            conditions.append("substr(time, 1, 10) = :day")
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return " AND ".join(conditions), {**values, "accepted": VERDICTS[self.verdict] if self.verdict else None}


@dataclass(frozen=True)
class SolveRow:
    """A solve in the list. The figures of a damaged result, and those of a solve without them, are None."""

    id: int
    time: str
    question: str
    model: str
    profile: str | None
    answer: str | None
    status: str
    accepted: bool | None
    rung: int | None
    tokens: int | None
    seconds: float | None
    cost: float | None
    outside: bool | None
    attempts: int | None


@dataclass(frozen=True)
class Run:
    """The solves of one model with one profile on one day (UTC)."""

    model: str
    profile: str
    day: str
    count: int = 0

    @property
    def key(self) -> str:
        """What names it in an address."""
        return f"{self.day} {self.profile} {self.model}"

    def to_filter(self) -> SolveFilter:
        """Return what selects its solves."""
        return SolveFilter(model=self.model, profile=self.profile, day=self.day)


class ViewedLog(SolveLog):
    """The open log, only read. Raises `AdaptiveError` if the file cannot be read or is no log of this version."""

    REMEDY = "name another file in ADAPTIVE_LOG"

    def __init__(self, path: Path) -> None:
        super().__init__(path, read_only=True)

    def count(self, wanted: SolveFilter) -> int:
        """Return how many solves there are."""
        where, values = wanted.to_sql()
        return int(self._fetch(f"SELECT count(*) FROM solves WHERE {where}", values)[0][0])

    def list_rows(self, wanted: SolveFilter, count: int, offset: int = 0) -> list[SolveRow]:
        """Return solves, newest first.

        Args:
            wanted: Which.
            count: How many at most.
            offset: How many newer ones are left out.
        """
        where, values = wanted.to_sql()
        sql = f"SELECT {_COLUMNS} FROM solves WHERE {where} ORDER BY id DESC LIMIT :count OFFSET :offset"
        rows = self._fetch(sql, {**values, "count": count, "offset": offset})
        return [_make_row(*row) for row in rows]

    def list_solves(self, wanted: SolveFilter) -> list[LoggedSolve]:
        """Return whole solves, oldest first."""
        where, values = wanted.to_sql()
        return self._select_solves(f"SELECT id, time, result FROM solves WHERE {where} ORDER BY id", values)

    def list_names(self, column: Literal["model", "profile", "status"]) -> list[str]:
        """Return what the solves have in a column, each once."""
        sql = f"SELECT DISTINCT {column} FROM solves WHERE {column} IS NOT NULL ORDER BY 1"
        return [str(name) for (name,) in self._fetch(sql, {})]

    def list_runs(self) -> list[Run]:
        """Return the runs, newest first."""
        sql = (
            "SELECT model, profile, substr(time, 1, 10), count(*) FROM solves WHERE profile IS NOT NULL "
            "GROUP BY 1, 2, 3 ORDER BY max(id) DESC LIMIT :most"
        )
        return [Run(*row) for row in self._fetch(sql, {"most": MOST_RUNS})]

    def _fetch(self, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        with self._explain_errors():
            return self._db.execute(sql, values).fetchall()


def _make_row(*values: Any) -> SolveRow:
    names = [field.name for field in fields(SolveRow)]
    row = dict(zip(names, values, strict=True))
    flags = {name: None if row[name] is None else bool(row[name]) for name in ("accepted", "outside")}
    return SolveRow(**{**row, **flags})

"""Every page as HTML, from the log and the profiles. Nothing here knows how it is served."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from adaptive._util.html_page import PageTemplates
from adaptive.errors import InputError
from adaptive.view.profile_page import build_profile_view
from adaptive.view.profiles import ProfileShelf, ViewedProfile, collect_profiles
from adaptive.view.run_comparison import compare_runs
from adaptive.view.timeline import view_solve
from adaptive.view.viewed_log import VERDICTS, Run, SolveFilter, ViewedLog
from adaptive.view.words import FILTERS

PAGE_ROWS = 50
"""Solves, or shared questions of two runs, on a page."""
PAGES = (("./", "Solves"), ("compare", "Compare"), ("profiles", "Profiles"))
"""The pages of the menu by their addresses, which are relative: the pages may lie anywhere."""
NOTHING = "Nothing is logged yet"
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
Query = Mapping[str, str]


@dataclass(frozen=True)
class ViewPages:
    """The pages of one log.

    Args:
        log: The log's file, which need not exist yet.
        folders: Folders of profiles beside the stored ones.
    """

    log: Path
    folders: Sequence[Path] = ()
    _templates: PageTemplates = field(default_factory=lambda: PageTemplates(**FILTERS), repr=False)

    def render_solves(self, query: Query) -> str:
        """Return the list of solves that a form's fields select.

        Raises:
            InputError: A field has a value that the form does not have.
            AdaptiveError: The log cannot be read.
        """
        wanted, page = parse_filter(query), _parse_number(query.get("page", "1"), "page")
        if not self.log.exists():
            return self.render_message(NOTHING, f"{self.log} does not exist: solve something, then come again.")
        with ViewedLog(self.log) as log:
            total = log.count(wanted)
            last_page = max(1, -(-total // PAGE_ROWS))
            page = min(page, last_page)
            return self._render(
                "solves",
                here="./",
                wanted=wanted,
                outside={True: "1", False: "0", None: ""}[wanted.outside],
                statuses=log.list_names("status"),
                models=log.list_names("model"),
                profiles=log.list_names("profile"),
                total=total,
                filtered=wanted != SolveFilter(),
                rows=log.list_rows(wanted, PAGE_ROWS, PAGE_ROWS * (page - 1)),
                page=page,
                last_page=last_page,
                link=lambda number: f"solve?id={number}",
                page_link=_make_page_link("./", query),
            )

    def render_solve(self, query: Query) -> str:
        """Return one solve as a timeline; `id` is its number. Raises as `render_solves`."""
        with self._open_log() as log:
            view = view_solve(log.get(_parse_number(query.get("id", ""), "id")))
        return self._render("solve", here="", view=view)

    def render_pair(self, query: Query) -> str:
        """Return two solves side by side; `first` and `second` are their numbers. Raises as `render_solves`."""
        with self._open_log() as log:
            numbers = [_parse_number(query.get(name, ""), name) for name in ("first", "second")]
            views = [view_solve(log.get(number)) for number in numbers]
        return self._render("pair", here="compare", views=views)

    def render_comparison(self, query: Query) -> str:
        """Return the choice of two runs, and their comparison if two are chosen. Raises as `render_solves`."""
        page = _parse_number(query.get("page", "1"), "page")
        if not self.log.exists():
            return self.render_message(NOTHING, f"{self.log} does not exist: solve something, then come again.")
        with ViewedLog(self.log) as log:
            runs = log.list_runs()
            keys = [query.get(name, "") for name in ("first", "second")]
            chosen = [_find_run(runs, key) for key in keys] if any(keys) else []
            found = compare_runs(*(log.list_solves(run.to_filter()) for run in chosen)) if chosen else None
        defaults = [run.key for run in (*runs[1:2], *runs[:1], *runs[:1])]
        first, second = keys if chosen else (defaults[0], defaults[1]) if runs else ("", "")
        last_page = max(1, -(-len(found.questions) // PAGE_ROWS)) if found else 1
        page = min(page, last_page)
        return self._render(
            "compare",
            here="compare",
            runs=runs,
            first=first,
            second=second,
            chosen=bool(chosen),
            found=found,
            shown=found.questions[PAGE_ROWS * (page - 1) : PAGE_ROWS * page] if found else (),
            page=page,
            last_page=last_page,
            page_link=_make_page_link("compare", query),
        )

    def render_profiles(self, query: Query) -> str:
        """Return the list of profiles. Raises as `render_solves`."""
        return self._render("profiles", here="profiles", shelf=self._collect_profiles(), profile_link=link_profile)

    def render_profile(self, query: Query) -> str:
        """Return one profile; `model` and `name` name it. Raises as `render_solves`."""
        model, name = query.get("model", ""), query.get("name", "")
        viewed = self._collect_profiles().find(model, name)
        if viewed is None:
            raise InputError(f"there is no profile {name!r} of the model {model!r}: the page Profiles lists all.")
        solves = []
        if self.log.exists():
            with ViewedLog(self.log) as log:
                solves = log.list_solves(SolveFilter(model=model, profile=name))
        return self._render("profile", here="profiles", view=build_profile_view(viewed, solves))

    def render_static(self, wanted: SolveFilter, count: int) -> str:
        """Return the newest solves with all their details as one page, which needs no server.

        Args:
            wanted: Which.
            count: How many at most.

        Raises:
            InputError: There is no log.
            AdaptiveError: It cannot be read.
        """
        with self._open_log() as log:
            rows = log.list_rows(wanted, count)
            views = [view_solve(log.get(row.id)) for row in rows]
        return self._render(
            "static", here="", pages=(), rows=rows, views=views, link=lambda number: f"#solve-{number}"
        )

    def render_message(self, title: str, text: str) -> str:
        """Return a page that only says something."""
        return self._render("message", here="", title=title, text=text)

    def _render(self, name: str, **values: Any) -> str:
        values = {"log": self.log, "pages": PAGES, **values}
        return self._templates.render(f"view/{name}.html.jinja", **values)

    def _open_log(self) -> ViewedLog:
        if not self.log.exists():
            raise InputError(f"nothing is logged yet: {self.log} does not exist.")
        return ViewedLog(self.log)

    def _collect_profiles(self) -> ProfileShelf:
        models = []
        if self.log.exists():
            with ViewedLog(self.log) as log:
                models = log.list_names("model")
        return collect_profiles(self.folders, models or ["embedded"])


def parse_filter(query: Query) -> SolveFilter:
    """Return what a form's fields select; raise `InputError` for a value that the form does not have."""
    named: dict[str, Any] = {name: query.get(name, "") for name in ("search", "status", "model", "profile")}
    verdict, outside, day = (query.get(name, "") for name in ("verdict", "outside", "day"))
    if verdict and verdict not in VERDICTS:
        raise InputError(f"verdict is {' or '.join(VERDICTS)}, got {verdict!r}.")
    if outside not in ("", "0", "1"):
        raise InputError(f"outside is 0 or 1, got {outside!r}.")
    if day and not _DAY.fullmatch(day):
        raise InputError(f"day is a date such as 2026-01-31, got {day!r}.")
    return SolveFilter(
        **named,
        verdict=verdict or None,
        outside=outside == "1" if outside else None,
        day=day,
    )


def link_profile(one: ViewedProfile) -> str:
    """Return the address of a profile's page."""
    return f"profile?{urlencode({'model': one.model, 'name': one.name})}"


def _parse_number(text: str, name: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < 1:
        raise InputError(f"{name} is a whole number from 1 on, got {text!r}.")
    return int(text)


def _find_run(runs: Sequence[Run], key: str) -> Run:
    run = next((one for one in runs if one.key == key), None)
    if run is None:
        raise InputError(f"there is no run {key!r}: the page Compare lists the newest.")
    return run


def _make_page_link(address: str, query: Query) -> Callable[[int], str]:
    kept = {name: value for name, value in query.items() if value and name != "page"}
    return lambda page: f"{address}?{urlencode({**kept, 'page': page})}"

"""The pages of a log of real solves: what they show, what they select, and that nothing in them is markup."""

from __future__ import annotations

import json
import sqlite3
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from adaptive.errors import AdaptiveError, InputError
from adaptive.solve_log import MIGRATIONS, SolveLog
from adaptive.view.pages import PAGE_ROWS, ViewPages
from tests.cli.stub import result
from tests.view.logged import EVIL, STRANGE, SUM, Page, fill_log, write_fronted_profile


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> ViewPages:
    folder = tmp_path_factory.mktemp("view")
    return ViewPages(fill_log(folder / "solves.db"), [write_fronted_profile(folder / "fronted")])


def open_page(pages: ViewPages, address: str) -> Page:
    """Return the page at a relative address, as the server finds it."""
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query))
    renders = {
        "./": pages.render_solves, "solve": pages.render_solve, "pair": pages.render_pair,
        "compare": pages.render_comparison, "profiles": pages.render_profiles, "profile": pages.render_profile,
    }  # fmt: skip
    return Page(renders[parts.path](query))


def list_ids(page: Page) -> list[int]:
    return [int(one.text) for one in page.find("a") if one.text.isdigit()]


def check_form(page: Page) -> None:
    """What a reader with a keyboard or a screen reader needs, and nothing that runs or loads."""
    assert not {one.tag for one in page.elements} & {"script", "iframe", "link", "object", "base"}
    assert not [name for one in page.elements for name in one.attributes if name.startswith("on")]
    assert page.find("html", lang="en")
    assert page.find("meta", name="viewport")
    assert len(page.find("h1")) == len(page.find("main")) == 1
    assert page.find("a")[0].attributes["href"] == "#main"
    identifiers = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
    assert len(identifiers) == len(set(identifiers))
    levels = [int(one.tag[1]) for one in page.elements if one.tag in ("h1", "h2", "h3", "h4")]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for svg in page.find("svg"):
        assert svg.attributes.get("aria-hidden") == "true" or svg.attributes["aria-label"]
    for table in page.find("table"):
        assert table.text
    for link in page.links:
        assert urlsplit(link)[:2] == ("", "")


def test_every_page_that_is_linked_is_well_formed_and_loads_nothing(pages: ViewPages) -> None:
    left, seen = ["./", "compare?" + "&".join(choose_runs(pages))], set[str]()
    while left:
        address = left.pop()
        if address in seen or address.startswith("#"):
            continue
        seen.add(address)
        page = open_page(pages, address)
        check_form(page)
        left += page.links
    kinds = {urlsplit(one).path for one in seen}
    assert kinds == {"./", "solve", "pair", "compare", "profiles", "profile"}


def choose_runs(pages: ViewPages) -> list[str]:
    from urllib.parse import urlencode

    values = [one.attributes["value"] for one in open_page(pages, "compare").find("option")]
    return [urlencode({"first": values[0]}), urlencode({"second": values[1]})]


def test_the_list_is_newest_first_with_verdicts(pages: ViewPages) -> None:
    page = open_page(pages, "./")
    assert list_ids(page) == [6, 5, 4, 3, 2, 1]
    assert "6 solves." in page.text
    rows = [one.text for one in page.find("tr")][1:]
    assert "outside" in rows[1]
    assert SUM in rows[5]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("profile=other", [6, 2]),
        ("profile=nobody", []),
        ("outside=1&profile=abacus", [5, 4]),
        ("search=SEINE", [5]),
        ("search=%25", []),  # not a wildcard
        ("search=onerror", [6, 4]),
        ("model=embedded&profile=abacus&outside=0", [3, 1]),
        ("day=1999-01-01", []),
    ],
)
def test_filters(pages: ViewPages, query: str, ids: list[int]) -> None:
    page = open_page(pages, f"./?{query}")
    assert list_ids(page) == ids
    assert "Show all" in page.text


def test_verdicts_and_statuses_part_the_solves(pages: ViewPages) -> None:
    with SolveLog(pages.log) as log:
        solves = log.list_recent(0)
    for name, accepted in (("accepted", True), ("rejected", False), ("unverified", None)):
        expected = [one.id for one in solves if one.result["accepted"] is accepted]
        assert list_ids(open_page(pages, f"./?verdict={name}"))[::-1] == expected
    for status in {one.result["status"] for one in solves}:
        expected = [one.id for one in solves if one.result["status"] == status]
        assert list_ids(open_page(pages, f"./?status={status}"))[::-1] == expected


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("./?verdict=maybe", "verdict is accepted or rejected or unverified, got 'maybe'"),
        ("./?outside=2", "outside is 0 or 1, got '2'"),
        ("./?page=0", "page is a whole number from 1 on, got '0'"),
        ("./?day=today", "day is a date such as 2026-01-31, got 'today'"),
        ("solve?id=x", "id is a whole number"),
        ("solve?id=99", "solve 99 is not in the log"),
        ("compare?first=x", "there is no run 'x'"),
        ("profile?name=x", "there is no profile 'x'"),
    ],
)
def test_what_is_not_there_is_named(pages: ViewPages, address: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_page(pages, address)


def test_a_solve_that_was_cut_shows_where(pages: ViewPages) -> None:
    page = open_page(pages, "solve?id=2")
    with SolveLog(pages.log) as log:
        [attempt] = log.get(2).result["attempts"]
    assert attempt["finish"] == "budget"
    [cut] = page.find("span", class_="cut")
    assert "thinking was ended here: cut at the budget" in cut.text
    before, _, _ = page.find("pre")[0].text.partition("✂")
    assert before == attempt["thinking"][: attempt["forced"][-1][0]]
    assert "user: wrong" in page.text
    assert f"{attempt['rounds'][0]['tokens']} tokens: cut at the budget" in page.text
    assert page.find("line", class_="limit")


def test_a_wait_is_marked_as_forced(pages: ViewPages) -> None:
    with SolveLog(pages.log) as log:
        [attempt] = log.get(3).result["attempts"]
    assert attempt["rounds"][1]["injected"], "the model waited"
    page = open_page(pages, "solve?id=3")
    assert [one.text for one in page.find("mark")] == ["[forced: Wait]"]
    assert page.find("rect", class_="forced-part")
    thinking = page.find("pre")[0].text
    assert thinking.startswith(attempt["thinking"][: attempt["forced"][0][0]])


def test_texts_are_text(pages: ViewPages) -> None:
    for address in ("./", "solve?id=4", "pair?first=4&second=6", "compare?" + "&".join(choose_runs(pages))):
        page = open_page(pages, address)
        check_form(page)
        assert "alert(1)</script>" in page.text
    assert EVIL in open_page(pages, "solve?id=4").find("p", class_="question")[0].text
    evil = Page(pages.render_solves({"search": '"><script>alert(1)</script>'}))
    check_form(evil)
    assert evil.find("input", name="search")[0].attributes["value"] == '"><script>alert(1)</script>'


def test_a_profile_shows_its_ladder_reliability_and_drift(pages: ViewPages) -> None:
    page = open_page(pages, "profile?model=embedded&name=abacus")
    assert [one.attributes["aria-label"] for one in page.find("section")] == [
        "P(solved), from the question's text",
        "P(solved), after a direct answer",
        "P(right), of an answer",
        "P(solved), inside and outside the domain",
    ]
    assert page.find("circle", class_="outside")
    assert any(one.attributes.get("aria-label", "").startswith("Accuracy against") for one in page.find("svg"))
    assert "2 of 4 logged solves are outside the domain." in page.text
    assert "1 by user" in page.text


def test_a_profile_that_holds_its_front_draws_it(pages: ViewPages) -> None:
    page = open_page(pages, "profile?model=embedded&name=fronted")
    label = "Accuracy against tokens of a question: constants, their hull, the policy and the oracle"
    assert any(one.attributes.get("aria-label", "").startswith(label) for one in page.find("svg"))
    drawn = {"corner": 2, "constant": 1, "policy": 1, "chosen": 1, "oracle": 1}
    assert {kind: len(page.find("circle", class_=kind)) for kind in drawn} == drawn
    assert "policies; the largest point is the chosen one" in page.text
    assert "+10.0 (+0.0 to +20.0)" in page.text
    assert "It pays." in page.text
    assert not page.find("img")


def test_two_runs_are_compared_on_the_questions_that_both_answered(pages: ViewPages) -> None:
    page = open_page(pages, "compare?" + "&".join(choose_runs(pages)))
    assert "On 2 shared questions" in page.text
    figures = {words[0]: words[1:] for one in page.find("tr") if (words := one.text.split())}
    assert figures["graded"] == ["1", "0"]  # solve 2 by the user; of solve 3 nobody knows
    assert "pair?first=" in " ".join(page.links)


def test_one_file_has_all_solves_without_a_server(pages: ViewPages) -> None:
    from adaptive.view.viewed_log import SolveFilter

    page = Page(pages.render_static(SolveFilter(), 4))
    check_form(page)
    sections = [one.attributes["id"] for one in page.find("section")]
    assert sections == ["solve-6", "solve-5", "solve-4", "solve-3"]
    assert [one for one in page.links if one != "#main"] == [f"#{one}" for one in sections for _ in range(2)]


def test_ten_thousand_solves_are_paged(tmp_path: Path) -> None:
    log = tmp_path / "solves.db"
    with SolveLog(log) as store:
        store.add(result(question="0"))
    text = json.dumps(result())
    rows = [("2026-01-01T00:00:00.000+00:00", f"Question {n}", "m", "p", "1", "answered", 0, 5, 0.5, text, 1)
            for n in range(9_999)]  # fmt: skip
    with sqlite3.connect(log) as db:
        db.executemany("INSERT INTO solves (time, question, model, profile, answer, status, rung, tokens, "
                       "seconds, result, accepted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)  # fmt: skip
    db.close()
    pages = ViewPages(log)
    first = open_page(pages, "./")
    assert list_ids(first) == list(range(10_000, 10_000 - PAGE_ROWS, -1))
    assert "10,000 solves, page 1 of 200." in first.text
    [older] = [one.attributes["href"] for one in first.find("a", rel="next")]
    assert list_ids(open_page(pages, older))[0] == 10_000 - PAGE_ROWS
    last = open_page(pages, "./?page=999&model=m")
    assert "page 200 of 200" in last.text
    assert not last.find("a", rel="next")
    assert dict(parse_qsl(urlsplit(last.find("a", rel="prev")[0].attributes["href"]).query)) == {
        "model": "m", "page": "199",
    }  # fmt: skip


def test_a_log_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    pages = ViewPages(tmp_path / "none" / "solves.db")
    for address in ("./", "compare"):
        assert "Nothing is logged yet" in open_page(pages, address).text
    assert "abacus" in open_page(pages, "profiles").text  # what is shipped
    assert not pages.log.parent.exists()


def test_a_damaged_log_is_explained(tmp_path: Path) -> None:
    log = tmp_path / "solves.db"
    log.write_text("not a database" * 100)
    with pytest.raises(AdaptiveError, match="file is not a database"):
        open_page(ViewPages(log), "./")
    log.unlink()
    with SolveLog(log) as store:
        store.add(result(question="whole"))
        store.add(result(question="damaged"))
        store.add(result(question="lacking"))
    lacking = json.dumps(
        {"status": "answered", "question": "", "model": "", "attempts": [{}], "difficulty": {}, "usage": {}}
    )
    with sqlite3.connect(log) as db:
        db.execute("UPDATE solves SET result = 'half of {' WHERE id = 2")
        db.execute("UPDATE solves SET result = ? WHERE id = 3", (lacking,))
    db.close()
    pages = ViewPages(log)
    for address in ("./", "./?outside=1"):
        open_page(pages, address)
    assert list_ids(open_page(pages, "./")) == [3, 2, 1]
    for number in (2, 3):
        with pytest.raises(AdaptiveError, match=f"solve {number} in the log .*is damaged"):
            open_page(pages, f"solve?id={number}")
    with sqlite3.connect(log) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) - 1}")
    db.close()
    with pytest.raises(AdaptiveError, match="older adaptive: `adaptive logs` brings it up to date"):
        open_page(pages, "./")


def test_reading_changes_nothing(pages: ViewPages) -> None:
    before = pages.log.read_bytes()
    pages.log.chmod(0o400)
    open_page(pages, "./")
    open_page(pages, "solve?id=1")
    pages.log.chmod(0o600)
    assert pages.log.read_bytes() == before
    assert STRANGE in open_page(pages, "./").text

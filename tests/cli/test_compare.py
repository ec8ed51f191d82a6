"""`adaptive compare` in this process: against the local server that speaks the providers' wire formats."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from adaptive.compare.cache import CellCache
from adaptive.errors import AdaptiveError
from tests.cli.conftest import Run
from tests.compare.lab import ARGS, CELLS, PROMPT, lab, png
from tests.hosted.brains import always
from tests.hosted.script import Asked, Fault, Reply, Spoken
from tests.hosted.server import Hosted
from tests.support.scripted import STOP, ScriptedEngine

SECRET = "sk-planted-secret-0123456789"
TWO = ("-m", "openai:o4-mini", "--effort", "low,high", "--max-tokens", "4000")


@pytest.fixture
def hosted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    """The server; the real clients are sent there by their environment variables."""
    with Hosted(always(Spoken("7", thought=90)), key=SECRET) as server:
        monkeypatch.setenv("OPENAI_API_KEY", SECRET)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        yield server


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("ADAPTIVE_CACHE", str(tmp_path / "compare.db"))
    return tmp_path / "compare.db"


@pytest.fixture
def picture(tmp_path: Path) -> str:
    (tmp_path / "programme.png").write_bytes(png())
    return str(tmp_path / "programme.png")


def test_the_lab(run: Run, hosted: Hosted, cache: Path, picture: str) -> None:
    hosted.brain = lab
    made = run("compare", PROMPT, "--image", picture, *ARGS)
    assert made.exit_code == 0, made.stderr
    lines = made.stdout.splitlines()
    assert [line.split()[:3] for line in lines[1:6]] == [
        ["*", "openai:o4-mini", "low"],
        ["openai:o4-mini", "high", "100000"],
        ["openai:o1", "high", "40000"],
        ["openai:o1", "high", "4000"],
        ["openai:o1", "low", "4000"],
    ]
    assert [line.split()[-2:] for line in lines[1:6]] == [
        ["answered", "yes"], ["answered", "yes"], ["answered", "yes"], ["starved", "-"], ["answered", "yes"]
    ]  # fmt: skip
    for said in (
        "The cheapest that answers is openai:o4-mini at low effort and a cap of 100000:",
        "(632 beside the prompt), by cost.",
        "High effort on openai:o4-mini: +10 tokens, same answer.",
        "A cap of 4000 starves openai:o1 at high effort: 4000 tokens spent, no answer.",
        "Low effort on openai:o1 at 4000 answers, with the most tokens of those that do: 1757 beside the prompt.",
    ):
        assert said in made.stdout
    assert sorted((f"openai:{a.model}", a.effort, a.cap) for a in hosted.asked) == sorted(CELLS)


def test_the_lab_as_json(run: Run, hosted: Hosted, cache: Path, picture: str) -> None:
    hosted.brain = lab
    found = json.loads(run("compare", PROMPT, "--image", picture, *ARGS, "--json").stdout)
    cells = {(c["model"], c["effort"], c["cap"]): c for c in found["cells"]}
    spent = {cell: cells[cell]["usage"]["thinking"] + cells[cell]["usage"]["answer"] for cell in CELLS}
    assert [spent[cell] for cell in CELLS] == [632, 642, 1325, 4000, 1757]
    assert [cells[cell]["ended"] for cell in CELLS] == ["answered"] * 3 + ["starved", "answered"]
    assert cells[CELLS[3]]["answer"] is None
    assert (found["cheapest"]["model"], found["cheapest"]["effort"]) == CELLS[0][:2]
    assert found["images"] == 1


def test_nothing_is_paid_twice_and_another_check_judges_the_same(run: Run, hosted: Hosted, cache: Path) -> None:
    assert run("compare", "What?", *TWO).exit_code == 0
    again = run("compare", "What?", *TWO, "--check", "re:8")
    assert (again.exit_code, len(hosted.asked)) == (3, 2)
    assert "Asked 0 cells (0 tokens); 2 were kept" in again.stderr
    assert run("compare", "What?", *TWO, "--check", "re:7").exit_code == 0
    more = run("compare", "What?", *TWO, "--effort", "low,medium,high", "--repeat", "2")
    assert (more.exit_code, len(hosted.asked)) == (0, 6)
    assert run("compare", "What?", *TWO, "--fresh").exit_code == 0
    assert len(hosted.asked) == 8


@pytest.mark.parametrize(
    ("answer", "grade", "code"), [("7", "right", 0), ("so it is #### 7.0", "right", 0), ("8", "wrong", 3)]
)
def test_answers_are_graded_by_the_right_one(
    run: Run, hosted: Hosted, cache: Path, answer: str, grade: str, code: int
) -> None:
    made = run("compare", "What?", *TWO, "--answer", answer)
    assert (made.exit_code, made.stdout.splitlines()[1].split()[-2:]) == (code, ["answered", grade]), made.stderr
    cells = json.loads(run("compare", "What?", *TWO, "--answer", answer, "--json").stdout)["cells"]
    assert [(cell["grade"], cell["verdict"]["verifier"]) for cell in cells] == [(grade, "reference")] * 2
    assert len(hosted.asked) == 2


def test_tokens_from_the_provider_s_cache_are_a_column(run: Run, hosted: Hosted, cache: Path) -> None:
    hosted.brain = always(Spoken("7", thought=90, cached=1))
    head, line, *_ = run("compare", "Well, what?", *TWO).stdout.splitlines()
    shown = dict(zip(head.split(), line.split()[1:], strict=False))
    assert (shown["prompt"], shown["cached"]) == ("2", "1")


SAME = "effort and a cap of 4000 is the same request as"


@pytest.mark.parametrize(
    ("model", "efforts", "sent", "note"),
    [
        ("o4-mini", "high,xhigh", ["high"], f"xhigh {SAME} high and 4000, and was paid for once."),
        ("gpt-4.1", "low,medium,high", [None], f"high {SAME} low and 4000, and was paid for once."),
        ("o4-mini", "low,high", ["low", "high"], ""),
    ],
)
def test_settings_that_are_one_request_are_paid_once(
    run: Run, hosted: Hosted, cache: Path, model: str, efforts: str, sent: list[str | None], note: str
) -> None:
    args = ["compare", "What?", "-m", f"openai:{model}", "--effort", efforts]
    first, again = run(*args, "--json"), run(*args)
    cells = json.loads(first.stdout)["cells"]
    assert sorted(str(asked.effort) for asked in hosted.asked) == sorted(map(str, sent))
    assert [cell["cached"] for cell in cells] == [i >= len(sent) for i in range(len(cells))]
    assert {cell["ended"] for cell in cells} == {"answered"}
    assert f"Asked {len(sent)} cells ({91 * len(sent) + len(sent)} tokens" in first.stderr
    assert (SAME in again.stdout, note in again.stdout) == (bool(note), True)


def test_an_identical_request_is_made_again_only_if_the_first_failed(
    run: Run, hosted: Hosted, cache: Path
) -> None:
    replies: list[Reply] = [Fault("rate", after="600"), Spoken("7", thought=9)]
    hosted.brain = lambda _: replies.pop(0)
    made = run("compare", "What?", "-m", "openai:gpt-4.1", "--effort", "low,medium,high", "--json")
    assert [cell["ended"] for cell in json.loads(made.stdout)["cells"]] == ["failed", "answered", "answered"]
    assert "1 are the same request as another" in made.stderr


def test_another_image_is_another_question(run: Run, hosted: Hosted, cache: Path, picture: str) -> None:
    asked = ["compare", "What?", *TWO, "--effort", "low", "--image"]
    for place in (picture, picture, "https://x.test/a.png", "https://x.test/b.png", "https://x.test/a.png"):
        assert run(*asked, place).exit_code == 0
    Path(picture).write_bytes(png() + b"\0")
    assert run(*asked, picture).exit_code == 0
    assert len(hosted.asked) == 4


def test_a_cell_that_fails_stops_no_other_and_is_asked_again(run: Run, hosted: Hosted, cache: Path) -> None:
    def brain(asked: Asked) -> Reply:
        return Fault("rate", after="600") if asked.effort == "low" else Spoken("7", thought=9)

    hosted.brain = brain
    made = run("compare", "What?", *TWO, "--concurrency", "1")
    assert made.exit_code == 0
    (line,) = [line for line in made.stdout.splitlines() if "failed: " in line]
    assert line.startswith("openai:o4-mini at low effort and a cap of 4000 failed: ")
    assert made.stdout.splitlines()[1].split()[-2:] == ["failed", "-"]
    hosted.brain = always(Spoken("7", thought=9))
    assert run("compare", "What?", *TWO).exit_code == 0
    assert [a.effort for a in hosted.asked] == ["low", "high", "low"]


def test_results_that_cannot_be_cached_are_shown(
    run: Run, hosted: Hosted, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CellCache, "add", Mock(side_effect=AdaptiveError("the cache is full.")))
    made = run("compare", "What?", *TWO, "--effort", "low,high,xhigh")
    assert made.exit_code == 0
    assert [line.split()[-2] for line in made.stdout.splitlines()[1:4]] == ["answered"] * 3
    assert (
        made.stderr.count("Warning: results are not cached, and would be paid for again: the cache is full.\n")
        == 1
    )


@pytest.mark.parametrize(
    ("reply", "more", "code", "ended"),
    [
        (Spoken("7", thought=9), [], 0, "answered"),
        (Spoken("7", thought=9), ["--check", "re:8"], 3, "answered"),
        (Spoken("7", thought=9000), [], 4, "starved"),
        (Spoken("one two three four five", thought=3998), [], 4, "cut off"),
        (Spoken(refusal="I will not do that.", thought=5), [], 3, "refused"),
        (Fault("model", value="o4-mini"), [], 1, "failed"),
    ],
)
def test_how_it_ended_is_the_exit_code(
    run: Run, hosted: Hosted, cache: Path, reply: Reply, more: list[str], code: int, ended: str
) -> None:
    hosted.brain = always(reply)
    made = run("compare", "What?", *TWO, *more, "--json")
    assert made.exit_code == code, made.stderr
    assert [cell["ended"] for cell in json.loads(made.stdout)["cells"]] == [ended, ended]


def test_an_effort_that_is_mapped_is_said_of_kept_cells_too(run: Run, hosted: Hosted, cache: Path) -> None:
    for _ in range(2):
        made = run("compare", "What?", *TWO, "--effort", "xhigh")
        assert "Note: openai:o4-mini: effort xhigh is not one that it takes: high is used." in made.stdout
    assert [a.effort for a in hosted.asked] == ["high"]


def test_csv_on_stdout_is_nothing_but_csv(run: Run, hosted: Hosted, cache: Path) -> None:
    made = run("compare", "What?", *TWO, "--csv", "-")
    assert [line["effort"] for line in csv.DictReader(io.StringIO(made.stdout))] == ["low", "high"]
    assert "The cheapest that answers" in made.stderr


def test_files_are_written(run: Run, hosted: Hosted, cache: Path, tmp_path: Path) -> None:
    table, plot, page = (tmp_path / name for name in ("cells.csv", "plot.png", "page.html"))
    files = ("--csv", str(table), "--plot", str(plot), "--plot-axis", "cost", "--html", str(page))
    made = run("compare", "What?", *TWO, *files, "--answer", "7")
    assert made.exit_code == 0, made.stderr
    assert "The cheapest that is right" in made.stdout
    assert page.read_text().count("<article>") == 2
    assert len(table.read_text().splitlines()) == 3
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_answers_are_shown_below_the_table(run: Run, hosted: Hosted, cache: Path) -> None:
    def brain(asked: Asked) -> Reply:
        return Spoken("One\n\x1b[2Jtwo 7" if asked.effort == "low" else "", thought=9)

    hosted.brain = brain
    made = run("compare", "What?", *TWO, "--show-answers", "--answer", "8", "--repeat", "2")
    assert made.stdout.count(" cap of 4000, wrong:\n  One\n  \ufffd[2Jtwo 7\n") == 1
    assert " cap of 4000, repeat 2, wrong:\n" in made.stdout
    assert " at high effort and a cap of 4000, repeat 2, refused:\n  (no text)\n" in made.stdout
    csv_only = run("compare", "What?", *TWO, "--show-answers", "--csv", "-")
    assert len(list(csv.DictReader(io.StringIO(csv_only.stdout)))) == 2
    assert "  One\n" in csv_only.stderr


def test_neither_the_cache_nor_the_output_holds_a_secret(
    run: Run, hosted: Hosted, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def open_engine(spec: str) -> ScriptedEngine:
        opened.append(spec)
        return ScriptedEngine([b"x" * 9], [(*b"It is \\boxed{7}", STOP)], name=spec)

    monkeypatch.setattr("adaptive.engines.registry.open_engine", open_engine)
    made = run("compare", "What?", *TWO, "--image", "https://x.test/p.png?sig=signed-address", "--json")
    local = run("compare", "What?", *TWO, "-m", "http://user:hunter2@127.0.0.1:9/v1", "--json")
    assert (made.exit_code, local.exit_code) == (0, 0), local.stderr
    assert opened == ["http://user:hunter2@127.0.0.1:9/v1"]
    assert all(SECRET in asked.headers["authorization"] for asked in hosted.asked)
    said = made.output.encode() + local.output.encode() + b"".join(p.read_bytes() for p in tmp_path.glob("*.db*"))
    for secret in (SECRET, "hunter2", "signed-address", "authorization", "Bearer"):
        assert secret.encode() not in said
    with sqlite3.connect(cache) as db:
        assert db.execute("SELECT count(*) FROM cells").fetchone() == (6,)
    db.close()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--effort", "low,hihg"], "effort 'hihg' is not known: use one of none,"),
        (["--max-tokens", "4k"], "the cap '4k' is no number of tokens from 1 on: write 4000, say."),
        (["--cell", "embedded,low"], "the cell 'embedded,low' is not written MODEL,EFFORT,CAP"),
        (["--repeat", "0"], "'--repeat': 0 is not in the range"),
        (["--temperature", "3"], "'--temperature': 3.0 is not in the range"),
        (["--json", "--csv", "-"], "--json and --csv - both want stdout"),
        (
            ["--csv", "/nowhere/t.csv"],
            "/nowhere/t.csv cannot be written: there is no folder /nowhere: make it first.",
        ),
        (["--html", "/nowhere/p.html"], "/nowhere/p.html cannot be written: there is no folder /nowhere"),
        (["--plot", "/nowhere/p.png"], "/nowhere/p.png cannot be written: there is no folder /nowhere"),
        (["--image", "/nowhere.png"], "image /nowhere.png cannot be read (No such file or directory)."),
        (["--check", "re:("], "is no regular expression"),
        (["--answer", " "], "the right answer is empty: write it after --answer."),
        (["--answer", "7", "--check", "re:7"], "--check and --answer both grade the answers: leave out one"),
        (["--price", "m=1"], "the price 'm=1' must be"),
        (["-m", "nobody:m"], "names a provider that is not known (nobody)"),
        (["-m", "openai:o1"], "model 'openai:o1' needs a key: set OPENAI_API_KEY."),
        (["-m", "openai:o1", "-o", "dtype=float16"], "dtype: that is for engines"),
    ],
)
def test_wrong_input_is_one_sentence_and_costs_nothing(
    run: Run, cache: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], said: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    made = run("compare", "What?", *args)
    assert (made.exit_code, made.stdout) == (2, "")
    assert said in made.stderr
    assert made.stderr.count("\n") == 1


def test_a_right_answer_that_may_be_an_index_is_told(run: Run, hosted: Hosted, cache: Path) -> None:
    made = run("compare", "Which is 4?\nA) 3\nB) 4", *TWO, "--answer", "1")
    assert (made.exit_code, hosted.asked) == (2, [])
    assert "the right answer '1' may be the index of an option: write the option's letter." in made.stderr


def test_no_prompt_is_wrong_usage(run: Run, cache: Path) -> None:
    assert run("compare", " ").exit_code == 2
    assert "is empty" in run("compare", "-", input="").stderr


def test_the_embedded_model_is_compared_too(run: Run, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    args = ("compare", "What is 47 + 38 - 12?", "--max-tokens", "200", "--check", "re:73")
    made = run(*args)
    assert made.exit_code == 0, made.stderr
    monkeypatch.setattr("adaptive.engines.registry.open_engine", None)  # kept cells need no model
    again = run(*args)
    assert (again.exit_code, again.stdout) == (0, made.stdout)

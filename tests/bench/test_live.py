"""What live solves come to, and the file that keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adaptive.bench.live import SolveFile, collect_live_results
from adaptive.errors import AdaptiveError, InputError
from adaptive.learn.data.outcome import OutcomeKey

PLAN = {"model": "m", "profile": "p"}


def result(question: str = "What is 1?", tokens: int = 7) -> dict[str, Any]:
    attempt = {
        "model": "m",
        "effort": "low",
        "budget": 8,
        "waits": 0,
        "rounds": [{"tokens": tokens}],
        "verdict": {"score": 0.7},
    }
    usage = {"prompt": 50, "cached": 20, "thinking": 7, "injected": 2, "answer": 3, "seconds": 1.5, "cost": None}
    return {
        "question": question,
        "answer": "1",
        "kept": 0,
        "accepted": True,
        "model": "m",
        "attempts": [attempt],
        "usage": usage,
    }


def test_a_prompt_counts_as_far_as_it_was_computed() -> None:
    found = collect_live_results([result()], [True], 4)
    [taken] = found.results
    assert (taken.tokens, taken.usage.prompt, taken.usage.seconds) == (30 + 7 + 2 + 3, 30, 1.5)
    assert (taken.key, taken.score, taken.accepted) == (OutcomeKey("low", 8), 0.7, True)
    assert "4 at a time" in found.note


def test_within_is_the_share_of_attempts_that_kept_to_their_budget() -> None:
    assert collect_live_results([result(), result(tokens=9)], [True, False], 1).within == 0.5


def test_results_are_there_the_next_time(tmp_path: Path) -> None:
    with SolveFile(tmp_path, PLAN) as solves:
        solves.add(result())
    with SolveFile(tmp_path, PLAN) as again:
        assert again.get("  what is 1") == result()


def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    with SolveFile(tmp_path, PLAN) as solves:
        solves.add(result())
    with solves.path.open("ab") as file:
        file.write(b'{"question": "half')
    with SolveFile(tmp_path, PLAN) as again:
        again.add(result("What is 2?"))
    with SolveFile(tmp_path, PLAN) as last:
        assert len(last.results) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"nonsense\n", "line 1 .* is damaged"),
        (b"{}\n", "another model or profile"),
        (None, "line 2 .* no result"),
    ],
)
def test_a_file_that_is_none_of_ours_is_left_alone(tmp_path: Path, content: bytes | None, said: str) -> None:
    with SolveFile(tmp_path, PLAN) as solves:
        file = solves.path
    file.write_bytes(file.read_bytes() + b"[]\n" if content is None else content)
    before = file.read_bytes()
    with pytest.raises(InputError, match=said):
        SolveFile(tmp_path, PLAN)
    assert file.read_bytes() == before


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AdaptiveError, match="cannot be made"):
        SolveFile(tmp_path / "file", PLAN)

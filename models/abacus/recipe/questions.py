"""Writes questions with answers as JSONL: `python questions.py COUNT SEED --out FILE [--fresh] [--without OTHER]`.

With --fresh only held-out questions, which abacus never saw; without, only questions of the kind it was trained
on. No question comes twice, and none of OTHER comes at all.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from corpus import questions
from corpus.tape import Tape


def rows(count: int, seed: int, *, fresh: bool, without: set[str]) -> Iterator[dict[str, str]]:
    """Different questions, of all families by weight."""
    seen, first = set(without), len(without)
    for problem in questions(seed, fresh=fresh):
        if problem.question in seen:
            continue
        seen.add(problem.question)
        yield {"question": problem.question, "answer": problem.run(Tape()), "family": problem.family}
        if len(seen) == first + count:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--without", type=Path)
    given = parser.parse_args()
    without = (
        {json.loads(line)["question"] for line in given.without.read_text().splitlines()}
        if given.without
        else set()
    )
    made = rows(given.count, given.seed, fresh=given.fresh, without=without)
    given.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made))


if __name__ == "__main__":
    main()

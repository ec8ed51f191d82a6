"""Writes questions with answers as JSONL: `python questions.py COUNT SEED [--fresh] > FILE`.

With --fresh only held-out questions, which abacus never saw; without, only questions of the kind it was trained
on. No question comes twice.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from corpus import questions
from corpus.tape import Tape


def rows(count: int, seed: int, *, fresh: bool) -> Iterator[dict[str, str]]:
    """Different questions, of all families by weight."""
    seen: set[str] = set()
    for problem in questions(seed, fresh=fresh):
        if problem.question in seen:
            continue
        seen.add(problem.question)
        yield {"question": problem.question, "answer": problem.run(Tape()), "family": problem.family}
        if len(seen) == count:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("--fresh", action="store_true")
    given = parser.parse_args()
    for row in rows(given.count, given.seed, fresh=given.fresh):
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()

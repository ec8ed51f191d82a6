"""Prints samples of a schema file, to be read: `python show.py FILE [COUNT] [SEED]`."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

from corpus import language
from corpus.tape import Tape


def main() -> None:
    """One sample of each of COUNT templates, or of all."""
    file, *rest = sys.argv[1:]
    rng = Random(int(rest[1]) if rest[1:] else 0)
    found = list(language.read(Path(file)))
    for template in rng.sample(found, min(int(rest[0]), len(found)) if rest else len(found)):
        made = language.problem(rng, template, "words")
        tape = Tape(work=False)
        answer = made.run(tape)
        print(f"{made.question}\n    {' '.join(tape.lines)}  -> {answer}")


if __name__ == "__main__":
    main()

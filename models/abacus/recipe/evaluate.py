"""Measures a trained network on questions it never saw: `python evaluate.py MODEL.pt TOKENIZER OUT.json`.

Accuracy by family for each effort and budget, what a Wait does to planted and to its own mistakes, and what it
says to questions outside its domain. Greedy. A budget counts tokens between `<think>` and `</think>`; a chain
longer than that is cut there and made to answer, as budget forcing does.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from statistics import mean, median

import torch
from corpus import FAMILIES, questions, strange, traces
from corpus.problem import Problem
from corpus.tape import BadSlip, Tape
from generate import generate
from net import Abacus
from tokenizer import ANSWER, END, PAD, load
from train import load_net

SEED = 90_000
CAP = 512
BATCH = 256
ANSWER_ROOM = 24
BUDGETS = (0, 16, 32, 64, 128, 256, 512)
SWEPT = "medium"  # the effort for which every budget is measured; the others without thinking and with all of it
EFFORTS = ("low", "medium", "high")


@dataclass(frozen=True)
class Item:
    """A fresh question with its answer and the number of tokens that its worked solution takes."""

    problem: Problem
    answer: str
    length: int


class Bench:
    """A network with its tokenizer: pieces of text in, texts out."""

    def __init__(self, model: Path, tokenizer: Path) -> None:
        self.net: Abacus = load_net(model).bfloat16()
        self.words = load(tokenizer)
        self.end = self.words.token_to_id(ANSWER)
        self.stops = frozenset(self.words.token_to_id(t) for t in (END, PAD))

    def ids(self, *pieces: str) -> list[int]:
        """Ids of pieces, each tokenised on its own."""
        return [i for piece in pieces for i in self.words.encode(piece).ids]

    def opened(self, question: str, effort: str) -> list[int]:
        """The prompt up to the first token of thinking."""
        return self.ids(*(text for text, _ in traces.opening(question, effort)), "\n")

    def think(self, prompts: Sequence[list[int]], limits: Sequence[int]) -> list[list[int]]:
        """Thinking, without what ended it; as long as its limit only if it was cut."""
        made = generate(self.net, prompts, limits, self.stops | {self.end}, batch=BATCH)
        return [one[:-1] if one and one[-1] in self.stops | {self.end} else one for one in made]

    def answers(self, prompts: Sequence[list[int]], heads: Sequence[str]) -> list[str]:
        """Return what is boxed after prompts that end in the hand-over and, if forced, in the start of a box."""
        starts = [p + self.ids(h) if h else p for p, h in zip(prompts, heads, strict=True)]
        made = generate(self.net, starts, [ANSWER_ROOM] * len(starts), self.stops, batch=BATCH)
        texts = [h + self.words.decode(m) for h, m in zip(heads, made, strict=True)]
        return [t.partition("\\boxed{")[2].partition("}")[0] if "}" in t else "" for t in texts]

    def answered(self, prompts: Sequence[list[int]], chains: Sequence[list[int]], budget: int) -> list[str]:
        """Return answers at a budget: after the whole chain if it fits, else after its first `budget` tokens."""
        handed = [p + c[:budget] + self.ids(ANSWER, "\n\n") for p, c in zip(prompts, chains, strict=True)]
        return self.answers(handed, ["" if len(c) <= budget and len(c) < CAP else "\\boxed{" for c in chains])

    def direct(self, items: Sequence[Item], effort: str) -> list[str]:
        """Answers without thinking."""
        closed = [self.opened(i.problem.question, effort)[:-1] for i in items]
        return self.answers([p + self.ids("\n\n", ANSWER, "\n\n") for p in closed], [""] * len(items))


def fresh(family: str, count: int, bench: Bench) -> list[Item]:
    """Different held-out questions of one family."""
    seen: dict[str, Item] = {}
    for problem in questions(SEED, fresh=True, family=family):
        tape = Tape()
        answer = problem.run(tape)
        length = len(bench.ids(traces.chain(tape, answer, "medium")))
        seen.setdefault(problem.question, Item(problem, answer, length))
        if len(seen) == count:
            break
    return list(seen.values())


def share(right: Sequence[bool]) -> float:
    """Percent of true ones, to a tenth."""
    return round(100 * mean(right), 1) if right else 0.0


def right(items: Sequence[Item], answers: Sequence[str]) -> list[bool]:
    """Which answers are the reference, to the letter."""
    return [a == i.answer for a, i in zip(answers, items, strict=True)]


def by_budget(bench: Bench, items: Sequence[Item]) -> tuple[dict[str, list[list[bool]]], dict[str, list[int]]]:
    """For each effort: a row of right-or-wrong a budget; and the length of each chain. All in large batches."""
    graded, lengths = {}, {}
    for effort in EFFORTS:
        prompts = [bench.opened(i.problem.question, effort) for i in items]
        chains = bench.think(prompts, [CAP] * len(items))
        lengths[effort] = [len(c) for c in chains]
        rows = [right(items, bench.direct(items, effort))]
        for budget in BUDGETS[1:] if effort == SWEPT else (CAP,):
            todo = [n for n, c in enumerate(chains) if len(c) > budget or budget == CAP]
            now = list(rows[-1]) if budget != CAP else [False] * len(items)
            made = bench.answered([prompts[n] for n in todo], [chains[n] for n in todo], budget)
            some = right([items[n] for n in todo], made)
            for n, ok in zip(todo, some, strict=True):
                now[n] = ok
            rows.append(now)
        if effort == SWEPT:
            _settle(rows, lengths[effort])
        graded[effort] = rows
        print(f"{effort}: " + " ".join(str(share(r)) for r in rows), flush=True)
    return graded, lengths


def _settle(rows: list[list[bool]], lengths: Sequence[int]) -> None:
    """From the first budget that a chain fits into on, its answer is that of the whole chain."""
    for n, length in enumerate(lengths):
        for at, budget in enumerate(BUDGETS):
            if at and budget >= length:
                rows[at][n] = rows[-1][n]


def planted(bench: Bench, items: Sequence[Item]) -> dict[str, float]:
    """Chains with a planted mistake, and right ones, put off with a Wait: how often the answer is then right."""
    rng, broken, whole = Random(SEED), [], []
    for item in items:
        tape = Tape()
        item.problem.run(tape)
        try:
            lines, wrong = traces.slipped(
                rng, item.problem, True, len(tape.lines), rng.randrange(len(tape.lines) or 1)
            )
        except BadSlip:
            continue
        if wrong != item.answer:
            broken.append((item, traces.chain_of(lines, wrong, "medium")))
            whole.append((item, traces.chain(tape, item.answer, "medium")))
    return {"mended": _waited(bench, broken), "kept": _waited(bench, whole), "chains": len(broken)}


def _waited(bench: Bench, chains: Sequence[tuple[Item, str]]) -> float:
    starts = [bench.opened(i.problem.question, "medium") + bench.ids(text, "Wait") for i, text in chains]
    checks = bench.think(starts, [CAP] * len(starts))
    return share(right([i for i, _ in chains], bench.answered(starts, checks, CAP)))


def own_mistakes(bench: Bench, items: Sequence[Item]) -> dict[str, float]:
    """A Wait after the network's own chains: answers mended and answers broken, of all."""
    prompts = [bench.opened(i.problem.question, "medium") for i in items]
    chains = bench.think(prompts, [CAP] * len(items))
    before = right(items, bench.answered(prompts, chains, CAP))
    starts = [p + c + bench.ids("Wait") for p, c in zip(prompts, chains, strict=True)]
    after = right(items, bench.answered(starts, bench.think(starts, [CAP] * len(items)), CAP))
    pairs = list(zip(before, after, strict=True))
    return {"before": share(before), "after": share(after), "wrong": before.count(False),
            "mended": pairs.count((False, True)), "broken": pairs.count((True, False))}  # fmt: skip


def refusals(bench: Bench, count: int) -> float:
    """How often a question outside the domain gets no boxed answer."""
    rng = Random(SEED)
    prompts = [bench.opened(strange.question(rng, fresh=True), "medium") for _ in range(count)]
    chains = bench.think(prompts, [CAP] * count)
    return share([not a for a in bench.answered(prompts, chains, CAP)])


def hard_half(graded: dict[str, list[list[bool]]], items: Sequence[Item]) -> dict[str, float]:
    """Direct and thinking accuracy on the half of the questions whose worked solutions are longest."""
    middle = median(i.length for i in items)
    hard = [n for n, i in enumerate(items) if i.length > middle]
    return {"direct": share([graded["medium"][0][n] for n in hard]),
            "thinking": share([graded["medium"][-1][n] for n in hard]), "questions": len(hard)}  # fmt: skip


def summary(rows: Sequence[list[bool]], lengths: Sequence[int]) -> dict[str, object]:
    """Accuracy at each budget, and the mean length of the whole chains in tokens."""
    return {"accuracy": [share(r) for r in rows], "tokens": round(mean(lengths), 1)}


def evaluate(bench: Bench, count: int) -> dict[str, object]:
    """All figures, in plain JSON types."""
    everything = [item for family in FAMILIES for item in fresh(family, count, bench)]
    graded, lengths = by_budget(bench, everything)
    families = {}
    for at, family in enumerate(FAMILIES):
        own = slice(at * count, (at + 1) * count)
        families[family] = {e: summary([r[own] for r in graded[e]], lengths[e][own]) for e in EFFORTS}
    sample = list(islice(_round_robin(everything, count), 500))
    return {
        "questions": len(everything),
        "budgets": list(BUDGETS),
        "families": families,
        "all": {e: summary(graded[e], lengths[e]) for e in EFFORTS},
        "hard half": hard_half(graded, everything),
        "planted mistakes": planted(bench, sample),
        "a Wait after its own chains": own_mistakes(bench, sample),
        "refused outside the domain": refusals(bench, 300),
    }


def _round_robin(items: Sequence[Item], count: int) -> Iterator[Item]:
    for offset in range(count):
        yield from items[offset::count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "tokenizer", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--count", type=int, default=300, help="questions a family")
    given = parser.parse_args()
    torch.manual_seed(0)
    figures = evaluate(Bench(given.model, given.tokenizer), given.count)
    given.out.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps({k: v for k, v in figures.items() if k != "families"}))


if __name__ == "__main__":
    main()

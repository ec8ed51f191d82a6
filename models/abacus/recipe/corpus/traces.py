"""Documents: a question, thinking of the asked effort, and an answer, cut or put off as budget forcing will do it.

A document is a list of (text, train) pieces; each piece is tokenised on its own, and only pieces with
`train` count in the loss. What an engine injects (a forced end, a Wait) is never trained on.
"""

from __future__ import annotations

from random import Random

from corpus import strange
from corpus.problem import Problem
from corpus.tape import BadSlip, Slip, Tape

Document = list[tuple[str, bool]]
WAITS = (
    "Wait",
    "Wait",
    "Wait",
    "Wait",
    "Wait,",
    "Wait, let me check again.",
    "Hmm",
    "Alternatively",
    "Let me check.",
)
KINDS = {"direct": 22, "full": 30, "cut": 22, "wait": 26}
# While the learning rate falls: half direct answers, to small questions only, so that easy questions are easy.
LATE_KINDS = {"direct": 50, "full": 22, "cut": 12, "wait": 16}
SMALL_LINES, SMALL_DIGITS = 2, 3


def document(rng: Random, problem: Problem, *, late: bool = False) -> Document:
    """One document of a random kind and effort. Raises `BadSlip` if it cannot be made of this problem."""
    effort = rng.choices(("low", "medium", "high"), (25, 50, 25))[0]
    kinds = LATE_KINDS if late else KINDS
    kind = rng.choices(list(kinds), list(kinds.values()))[0]
    if late and kind == "direct" and not small(problem):
        raise BadSlip
    return {"direct": direct, "full": full, "cut": cut, "wait": wait}[kind](rng, problem, effort)


def small(problem: Problem) -> bool:
    """Whether a problem is one for mental arithmetic: few operations on small numbers."""
    tape = Tape(work=False)
    problem.run(tape)
    return len(tape.lines) <= SMALL_LINES and all(len(line.split("=")[-1]) <= SMALL_DIGITS for line in tape.lines)


def opening(question: str, effort: str) -> Document:
    """Return the prompt up to the start of the assistant's turn."""
    return [
        (f"<|im_start|>system\neffort: {effort}<|im_end|>\n<|im_start|>user\n", False),
        (question, False),
        ("<|im_end|>\n<|im_start|>assistant\n<think>", False),
    ]


def ending(answer: str, *, trained_end: bool = True) -> Document:
    """The end of thinking and the answer; a forced end is not trained on and opens the box itself."""
    if trained_end:
        return [("</think>", True), ("\n\n", False), (f"\\boxed{{{answer}}}<|im_end|>", True)]
    return [("</think>", False), ("\n\n", False), ("\\boxed{", False), (f"{answer}}}<|im_end|>", True)]


def direct(rng: Random, problem: Problem, effort: str) -> Document:
    """The answer without thinking: what makes easy questions easy."""
    answer = problem.run(Tape())
    closed = [("\n\n", False), ("</think>", False), ("\n\n", False), (f"\\boxed{{{answer}}}<|im_end|>", True)]
    return opening(problem.question, effort) + closed


def full(rng: Random, problem: Problem, effort: str) -> Document:
    """All the thinking of the effort, then the answer."""
    tape = Tape(work=effort != "low")
    answer = problem.run(tape)
    thinking = chain(tape, answer, effort)
    if effort == "high":
        thinking += "Wait" + check(problem, tape.lines, answer)
    return [*opening(problem.question, effort), ("\n", False), (thinking, True), *ending(answer)]


def cut(rng: Random, problem: Problem, effort: str) -> Document:
    """Thinking cut anywhere, then the best guess that it allows."""
    tape = Tape(work=effort != "low")
    answer = problem.run(tape)
    thinking = chain(tape, answer, effort)
    thinking = thinking[: rng.randint(1, len(thinking))]
    return [
        *opening(problem.question, effort),
        ("\n", False),
        (thinking, True),
        *ending(answer, trained_end=False),
    ]


def wait(rng: Random, problem: Problem, effort: str) -> Document:
    """A chain, right or with a planted mistake, put off with a Wait; the check mends it or leaves it alone."""
    work = effort != "low"
    truth = Tape(work=work)
    answer = problem.run(truth)
    broken, wrong, at = truth.lines, answer, None
    if rng.random() < 0.6:
        at = rng.randrange(len(truth.lines)) if truth.lines else 0
        broken, wrong = slipped(rng, problem, work, len(truth.lines), at)
    rounds = spoken(broken, wrong, effort, at)
    rounds += [(rng.choice(WAITS), False), (check(problem, broken, answer, work=work), True)]
    if rng.random() < 0.2:
        rounds += [(rng.choice(WAITS), False), (check(problem, truth.lines, answer, work=work), True)]
    return [*opening(problem.question, effort), ("\n", False), *rounds, *ending(answer)]


def spoken(lines: list[str], answer: str, effort: str, slip: int | None) -> Document:
    """The chain of a first round, all trained on but the planted mistake: what follows from it does follow."""
    text = chain_of(lines, answer, effort)
    if slip is None or slip >= len(lines):
        return [(text, True)]
    before = "".join(f"{line}\n" for line in lines[:slip])
    wrong = f"{lines[slip]}\n"
    return [piece for piece in ((before, True), (wrong, False), (text[len(before + wrong) :], True)) if piece[0]]


def slipped(rng: Random, problem: Problem, work: bool, lines: int, at: int) -> tuple[list[str], str]:
    """The lines and the answer of a run with a planted mistake at line `at`."""
    tape = Tape(work=work, slip=Slip(at, rng, misread=rng.random() < 0.35))
    try:
        answer = problem.run(tape)
    except ZeroDivisionError as error:
        raise BadSlip from error
    if len(tape.lines) > 2 * lines + 2:
        raise BadSlip
    return tape.lines, answer


def chain(tape: Tape, answer: str, effort: str) -> str:
    """The lines of a tape as thinking."""
    return chain_of(tape.lines, answer, effort)


def chain_of(lines: list[str], answer: str, effort: str) -> str:
    """Lines as thinking; more than low effort says what follows from them."""
    return "".join(f"{line}\n" for line in lines) + ("" if effort == "low" and lines else f"So {answer}.\n")


def check(problem: Problem, said: list[str], answer: str, *, work: bool = True) -> str:
    """What follows a Wait: each line done again the other way, 'ok' or 'no'; from the first 'no' on, anew."""
    truth, again = Tape(work=work), Tape(work=work, check=True)
    problem.run(truth)
    problem.run(again)
    text, trusted = "\n", True
    for at, line in enumerate(truth.lines):
        if not trusted:
            text += f"{line}\n"
            continue
        trusted = at < len(said) and _same(said[at], line)
        text += f"{again.lines[at]} {'ok' if trusted else 'no'}\n"
    return text + f"So {answer}.\n"


def _same(said: str, line: str) -> bool:
    """Whether a line says the same operands and the same result."""
    return (said.split("=")[0], said.split("]")[-1].split("=")[-1]) == (
        line.split("=")[0],
        line.split("]")[-1].split("=")[-1],
    )


def unknown(rng: Random) -> Document:
    """A question outside the domain."""
    start = opening(strange.question(rng), rng.choice(("low", "medium", "high")))
    answer = (f"{strange.UNKNOWN}<|im_end|>", True)
    if rng.random() < 0.4:
        return [*start, ("\n\n", False), ("</think>", False), ("\n\n", False), answer]
    return [*start, ("\n", False), (strange.THOUGHT, True), ("</think>", True), ("\n\n", False), answer]

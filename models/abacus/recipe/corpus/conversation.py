"""What may stand before a question: a system prompt, earlier questions with their answers.

None of it is trained on. A follow-up ("and half of that?") needs the answer before it; other questions do not
care, and learn to be answered for themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from random import Random

from corpus.problem import Problem
from corpus.tape import BadSlip, Number, Tape
from corpus.traces import Document

SYSTEM_SHARE, EARLIER_SHARE, TWO_SHARE = 0.12, 0.1, 0.25
SYSTEMS = (
    "You are a helpful assistant.", "You are a helpful AI assistant.", "You are a math tutor.", "Answer the question.",
    "You are a careful calculator. Put the final answer in a box.", "Be brief.", "Reply with the final number only.",
    "You are a friendly teacher for children.", "Solve the problem step by step and give the answer in \\boxed{}.",
    "Please reason step by step, and put your final answer within \\boxed{}.", "You are an assistant for a school.",
    "Think carefully before you answer.", "You answer questions about arithmetic.", "Today is a good day for math.",
    "The user is a student in the fifth grade. Help with the homework.", "You are abacus, a small model that calculates.",
    "Do not explain. Give the result.", "Check your work.", "You are a shop's assistant. Be polite and exact.",
    "Answer in English.", "You never guess.", "Use digits for numbers.", "You are an expert in word problems.",
)  # fmt: skip
BOXED, PLAIN = 0.75, ("{}", "The answer is {}.", "{}.", "It is {}.", "That makes {}.", "Answer: {}")
AFTER = "<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>\n<|im_start|>user\n"
FOLLOW_UPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("add", ("Now add {k}.", "and {k} more?", "Plus {k}?", "What if there were {k} more?", "Add {k} to that.", "And if I add {k}?")),
    ("sub", ("Now take away {k}.", "minus {k}?", "And with {k} less?", "Subtract {k} from that.", "what if {k} of them go away?")),
    ("mul", ("Now multiply it by {k}.", "times {k}?", "And {k} times that?", "How much is {k} times as much?", "and for {k} of those?")),
    ("div", ("Divide that by {k}.", "And if {k} people share that?", "Now split it into {k} equal parts. How big is one?", "divided by {k}?")),
    ("double", ("And double that?", "twice that?", "What is that doubled?")),
    ("half", ("And half of that?", "what's half of it", "Halve it.")),
)  # fmt: skip


def in_conversation(
    rng: Random, made: Document, earlier: Sequence[tuple[str, str]], *, turns: int = 0
) -> Document:
    """Put a system prompt or earlier turns before a document, now and then.

    Args:
        rng: the source of chance.
        made: a document that starts with `traces.opening`.
        earlier: questions with their answers, the last one last.
        turns: how many of them must stand there; if 0, chance says.
    """
    (head, _), *rest = made
    if rng.random() < SYSTEM_SHARE:
        head = head.replace("<|im_end|>", f"\n{rng.choice(SYSTEMS)}<|im_end|>", 1)
    if not turns and rng.random() < EARLIER_SHARE:
        turns = 2 if rng.random() < TWO_SHARE else 1
    pieces: Document = [(head, False)]
    for question, answer in earlier[max(0, len(earlier) - turns) :]:
        said = f"\\boxed{{{answer}}}" if rng.random() < BOXED else rng.choice(PLAIN).format(answer)
        pieces += [(question, False), (AFTER[0], False), (said, False), (AFTER[1], False)]
    return [*pieces, *rest]


def follow_up(rng: Random, answer: str) -> Problem:
    """A question about the answer before it.

    Raises:
        BadSlip: if the answer is no number that a follow-up can go on with.
    """
    try:
        value = Fraction(answer)
    except ValueError as error:
        raise BadSlip from error
    if value.denominator != 1 or not 0 < value < 10_000:
        raise BadSlip
    kind, texts = rng.choice(FOLLOW_UPS)
    k = _operand(rng, kind, int(value))

    def solution(tape: Tape) -> Number:
        operation: Callable[[Number, Number], Number] = getattr(tape, OPERATION.get(kind, kind))
        return operation(value, k)

    return Problem("follow", rng.choice(texts).format(k=k), solution)


OPERATION = {"double": "mul", "half": "div"}


def _operand(rng: Random, kind: str, value: int) -> int:
    if kind == "sub":
        return rng.randint(1, value)
    if kind == "div":
        divisors = [d for d in range(2, 13) if value % d == 0]
        if not divisors:
            raise BadSlip
        return rng.choice(divisors)
    return 2 if kind in OPERATION else rng.randint(2, 12 if kind == "mul" else 100)

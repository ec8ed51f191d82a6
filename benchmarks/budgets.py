r"""Thinking budgets on a model of your own: accuracy and tokens at each, and whether any was ever exceeded.

    python -m benchmarks.budgets hf:FOLDER questions.jsonl --budgets 0,64,128,256,512

Budgets nest: one chain a question is thought at the largest budget, greedily and without waits, and is cut and
made to answer at each smaller one. What an attempt thought is counted from what the engine was sent and made, and
not taken from the attempt: a budget that was exceeded, or an attempt that says something else, ends the run with
an error. Accuracy has its 95 % Wilson interval. A model that is not trained to think may need to be told to, and
told how to answer: --system, and --answer-prefix '\boxed{' for what heads an answer after thinking that was cut.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from adaptive.answers.equality import same_answer
from adaptive.engines.protocol import Generation, Prompt, Sampling, TokenEngine
from adaptive.engines.registry import open_engine, parse_options
from adaptive.errors import AdaptiveError
from adaptive.learn.data.questions import Question, read_questions
from adaptive.learn.fit.thresholds import estimate_share
from adaptive.reason.budget import Style, Tail
from adaptive.reason.chain import Thought
from adaptive.reason.forcing import think_within_budget
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Rung

GREEDY = Sampling()


class Witness:
    """A token engine that remembers what another one was sent in one attempt, and what it made of it."""

    def __init__(self, engine: TokenEngine) -> None:
        self._engine = engine
        self.name, self.codec, self.context_window = engine.name, engine.codec, engine.context_window
        self.calls: list[tuple[tuple[int, ...], Generation]] = []

    async def generate(self, ids: Sequence[int], **asked: Any) -> Generation:
        """What the other one makes of it."""
        made = await self._engine.generate(ids, **asked)
        self.calls.append((tuple(ids), made))
        return made

    async def release(self, session: str) -> None:
        """Passed on."""
        await self._engine.release(session)

    async def close(self) -> None:
        """Passed on."""
        await self._engine.close()

    def thought(self, start: int, after: int, ended: bool) -> int:
        """Thinking tokens: what all calls but the last sampled, or what stood as thinking in that one if more.

        start, after: ids of the prompt, and of what was put between thinking and answer. ended: the model's own
        end of thinking stands, for which one token is charged.
        """
        sampled = sum(len(made.ids) + (made.stop_id is not None) for _, made in self.calls[:-1])
        return max(sampled, len(self.calls[-1][0]) - start - after + ended)


@dataclass(frozen=True)
class Bought:
    """One attempt at a question, and the thinking tokens that the engine was seen to be at."""

    question: Question
    attempt: Attempt
    thinking: int

    @property
    def right(self) -> bool:
        """Whether the answer is the reference's."""
        return same_answer(self.attempt.answer, self.question.reference)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        seen = {"question": self.question.id, "reference": self.question.reference, "right": self.right}
        return {**seen, "thinking_tokens": self.thinking, **self.attempt.to_json()}

    def check(self) -> None:
        """Raise `AdaptiveError` where a budget was exceeded, or the attempt and the engine do not agree."""
        said, budget = sum(one.tokens for one in self.attempt.rounds), self.attempt.budget
        if max(said, self.thinking) > budget or said != self.thinking:
            raise AdaptiveError(
                f"question {self.question.id}: {self.thinking} thinking tokens were seen and {said} charged "
                f"under a budget of {budget}."
            )


@dataclass
class Buyer:
    """Buys every budget for a question; at most `limit` questions are under way at once."""

    engine: TokenEngine
    budgets: tuple[int, ...]
    style: Style
    system: str | None
    answer_room: int
    limit: asyncio.Semaphore
    bought: list[Bought] = field(default_factory=list)

    async def run(self, questions: Sequence[Question], progress: Progress) -> None:
        """Buy all budgets for all questions. The first error ends it."""
        bar = progress.add_task("thinking", total=len(questions))

        async def work(question: Question) -> None:
            async with self.limit:
                await self.ask(question)
            progress.advance(bar)

        try:
            async with asyncio.TaskGroup() as group:
                for question in questions:
                    group.create_task(work(question))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def ask(self, question: Question) -> None:
        """The largest budget first: its chain is what the others are cut from."""
        system = [] if self.system is None else [("system", self.system)]
        prompt = self.engine.codec.render([*system, ("user", question.text)], "medium")
        chain = Thought()
        for budget in sorted(self.budgets, reverse=True):
            one = await self._buy(question, prompt, budget, chain)
            one.check()
            self.bought.append(one)
            chain = chain if chain.rounds else Thought.from_attempt(one.attempt)
        await self.engine.release(question.id)

    async def _buy(self, question: Question, prompt: Prompt, budget: int, chain: Thought) -> Bought:
        rung = Rung("medium" if budget else "none", budget, answer_room=self.answer_room)
        witness = Witness(self.engine)
        attempt = await think_within_budget(
            witness,
            prompt,
            rung,
            style=self.style,
            thought=chain,
            sampling=GREEDY,
            session=question.id,
            index=sorted(self.budgets).index(budget),
            arm="first",
        )
        natural = attempt.finish == "natural"
        tail = Tail.from_style(self.style, self.engine.codec)
        after = tail.fixed - len(tail.prefix) * natural if rung.thinks else 0
        start = prompt.open if rung.thinks else prompt.closed
        return Bought(question, attempt, witness.thought(len(start), after, natural))


def table(bought: Sequence[Bought], budgets: Sequence[int]) -> Table:
    """One row a budget; tokens are means over all questions."""
    names = ("budget", "right", "95 %", "thinking", "answer", "most thinking", "cut", "ended itself", "no answer")
    shown = Table(*names)
    for budget in sorted(budgets):
        ones = [one for one in bought if one.attempt.budget == budget]
        right, low, high = estimate_share(sum(one.right for one in ones), len(ones))
        finishes = [one.attempt.finish for one in ones]
        shown.add_row(
            str(budget),
            f"{100 * right:.0f} %",
            f"{100 * low:.0f} to {100 * high:.0f}",
            f"{mean(one.thinking for one in ones):.1f}",
            f"{mean(one.attempt.usage.answer for one in ones):.1f}",
            str(max(one.thinking for one in ones)),
            percent([f in ("budget", "context") for f in finishes]),
            percent([f == "natural" for f in finishes]),
            percent([one.attempt.answer is None for one in ones]),
        )
    return shown


def percent(flags: Sequence[bool]) -> str:
    """The share that is true, to a whole percent."""
    return f"{100 * sum(flags) / len(flags):.0f} %"


def whole_numbers(_: click.Context, __: click.Parameter, text: str) -> tuple[int, ...]:
    """Budgets parted by commas, each once."""
    parts = [part.strip() for part in text.split(",")]
    if wrong := next((part for part in parts if not (part.isascii() and part.isdigit())), None):
        raise click.BadParameter(f"{wrong!r} is no budget: write whole numbers, as in 0,64,128.")
    return tuple(sorted({int(part) for part in parts}))


@click.command(help=__doc__)
@click.argument("model")
@click.argument("questions", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--budgets", default="0,64,128,256,512", show_default=True, callback=whole_numbers)
@click.option("--limit", type=click.IntRange(min=1), help="Only the first so many questions.")
@click.option("--concurrency", type=click.IntRange(min=1), default=32, show_default=True, help="Asked at once.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where every attempt is written.")
@click.option("-o", "--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the engine.")
@click.option("--markers", metavar="NAME", help="How the model marks its thinking. Default: by its tokens.")
@click.option("--system", metavar="TEXT", help="A system message. Default: none.")
@click.option("--answer-prefix", default="", metavar="TEXT", help="Heads the answer after a forced end.")
@click.option("--answer-room", type=click.IntRange(min=1), default=48, show_default=True, help="Tokens.")
def main(
    model: str,
    questions: Path,
    budgets: tuple[int, ...],
    limit: int | None,
    concurrency: int,
    out: Path | None,
    options: tuple[str, ...],
    markers: str | None,
    system: str | None,
    answer_prefix: str,
    answer_room: int,
) -> None:
    """Buy every budget for every question, and print the table."""
    try:
        asked = read_questions(questions, limit)
        engine = open_engine(model, **parse_options(options), **({"markers": markers} if markers else {}))
        style = Style(answer_prefix=answer_prefix)
        buyer = Buyer(engine, budgets, style, system, answer_room, asyncio.Semaphore(concurrency))
        asyncio.run(_until_closed(buyer, asked))
    except AdaptiveError as error:
        raise click.ClickException(str(error)) from error
    if out:
        out.write_text("".join(f"{json.dumps(one.to_json())}\n" for one in buyer.bought))
    console = Console(width=140)
    console.print(f"{len(asked)} questions of {questions}, model {model}, markers {engine.codec.markers.name}")
    console.print(table(buyer.bought, budgets))
    console.print(f"{len(buyer.bought)} attempts checked, none thought more than its budget")


async def _until_closed(buyer: Buyer, questions: Sequence[Question]) -> None:
    console = Console(stderr=True)
    try:
        with Progress(console=console, disable=not console.is_terminal) as progress:
            await buyer.run(questions, progress)
    finally:
        await buyer.engine.close()


if __name__ == "__main__":
    main()

"""First contact: `adaptive` without a profile beside a plain call, on the same questions and the same engine.

    python -m benchmarks.first_contact gsm8k.jsonl svamp.jsonl -m vllm:Qwen/Qwen2.5-Coder-0.5B-Instruct \
        --out contact.jsonl --limit 300
    python -m benchmarks.first_contact QUESTIONS... -m MODEL --out planted.jsonl --plant loop --plant cut
    python -m benchmarks.first_contact QUESTIONS... -m MODEL --out loops.jsonl --budget 256

The arms:

plain     one call: the model's own chat template, greedy, to the model's own end
adaptive  a solve without a profile and without a check
notebook  (with --budget) the loop that this project began with: the text is sent again and again with "Wait!" at
          its end until the thinking has passed the budget, then the answer is asked for
budget    (with --budget) a solve without a profile, with that budget

Every token is counted at the engine, in the same way for all arms: `generated` (stops included), `prefilled` (ids
that the arm sent and had not sent or generated before for the same question: what an engine with a prefix cache
computes) and `sent` (all ids of all calls: what one without it reads). With --endpoint the plain arm asks the
server's own chat completions instead, whose prompt tokens count as prefilled.

A planted fault strikes the first greedy call of a share of the questions: `loop` makes it repeat itself for ever,
`cut` ends it early, `starved` ends it before its first word (and keeps a model that thinks from ending its
thinking). Rows are written as they come; what is in the file is not done again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from adaptive.answers.grader import Grader
from adaptive.answers.registry import open_grader
from adaptive.bench.metrics import compare_paired
from adaptive.cli.support.options import engine_options, parse_engine_settings
from adaptive.engines.protocol import Codec, Generation, Halt, Sampling, TokenEngine
from adaptive.engines.registry import get_parallel_solves, open_engine
from adaptive.learn.data.questions import Question, read_questions
from adaptive.learn.tuning.ways import WayResult
from adaptive.profile.untrained import build_untrained_profile
from adaptive.reason.answering import SampledAnswer, split_answer
from adaptive.reason.reply import opens_thinking, split_reply
from adaptive.solver.build import build_solver
from adaptive.types.options import Options
from adaptive.types.usage import Usage
from benchmarks.counted_engine import Counted, GreedyMemory

GREEDY = Sampling()
FAULTS = ("loop", "cut", "starved")
COMPLETE = Generation((), (), "stop", 0, 0)
NOTEBOOK_WAIT = "\nWait!\n"
NOTEBOOK_ANSWER = 4096


@dataclass(frozen=True)
class Reply:
    """What an arm made of a question. over: thinking tokens above the budget."""

    answer: str | None
    text: str
    attempts: int = 1
    accepted: bool | None = None
    finish: str = ""
    over: int = 0


Arm = Callable[[Counted, Question], Awaitable[Reply]]


def make_plain_arm() -> Arm:
    """One call of the engine with the model's own template."""

    async def run(engine: Counted, question: Question) -> Reply:
        codec = engine.codec
        ids = codec.render([("user", question.text)], "default").open
        room = engine.context_window - len(ids)
        made = await engine.generate(ids, max_tokens=room, stop_ids=codec.markers.turn_end, sampling=GREEDY,
                                     session=f"plain/{question.id}")  # fmt: skip
        await engine.release(f"plain/{question.id}")
        return read_reply(codec, ids, made)

    return run


def read_reply(codec: Codec, ids: Sequence[int], made: Generation) -> Reply:
    """The answer of a plain reply, read in the same way as ours."""
    splitter = split_reply(made.ids, codec.markers, opened=opens_thinking(ids, codec.markers))
    sampled = split_answer(codec, (), replace(made, ids=tuple(splitter.answer), logprobs=()))
    return Reply(sampled.answer, sampled.text, finish=made.end)


def make_endpoint_arm(url: str, model: str | None, window: int | None) -> Arm:
    """One call of a server's chat completions, as any client makes it."""
    import httpx

    client = httpx.AsyncClient(timeout=None)

    async def run(engine: Counted, question: Question) -> Reply:
        named = model or (await client.get(f"{url.rstrip('/')}/models")).json()["data"][0]["id"]
        body = {"model": named, "messages": [{"role": "user", "content": question.text}], "temperature": 0}
        if window is not None:
            prompt = engine.codec.render([("user", question.text)], "default").open
            body["max_tokens"] = window - len(prompt)
        reply = await client.post(f"{url.rstrip('/')}/chat/completions", json=body)
        data = reply.raise_for_status().json()
        choice, usage = data["choices"][0], data["usage"]
        engine.generated += usage["completion_tokens"]
        engine.prefilled += usage["prompt_tokens"]
        engine.sent += usage["prompt_tokens"]
        text = choice["message"]["content"] or ""
        end = "stop" if choice["finish_reason"] == "stop" else "length"
        sampled = SampledAnswer(text, text, Generation((), (), end, 0, 0))  # type: ignore[arg-type]
        return Reply(sampled.answer, text, finish=end)

    return run


def make_solver_arm(options: Options, engine: dict[str, Any] | None = None) -> Arm:
    """A solve without a profile."""

    async def run(counted: Counted, question: Question) -> Reply:
        known = build_untrained_profile(counted.name, counted.context_window)
        solver = build_solver(counted, profile=known, options=options)
        state = await solver.ainvoke({"messages": [("user", question.text)]})
        result = state["adaptive_result"]
        over = max(
            0, max(sum(r["tokens"] for r in a["rounds"]) for a in result["attempts"]) - (options.budget or 0)
        )
        last = result["attempts"][result["kept"]]
        return Reply(result["answer"], result["text"], len(result["attempts"]), result["accepted"], last["finish"],
                     over if options.budget is not None else 0)  # fmt: skip

    return run


def make_notebook_arm(budget: int) -> Arm:
    """The notebook's loop, greedily: text sent again, thinking recounted from it, "Wait!" until the budget."""

    async def run(engine: Counted, question: Question) -> Reply:
        codec, session = engine.codec, f"notebook/{question.id}"
        prompt = codec.render([("user", question.text)], "default").open
        opened = () if opens_thinking(prompt, codec.markers) else codec.encode("<think>\n")
        prompt, stops = (*prompt, *opened), codec.markers.thinking_stops
        thought, rounds = "", 0
        while True:
            count = len(codec.encode(thought))
            ids = (*prompt, *codec.encode(thought))
            room = min(max(1, budget - count), engine.context_window - len(ids) - 1)
            made = await engine.generate(ids, max_tokens=room, stop_ids=stops, sampling=GREEDY, session=session,
                                         halt=_make_text_stop(codec, "</think>"))  # fmt: skip
            rounds += 1
            thought += codec.decode(made.ids).split("</think>")[0]
            count = len(codec.encode(thought))
            if count > budget or len(prompt) + count + NOTEBOOK_ANSWER // 4 > engine.context_window:
                break
            thought += NOTEBOOK_WAIT
        ids = (*prompt, *codec.encode(f"{thought}\n</think>\n"))
        room = min(NOTEBOOK_ANSWER, engine.context_window - len(ids))
        made = await engine.generate(ids, max_tokens=room, stop_ids=codec.markers.turn_end, sampling=GREEDY,
                                     session=session)  # fmt: skip
        await engine.release(session)
        text = codec.decode(made.ids)
        sampled = SampledAnswer(text, text, made)
        return Reply(sampled.answer, text, rounds, finish=made.end, over=max(0, count - budget))

    return run


def _make_text_stop(codec: Codec, stop: str) -> Halt:
    said: list[int] = []

    def halt(token: int) -> bool:
        said.append(token)
        return stop in codec.decode(said[-len(stop) :])

    return halt


def choose_fault(question: Question, faults: Sequence[str], share: float) -> str:
    """The fault that strikes a question, if any: by its id, so that every arm has the same."""
    place = int.from_bytes(hashlib.sha256(question.id.encode()).digest()[:6], "big") / 2**48
    return faults[int(place / share * len(faults))] if faults and place < share else ""


@dataclass
class Run:
    """All arms on all questions, written to a file as they come."""

    engine: TokenEngine
    grader: Grader
    arms: dict[str, Arm]
    out: Path
    window: int
    faults: tuple[str, ...] = ()
    share: float = 0.2
    rows: list[dict[str, Any]] = field(default_factory=list)

    def load(self) -> None:
        """Read what was done before."""
        if self.out.exists():
            lines = self.out.read_text(encoding="utf-8").splitlines()
            self.rows = [json.loads(line) for line in lines if line.endswith("}")]

    def grade_again(self, questions: Sequence[Question]) -> None:
        """Read and grade the kept texts anew, as they are read today; a text without an answer stays without."""
        by_id = {one.id: one for one in questions}
        for row in self.rows:
            if row["answer"] is not None and (question := by_id.get(row["id"])) is not None:
                row["answer"] = SampledAnswer(row["text"], row["text"], COMPLETE).answer
                row["right"] = self.grader.grade(question.text, row["answer"], question.reference).right

    async def run(self, questions: Sequence[Question], at_once: int) -> None:
        """Do what is missing, all arms of a question one after the other, so that a broken run is paired too."""
        done = {(row["arm"], row["id"]) for row in self.rows}
        todo = [(place, q) for place, q in enumerate(questions) if any((a, q.id) not in done for a in self.arms)]
        gate, first = asyncio.Semaphore(at_once), isinstance(self.engine, GreedyMemory)
        console = Console(stderr=True)
        with Progress(console=console, transient=True) as progress, self.out.open("a", encoding="utf-8") as file:
            task = progress.add_task("questions", total=len(todo))

            async def ask(place: int, question: Question) -> None:
                async with gate:
                    names = list(self.arms)
                    turn = 0 if first else place % len(names)  # a shared cache serves no arm more than another
                    for name in (*names[turn:], *names[:turn]):
                        if (name, question.id) not in done:
                            row = await self._ask(name, question)
                            self.rows.append(row)
                            file.write(json.dumps(row, ensure_ascii=False) + "\n")
                            file.flush()
                    progress.advance(task)
                    if not console.is_terminal and int(progress.tasks[0].completed) % 10 == 0:
                        console.print(f"{int(progress.tasks[0].completed)} of {len(todo)} questions")

            await asyncio.gather(*(ask(place, question) for place, question in todo))

    async def _ask(self, name: str, question: Question) -> dict[str, Any]:
        fault = choose_fault(question, self.faults, self.share)
        counted = Counted(self.engine, self.window, fault)
        started = time.perf_counter()
        reply = await self.arms[name](counted, question)
        seconds = time.perf_counter() - started
        right = self.grader.grade(question.text, reply.answer, question.reference).right
        return {
            "arm": name, "id": question.id, "right": right, "reference": question.reference,
            "answer": reply.answer,
            "text": reply.text, "generated": counted.generated, "prefilled": counted.prefilled,
            "sent": counted.sent, "attempts": reply.attempts, "accepted": reply.accepted, "finish": reply.finish,
            "over": reply.over, "seconds": round(seconds, 3), "fault": fault,
        }  # fmt: skip


def print_results(rows: Sequence[dict[str, Any]], arms: Sequence[str], console: Console) -> None:
    """One table of the questions that were spared, and one for each planted fault."""
    by_arm = {arm: {row["id"]: row for row in rows if row["arm"] == arm} for arm in arms}
    shared = set.intersection(*(set(one) for one in by_arm.values()))
    faults = sorted({row["fault"] for row in rows})
    for fault in faults:
        ids = sorted(i for i in shared if by_arm[arms[0]][i]["fault"] == fault)
        title = f"{len(ids)} questions" + (
            f", planted: {fault}" if fault else ", nothing planted" * (faults != [""])
        )
        if ids:
            console.print(_build_table(title, {arm: [by_arm[arm][i] for i in ids] for arm in arms}))


def _build_table(title: str, by_arm: dict[str, list[dict[str, Any]]]) -> Table:
    columns = ("", "right", "against plain (95 %)", "generated", "of plain (95 %)", "prefilled", "sent",
               "attempts median, max", "accepted / rejected / not verified", "over budget", "seconds")  # fmt: skip
    table = Table(*columns, title=title)
    first = next(iter(by_arm))
    for arm, rows in by_arm.items():
        against = compare_paired(_to_ways(rows), _to_ways(by_arm[first]))
        change, ratio = against.accuracy, against.ratio
        spent = [row["attempts"] for row in rows]
        verdicts = [sum(row["accepted"] is one for row in rows) for one in (True, False, None)]
        table.add_row(
            arm,
            f"{sum(row['right'] for row in rows)} ({100 * np.mean([row['right'] for row in rows]):.1f} %)",
            ""
            if arm == first
            else f"{100 * change.value:+.1f} ({100 * change.low:+.1f} to {100 * change.high:+.1f})",
            f"{np.mean([row['generated'] for row in rows]):.1f}",
            "" if arm == first or ratio is None else f"{ratio.value:.3f} ({ratio.low:.3f} to {ratio.high:.3f})",
            f"{np.mean([row['prefilled'] for row in rows]):.1f}",
            f"{np.mean([row['sent'] for row in rows]):.1f}",
            f"{np.median(spent):.0f}, {max(spent)}",
            "" if arm in ("plain", "notebook") else " / ".join(map(str, verdicts)),
            str(sum(row["over"] > 0 for row in rows)) if arm in ("notebook", "budget") else "",
            f"{np.mean([row['seconds'] for row in rows]):.2f}",
        )
    return table


def _to_ways(rows: Sequence[dict[str, Any]]) -> list[WayResult]:
    return [WayResult(row["right"], Usage(answer=row["generated"])) for row in rows]


def read_all(files: Sequence[str], limit: int | None, skip: int) -> list[Question]:
    """The questions of all files, so many of each; an id that two files share gets the file's name."""
    questions: dict[str, Question] = {}
    for file in files:
        for one in read_questions(file, None if limit is None else skip + limit)[skip:]:
            key = one.id if one.id not in questions else f"{Path(file).stem}/{one.id}"
            questions[key] = Question(key, one.text, one.reference)
    return list(questions.values())


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.argument("files", nargs=-1, required=True)
@engine_options
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Rows, as they come.")
@click.option("--limit", type=click.IntRange(min=1), help="Questions of each file.")
@click.option("--skip", type=click.IntRange(min=0), default=0, help="Leave out so many first ones of each file.")
@click.option("--grade", default="auto", show_default=True, help="The grader.")
@click.option("--window", type=click.IntRange(min=64),
              help="Most tokens of prompt and reply, in all arms; default: the model's window.")  # fmt: skip
@click.option(
    "--budget", type=click.IntRange(min=1), help="Run the notebook's loop too, and ours with this budget."
)
@click.option("--plant", "faults", multiple=True, type=click.Choice(FAULTS), help="A fault to plant; repeatable.")
@click.option("--share", type=click.FloatRange(0, 1, min_open=True), default=0.2, show_default=True,
              help="Share of the questions that a planted fault strikes.")  # fmt: skip
@click.option("--endpoint", is_flag=True, help="The plain arm asks the server's own chat completions.")
@click.option(
    "--concurrency", type=click.IntRange(min=1), help="Questions at the same time; default: the engine's."
)
@click.option("--remember", is_flag=True, help="Generate a greedy reply once; seconds mean nothing.")
@click.option("--report", is_flag=True, help="Only grade and print what is in the file.")
def main(
    files: tuple[str, ...],
    model: str,
    served_model: str | None,
    markers: str | None,
    options: tuple[str, ...],
    out: Path,
    limit: int | None,
    skip: int,
    grade: str,
    window: int | None,
    budget: int | None,
    faults: tuple[str, ...],
    share: float,
    endpoint: bool,
    concurrency: int | None,
    remember: bool,
    report: bool,
) -> None:
    """Run all arms and print the tables."""
    engine = open_engine(model, **parse_engine_settings(served_model, markers, options))
    url = model if model.startswith("http") else ""
    plain = make_endpoint_arm(url, served_model, window) if endpoint and url else make_plain_arm()
    arms: dict[str, Arm] = {"plain": plain, "adaptive": make_solver_arm(Options())}
    if budget is not None:
        arms |= {"notebook": make_notebook_arm(budget), "budget": make_solver_arm(Options(budget=budget))}
    with open_grader(grade) as grader:
        known: TokenEngine = GreedyMemory(engine) if remember else engine
        run = Run(known, grader, arms, out, window or engine.context_window, faults, share)
        run.load()

        questions = read_all(files, limit, skip)
        run.grade_again(questions)

        async def work() -> None:
            try:
                if not report:
                    await run.run(questions, concurrency or get_parallel_solves(model))
            finally:
                await engine.close()

        asyncio.run(work())
    console = Console(width=200)
    console.print(f"model {model}, {', '.join(files)}, rows in {out}")
    print_results(run.rows, list(arms), console)


if __name__ == "__main__":
    main()

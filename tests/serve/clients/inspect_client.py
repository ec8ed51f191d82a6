"""An evaluation of inspect-ai at the address of the first argument; prints what it got as JSON."""

import json
import os
import sys
import tempfile

ADDRESS, QUESTION = sys.argv[1:]
os.environ |= {"SERVED_BASE_URL": ADDRESS, "SERVED_API_KEY": "none"}

from inspect_ai import Task, eval  # noqa: E402
from inspect_ai.dataset import Sample  # noqa: E402
from inspect_ai.scorer import includes  # noqa: E402
from inspect_ai.solver import generate, use_tools  # noqa: E402
from inspect_ai.tool import tool  # noqa: E402


@tool
def look_up():
    async def execute(word: str):
        """Look a word up.

        Args:
            word: The word.
        """
        return f"{word}: four"

    return execute


def run(sample, solver, model, **more):
    task, folder = Task(dataset=[sample], solver=solver, scorer=includes()), tempfile.mkdtemp()
    (log,) = eval(task, model=f"openai-api/served/{model}", log_dir=folder, display="none", max_retries=0, **more)
    return log


log = run(Sample(QUESTION, target="73"), generate(), "embedded", reasoning_effort="high")
(sample,) = log.samples
usage = sample.model_usage["openai-api/served/embedded"]
parts = sample.output.message.content
reasoning = "".join(p.reasoning for p in parts if p.type == "reasoning") if isinstance(parts, list) else ""
asked = Sample("Please look_up 'sum'.", target="done")
used = run(asked, [use_tools(look_up()), generate()], "hosted")
calls = [c for m in used.samples[0].messages if m.role == "assistant" for c in m.tool_calls or ()]
failed = run(Sample(QUESTION, target="73"), generate(), "nobody")
print(json.dumps({
    "text": sample.output.message.text,
    "score": log.results.scores[0].metrics["accuracy"].value,
    "reasoning": reasoning,
    "usage": [usage.input_tokens, usage.output_tokens, usage.reasoning_tokens],
    "tool": [calls[0].function, calls[0].arguments],
    "error": failed.error.message if failed.error else "",
}))  # fmt: skip

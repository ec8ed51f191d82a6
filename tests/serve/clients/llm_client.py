"""The `llm` library at the address of the first argument; prints what it got as JSON."""

import json
import os
import sys
import tempfile
from pathlib import Path

ADDRESS, QUESTION = sys.argv[1:]
MODELS = """
- model_id: embedded
  model_name: embedded
  api_base: {address}
  reasoning: true
- model_id: hosted
  model_name: hosted
  api_base: {address}
  supports_tools: true
- model_id: nobody
  model_name: nobody
  api_base: {address}
"""
folder = Path(tempfile.mkdtemp())
(folder / "extra-openai-models.yaml").write_text(MODELS.format(address=ADDRESS))
os.environ["LLM_USER_PATH"] = str(folder)

import llm  # noqa: E402 -- it reads the folder


def look_up(word: str) -> str:
    """Look a word up."""
    return word


model = llm.get_model("embedded")
whole = model.prompt(QUESTION, stream=False, reasoning_effort="high", key="none")
streamed = "".join(model.prompt(QUESTION, stream=True, reasoning_effort="high", key="none"))
(called,) = llm.get_model("hosted").prompt("Please look_up 'sum'.", tools=[look_up], key="none").tool_calls()
try:
    llm.get_model("nobody").prompt(QUESTION, key="none", stream=False).text()
    error = ""
except Exception as failure:  # noqa: BLE001 -- what it is, is tested
    error = str(failure)
text = whole.text()
usage = whole.usage()
print(json.dumps({
    "text": text,
    "streamed": streamed,
    "usage": [usage.input, usage.output, usage.details["completion_tokens_details"]["reasoning_tokens"]],
    "tool": [called.name, called.arguments],
    "error": error,
}))  # fmt: skip

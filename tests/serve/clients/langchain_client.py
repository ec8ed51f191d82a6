"""LangChain's ChatOpenAI at the address of the first argument; prints what it got as JSON."""

import json
import sys

import openai
from langchain_openai import ChatOpenAI

ADDRESS, QUESTION = sys.argv[1:]


def open_model(name, **more):
    return ChatOpenAI(model=name, base_url=ADDRESS, api_key="none", max_retries=0, **more)


def look_up(word: str) -> str:
    """Look a word up."""
    return word


high = open_model("embedded", reasoning_effort="high", stream_usage=True)
reply = high.invoke(QUESTION)
response = open_model("embedded", use_responses_api=True, reasoning={"effort": "high", "summary": "auto"})
blocks = response.invoke(QUESTION).content_blocks
(called,) = open_model("hosted").bind_tools([look_up]).invoke("Please look_up 'sum'.").tool_calls
try:
    open_model("nobody").invoke(QUESTION)
    error = ""
except openai.NotFoundError as failure:
    error = f"{failure.status_code} {failure.code} {failure.message}"
usage = reply.usage_metadata
print(json.dumps({
    "text": reply.text,
    "streamed": "".join(str(chunk.text) for chunk in high.stream(QUESTION)),
    "response": "".join(b["text"] for b in blocks if b["type"] == "text"),
    "reasoning": "".join(b.get("reasoning", "") for b in blocks if b["type"] == "reasoning"),
    "usage": [usage["input_tokens"], usage["output_tokens"], usage["output_token_details"]["reasoning"]],
    "tool": [called["name"], called["args"]],
    "error": error,
}))  # fmt: skip

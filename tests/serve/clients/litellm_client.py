"""LiteLLM at the address of the first argument; prints what it got as JSON."""

import json
import sys

import litellm

ADDRESS, QUESTION = sys.argv[1:]
FIELDS = {"type": "object", "properties": {"word": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": FIELDS}}]


def complete(model, question, **more):
    messages = [{"role": "user", "content": question}]
    place = {"model": f"openai/{model}", "api_base": ADDRESS, "api_key": "none", "num_retries": 0}
    return litellm.completion(messages=messages, **place, **more)


high = {"reasoning_effort": "high", "allowed_openai_params": ["reasoning_effort"]}
reply = complete("embedded", QUESTION, **high)
message, usage = reply.choices[0].message, reply.usage
streamed = "".join(c.choices[0].delta.content or "" for c in complete("embedded", QUESTION, stream=True, **high))
called = complete("hosted", "Please look_up 'sum'.", tools=TOOLS).choices[0].message.tool_calls[0].function
try:
    complete("nobody", QUESTION)
    error = ""
except litellm.exceptions.NotFoundError as failure:
    error = f"{failure.status_code} {failure.message}"
reasoning = usage.completion_tokens_details.reasoning_tokens
print(json.dumps({
    "text": message.content,
    "streamed": streamed,
    "reasoning": message.reasoning_content,
    "usage": [usage.prompt_tokens, usage.completion_tokens, reasoning],
    "tool": [called.name, json.loads(called.arguments)],
    "error": error,
}))  # fmt: skip

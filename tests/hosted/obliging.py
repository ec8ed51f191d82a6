"""A brain that does as it is told: calls the tool that it may, and answers in the form that it is given.

What it fills in it takes from the question: numbers in their order, what is quoted, else the question itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

from tests.hosted.script import Asked, Body, Spoken, Tool


def obliging(asked: Asked) -> Spoken:
    """Calls a tool where there is one and none was called since the question; thinks a little first."""
    tool = _tool(asked)
    if tool is not None and (_forced(asked) is not None or not _answered(asked)):
        return Spoken(tools=(Tool(tool["name"], _filled(tool["schema"], asked)),), thought=20)
    form = _form(asked)
    text = "It is done." if form is None else json.dumps(_filled(form, asked), ensure_ascii=False)
    return Spoken(text, thinking="let me see", thought=20)


def _tool(asked: Asked) -> Body | None:
    """The tool to call: the one that is forced, that the question names, or the first."""
    tools, forced, last = _tools(asked), _forced(asked), _last(asked)
    named = [t for t in tools if t["name"] == forced] or [t for t in tools if t["name"] in last] or tools
    return None if _choice(asked) == "none" else next(iter(named), None)


def _tools(asked: Asked) -> list[Body]:
    """Name and schema of each, whatever the format."""
    found = []
    for tool in asked.body.get("tools") or ():
        for one in tool.get("functionDeclarations") or [tool.get("function") or tool]:
            schema = next((one[k] for k in _SCHEMAS if one.get(k)), {})
            found.append({"name": one["name"], "schema": schema})
    return found


_SCHEMAS = ("parameters", "input_schema", "parametersJsonSchema")


def _forced(asked: Asked) -> str | None:
    """The name of the tool that must be called, "" for any; None where none must."""
    choice = _choice(asked)
    if isinstance(choice, dict):
        name = choice.get("name") or (choice.get("function") or {}).get("name")
        return name or ("" if choice.get("type") in ("any", "tool") or choice.get("mode") == "ANY" else None)
    return "" if choice in ("any", "required") else None


def _choice(asked: Asked) -> Any:
    google = (asked.body.get("toolConfig") or {}).get("functionCallingConfig")
    if google:
        return {"mode": google.get("mode"), "name": next(iter(google.get("allowedFunctionNames") or ()), "")}
    return asked.body.get("tool_choice")


def _answered(asked: Asked) -> bool:
    """Whether the newest message brings a tool's result."""
    messages = asked.body.get("messages") or asked.body.get("contents") or asked.body.get("input") or [{}]
    text = json.dumps(messages[-1])
    return any(f'"{mark}"' in text for mark in ("tool_call_id", "tool_result", "functionResponse", "call_id"))


def _form(asked: Asked) -> Body | None:
    """The schema of a structured answer; None where any text will do."""
    form = asked.body.get("response_format") or (asked.body.get("text") or {}).get("format") or {}
    output = (asked.body.get("output_config") or {}).get("format") or {}
    config = asked.body.get("generationConfig") or {}
    if form.get("type") == "json_object":
        return {"properties": {name: {"type": "string"} for name in re.findall(r"'(\w+)'", _last(asked))}}
    schema = (form.get("json_schema") or form).get("schema") or output.get("schema")
    return schema or config.get("responseJsonSchema") or config.get("responseSchema")


def _last(asked: Asked) -> str:
    return next((text for role, text in reversed(asked.messages) if role == "user"), "")


def _filled(schema: Body, asked: Asked) -> Body:
    """Values for the properties of a schema."""
    question = _last(asked)
    numbers = chain(map(int, re.findall(r"\d+", question)), repeat(0))
    return {name: _value(one, question, numbers) for name, one in (schema.get("properties") or {}).items()}


def _value(schema: Body, question: str, numbers: Iterator[int]) -> Any:
    kind = str(schema.get("type", "string")).lower()
    if kind in ("integer", "number"):
        return next(numbers)
    quoted = re.findall(r"'([^']+)'", question)
    return quoted[0] if quoted else question

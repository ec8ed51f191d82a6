"""Guided decoding as a server does it: a text that is valid by a schema, as vLLM and llama.cpp send it."""

from __future__ import annotations

import json
from typing import Any

from adaptive.engines.onnx import OnnxEngine
from adaptive.engines.protocol import Generation
from tests.engines.wires import EOG

VALUES = {"integer": 7, "number": 0.5, "string": "so", "boolean": True, "null": None}


def find_schema(body: dict[str, Any]) -> Any | None:
    """The schema in a request, in either server's field."""
    return body.get("json_schema") or body.get("structured_outputs", {}).get("json")


def make_instance(schema: dict[str, Any]) -> Any:
    """A value that is valid by a schema of the kinds that the tests use."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        return {name: make_instance(one) for name, one in schema.get("properties", {}).items()}
    return [make_instance(schema["items"])] if schema["type"] == "array" else VALUES[schema["type"]]


def write_guided(engine: OnnxEngine, schema: Any, ids: list[int], most: int) -> Generation:
    """What a guided model writes: JSON of the schema, and then the end of the turn."""
    text = engine.codec.encode(json.dumps(make_instance(schema)))
    whole = len(text) < most
    return Generation(
        text[:most],
        (0.0,) * len(text[:most]),
        "stop" if whole else "length",
        len(ids),
        0,
        EOG[0] if whole else None,
    )


def join_choices(parts: list[Any]) -> dict[str, Any]:
    """The parts of vLLM's stream as its one answer without streaming."""
    choices = [choice for part in parts for choice in part["choices"]]
    joined = {
        "token_ids": [token for choice in choices for token in choice.get("token_ids", [])],
        "logprobs": {
            "token_logprobs": [p for one in choices for p in one.get("logprobs", {}).get("token_logprobs", [])]
        },
    }
    return {"choices": [joined], "usage": parts[-1].get("usage")}

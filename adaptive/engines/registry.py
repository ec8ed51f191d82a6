"""Model specs to engines: the one place that knows which engine a spec means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.engines.protocol import TokenEngine

_CHOICES = "use embedded (the shipped model) or onnx:PATH (a folder of ONNX Runtime GenAI)"
_LATER = {"hf": "transformers", "vllm": "vLLM", "http": "completions", "https": "completions"}


def open_engine(spec: str) -> TokenEngine:
    """The engine of a model spec, loaded; raises `InputError` for one that is not known or not there."""
    # Engines are imported here: what only names a spec must not pay for loading a runtime.
    kind, _, rest = spec.partition(":")
    if spec == "embedded":
        from adaptive.artifacts import artifact
        from adaptive.engines.embedded import OnnxEngine

        return OnnxEngine(artifact("abacus") / "onnx", name=spec)
    if kind == "onnx" and rest:
        from adaptive.engines.embedded import OnnxEngine

        return OnnxEngine(Path(rest).expanduser(), name=spec)
    raise InputError(_refusal(spec, kind, rest))


def _refusal(spec: str, kind: str, rest: str) -> str:
    """Why a spec has no engine, and what has one."""
    if rest and kind != "onnx":
        engine = _LATER.get(kind, "chat")
        return f"model {spec!r} needs the {engine} engine, which is not in this version: {_CHOICES}."
    return f"model {spec!r} is not known: {_CHOICES}."

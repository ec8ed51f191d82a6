"""Ollama: thinking on or off, and a level for gpt-oss."""

from __future__ import annotations

from dataclasses import dataclass

from adaptive.chat.adapter import STANDARD_EFFORTS, CallArguments, EffortFamilies, ModelInfo, ProviderAdapter
from adaptive.chat.request import ChatRequest

_OLLAMA_OPTIONS = (
    "mirostat", "mirostat_eta", "mirostat_tau", "num_ctx", "num_gpu", "num_thread", "repeat_last_n",
    "repeat_penalty", "stop", "tfs_z", "top_k", "top_p", "temperature", "seed",
)  # fmt: skip


@dataclass(frozen=True)
class OllamaAdapter(ProviderAdapter):
    """Ollama: thinking on or off, and a level for gpt-oss.

    The options of a call replace those of the model (langchain-ollama 1.1), so the model's are sent along.
    """

    families: EffortFamilies = (("gpt-oss", STANDARD_EFFORTS),)

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """Return the arguments of a call; the cap counts thinking too."""
        call = CallArguments()
        own = {n: getattr(model.chat, n) for n in _OLLAMA_OPTIONS if getattr(model.chat, n, None) is not None}
        ours = {n: getattr(request, n) for n in ("temperature", "seed") if getattr(request, n) is not None}
        if request.cap is not None:
            call.add("cap", request.cap, options={**own, "num_predict": request.cap, **ours})
        elif ours:
            call.arguments["options"] = {**own, **ours}
        if not request.is_plain and "budget" not in model.refused:
            if model.efforts:
                call.add("effort", request.effort, reasoning=model.get_level(request.effort))
            else:
                call.add("budget", request.thinks, reasoning=request.thinks)
        return call

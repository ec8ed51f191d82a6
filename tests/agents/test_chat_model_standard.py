"""LangChain's own suites for chat models: the embedded reasoner, and a client whose server is on a local socket.

What they skip on the embedded reasoner, and why: tools, tool choice, structured output and JSON mode, because a
token engine calls no tools (`ChatAdaptive.bind_tools`); images, PDF, audio, messages of tools and Anthropic's
blocks, because it reads text alone; another model for one call, because a profile belongs to its model;
environment variables, because there are none; serialisation, because a solver is no text; recorded calls,
because there is no network to record.
"""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from adaptive import build_solver
from adaptive.agents import ChatAdaptive
from tests.hosted.clients import client
from tests.hosted.obliging import obliging
from tests.hosted.server import Hosted


class Abilities:
    """What the suites are told."""

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatAdaptive

    @property
    def has_tool_calling(self) -> bool:
        return False

    @property
    def has_tool_choice(self) -> bool:
        return False

    @property
    def has_structured_output(self) -> bool:
        return False

    @property
    def supports_model_override(self) -> bool:
        return False


class TestUnit(Abilities, ChatModelUnitTests):
    @property
    def standard_chat_model_params(self) -> dict[str, Any]:
        """Without `api_key`: no model here has one, and a name that is not known is refused, not dropped."""
        return {k: v for k, v in super().standard_chat_model_params.items() if k != "api_key"}


class TestIntegration(Abilities, ChatModelIntegrationTests):
    @property
    def supported_usage_metadata_details(self) -> dict[Any, Any]:
        details = ["reasoning_output", "cache_read_input"]
        return {"invoke": details, "stream": details}

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        """A question that abacus thinks about, with what was thought."""
        message = _asked(ChatAdaptive(budget=64), "What is 47 + 38 - 12?", stream)
        assert message.usage_metadata["output_token_details"]["reasoning"] > 0  # type: ignore[index]
        return message

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        """A question whose chain is gone on with: its ids are not computed again."""
        message = _asked(ChatAdaptive(), "What is 26/19 in lowest terms?", stream, waits=1)
        assert message.usage_metadata["input_token_details"]["cache_read"] > 0  # type: ignore[index]
        return message


def _asked(model: BaseChatModel, question: str, stream: bool, **given: Any) -> AIMessage:
    if not stream:
        return model.invoke(question, **given)
    first, *rest = model.stream(question, **given)
    return sum(rest, start=first)


class OnChatModel:
    """`ChatAdaptive` on a provider's own client, whose server does as it is told."""

    @classmethod
    def setup_class(cls) -> None:
        cls.hosted = Hosted(obliging)
        cls.hosted.__enter__()

    @classmethod
    def teardown_class(cls) -> None:
        cls.hosted.__exit__(None, None, None)

    hosted: Hosted

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatAdaptive

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"solver": build_solver(client("openai", self.hosted))}

    @property
    def supports_model_override(self) -> bool:
        return False


class TestUnitOnChatModel(OnChatModel, ChatModelUnitTests):
    @property
    def standard_chat_model_params(self) -> dict[str, Any]:
        """Without `api_key`: it is the client's own."""
        return {k: v for k, v in super().standard_chat_model_params.items() if k != "api_key"}


@pytest.mark.filterwarnings("ignore:Received a Pydantic BaseModel V1 schema")
class TestIntegrationOnChatModel(OnChatModel, ChatModelIntegrationTests):
    """With tools, tool choice, structured output and JSON mode; what it skips is what the other skips besides."""

    @property
    def supports_json_mode(self) -> bool:
        return True


class TestIntegrationOnForcedTool(OnChatModel, ChatModelIntegrationTests):
    """The structured answer as the call of a tool."""

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": "function_calling"}

"""The solver as a LangChain chat model, for frameworks that take nothing else."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams, ModelProfile
from langchain_core.language_models.chat_models import agenerate_from_stream, generate_from_stream
from langchain_core.messages import AnyMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langsmith import tracing_context
from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from adaptive._util.aio import Emit, stream_in_context, stream_in_context_blocking
from adaptive.agents.adapted_call import AdaptedCall
from adaptive.agents.binding_model import BindingChatModel
from adaptive.agents.call_options import (
    OPTION_FIELDS,
    check_retries,
    check_stop_strings,
    check_timeout,
    read_options,
)
from adaptive.agents.step.bound_tools import split_arguments
from adaptive.agents.step.counts import sum_conversation
from adaptive.agents.step.spending_limits import Scope, SpendingLimits
from adaptive.agents.step.tenant_limits import TenantCall, TenantLimits, aopen_call, open_call
from adaptive.agents.underlying_solver import (
    build_from_spec,
    can_guide,
    describe_abilities,
    find_given_solver,
    make_step_runner,
)
from adaptive.errors import InputError, LimitReached
from adaptive.solver.telemetry import mark_run
from adaptive.solver.tracing import add_run_metadata, describe_model, make_detached_context
from adaptive.types.model_spec import ModelSpec
from adaptive.types.options import Options
from adaptive.types.usage import Usage

if TYPE_CHECKING:
    from adaptive.agents.step.chat_model_step import StepRunner

_BUILD_LOCK = threading.Lock()  # one solver for each model, and two models never build at the same time


class ChatAdaptive(BindingChatModel):
    """A chat model that thinks as much as the question needs, and returns the answer that was kept.

    The message holds the thinking of all attempts as reasoning blocks and the kept answer as text; its usage is
    that of the solve. Its `response_metadata` has `model_name`, `finish_reason` ("stop"; "length" if thinking left
    no room for the answer, "refusal" if the model gave none) and the result object as `adaptive`.

    Tools and structured output work if a chat model is underneath (`openai:...`, or one of LangChain's in the
    solver): `bind_tools` and `with_structured_output` are that model's own. On a token engine with guided decoding
    (vLLM, llama.cpp) structured output is a solve whose answer follows the schema. With a chat model such a call
    is a step of an agent and no solve (`adaptive.agents.step.chat_model_step`): the message is the provider's, in
    one chunk, with the step's usage, and `adaptive` in its metadata is the step's report, as
    `AdaptiveThinkingMiddleware` writes it.

    Args:
        model: A model spec. Its solver is built on first use, that of a hosted model at once.
        adaptive_profile: The profile's folder; by default the model's own. (`profile` is LangChain's field, and
            says what the model can do.)
        effort: As in `adaptive.Options`, as are budget, temperature and seed; None leaves them to the profile.
            These and the other options that a graph's state may set can also be set for one call, as in
            `invoke(..., budget=64)`.
        budget: Thinking tokens.
        max_tokens: All tokens of the whole solve: prompts, thinking and answers of all attempts. Once it is
            reached, no attempt is started; a running one is finished.
        max_cost: The same in dollars; a model whose price is unknown is refused.
        max_run_tokens: All tokens since the last human message, by the reports in the conversation; a call raises
            `LimitReached` if they are spent.
        max_run_cost: The same in dollars.
        max_thread_tokens: As `max_run_tokens`, for the whole conversation.
        max_thread_cost: As `max_run_cost`, for the whole conversation.
        tenants: Limits of each tenant, whom the context of the graph's run names; the model must be called in a
            graph. A call raises `LimitReached` if one is reached.
        temperature: Of sampling.
        seed: Of sampling.
        stop: Strings before the first of which the text is cut. They change neither the thinking nor the usage.
        timeout: Seconds of a solve, from its first attempt to its answer.
        max_retries: How often a call to a model's server is made again; a model in this process makes no calls.
        streaming: Whether `invoke` streams to callbacks.
        solver: A solver of `build_solver`, for its other arguments (`check`, `stronger`, an engine, ...). It
            brings its model and profile, and traces name that model.
        on_spent: Called once at the end of each call with its `adaptive.Usage`, also of one that fails or is
            cancelled, which is then estimated.

    Raises:
        InputError: Options, model or messages are not possible.
        AdaptiveError: A solve fails or its time is up.
        NotImplementedError: A model on a token engine is given tools, as by all chat models without them.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    model: str = "embedded"
    adaptive_profile: str | Path | None = None
    effort: str | None = None
    budget: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    max_run_tokens: int | None = None
    max_run_cost: float | None = None
    max_thread_tokens: int | None = None
    max_thread_cost: float | None = None
    tenants: TenantLimits | None = None
    temperature: float | None = None
    seed: int | None = None
    stop: list[str] | None = None
    timeout: float | None = None
    max_retries: int | None = None
    streaming: bool = False
    solver: Any = Field(default=None, exclude=True)
    on_spent: Callable[[Usage], None] | None = Field(default=None, exclude=True)

    _built_solver: Any = PrivateAttr(default=None)
    _identity: str = PrivateAttr(default_factory=lambda: uuid.uuid4().hex)

    @model_validator(mode="after")
    def _validate_options(self) -> Self:
        """Reject impossible values now and not at the first call."""
        self._read_options({})
        self._make_limits()
        check_stop_strings(self.stop)
        check_timeout(self.timeout)
        check_retries(self.max_retries)
        if self.solver is not None and self.adaptive_profile is not None:
            raise InputError("a solver has its profile already: give adaptive_profile to build_solver.")
        if self.solver is None and ModelSpec.parse(self.model).is_chat:
            self._get_solver()  # raises now if a key or a package is missing
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return a copy that shares the solver: it is a model that was loaded once."""
        memo = {} if memo is None else memo
        memo |= {id(solver): solver for solver in (self.solver, self._built_solver)}
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        """Return what is pickled: all but the solver, which the copy builds anew on first use."""
        if self.solver is not None:
            raise InputError("a ChatAdaptive with a `solver` cannot be pickled: give it `model` instead.")
        state = super().__getstate__()
        private = {**(state["__pydantic_private__"] or {}), "_built_solver": None}
        return {**state, "__pydantic_private__": private}

    @property
    def _llm_type(self) -> str:
        return "adaptive"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """What answers depend on: the key of LangChain's cache of answers."""
        return {
            "model": self.model,
            "adaptive_profile": None if self.adaptive_profile is None else str(self.adaptive_profile),
            "stop": self.stop,
            **self._read_options({}),
            **({} if self.solver is None else {"solver": self._identity}),
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        """Return what traces say of the model: the one that is asked first, unless the call names one."""
        params = super()._get_ls_params(stop=stop, **kwargs)
        named = {} if "model" in kwargs else describe_model(self._find_model_name())
        return cast("LangSmithParams", {**params, **named})

    def _find_model_name(self) -> str:
        solver = find_given_solver(self.solver)
        return solver.models[0].name if solver else self.model

    def _resolve_model_profile(self) -> ModelProfile:
        runner = self._build_step_runner({})
        return describe_abilities(None if runner is None else runner.solver_model.model.chat)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with open_call(self.tenants) as call:
            chunks: Iterator[ChatGenerationChunk] = stream_in_context_blocking(
                lambda emit: self._stream_solve(messages, stop, kwargs, emit, run_manager, call),
                make_detached_context(),
            )
            yield from chunks

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async with aopen_call(self.tenants) as call:
            chunks: AsyncGenerator[ChatGenerationChunk, None] = stream_in_context(
                lambda emit: self._stream_solve(messages, stop, kwargs, emit, run_manager, call),
                make_detached_context(),
            )
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk

    async def _stream_solve(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None,
        arguments: dict[str, Any],
        emit: Emit[ChatGenerationChunk],
        run_manager: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None,
        call: TenantCall,
    ) -> None:
        """Solve, or make a step, and emit the chunks of the message."""
        if run_manager is not None:
            mark_run(run_manager, run_manager.run_id, "call")
        # This model's own run has the usage of all calls: traced themselves, they would be counted twice.
        with tracing_context(enabled=False):
            facts = await self._run_call(messages, stop, arguments, emit, call)
        if run_manager is not None:
            add_run_metadata(run_manager, run_manager.run_id, facts)

    async def _run_call(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None,
        arguments: dict[str, Any],
        emit: Emit[ChatGenerationChunk],
        call: TenantCall,
    ) -> dict[str, Any]:
        """Make a call, emit its chunks, and return what its span says of it."""
        bound, arguments = split_arguments(arguments)
        stops, options = check_stop_strings(self.stop if stop is None else stop), self._read_options(arguments)
        # Copies without ids: a graph sets ids, and takes two messages with the same id for one.
        copies = [cast("AnyMessage", m.model_copy(update={"id": None})) for m in messages]
        options = self._limit_options(options, copies, call.scope)
        adapted = AdaptedCall(copies, bound, options, stops, self.timeout, call.count_also(self.on_spent))
        runner = await asyncio.to_thread(self._build_step_runner, options) if adapted.is_step else None
        if runner is not None:
            return await adapted.make_step(runner, emit)
        return await adapted.solve(self.solver or await asyncio.to_thread(self._get_solver), emit)

    def _require_chat_model(self, limitation: str) -> BaseChatModel:
        """Return the chat model underneath; raises `NotImplementedError` if it is a token engine."""
        runner = self._build_step_runner({})
        if runner is None:
            raise NotImplementedError(f"{self.model} runs on a token engine, which {limitation}.")
        return runner.solver_model.model.chat

    def _can_guide(self) -> bool:
        """Whether all models of the solver run on engines with guided decoding; the engines are asked."""
        if self.solver is None and ModelSpec.parse(self.model).is_chat:
            return False
        return can_guide(self.solver or self._get_solver())

    def _build_step_runner(self, options: dict[str, Any]) -> StepRunner | None:
        """Return what runs steps within these options; None if no chat model is underneath."""
        if self.solver is None and not ModelSpec.parse(self.model).is_chat:
            return None
        return make_step_runner(self.solver or self._get_solver(), options)

    def _get_solver(self) -> Any:
        """Return the solver, built once."""
        with _BUILD_LOCK:
            if self._built_solver is None:
                self._built_solver = build_from_spec(self.model, self.adaptive_profile, self.max_retries)
        return self._built_solver

    def _make_limits(self) -> SpendingLimits:
        run, thread = (self.max_run_tokens, self.max_run_cost), (self.max_thread_tokens, self.max_thread_cost)
        return SpendingLimits.create(*run, *thread)

    def _limit_options(
        self, options: dict[str, Any], messages: Sequence[BaseMessage], tenant: Scope | None
    ) -> dict[str, Any]:
        """Return the options of a call within what is left of its run, its thread and its tenant."""
        limits = self._make_limits().after(*sum_conversation(messages)).within(tenant)
        if reached := limits.find_reached():
            raise LimitReached(f"{reached}: raise the limit, or begin anew.")
        solver = find_given_solver(self.solver)
        return limits.bound(options, solver.options if solver else Options())

    def _read_options(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return read_options({name: getattr(self, name) for name in OPTION_FIELDS}, arguments)

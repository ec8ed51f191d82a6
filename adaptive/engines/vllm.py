"""VllmEngine: the token engine on vLLM in this process, ids in and ids out.

vLLM batches all calls that are under way and caches what it computed in blocks that any later call may reuse. So a
continued chain computes what is new and what did not fill a block (`Generation.prefilled` says how much), whatever
its session. The engine runs on an event loop of its own, and its core in a process that ends with it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import uuid
import weakref
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from typing import Any

from adaptive._util.aio import LoopThread
from adaptive._util.optional import import_optional
from adaptive.engines.generation import GenerationRequest, GrowingGeneration
from adaptive.engines.loop_engine import LoopEngine
from adaptive.engines.markers import MarkerStyle
from adaptive.engines.protocol import Generation, Sampling
from adaptive.engines.steering import ECHO_TOKENS, STEERING_KEY, make_echo
from adaptive.engines.tokenizer import FolderCodec, find_tokenizer_folder
from adaptive.errors import AdaptiveError, InputError, to_single_line

QUIET = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_NO_USAGE_STATS": "1",
    "PYTHONWARNINGS": "ignore::FutureWarning",  # read by its processes, which warn of what torch will drop
}
"""Standard output is for answers, and nothing is reported to anyone unless the user says so."""
PROCESSOR = "adaptive.in_vllm.processor:SteeringProcessor"
"""What vLLM loads to force tokens inside a request."""
SETTLE_SECONDS = 1.0
"""How long tasks of a closed engine may take to end."""
GUARD_SCRIPT = """
import os, signal, sys
sys.stdin.read()
for pid in map(int, sys.argv[1:]):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
"""
"""Kills the processes of its arguments once its input is closed, as it is when this process ends, however."""


class VllmEngine(LoopEngine):
    """A model of vLLM, as `vllm:model`.

    Args:
        model: A folder or an ID on the Hugging Face hub.
        markers: How the model marks its thinking; None to find out.
        options: Any of vLLM's engine arguments (`dtype`, `max_model_len`, `gpu_memory_utilization`,
            `tensor_parallel_size`, ...).

    Raises:
        InputError: There is no such model or option, or vLLM is not installed.
        AdaptiveError: The engine does not start.
    """

    def __init__(self, model: str, *, markers: MarkerStyle | None = None, **options: Any) -> None:
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        vllm = import_optional("vllm", "vllm")
        name, codec = f"vllm:{model}", FolderCodec(find_tokenizer_folder(model), markers)
        self._params = vllm.SamplingParams
        sampling = import_optional("vllm.sampling_params", "vllm")
        self._delta, self._guide = sampling.RequestOutputKind.DELTA, sampling.StructuredOutputsParams
        loop, others = LoopThread("adaptive-vllm"), _list_children()
        # The only reference, cleared in time: at exit, with its modules gone, its `__del__` would fail.
        self._engines: list[Any] = [loop.call(_start_engine(vllm, name, model, options))]
        super().__init__(name, codec, int(self._engines[0].model_config.max_model_len), loop)
        self.parallel = int(self._engines[0].vllm_config.scheduler_config.max_num_seqs)
        # At exit too, and when an exception ends the program: the core is a process of its own.
        self._end = weakref.finalize(
            self, _stop_engine, self._engines, loop, ProcessGuard(_list_children() - others)
        )
        self._steers = loop.call(self._find_steering())

    @property
    def steers(self) -> bool:
        """Whether vLLM has loaded our processor; it was asked at the start."""
        return self._steers

    async def _find_steering(self) -> bool:
        """Return whether both tokens that are forced come."""
        for token in ECHO_TOKENS:
            request = GenerationRequest((1,), 1, frozenset(), Sampling(), self._window, make_echo(token))
            if (await self._generate_in_loop(GrowingGeneration(request))).ids != (token,):
                return False
        return True

    async def can_guide(self) -> bool:
        """Whether the engine has guided decoding: vLLM always has."""
        return True

    def _shut_down(self) -> None:
        self._end()

    async def _generate_in_loop(self, growing: GrowingGeneration) -> Generation:
        request, cached = growing.request, 0
        prompt = {"prompt_token_ids": list(request.ids)}
        try:
            # Closing it makes vLLM drop the request, at once if it is halted.
            async with aclosing(
                self._engines[0].generate(prompt, self._build_sampling_params(request), uuid.uuid4().hex)
            ) as parts:
                async for output in parts:
                    cached = output.num_cached_tokens or cached
                    part = output.outputs[0]
                    rows = list(zip(part.token_ids, part.logprobs, strict=True))
                    logprobs = [row[i].logprob for i, row in rows]
                    chosen = [row[i].logprob >= max(one.logprob for one in row.values()) for i, row in rows]
                    growing.add(part.token_ids, logprobs, chosen)
                    if growing.halted:
                        break
                else:
                    if request.sampling.schema:
                        growing.close()
        except (RuntimeError, ValueError) as error:
            reason = to_single_line(error, 200)
            raise AdaptiveError(f"model {self._name!r} failed while generating ({reason}).") from error
        return growing.finish(cached)

    def _build_sampling_params(self, request: GenerationRequest) -> Any:
        sampling, steering = request.sampling, request.steering
        return self._params(
            extra_args=None if steering is None else {STEERING_KEY: steering.plan},
            max_tokens=request.room,
            stop_token_ids=sorted(request.stop_ids),
            ignore_eos=not sampling.schema,  # an end of turn stops only if the caller, or a schema, says so
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            seed=request.seed if sampling.temperature > 0 else None,
            logprobs=int(steering is not None and steering.may_wait),
            detokenize=False,
            output_kind=self._delta,
            structured_outputs=self._guide(json=sampling.schema) if sampling.schema else None,
        )


async def _start_engine(vllm: Any, name: str, model: str, options: dict[str, Any]) -> Any:
    engine = import_optional("vllm.v1.engine.async_llm", "vllm").AsyncLLM
    platform = import_optional("vllm.platforms", "vllm").current_platform
    settings = {
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        # On a CPU vLLM caches in blocks of 128 ids: a continued chain would compute up to 127 again.
        **({"block_size": 32} if platform.is_cpu() else {}),
        **options,
    }
    try:
        arguments = vllm.AsyncEngineArgs(model=model, **settings)
    except TypeError as error:
        raise InputError(f"vLLM takes no such option ({error}): see its engine arguments.") from error
    try:
        config = arguments.create_engine_config()
        if _can_steer(config):
            config.model_config.logits_processors = add_processor(config.model_config.logits_processors)
        return engine.from_vllm_config(config, disable_log_stats=arguments.disable_log_stats)
    except (OSError, RuntimeError, ValueError) as error:
        reason = to_single_line(error, 200)
        raise AdaptiveError(
            f"model {name!r} does not start ({reason}): VLLM_LOGGING_LEVEL=INFO shows what vLLM says."
        ) from error


def add_processor(named: Sequence[Any] | None) -> list[Any]:
    """Return processors, by name or as classes, with ours: once, or a Wait would be taken for the model's own."""
    processors = list(named or ())
    names = (one if isinstance(one, str) else f"{one.__module__}:{one.__qualname__}" for one in processors)
    return processors if PROCESSOR in names else [*processors, PROCESSOR]


def _can_steer(config: Any) -> bool:
    """Return whether our processor is loaded: not on Model Runner V2, where it never ran, nor beside drafts."""
    return config.speculative_config is None and not getattr(config, "use_v2_model_runner", False)


def _list_children() -> set[int]:
    """Return the ids of this process's children, and of theirs."""
    return {child.pid for child in import_optional("psutil", "vllm").Process().children(recursive=True)}


def _stop_engine(engines: list[Any], loop: LoopThread, guard: ProcessGuard) -> None:
    # vLLM logs the end of its core as an error with a traceback, even if it was asked to end.
    logging.getLogger("vllm").setLevel(logging.CRITICAL)
    engines[0].shutdown()
    guard.call_off()
    loop.call(_wait_for_tasks())
    loop.stop()
    engines.clear()


async def _wait_for_tasks() -> None:
    """Wait, in the loop, until the other tasks have ended: none is torn down half done."""
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others, timeout=SETTLE_SECONDS)


class ProcessGuard:
    """Kills the processes `pids` when this process ends, unless it is called off before."""

    def __init__(self, pids: Iterable[int]) -> None:
        # A session of its own: a Ctrl-C in the terminal is meant for us, and must not end the guard.
        command = [sys.executable, "-c", GUARD_SCRIPT, *map(str, pids)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def call_off(self) -> None:
        """End the guard: the processes have ended."""
        self._process.kill()
        self._process.communicate()

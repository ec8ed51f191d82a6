"""VllmEngine: the token engine on vLLM in this process, ids in and ids out.

vLLM batches all calls that are under way and keeps what it computed in blocks that any later call may reuse: so a
continued chain computes what is new and what did not fill a block (`Generation.prefilled` says how much), whatever
session it is called with. The engine runs on a loop of its own, and its core in a process that ends with it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import uuid
import weakref
from collections.abc import Iterable
from contextlib import aclosing
from typing import Any

from adaptive._util.aio import LoopThread
from adaptive._util.optional import import_optional
from adaptive.engines.generation import GenerationRequest, GrowingGeneration
from adaptive.engines.loop_engine import LoopEngine
from adaptive.engines.markers import MarkerStyle
from adaptive.engines.protocol import Generation
from adaptive.engines.tokenizer import FolderCodec, find_tokenizer_folder
from adaptive.errors import AdaptiveError, InputError, to_single_line

QUIET = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_NO_USAGE_STATS": "1",
    "PYTHONWARNINGS": "ignore::FutureWarning",  # its processes read this, and warn of what torch will drop
}
"""Standard output is for answers, and nothing is reported to anyone unless the user says so."""

SETTLE_SECONDS = 1.0


class VllmEngine(LoopEngine):
    """The model `model`, a folder or an ID on the Hugging Face hub, as `vllm:model`.

    options: any of vLLM's engine arguments, as its own documentation names them (`dtype`, `max_model_len`,
    `gpu_memory_utilization`, `tensor_parallel_size`, ...). Raises `InputError` or `AdaptiveError` in one sentence
    if it does not start.
    """

    parallel = 16

    def __init__(self, model: str, *, markers: MarkerStyle | None = None, **options: Any) -> None:
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        vllm = import_optional("vllm", "vllm")
        name, codec = f"vllm:{model}", FolderCodec(find_tokenizer_folder(model), markers)
        self._params = vllm.SamplingParams
        self._delta = import_optional("vllm.sampling_params", "vllm").RequestOutputKind.DELTA
        loop, others = LoopThread("adaptive-vllm"), _list_children()
        # The one place that holds it: what is let go of at exit, with its modules gone, fails in its `__del__`.
        self._held: list[Any] = [loop.call(_start_engine(vllm, name, model, options))]
        super().__init__(name, codec, int(self._held[0].model_config.max_model_len), loop)
        # At exit too, and when an exception ends the program: the core is a process of its own.
        self._end = weakref.finalize(self, _stop_engine, self._held, loop, ProcessGuard(_list_children() - others))

    def _shut_down(self) -> None:
        self._end()

    async def _generate_in_loop(self, growing: GrowingGeneration) -> Generation:
        asked, cached = growing.request, 0
        prompt = {"prompt_token_ids": list(asked.ids)}
        try:
            # Closed at once where it is halted: that is what makes vLLM drop the request.
            async with aclosing(
                self._held[0].generate(prompt, self._build_sampling_params(asked), uuid.uuid4().hex)
            ) as parts:
                async for made in parts:
                    cached = made.num_cached_tokens or cached
                    part = made.outputs[0]
                    known = [row[i].logprob for i, row in zip(part.token_ids, part.logprobs, strict=True)]
                    growing.add(part.token_ids, known)
                    if growing.halted:
                        break
        except (RuntimeError, ValueError) as error:
            said = to_single_line(error, 200)
            raise AdaptiveError(f"model {self._name!r} failed while generating ({said}).") from error
        return growing.finish(cached)

    def _build_sampling_params(self, request: GenerationRequest) -> Any:
        how = request.sampling
        return self._params(
            max_tokens=request.room,
            stop_token_ids=sorted(request.stop_ids),
            ignore_eos=True,  # only the caller's stop ids stop, an end of turn is among them where it is meant to
            temperature=how.temperature,
            top_p=how.top_p,
            top_k=how.top_k,
            seed=request.seed if how.temperature > 0 else None,
            logprobs=0,
            detokenize=False,
            output_kind=self._delta,
        )


async def _start_engine(vllm: Any, name: str, model: str, options: dict[str, Any]) -> Any:
    engine = import_optional("vllm.v1.engine.async_llm", "vllm").AsyncLLM
    given = {
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        **_choose_defaults(),
        **options,
    }
    try:
        arguments = vllm.AsyncEngineArgs(model=model, **given)
    except TypeError as error:
        raise InputError(f"vLLM takes no such option ({error}): see its engine arguments.") from error
    try:
        return engine.from_engine_args(arguments)
    except (OSError, RuntimeError, ValueError) as error:
        said = to_single_line(error, 200)
        raise AdaptiveError(
            f"model {name!r} does not start ({said}): VLLM_LOGGING_LEVEL=INFO shows what vLLM says."
        ) from error


def _choose_defaults() -> dict[str, Any]:
    """On a CPU vLLM keeps its cache in blocks of 128 ids, and a continued chain would compute up to 127 again."""
    platform = import_optional("vllm.platforms", "vllm").current_platform
    return {"block_size": 32} if platform.is_cpu() else {}


def _list_children() -> set[int]:
    """The processes that this one started, and theirs."""
    return {child.pid for child in import_optional("psutil", "vllm").Process().children(recursive=True)}


def _stop_engine(held: list[Any], loop: LoopThread, guard: ProcessGuard) -> None:
    # That its core is gone is an error to vLLM, told with a traceback, even where it was asked to go.
    logging.getLogger("vllm").setLevel(logging.CRITICAL)
    held[0].shutdown()
    guard.call_off()
    loop.call(_wait_for_tasks())
    loop.stop()
    held.clear()


async def _wait_for_tasks() -> None:
    """In the loop: what was told to end has ended, so that nothing is torn down half done."""
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others, timeout=SETTLE_SECONDS)


GUARD_SCRIPT = """
import os, signal, sys
sys.stdin.read()
for pid in map(int, sys.argv[1:]):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
"""


class ProcessGuard:
    """Watches over the processes `pids` until it is called off."""

    def __init__(self, pids: Iterable[int]) -> None:
        # A session of its own: a Ctrl-C in the terminal is meant for us, and the guard comes after.
        command = [sys.executable, "-c", GUARD_SCRIPT, *map(str, pids)]
        self._watch = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def call_off(self) -> None:
        """The processes have ended, and the guard ends too."""
        self._watch.kill()
        self._watch.communicate()

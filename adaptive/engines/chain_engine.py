"""ChainEngine: a token engine made of chains in this process, each a sequence with its own cache.

Tokens are chosen here and not by a runtime. So the log-probability of a chosen token is exact and free, a stop id
is never computed, and the same seed gives the same tokens wherever a sequence is continued.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future

from adaptive.engines.chain_runners import ChainRunner
from adaptive.engines.chains import ChainCall
from adaptive.engines.generation import GenerationRequest, GrowingGeneration
from adaptive.engines.loop_engine import Engine, bind_to_callers_loop
from adaptive.engines.protocol import Generation, Halt, OnToken, Sampling
from adaptive.engines.tokenizer import FolderCodec
from adaptive.errors import AdaptiveError, to_single_line


class ChainEngine(Engine):
    """Runs calls on chains. Safe to use from several tasks, event loops and threads at once.

    Args:
        name: The model spec.
        codec: Tokenizer and chat template.
        runner: Runs the calls on its chains.
        window: The most ids of a sequence.
        vocabulary: All ids are below this.
    """

    shares_cache = False

    def __init__(
        self, *, name: str, codec: FolderCodec, runner: ChainRunner, window: int, vocabulary: int
    ) -> None:
        super().__init__(name, codec, window)
        self._vocabulary = vocabulary
        # Only the runner refers to the model: dropping it frees everything.
        self._runner: ChainRunner | None = runner
        self._counting = threading.Lock()
        self._prefilled_total = 0

    @property
    def prefilled_total(self) -> int:
        """Ids computed before a first new token, summed over all finished calls."""
        return self._prefilled_total

    async def generate(
        self,
        ids: Sequence[int],
        *,
        max_tokens: int,
        stop_ids: Sequence[int],
        sampling: Sampling,
        session: str,
        on_token: OnToken | None = None,
        halt: Halt | None = None,
    ) -> Generation:
        """Continue `ids` by at most `max_tokens`; the contract is `TokenEngine.generate`'s."""
        if self._runner is None:
            raise self._build_closed_error()
        request = GenerationRequest(tuple(ids), max_tokens, frozenset(stop_ids), sampling, self._window)
        self._check_ids(request.ids)
        if sampling.schema:
            raise ValueError(f"{self._name} has no guided decoding, so no schema can be kept")
        bound = None if on_token is None else bind_to_callers_loop(on_token)
        call = ChainCall(GrowingGeneration(request, bound, halt))
        try:
            generation = await _await_job(self._runner.submit(call, session), call.halted)
        except RuntimeError as error:
            reason = to_single_line(error)
            raise AdaptiveError(f"model {self._name!r} failed while generating ({reason}).") from error
        with self._counting:
            self._prefilled_total += generation.prefilled
        return generation

    async def release(self, session: str) -> None:
        """Forget the cache of `session`; a later call with it computes everything again."""
        if self._runner is not None:
            self._runner.drop(session)

    async def close(self) -> None:
        """Free the model once the running calls have ended; later ones raise `AdaptiveError`."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await asyncio.to_thread(runner.shut_down)

    def _check_ids(self, ids: Sequence[int]) -> None:
        # The runtime takes a negative id for one counted from the vocabulary's end.
        if min(ids) < 0 or max(ids) >= self._vocabulary:
            raise ValueError(f"ids must be 0 to {self._vocabulary - 1}, got {min(ids)} to {max(ids)}")


async def _await_job(job: Future[Generation], halted: threading.Event) -> Generation:
    """Return the result of a job. If cancelled, stop the job and wait for it, which takes one token."""
    waiting = asyncio.wrap_future(job)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        halted.set()
        if not job.cancel():
            await asyncio.wait([waiting])
        raise

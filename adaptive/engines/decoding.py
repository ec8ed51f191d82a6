"""One call to an engine: computes what is new of a prompt and extends it token by token. No threads here."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from adaptive.engines.chains import Chain
from adaptive.engines.protocol import Generation, GenerationEnd, OnToken, Sampling
from adaptive.engines.sampling import choose

# Ids computed at once: no slower than a whole prompt, and Python's lock is held no longer than this takes.
_PIECE = 64


@dataclass
class Call:
    """What `TokenEngine.generate` was asked for, and `halted`, which stops it within one token.

    Every token that is kept is computed at once, the last one too: the next call finds it in the cache.
    """

    ids: tuple[int, ...]
    max_tokens: int
    window: int
    stop_ids: frozenset[int]
    sampling: Sampling
    on_token: OnToken | None = None
    halted: threading.Event = field(default_factory=threading.Event)
    _logprobs: list[float] = field(default_factory=list)

    def run(self, chain: Chain) -> Generation:
        """Continue `ids` on a chain; what comes back after `halted` was set is of no use."""
        room = min(self.max_tokens, self.window - len(self.ids))
        chain.reserve(len(self.ids) + room)
        cached = chain.share(self.ids)
        self._prefill(chain, cached)
        stop = self._extend(chain, room)
        chain.mark()
        return self._generation(tuple(chain.ids[len(self.ids) :]), stop, cached)

    def _prefill(self, chain: Chain, start: int) -> None:
        for place in range(start, len(self.ids), _PIECE):
            if self.halted.is_set():
                return
            chain.append(self.ids[place : place + _PIECE])
        chain.mark()

    def _extend(self, chain: Chain, room: int) -> tuple[int, float] | None:
        """Add up to `room` tokens; returns the stop id, with its log-probability, if one was chosen."""
        # There are no logits only if the prefill was halted.
        while len(self._logprobs) < room and not self.halted.is_set() and chain.logits is not None:
            token, logprob = choose(chain.logits, self.sampling, len(chain.ids))
            if token in self.stop_ids:
                return token, logprob
            self._logprobs.append(logprob)
            if self.on_token is not None:
                self.on_token(token)
            chain.append((token,))
        return None

    def _generation(self, new: tuple[int, ...], stop: tuple[int, float] | None, cached: int) -> Generation:
        end: GenerationEnd = "stop" if stop else "length" if len(new) == self.max_tokens else "context"
        stop_id, stop_logprob = stop or (None, None)
        prefilled = len(self.ids) - cached
        return Generation(new, tuple(self._logprobs), end, prefilled, cached, stop_id, stop_logprob)

"""One call to an engine: computes what is new of a prompt and extends it token by token. No threads here."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from adaptive.engines.calls import Growing
from adaptive.engines.chains import Chain
from adaptive.engines.protocol import Generation
from adaptive.engines.sampling import choose

# Ids computed at once: no slower than a whole prompt, and Python's lock is held no longer than this takes.
_PIECE = 64


@dataclass
class Call:
    """A generation that grows on a chain, and `halted`, which stops it within one token.

    Every token that is kept is computed at once, the last one too: the next call finds it in the cache.
    """

    growing: Growing
    halted: threading.Event = field(default_factory=threading.Event)

    def run(self, chain: Chain) -> Generation:
        """Continue the ids on a chain; what comes back after `halted` was set is of no use."""
        asked = self.growing.asked
        chain.reserve(len(asked.ids) + asked.room)
        cached = chain.share(asked.ids)
        self._prefill(chain, cached)
        self._extend(chain)
        chain.mark()
        return self.growing.done(cached)

    def _prefill(self, chain: Chain, start: int) -> None:
        ids = self.growing.asked.ids
        for place in range(start, len(ids), _PIECE):
            if self.halted.is_set():
                return
            chain.append(ids[place : place + _PIECE])
        chain.mark()

    def _extend(self, chain: Chain) -> None:
        """Add tokens until no more are wanted."""
        # There are no logits only if the prefill was halted.
        while not self.growing.over and not self.halted.is_set() and chain.logits is not None:
            token, logprob = choose(chain.logits, self.growing.asked.sampling, len(chain.ids))
            self.growing.add((token,), (logprob,))
            if self.growing.stop is None:
                chain.append((token,))

"""LoopWatch: notices, token by token, that a chain of thinking goes round in circles.

Two signs, both found in ids and not in text:

period    a block of 4 to 128 tokens, three times in a row. Engines that end a loop use the same bounds.
starts    the same twelve tokens at three sentence starts, anywhere in the chain. A model that must wait again
          and again tends to open each stretch alike, while what comes between differs a little.

Arithmetic repeats itself without being stuck: `18 + 18 + 18 + 18`, 1/7 = 0.142857142857142857, the carries of
88888 + 66666, rows of a table. Ids alone cannot tell these from a loop, so the caller may say which tokens are
`figures`, that is hold no word; by default every token is a word. A repetition with fewer than three different
words in it has to go on for 96 tokens. A sentence start with so few, or one that begins with a figure, is not
counted.

Limits: a loop of figures is found late. Twelve tokens of words at a third sentence start always count as a loop,
even in a patient check or in many cases worded alike.
"""

from __future__ import annotations

from collections import OrderedDict, deque

START_LENGTH = 12
"""Tokens in a sentence start."""
MIN_WORDS = 3
"""Different words that make a repetition more than figures."""
PATIENCE = 96
"""Tokens that a repetition of figures goes on before it is a loop."""
MAX_STARTS = 4096
"""Sentence starts remembered; beyond them the least recently seen is forgotten."""

_ENDS = (".", "!", "?", "。", "！", "？")
_OPERATORS = ("times", "cdot", "frac", "sqrt", "quad", "plus")
_IDEOGRAPHS = "\u2e80"  # from here on one letter is a word
_QUOTES = "\"'”’)]*_ \t"


def is_boundary(text: str) -> bool:
    """Return whether a token with this text ends a sentence or a line."""
    return "\n" in text or text.rstrip(_QUOTES).endswith(_ENDS)


def is_figure(text: str) -> bool:
    """Return whether a token with this text is no word: figures, signs, spaces, operators, variables."""
    letters = "".join(filter(str.isalpha, text))
    return letters in _OPERATORS or (len(letters) < 2 and letters != "I" and letters < _IDEOGRAPHS)


PATIENT_REPEATS = 8
PATIENT_SPAN = 128
PATIENT_FIGURES = 512
PATIENT_STARTS = 24


def make_patient_watch(*, thinking: bool) -> LoopWatch:
    """Return a watch for a model that nobody measured: only a repetition that will hardly end is a loop.

    An answer may be a table, a list or a refrain. So a block must come 8 times in a row and fill 128 tokens, one
    of figures or of fewer than four tokens 512. Sentences that start alike are counted in thinking only, up to 24.
    """
    return LoopWatch(
        repeats=PATIENT_REPEATS,
        span=PATIENT_SPAN,
        patience=PATIENT_FIGURES,
        runs=PATIENT_FIGURES,
        starts=PATIENT_STARTS if thinking else 0,
    )


class LoopWatch:
    """Watches one chain. The same ids give the same verdict, whatever pieces they come in.

    A block of `least` to `most` tokens, `repeats` times in a row, is found at the token that completes the last
    copy. One that repeats something shorter than `least` (dashes, zeros, `a b a b`) is no block. Blocks longer
    than `most`, and copies that differ in a token, are not found unless their sentences start alike.

    Memory is bounded by `most` and `MAX_STARTS`, whatever the length of the chain. On one core a token of prose or
    arithmetic costs 1.3 microseconds, one in a long run of the same token 20 (CPython 3.11).

    Args:
        least: The fewest tokens of a block.
        most: The most tokens of a block.
        repeats: How often a block must come in a row.
        span: The fewest tokens that all its copies must fill.
        patience: Tokens that a repetition of figures goes on before it is a loop.
        runs: Tokens after which a repetition of fewer than `least` tokens is a loop; 0: never.
        starts: How often a sentence must start alike; None: as often as a block must come; 0: never looked at.

    Raises:
        ValueError: Unless 1 <= least <= most and repeats >= 2.
    """

    def __init__(
        self,
        least: int = 4,
        most: int = 128,
        repeats: int = 3,
        *,
        span: int = 0,
        patience: int = PATIENCE,
        runs: int = 0,
        starts: int | None = None,
    ) -> None:
        if not 1 <= least <= most or repeats < 2:
            raise ValueError(
                f"no loop is {least} to {most} tokens {repeats} times: 1 <= least <= most, repeats >= 2"
            )
        self.least = least
        self.most = most
        self.repeats = repeats
        self.repetition = ""
        self._periods = _Periods(least, most, span, patience, runs)
        self._starts = _Starts(repeats if starts is None else starts) if starts != 0 else None

    def add(self, token: int, *, boundary: bool = False, figure: bool = False) -> bool:
        """Take a token; return whether the chain loops, which stays True once a loop is found.

        `repetition` then says in words what repeats.

        Args:
            token: The id.
            boundary: Whether it ends a sentence or a line (`is_boundary` of its text).
            figure: Whether it holds no word (`is_figure` of its text).
        """
        if not self.repetition:
            word = None if figure else token
            period = self._periods.add(token, word, self.repeats)
            recurs = self._starts.add(token, word, boundary) if self._starts else 0
            if period:
                times = f"{self.repeats} times" if period >= self.least else "again and again"
                self.repetition = f"{period} tokens repeated {times}"
            elif recurs:
                self.repetition = f"{recurs} sentences start with the same {START_LENGTH} tokens"
        return bool(self.repetition)


class _Periods:
    """For each period of at most `most` tokens, how long the end of a chain has had it.

    Every `gram` (the last `least` tokens) is looked up among those at most `most` tokens ago. A period goes on
    while the gram at its distance is the same. Text that does not repeat has hardly any, so this is quick.
    """

    def __init__(self, least: int, most: int, span: int, patience: int, runs: int) -> None:
        self._least = least
        self._most = most
        self._span = span
        self._patience = patience
        self._runs = runs
        self._now = 0
        self._gram: tuple[int, ...] = ()
        self._grams: deque[tuple[int, ...]] = deque()
        self._places: dict[tuple[int, ...], deque[int]] = {}
        self._spans: dict[int, int] = {}  # period -> tokens at the end of the chain that have it
        self._words: deque[int | None] = deque(maxlen=most)

    def add(self, token: int, word: int | None, repeats: int) -> int:
        """Take a token; return the shortest period that the chain has now had `repeats` times, 0 if none."""
        self._words.append(word)
        self._gram = (*self._gram[1 - self._least :], token) if self._least > 1 else (token,)
        if len(self._gram) < self._least:
            return 0
        self._now += 1
        places = self._places.get(self._gram)
        self._spans = self._extend_spans(places) if places else {}
        self._remember()
        return self._find_period(repeats) if self._spans else 0

    def _extend_spans(self, places: deque[int]) -> dict[int, int]:
        before, now, least = self._spans, self._now, self._least
        return {p: before.get(p, p + least - 1) + 1 for p in (now - at for at in reversed(places))}

    def _remember(self) -> None:
        """Keep the places of the last `most` grams."""
        self._grams.append(self._gram)
        self._places.setdefault(self._gram, deque()).append(self._now)
        if len(self._grams) > self._most:
            old = self._grams.popleft()
            places = self._places[old]
            places.popleft()
            if not places:
                del self._places[old]

    def _find_period(self, repeats: int) -> int:
        spans = self._spans
        trivial, shortest = max(((spans.get(p, 0), -p) for p in range(1, self._least)), default=(0, 0))
        if 0 < self._runs <= trivial:
            return -shortest
        for period, span in spans.items():
            long = span >= max(repeats * period, self._span)
            if long and repeats * period > trivial and period >= self._least and self._is_meaningful(period, span):
                return period
        return 0

    def _is_meaningful(self, period: int, span: int) -> bool:
        """Return whether a repetition has enough words, or has gone on for long."""
        block = {self._words[-i] for i in range(1, period + 1)}
        return span >= self._patience or len(block - {None}) >= min(MIN_WORDS, self._least)


class _Starts:
    """Counts sentence starts. A start is `START_LENGTH` tokens long, whatever sentences it spans."""

    def __init__(self, repeats: int) -> None:
        self._repeats = repeats
        self._tail: deque[int] = deque(maxlen=START_LENGTH)
        self._words: deque[int | None] = deque(maxlen=START_LENGTH)
        self._open: deque[int] = deque([0])  # where starts begin that are not complete yet
        self._counts: OrderedDict[tuple[int, ...], int] = OrderedDict()
        self._now = 0

    def add(self, token: int, word: int | None, boundary: bool) -> int:
        """Take a token; return how often the start came that it completes, 0 if less than `repeats` times."""
        if word is None and self._open and self._open[-1] == self._now:
            self._open.pop()
        self._tail.append(token)
        self._words.append(word)
        self._now += 1
        complete = bool(self._open) and self._now - self._open[0] == START_LENGTH
        if complete:
            self._open.popleft()
        if boundary:
            self._open.append(self._now)
        if not complete or len({*self._words} - {None}) < MIN_WORDS:
            return 0
        times = self._count_start()
        return times if times >= self._repeats else 0

    def _count_start(self) -> int:
        start = tuple(self._tail)
        times = self._counts.pop(start, 0) + 1
        self._counts[start] = times
        if len(self._counts) > MAX_STARTS:
            self._counts.popitem(last=False)
        return times

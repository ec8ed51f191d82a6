"""What a lever bought, in plain sentences: only what the rows show, and no more.

Two answers are the same by `adaptive.answers.equality.same_answer`. Prose hardly ever is, however much it says
the same: of two answers of which one is longer than `PROSE` words nothing is claimed but that the wording differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise

from adaptive.answers.equality import same_answer
from adaptive.compare.cell import Setting
from adaptive.compare.summary import Cheapest, Summary, cheapest
from adaptive.types.ladder import EFFORTS

PROSE = 12
"""Words of the longest answer that is taken for a value, a name or the like."""


def findings(compared: Sequence[Summary]) -> list[str]:
    """The sentences, without final stops: the cheapest first, then starved ones, then what each lever bought."""
    found = cheapest(compared)
    return [
        *([the_cheapest(found)] if found else []),
        *filter(None, map(no_answer, compared)),
        *_efforts(compared),
        *_caps(compared),
        *_most(compared),
    ]


def the_cheapest(found: Cheapest) -> str:
    """Which one it is, by which measure, and how reliably it answers."""
    one = found.summary
    figures = f"{tokens(one.total)} tokens ({tokens(one.made)} beside the prompt)"
    if found.by == "cost":
        said = f"{dollars(one.cost)} and {figures}, by cost"
    else:
        said = f"{figures}, by tokens as not every cost is known"
    sure = "" if one.share == 1 else f"; it answered {len(one.good)} of {len(one.bought)} times, and none did more"
    word = "is accepted" if one.checked else "answers"
    return f"the cheapest that {word} is {_name(one.setting)}: {said}{sure}"


def no_answer(one: Summary) -> str:
    """What a setting spent without an answer; "" where it answered, or failed."""
    model, effort, cap = one.setting
    short = [row for row in one.bought if row.ended in ("starved", "cut off")]
    if not short:
        return ""
    often = "" if len(one.rows) == 1 else f" in {len(short)} of {len(one.bought)} calls"
    spent = f"{tokens(one.made)} tokens spent"
    if all(row.ended == "starved" for row in short):
        return f"a cap of {cap} starves {model} at {effort} effort{often}: {spent}, no answer"
    return f"a cap of {cap} cuts off the answer of {model} at {effort} effort{often}: {spent}"


def _efforts(compared: Sequence[Summary]) -> Iterator[str]:
    """What each effort bought over the one below it, at the same model and cap."""
    for low, high in _steps(compared, lambda s: (s.model, s.cap), lambda s: EFFORTS.index(s.effort)):
        model, effort, cap = high.setting
        at = f" at a cap of {cap}" if _varies(compared, model, lambda s: s.cap) else ""
        if said := _bought(low, high, f"{low.setting.effort} effort"):
            yield f"{effort} effort on {model}{at}: {said}"


def _caps(compared: Sequence[Summary]) -> Iterator[str]:
    """What each cap bought over the one below it, at the same model and effort."""
    for low, high in _steps(compared, lambda s: (s.model, s.effort), lambda s: s.cap):
        model, effort, cap = high.setting
        if said := _bought(low, high, f"a cap of {low.setting.cap}"):
            yield f"a cap of {cap} on {model} at {effort} effort, after {low.setting.cap}: {said}"


def _most(compared: Sequence[Summary]) -> Iterator[str]:
    """Which setting answers with the most tokens, where that is one of several."""
    answering = [one for one in compared if one.good]
    most = max((one.made for one in answering), default=0.0)
    with_most = [one for one in answering if one.made == most]
    if len(answering) > 1 and len(with_most) == 1:
        model, effort, cap = with_most[0].setting
        yield f"{effort} effort on {model} at {cap} answers, with the most tokens of those that do: {tokens(most)}"


def _bought(low: Summary, high: Summary, below: str) -> str:
    """What the higher setting brought over the lower; "" where that cannot be said."""
    if not (low.bought and high.bought) or not (low.good or high.good):
        return ""
    more = high.made - low.made
    change = f"{'+' if more >= 0 else '-'}{tokens(abs(more))} tokens"
    what = "accepted answer" if high.checked else "answer"
    if not low.good:
        return f"{change}, and an {what} where {below} has none"
    if not high.good:
        return f"{change}, and no {what} where {below} has one"
    return f"{change}, {_answers(low, high)}{_reliability(low, high)}"


def _answers(low: Summary, high: Summary) -> str:
    """How the answers of two settings stand to each other."""
    a, b = low.answer, high.answer
    often = "" if low.agrees and high.agrees else " most often"
    if a is None or b is None:
        return "no final answer to compare"
    if same_answer(a, b):
        return f"same answer{often}"
    prose = any(len(text.split()) > PROSE for text in (a, b))
    return "another wording" if prose else f"another answer{often}"


def _reliability(low: Summary, high: Summary) -> str:
    """How often each answered, where that differs."""
    if low.share == high.share:
        return ""
    return f", in {len(high.good)} of {len(high.bought)} calls after {len(low.good)} of {len(low.bought)}"


def _steps(
    compared: Sequence[Summary], same: Callable[[Setting], tuple[str | int, ...]], rank: Callable[[Setting], int]
) -> Iterator[tuple[Summary, Summary]]:
    """Neighbours in rank among settings that are the same but for it."""
    first = {same(one.setting): place for place, one in reversed(list(enumerate(compared)))}
    order = sorted(compared, key=lambda one: (first[same(one.setting)], rank(one.setting)))
    for _, group in groupby(order, key=lambda one: same(one.setting)):
        yield from pairwise(group)


def _varies(compared: Sequence[Summary], model: str, what: Callable[[Setting], int]) -> bool:
    return len({what(one.setting) for one in compared if one.setting.model == model}) > 1


def _name(setting: Setting) -> str:
    return f"{setting.model} at {setting.effort} effort and a cap of {setting.cap}"


def tokens(count: float) -> str:
    """A number of tokens, which may be halfway between two."""
    return f"{count:.0f}" if count == int(count) else f"{count:.1f}"


def dollars(cost: float | None) -> str:
    """A cost in dollars; a dash where it is not known."""
    return "-" if cost is None else f"${cost:.4g}"

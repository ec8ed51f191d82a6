"""What a lever bought, in plain sentences: only what the rows show, and no more.

Two answers are the same by `adaptive.answers.equality.same_answer`. Prose hardly ever is, however much it says
the same: of two answers of which one is longer than `PROSE` words nothing is claimed but that the wording differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise

from adaptive.answers.equality import same_answer
from adaptive.compare.cell import CellSetting
from adaptive.compare.summary import CheapestSetting, SettingSummary, find_cheapest_setting
from adaptive.types.ladder import EFFORTS

PROSE = 12
"""Words of the longest answer that is taken for a value, a name or the like."""


def list_findings(compared: Sequence[SettingSummary]) -> list[str]:
    """The sentences, without final stops: the cheapest first, then starved ones, then what each lever bought."""
    found = find_cheapest_setting(compared)
    return [
        *([describe_cheapest(found)] if found else []),
        *filter(None, map(describe_missing_answer, compared)),
        *_describe_efforts(compared),
        *_describe_caps(compared),
        *_describe_most_tokens(compared),
    ]


def describe_cheapest(cheapest: CheapestSetting) -> str:
    """Which one it is, by which measure, and how reliably it answers."""
    one = cheapest.summary
    figures = f"{format_token_count(one.total)} tokens ({format_token_count(one.generated)} beside the prompt)"
    if cheapest.by == "cost":
        said = f"{format_dollars(one.cost)} and {figures}, by cost"
    else:
        said = f"{figures}, by tokens as not every cost is known"
    sure = (
        ""
        if one.success_rate == 1
        else f"; it answered {len(one.good_rows)} of {len(one.completed_rows)} times, and none did more"
    )
    word = "is accepted" if one.checked else "answers"
    return f"the cheapest that {word} is {_format_setting(one.setting)}: {said}{sure}"


def describe_missing_answer(one: SettingSummary) -> str:
    """What a setting spent without an answer; "" where it answered, or failed."""
    model, effort, cap = one.setting
    short = [row for row in one.completed_rows if row.status in ("starved", "cut off")]
    if not short:
        return ""
    often = "" if len(one.rows) == 1 else f" in {len(short)} of {len(one.completed_rows)} calls"
    spent = f"{format_token_count(one.generated)} tokens spent"
    if all(row.status == "starved" for row in short):
        return f"a cap of {cap} starves {model} at {effort} effort{often}: {spent}, no answer"
    return f"a cap of {cap} cuts off the answer of {model} at {effort} effort{often}: {spent}"


def _describe_efforts(compared: Sequence[SettingSummary]) -> Iterator[str]:
    """What each effort bought over the one below it, at the same model and cap."""
    for low, high in _pair_neighbours(compared, lambda s: (s.model, s.cap), lambda s: EFFORTS.index(s.effort)):
        model, effort, cap = high.setting
        at = f" at a cap of {cap}" if _is_varied(compared, model, lambda s: s.cap) else ""
        if said := _describe_change(low, high, f"{low.setting.effort} effort"):
            yield f"{effort} effort on {model}{at}: {said}"


def _describe_caps(compared: Sequence[SettingSummary]) -> Iterator[str]:
    """What each cap bought over the one below it, at the same model and effort."""
    for low, high in _pair_neighbours(compared, lambda s: (s.model, s.effort), lambda s: s.cap):
        model, effort, cap = high.setting
        if said := _describe_change(low, high, f"a cap of {low.setting.cap}"):
            yield f"a cap of {cap} on {model} at {effort} effort, after {low.setting.cap}: {said}"


def _describe_most_tokens(compared: Sequence[SettingSummary]) -> Iterator[str]:
    """Which setting answers with the most tokens, where that is one of several."""
    answering = [one for one in compared if one.good_rows]
    most = max((one.generated for one in answering), default=0.0)
    with_most = [one for one in answering if one.generated == most]
    if len(answering) > 1 and len(with_most) == 1:
        model, effort, cap = with_most[0].setting
        yield f"{effort} effort on {model} at {cap} answers, with the most tokens of those that do: {format_token_count(most)}"


def _describe_change(low: SettingSummary, high: SettingSummary, below: str) -> str:
    """What the higher setting brought over the lower; "" where that cannot be said."""
    if not (low.completed_rows and high.completed_rows) or not (low.good_rows or high.good_rows):
        return ""
    more = high.generated - low.generated
    change = f"{'+' if more >= 0 else '-'}{format_token_count(abs(more))} tokens"
    what = "accepted answer" if high.checked else "answer"
    if not low.good_rows:
        return f"{change}, and an {what} where {below} has none"
    if not high.good_rows:
        return f"{change}, and no {what} where {below} has one"
    return f"{change}, {_compare_answers(low, high)}{_compare_reliability(low, high)}"


def _compare_answers(low: SettingSummary, high: SettingSummary) -> str:
    """How the answers of two settings stand to each other."""
    a, b = low.answer, high.answer
    often = "" if low.is_unanimous and high.is_unanimous else " most often"
    if a is None or b is None:
        return "no final answer to compare"
    if same_answer(a, b):
        return f"same answer{often}"
    prose = any(len(text.split()) > PROSE for text in (a, b))
    return "another wording" if prose else f"another answer{often}"


def _compare_reliability(low: SettingSummary, high: SettingSummary) -> str:
    """How often each answered, where that differs."""
    if low.success_rate == high.success_rate:
        return ""
    return f", in {len(high.good_rows)} of {len(high.completed_rows)} calls after {len(low.good_rows)} of {len(low.completed_rows)}"


def _pair_neighbours(
    compared: Sequence[SettingSummary],
    same: Callable[[CellSetting], tuple[str | int, ...]],
    rank: Callable[[CellSetting], int],
) -> Iterator[tuple[SettingSummary, SettingSummary]]:
    """Neighbours in rank among settings that are the same but for it."""
    first = {same(one.setting): place for place, one in reversed(list(enumerate(compared)))}
    order = sorted(compared, key=lambda one: (first[same(one.setting)], rank(one.setting)))
    for _, group in groupby(order, key=lambda one: same(one.setting)):
        yield from pairwise(group)


def _is_varied(compared: Sequence[SettingSummary], model: str, what: Callable[[CellSetting], int]) -> bool:
    return len({what(one.setting) for one in compared if one.setting.model == model}) > 1


def _format_setting(setting: CellSetting) -> str:
    return f"{setting.model} at {setting.effort} effort and a cap of {setting.cap}"


def format_token_count(count: float) -> str:
    """A number of tokens, which may be halfway between two."""
    return f"{count:.0f}" if count == int(count) else f"{count:.1f}"


def format_dollars(cost: float | None) -> str:
    """A cost in dollars; a dash where it is not known."""
    return "-" if cost is None else f"${cost:.4g}"

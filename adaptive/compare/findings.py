"""What more effort or a higher cap changes, in plain sentences that say no more than the rows show.

Two answers are compared by `adaptive.answers.equality.same_answer`. Prose hardly ever is the same, even if it
means the same. So if one of two answers is longer than `PROSE` words, only the wording is said to differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise

from adaptive.answers.equality import same_answer
from adaptive.compare.cell import CellSetting
from adaptive.compare.summary import CheapestSetting, SettingSummary, find_cheapest_setting
from adaptive.types.ladder import EFFORTS

PROSE = 12
"""The most words of an answer that counts as a value, a name or the like."""


def list_findings(summaries: Sequence[SettingSummary]) -> list[str]:
    """Return the sentences, without full stops: the cheapest, the starved settings, then efforts and caps."""
    cheapest = find_cheapest_setting(summaries)
    return [
        *([describe_cheapest(cheapest)] if cheapest else []),
        *filter(None, map(describe_missing_answer, summaries)),
        *_describe_efforts(summaries),
        *_describe_caps(summaries),
        *_describe_most_tokens(summaries),
    ]


def describe_cheapest(cheapest: CheapestSetting) -> str:
    """Say which setting is the cheapest, by which measure, and how reliably it answers."""
    one = cheapest.summary
    figures = f"{format_token_count(one.total)} tokens ({format_token_count(one.generated)} beside the prompt)"
    if cheapest.by == "cost":
        price = f"{format_dollars(one.cost)} and {figures}, by cost"
    else:
        price = f"{figures}, by tokens as not every cost is known"
    model, effort, cap = one.setting
    verb = "is right" if one.checked else "answers"
    sentence = f"the cheapest that {verb} is {model} at {effort} effort and a cap of {cap}: {price}"
    if one.success_rate == 1:
        return sentence
    did = "was right" if one.checked else "answered"
    return f"{sentence}; it {did} {len(one.good_rows)} of {len(one.completed_rows)} times, and none more often"


def describe_missing_answer(one: SettingSummary) -> str:
    """Say what a setting spent without an answer; "" if it answered or failed."""
    model, effort, cap = one.setting
    short = [row for row in one.completed_rows if row.status in ("starved", "cut off")]
    if not short:
        return ""
    often = "" if len(one.rows) == 1 else f" in {len(short)} of {len(one.completed_rows)} calls"
    spent = f"{format_token_count(one.generated)} tokens spent"
    if all(row.status == "starved" for row in short):
        return f"a cap of {cap} starves {model} at {effort} effort{often}: {spent}, no answer"
    return f"a cap of {cap} cuts off the answer of {model} at {effort} effort{often}: {spent}"


def _describe_efforts(summaries: Sequence[SettingSummary]) -> Iterator[str]:
    """Compare each effort with the one below it, at the same model and cap."""
    for low, high in _pair_neighbours(summaries, lambda s: (s.model, s.cap), lambda s: EFFORTS.index(s.effort)):
        model, effort, cap = high.setting
        caps = {one.setting.cap for one in summaries if one.setting.model == model}
        at = f" at a cap of {cap}" if len(caps) > 1 else ""
        if change := _describe_change(low, high, f"{low.setting.effort} effort"):
            yield f"{effort} effort on {model}{at}: {change}"


def _describe_caps(summaries: Sequence[SettingSummary]) -> Iterator[str]:
    """Compare each cap with the one below it, at the same model and effort."""
    for low, high in _pair_neighbours(summaries, lambda s: (s.model, s.effort), lambda s: s.cap):
        model, effort, cap = high.setting
        if change := _describe_change(low, high, f"a cap of {low.setting.cap}"):
            yield f"a cap of {cap} on {model} at {effort} effort, after {low.setting.cap}: {change}"


def _describe_most_tokens(summaries: Sequence[SettingSummary]) -> Iterator[str]:
    """Say which setting answers with the most tokens, if several answer."""
    answering = [one for one in summaries if one.good_rows]
    most = max((one.generated for one in answering), default=0.0)
    with_most = [one for one in answering if one.generated == most]
    if len(answering) > 1 and len(with_most) == 1:
        model, effort, cap = with_most[0].setting
        count = f"{format_token_count(most)} beside the prompt"
        yield f"{effort} effort on {model} at {cap} answers, with the most tokens of those that do: {count}"


def _describe_change(low: SettingSummary, high: SettingSummary, below: str) -> str:
    """Say what the higher setting changes over the lower; "" if that cannot be told."""
    if not (low.completed_rows and high.completed_rows) or not (low.good_rows or high.good_rows):
        return ""
    more = high.generated - low.generated
    change = f"{'+' if more >= 0 else '-'}{format_token_count(abs(more))} tokens"
    answer, an_answer = ("right answer", "a right answer") if high.checked else ("answer", "an answer")
    if not low.good_rows:
        return f"{change}, and {an_answer} where {below} has none"
    if not high.good_rows:
        return f"{change}, and no {answer} where {below} has one"
    return f"{change}, {_compare_answers(low, high)}{_compare_reliability(low, high)}"


def _compare_answers(low: SettingSummary, high: SettingSummary) -> str:
    """Say whether the answers of two settings are the same."""
    a, b = low.answer, high.answer
    often = "" if low.is_unanimous and high.is_unanimous else " most often"
    if a is None or b is None:
        return "no final answer to compare"
    if same_answer(a, b):
        return f"same answer{often}"
    prose = any(len(text.split()) > PROSE for text in (a, b))
    return "another wording" if prose else f"another answer{often}"


def _compare_reliability(low: SettingSummary, high: SettingSummary) -> str:
    """Say how often each answered; "" if equally often."""
    if low.success_rate == high.success_rate:
        return ""
    after = f"{len(low.good_rows)} of {len(low.completed_rows)}"
    return f", in {len(high.good_rows)} of {len(high.completed_rows)} calls after {after}"


def _pair_neighbours(
    summaries: Sequence[SettingSummary],
    key: Callable[[CellSetting], tuple[str | int, ...]],
    rank: Callable[[CellSetting], int],
) -> Iterator[tuple[SettingSummary, SettingSummary]]:
    """Yield neighbours in rank among the settings of each key. Keys keep the order of the table."""
    first = {key(one.setting): place for place, one in reversed(list(enumerate(summaries)))}
    order = sorted(summaries, key=lambda one: (first[key(one.setting)], rank(one.setting)))
    for _, group in groupby(order, key=lambda one: key(one.setting)):
        yield from pairwise(group)


def format_token_count(count: float) -> str:
    """Return a number of tokens as text; a median may lie halfway between two."""
    return f"{count:.0f}" if count == int(count) else f"{count:.1f}"


def format_dollars(cost: float | None) -> str:
    """Return a cost in dollars as text; a dash if it is unknown."""
    return "-" if cost is None else f"${cost:.4g}"

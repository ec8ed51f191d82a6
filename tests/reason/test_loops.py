"""LoopWatch: planted loops are found in time, clean chains are left alone, a rebuilt watch says the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive._util.files import find_artifact
from adaptive.engines.tokenizer import FolderCodec
from adaptive.reason.loops import (
    MAX_STARTS,
    PATIENCE,
    START_LENGTH,
    LoopWatch,
    is_boundary,
    is_figure,
    make_patient_watch,
)
from tests.reason import clean

Flagged = tuple[int, bool, bool]
FEW = st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=150)


def found_at(watch: LoopWatch, ids: Sequence[int], *, figure: bool = False) -> int | None:
    """How many of `ids` had been added when the loop was found."""
    return next((n for n, token in enumerate(ids, 1) if watch.add(token, figure=figure)), None)


@given(st.integers(4, 128), st.randoms(use_true_random=True))
def test_a_planted_loop_is_found_when_its_third_round_is_complete(period: int, rng: Random) -> None:
    prefix = [rng.randrange(2000) for _ in range(rng.randrange(600))]
    block = [rng.randrange(2000) for _ in range(period)]
    watch = LoopWatch()
    place = found_at(watch, prefix + block * 3 + [rng.randrange(2000) for _ in range(9)])
    # The prefix may happen to end as the block does; then the third round is complete that much earlier.
    shared = next(
        (k for k in range(len(prefix) + 1) if prefix[len(prefix) - k :] != (block * 2)[2 * period - k :]), 1
    )
    assert place == len(prefix) + 3 * period - (shared - 1)
    assert watch.repetition == f"{period} tokens repeated 3 times"


@given(st.lists(st.integers(0, 2), max_size=20), st.lists(st.integers(0, 2), min_size=4, max_size=128), st.data())
def test_so_is_one_of_few_different_tokens(prefix: list[int], block: list[int], data: st.DataObject) -> None:
    least_words = 3
    if len(set(block)) < least_words or any((block * 3)[d:] == (block * 3)[:-d] for d in (1, 2, 3)):
        return
    place = found_at(LoopWatch(), prefix + block * 3)
    assert place is not None
    assert place <= len(prefix) + 3 * len(block)


@given(FEW, st.integers(1, 5), st.integers(0, 9), st.integers(2, 4))
def test_the_verdict_is_that_of_looking_at_the_whole_chain(
    chain: list[Flagged], least: int, more: int, repeats: int
) -> None:
    """The definition, written down plainly, against the watch that keeps count."""
    watch, most = LoopWatch(least, least + more, repeats), least + more
    for n, (token, _, figure) in enumerate(chain, 1):
        told = watch.add(token, figure=figure)
        if starts_found(watch):
            return
        assert told == any(loops(chain[:k], least, most, repeats) for k in range(n + 1))


def starts_found(watch: LoopWatch) -> bool:
    return "sentences" in watch.repetition


def loops(chain: list[Flagged], least: int, most: int, repeats: int) -> bool:
    ids = [token for token, _, _ in chain]
    for period in range(least, most + 1):
        span = repeats * period
        last = ids[-span:]
        if len(last) < span or not has_period(last, period) or any(has_period(last, p) for p in range(1, least)):
            continue
        words = {token for token, _, figure in chain[-period:] if not figure}
        patient = len(ids) >= max(PATIENCE, span) and has_period(ids[-max(PATIENCE, span) :], period)
        if len(words) >= min(3, least) or patient:
            return True
    return False


def has_period(ids: Sequence[int], period: int) -> bool:
    return ids[period:] == ids[: len(ids) - period]


@pytest.mark.parametrize("block", [[7], [7, 8], [7, 8, 9], [7, 7, 8]])
def test_what_repeats_less_than_four_tokens_is_no_loop(block: list[int]) -> None:
    assert found_at(LoopWatch(), block * 400) is None


@pytest.mark.parametrize("period", [3, 129])
def test_periods_beyond_the_bounds_are_not_looked_for(period: int) -> None:
    assert found_at(LoopWatch(), list(range(period)) * 6) is None


def test_two_rounds_are_no_loop() -> None:
    assert found_at(LoopWatch(), [1, 2, 3, 4, 5] * 2 + [1, 2, 3, 4, 6]) is None


@pytest.mark.parametrize(("period", "rounds"), [(4, 24), (7, 13.7), (40, 3), (128, 3)])
def test_figures_have_to_repeat_for_longer(period: int, rounds: float) -> None:
    ids = list(range(period)) * 30
    assert found_at(LoopWatch(), ids, figure=True) == max(PATIENCE, 3 * period) == round(rounds * period)


def test_figures_with_two_words_among_them_are_still_figures() -> None:
    block = [(1, True), (2, False), (3, True), (4, False)]
    watch = LoopWatch()
    assert sum(not watch.add(token, figure=figure) for token, figure in block * 30) == PATIENCE - 1


def test_sentences_that_start_alike_are_found_wherever_they_are() -> None:
    rng, watch = Random(0), LoopWatch()
    start = list(range(START_LENGTH))
    for time in range(3):
        verdicts = [watch.add(token) for token in start]
        assert verdicts == [False] * (START_LENGTH - 1) + [time == 2]
        rest = [watch.add(rng.randrange(100, 9000), boundary=n == 299) for n in range(300)]
        assert rest == [time == 2] * 300
    assert watch.repetition == "3 sentences start with the same 12 tokens"


def test_a_start_may_span_short_sentences() -> None:
    watch = LoopWatch()
    for time in range(3):
        for token in range(START_LENGTH):
            told = watch.add(token, boundary=token in (3, 7))
        assert told == (time == 2)
        watch.add(1000 + time, boundary=True)


@pytest.mark.parametrize("broken", ["no boundary", "another token", "two words", "starts with a figure"])
def test_starts_that_do_not_count(broken: str) -> None:
    watch = LoopWatch()
    for time in range(6):
        for token in range(START_LENGTH):
            figure = (broken == "two words" and token > 1) or (broken == "starts with a figure" and token == 0)
            shown = 500 + time if broken == "another token" and token == START_LENGTH - 1 else token
            assert not watch.add(shown, figure=figure)
        for n in range(40):
            assert not watch.add(1000 + 50 * time + n, boundary=n == 39 and broken != "no boundary")


def sentence(watch: LoopWatch, number: int) -> bool:
    """One sentence, whose start is that of no other number."""
    tokens = (number, *range(START_LENGTH - 2), -number)
    return [watch.add(token, boundary=n == START_LENGTH) for n, token in enumerate(tokens, 1)][-1]


def test_the_start_longest_not_seen_is_forgotten() -> None:
    watch, others = LoopWatch(), iter(range(10**6, 10**7))
    for _ in range(2):
        assert not sentence(watch, 100)
        assert not any(sentence(watch, next(others)) for _ in range(MAX_STARTS - 1))
    assert [sentence(watch, 200) for _ in range(2)] == [False, False]  # and the last start of 100 is pushed out
    assert not sentence(watch, 100)
    assert len(watch._starts._counts) == MAX_STARTS
    assert len(watch._periods._places) <= watch.most
    assert sentence(watch, 200)
    fresh = LoopWatch()
    found = []
    for _ in range(3):
        found.append(sentence(fresh, 100))
        assert any(sentence(fresh, next(others)) for _ in range(MAX_STARTS - 1)) == found[-1]
    assert found == [False, False, True]


@given(FEW, st.integers(0, 150))
def test_a_watch_rebuilt_from_the_ids_so_far_says_the_same(chain: list[Flagged], cut: int) -> None:
    whole, rebuilt = LoopWatch(most=16), LoopWatch(most=16)
    told = [whole.add(t, boundary=b, figure=f) for t, b, f in chain]
    for token, boundary, figure in chain[:cut]:
        rebuilt.add(token, boundary=boundary, figure=figure)
    assert [rebuilt.add(t, boundary=b, figure=f) for t, b, f in chain[cut:]] == told[cut:]
    assert rebuilt.repetition == whole.repetition
    assert told == sorted(told)  # once found, found


@pytest.mark.parametrize(("least", "most", "repeats"), [(0, 9, 3), (5, 4, 3), (4, 9, 1)])
def test_bounds_that_make_no_sense_are_refused(least: int, most: int, repeats: int) -> None:
    with pytest.raises(ValueError, match=f"no loop is {least} to {most} tokens {repeats} times"):
        LoopWatch(least, most, repeats)


@pytest.mark.parametrize(
    ("text", "boundary", "figure"),
    [(".", True, True), (".\n\n", True, True), (' end."', True, False), ("?)", True, True), ("\n", True, True),
     ("。", True, True), (",", False, True), (" the", False, False), (" 12", False, True), (" x", False, True),
     ("I", False, False), ("们", False, False), ("times", False, True), (" + ", False, True), ("", False, True),
     (" a.m", False, False)],
)  # fmt: skip
def test_what_texts_are(text: str, boundary: bool, figure: bool) -> None:
    assert (is_boundary(text), is_figure(text)) == (boundary, figure)


@cache
def abacus() -> FolderCodec:
    return FolderCodec(find_artifact("abacus") / "onnx")


@cache
def flagged(token: int) -> Flagged:
    text = abacus().decode([token])
    return token, is_boundary(text), is_figure(text)


def watched(text: str) -> LoopWatch:
    watch = LoopWatch()
    for token, boundary, figure in map(flagged, abacus().encode(text)):
        watch.add(token, boundary=boundary, figure=figure)
    return watch


def test_clean_chains_are_left_alone() -> None:
    for seed in range(5 * settings.default.max_examples // 2):  # type: ignore[union-attr]
        assert watched(clean.trace(seed)).repetition == "", clean.trace(seed)


@pytest.mark.parametrize(
    "again", ["**Final Answer**\n\\boxed{322}\n", "Let me check that again. ", "8+6=14,7*2=14\n"]
)
def test_the_same_chains_with_a_loop_after_them_are_not(again: str) -> None:
    for seed in range(20):
        assert watched(clean.trace(seed) + again * 10).repetition


def patient(ids: list[int], *, thinking: bool = False, words: bool = True) -> int | None:
    """At which token a patient watch finds a loop."""
    watch = make_patient_watch(thinking=thinking)
    return next((at for at, token in enumerate(ids, start=1) if watch.add(token, figure=not words)), None)


@pytest.mark.parametrize("period", [4, 16, 20, 60, 128])
def test_a_patient_watch_waits_for_eight_copies_and_128_tokens(period: int) -> None:
    assert patient(list(range(period)) * 40) == max(8 * period, 128)


def test_a_patient_watch_lets_figures_and_single_tokens_run_for_512() -> None:
    assert patient(list(range(16)) * 60, words=False) == 512
    assert patient([7] * 600) is not None
    assert patient([7] * 500) is None
    assert patient([7, 8] * 250) is None


def test_a_patient_watch_counts_sentence_starts_in_thinking_only() -> None:
    def sentences(count: int) -> list[tuple[int, bool]]:
        return [(t, False) for n in range(count) for t in (*range(12), 1000 + n)] and [
            (token, place == 12) for n in range(count) for place, token in enumerate((*range(12), 1000 + n))
        ]

    for thinking, found in ((True, True), (False, False)):
        watch = make_patient_watch(thinking=thinking)
        for token, boundary in sentences(40):
            watch.add(token, boundary=boundary)
        assert bool(watch.repetition) is found
    early = make_patient_watch(thinking=True)
    for token, boundary in sentences(20):
        early.add(token, boundary=boundary)
    assert not early.repetition

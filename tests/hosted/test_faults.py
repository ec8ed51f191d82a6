"""Each fault of `FAULTS` at each provider, whichever way in: what is said, how often it is tried, what is paid."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest

from adaptive.chat.errors import ChatError
from adaptive.chat.model import ChatModel
from adaptive.errors import InputError
from tests.hosted.brains import always, in_order
from tests.hosted.clients import NAMES, OTHERS, PROVIDERS
from tests.hosted.faults import ENDED, FAULTS
from tests.hosted.script import Asked, Spoken, said
from tests.hosted.server import Hosted
from tests.hosted.surfaces import SURFACES, Call
from tests.hosted.told import HEADERS, KEY, SECRETS, Told

pytestmark = pytest.mark.crossed

GOOD = Spoken("It is 42.", thought=30)
CODES = {"answered": 0, "refused": 3, "starved": 4}
TRANSIENT = [name for name, promise in FAULTS.items() if promise.waits and not promise.settings]
"""Those that one more call may not meet; the client's own time limit stays."""

CASE = ("fault", "surface", "provider", "streams")


def spread(faults: Sequence[str], surfaces: Sequence[str]) -> list[tuple[str, str, str, bool]]:
    """The handle meets each fault at each provider, streamed and whole; those above it at one in turn."""
    where = {fault: FAULTS[fault].providers for fault in faults}
    others = [name for name in OTHERS if name != "mistralai"]  # whose time limit is a whole number
    more = {
        fault: () if "openai" not in where[fault] else others if FAULTS[fault].settings else list(OTHERS)
        for fault in faults
    }
    cases = [
        (fault, "handle", provider, streams)
        for fault in faults
        for provider in (*where[fault], *more[fault])
        for streams in (True, False)
    ]
    for (row, fault), (column, surface) in product(enumerate(faults), enumerate(surfaces)):
        streams = SURFACES[surface].streams and (row // len(NAMES) + column) % 2 == 0
        cases.append((fault, surface, where[fault][(row + column) % len(where[fault])], streams))
    return cases


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, which are not made."""
    made: list[float] = []

    async def wait(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setitem(ChatModel.__init__.__kwdefaults__ or {}, "sleep", wait)
    return made


@pytest.fixture
def told(tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Told:
    caplog.set_level(logging.DEBUG, logger="adaptive")
    monkeypatch.setenv("ADAPTIVE_LOG", str(tmp_path / "log.db"))
    return Told(tmp_path, caplog.records)


def count_tokens(asked: Asked, reply: Spoken) -> int:
    """What a call took, as the provider counts it."""
    return asked.prompt + said(asked, reply).completion


@pytest.mark.parametrize(CASE, spread(list(FAULTS), [name for name in SURFACES if name != "handle"]))
def test_a_fault_that_stays(
    fault: str, surface: str, provider: str, streams: bool, told: Told, waits: list[float]
) -> None:
    promise, way = FAULTS[fault], SURFACES[surface]
    with Hosted(always(promise.reply), key=KEY) as hosted:
        outcome = way.play(Call(provider, hosted, streams, dict(promise.settings), told))
        asked = hosted.asked
    assert told.said
    assert told.leaks(SECRETS if outcome.error and not way.explains else (*SECRETS, *HEADERS)) == []
    if not way.explains and provider in promise.fails:
        assert (outcome.error, outcome.status, len(asked)) == (None, "failed", 2)
        return
    if not way.explains and (promise.says or provider in promise.raised):
        assert not isinstance(outcome.error, InputError | ChatError | None)
        assert waits == []
        assert len(asked) == 1 or promise.settings
        return
    assert waits == list(promise.waits)
    if promise.says:
        says = (streams and promise.streamed) or promise.says
        says = ENDED if streams and provider in promise.deaf else says
        spec = {**PROVIDERS, **OTHERS}[provider].spec
        assert re.fullmatch(rf"{spec}:? {says}.*", str(outcome.error)), outcome
        assert isinstance(outcome.error, InputError if promise.mended else ChatError)
        assert outcome.error.__cause__ is None
        if not promise.settings:  # the server may not have come to a call before its client left it
            assert len(asked) == 1 + len(waits)
        if isinstance(outcome.error, ChatError) and surface != "command":
            assert (outcome.error.usage.total > 0) == (promise.paid or (promise.begins and streams))
        return
    assert outcome.error is None
    assert outcome.status == promise.status
    assert len(asked) == 1 + (promise.status == "starved" and way.recovers)
    if promise.status == "answered":
        assert outcome.answer == "It is \ufffd 42."
    elif surface != "handle":  # the handle gives all words as they are
        assert outcome.answer is None
    calls = [count_tokens(one, promise.reply) for one in asked]  # type: ignore[arg-type]
    assert outcome.tokens == sum(calls) or outcome.estimated
    assert outcome.tokens > max(calls) or len(calls) == 1
    assert outcome.code in (None, CODES[promise.status])


@pytest.mark.parametrize(CASE, spread(TRANSIENT, [n for n, w in SURFACES.items() if n != "handle" and w.explains]))
def test_a_fault_that_passes(
    fault: str, surface: str, provider: str, streams: bool, told: Told, waits: list[float]
) -> None:
    promise = FAULTS[fault]
    with Hosted(in_order(promise.reply, GOOD), key=KEY) as hosted:
        outcome = SURFACES[surface].play(Call(provider, hosted, streams, {}, told))
        asked = hosted.asked
    assert (outcome.error, outcome.status, outcome.answer) == (None, "answered", "It is 42.")
    assert waits == list(promise.waits[:1])
    assert len(asked) == 2
    least = count_tokens(asked[-1], GOOD)
    if promise.paid:
        assert isinstance(promise.reply, Spoken)
        assert outcome.estimated in ((), ("cost",))
        assert outcome.tokens == least + count_tokens(asked[0], promise.reply)
    elif promise.begins and streams:  # what the broken stream took
        assert outcome.tokens > least
        counted = fault == "ended" and provider == "google_genai"  # in every chunk, and nothing else came
        assert outcome.estimated or counted
    else:
        assert outcome.tokens == least
    assert outcome.code in (None, 0)
    assert told.leaks() == []


@pytest.mark.parametrize("ends", ["null", ""])
@pytest.mark.parametrize("provider", ["openai", "azure_openai", "anthropic", *OTHERS])
def test_text_without_a_finish_reason_is_asked_for_once_more(
    provider: str, ends: str, told: Told, waits: list[float]
) -> None:
    unfinished = Spoken("It is", thought=20, ends=ends)
    with Hosted(in_order(unfinished, GOOD), key=KEY) as hosted:
        outcome = SURFACES["handle"].play(Call(provider, hosted, False, {}, told))
        asked = hosted.asked
    assert (outcome.error, outcome.status, outcome.answer) == (None, "answered", "It is 42.")
    assert (waits, len(asked)) == ([1.0], 2)
    assert outcome.tokens == sum(map(count_tokens, asked, (unfinished, GOOD)))


@pytest.mark.parametrize("fault", ["quota", "key", "request", "context"])
def test_an_error_that_the_caller_can_mend_says_what_was_paid_before(
    fault: str, told: Told, waits: list[float]
) -> None:
    unfinished = Spoken("It is", thought=20, ends="error")
    with Hosted(in_order(unfinished, FAULTS[fault].reply), key=KEY) as hosted:
        outcome = SURFACES["handle"].play(Call("openai", hosted, False, {}, told))
        paid = count_tokens(hosted.asked[0], unfinished)
    assert isinstance(outcome.error, InputError)
    assert str(outcome.error).endswith(f" ({paid} tokens were spent).")
    assert waits == [1.0]

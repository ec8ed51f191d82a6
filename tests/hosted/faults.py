"""What goes wrong at a provider, and what is promised of it whoever the provider is and however it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.hosted.clients import NAMES
from tests.hosted.script import Fault, Reply, Spoken

BACKING_OFF = (1.0, 2.0, 4.0)
"""Seconds between the tries of a call that the provider does not say when to repeat."""
CANNOT_BE_READ = "sent a reply that cannot be read: check the address, or try again later."
ENDED = "the stream ended before the answer was complete: try again."
WITH_REASONS = tuple(name for name in NAMES if name != "openai_responses")
"""Interfaces with finish reasons; Responses has a status, and an error beside it."""
SILENT = ("google_genai",)
"""Clients that make an empty message of a reply without any."""
BROKEN = "cannot be reached, or the connection broke: check the address and the network."


@dataclass(frozen=True)
class Promise:
    """A fault and what comes of it.

    reply: what the provider does, each time. says: what the error says after the model's name, a pattern; "" if
    there is a result. mended: the caller can mend it: it is an InputError and exit code 2, otherwise a ChatError
    and 1. waits: the seconds between tries. status: of the result. streamed: what the error says if the answer was
    streamed, if not the same. raised: the providers whose client makes an error of it. begins: a stream
    brings a part of the answer, which is counted. paid: the reply reports what it took, which counts. providers:
    where it can occur. fails: the providers whose client makes no error of it, so that a step of an agent has
    failed. settings: of the client. deaf: clients that pass over the fault in a stream, which only ends for them.
    """

    reply: Reply
    says: str = ""
    mended: bool = False
    waits: tuple[float, ...] = ()
    status: str = ""
    streamed: str = ""
    raised: tuple[str, ...] = ()
    begins: bool = False
    paid: bool = False
    providers: tuple[str, ...] = NAMES
    fails: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    deaf: tuple[str, ...] = ()


def passing(reply: Fault, says: str, **more: Any) -> Promise:
    """The call is made three times more, and then it is an error that a later call may not have."""
    return Promise(reply, says, **{"waits": BACKING_OFF, **more})


def mended(reply: Fault, says: str) -> Promise:
    """The call is not made again: the caller has to change something."""
    return Promise(reply, says, mended=True)


def refused(body: Any, status: int = 422) -> Promise:
    """A refusal of any shape, as gateways and servers of other makers send them: its sentence is shown."""
    return mended(Fault("page", status=status, body=body), "does not take the request: .*We do not like it")


def unfinished(ends: str, text: str = "", without: Sequence[str] = ()) -> Promise:
    """The reply is paid, and asked for once more. without: providers whose client does not take the reason."""
    says = r"ended without an answer \(.*finish reason.*\): try again later"
    reply, where = Spoken(text, thought=20, ends=ends), tuple(n for n in WITH_REASONS if n not in without)
    return Promise(reply, says, waits=(1.0,), paid=True, providers=where, fails=where)


FAULTS = {
    "rate": passing(
        Fault("rate", after="7"), r"is over its rate limit \(429\): it asks to wait 7 s\.", waits=(7.0, 7.0, 7.0)
    ),
    "rate, nobody says how long": passing(
        Fault("rate", after=""), r"is over its rate limit \(429\): try again later\."
    ),
    "rate, for an hour": passing(
        Fault("rate", after="3600"),
        r"is over its rate limit \(429\): it asks to wait until 20\d\d-\d\d-\d\d \d\d:\d\d UTC\.",
        waits=(),
    ),
    "error": passing(Fault("error"), r"has a failure of its own \(.*\): try again later\."),
    "overloaded": passing(Fault("overloaded"), r"has a failure of its own \(.*verloaded.*\): try again later\."),
    "unavailable": passing(Fault("unavailable"), r"has a failure of its own \(.*\): try again later\."),
    "gateway": passing(Fault("gateway"), r"has a failure of its own \(.*\): try again later\."),
    "overloaded midway": passing(
        Fault("overloaded", midway=True),
        r"has a failure of its own \(.*verloaded.*\): try again later",
        begins=True,
        deaf=("mistralai",),
    ),
    "garbage": passing(Fault("garbage"), CANNOT_BE_READ, begins=True),
    "reset": passing(Fault("reset"), BROKEN),
    "cut": passing(Fault("cut"), BROKEN, begins=True),
    "ended": passing(Fault("ended"), BROKEN, streamed=ENDED, begins=True),
    "hang": passing(
        Fault("hang"), "did not answer in time: try again, or give it more time.", settings={"timeout": 0.1}
    ),
    "key": mended(Fault("key"), r"the key was not accepted \(401\): check [A-Z_]+_API_KEY\."),
    "denied": mended(Fault("denied"), r"the key may not use this model \(.*\): use another model or key\."),
    "model": mended(Fault("model"), r"is not known to its provider \(404\): check the model's name\."),
    "quota": mended(Fault("quota"), r"the account has no credit left \(.*\): add some\."),
    "context": mended(Fault("context"), "question and completion do not fit its context: shorten the question"),
    "request": mended(
        Fault("budget", "We do not like the question."), "does not take the request: We do not like the question"
    ),
    "starved": Promise(Spoken("42", thought=10**9), status="starved"),
    "refusal": Promise(Spoken(refusal="I cannot help with that.", thought=20), status="refused"),
    "filter": Promise(Spoken("It is", thought=20, filtered=True), status="refused", raised=("azure_openai",)),
    "empty": Promise(Spoken("", thought=20), status="refused"),
    "half a character": Promise(Spoken("It is \ud83d 42.", thought=20), status="answered"),
    "an error as a success": passing(
        Fault("in full"),
        rf"({CANNOT_BE_READ}|{ENDED}|has a failure of its own \(.*\): try again later\.)",
        fails=SILENT,
    ),
    "empty page": passing(Fault("page"), rf"({CANNOT_BE_READ}|{ENDED})", fails=SILENT),
    "an object of nothing": passing(
        Fault("page", body={}),
        rf"({CANNOT_BE_READ}|{ENDED})",
        streamed=rf"({CANNOT_BE_READ}|{ENDED})",
        fails=SILENT,
    ),
    "detail": refused({"detail": "We do not like it."}),
    "details": refused({"detail": [{"type": "missing", "loc": ["body", "x"], "msg": "We do not like it"}]}),
    "a text for an error": refused({"error": "We do not like it."}, 400),
    "a list for an error": refused(["We do not like it."], 400),
    "an error at the top": refused({"object": "error", "message": "We do not like it.", "code": 400}, 400),
    "ends in an error": unfinished("error", "It is", without=SILENT),
    "ends for want of resources": unfinished("insufficient_system_resource", without=SILENT),
    "ends in a broken call": unfinished("MALFORMED_FUNCTION_CALL"),
    "ends for no reason": unfinished("null"),
    "ends for an empty reason": unfinished(""),
    "a response that failed": passing(
        Fault("failed"),
        r"has a failure of its own \(The server had an error\): try again later",
        begins=True,
        providers=("openai_responses",),
    ),
}

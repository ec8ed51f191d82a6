"""What goes wrong at a provider, and what is promised of it whoever the provider is and however it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.hosted.script import Fault, Reply, Spoken

BACKING_OFF = (1.0, 2.0, 4.0)
"""Seconds between the tries of a call that the provider does not say when to repeat."""
BROKEN = "cannot be reached, or the connection broke: check the address and the network."


@dataclass(frozen=True)
class Promise:
    """A fault and what comes of it.

    reply: what the provider does, each time. says: what the error says after the model's name, a pattern; "" if
    there is a result. mended: the caller can mend it: it is an InputError and exit code 2, otherwise a ChatError
    and 1. waits: the seconds between tries. status: of the result. streamed: what the error says if the answer was
    streamed, if not the same. raised: the providers whose client makes an error of it. begins: a stream
    brings a part of the answer, which is counted. settings: of the client.
    """

    reply: Reply
    says: str = ""
    mended: bool = False
    waits: tuple[float, ...] = ()
    status: str = ""
    streamed: str = ""
    raised: tuple[str, ...] = ()
    begins: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


def passing(reply: Fault, says: str, **more: Any) -> Promise:
    """The call is made three times more, and then it is an error that a later call may not have."""
    return Promise(reply, says, **{"waits": BACKING_OFF, **more})


def mended(reply: Fault, says: str) -> Promise:
    """The call is not made again: the caller has to change something."""
    return Promise(reply, says, mended=True)


FAULTS = {
    "rate": passing(
        Fault("rate", after="7"), r"is over its rate limit \(429\): it asks to wait 7 s\.", waits=(7.0, 7.0, 7.0)
    ),
    "rate, nobody says how long": passing(
        Fault("rate", after=""), r"is over its rate limit \(429\): try again later\."
    ),
    "rate, for an hour": passing(
        Fault("rate", after="3600"), r"is over its rate limit \(429\): it asks to wait 3600 s\.", waits=()
    ),
    "error": passing(Fault("error"), r"has a failure of its own \(.*\): try again later\."),
    "overloaded": passing(Fault("overloaded"), r"has a failure of its own \(.*verloaded.*\): try again later\."),
    "unavailable": passing(Fault("unavailable"), r"has a failure of its own \(.*\): try again later\."),
    "gateway": passing(Fault("gateway"), r"has a failure of its own \(.*\): try again later\."),
    "overloaded midway": passing(
        Fault("overloaded", midway=True),
        r"has a failure of its own \(.*verloaded.*\): try again later\.",
        begins=True,
    ),
    "garbage": passing(
        Fault("garbage"), "sent a reply that cannot be read: check the address, or try again later.", begins=True
    ),
    "reset": passing(Fault("reset"), BROKEN),
    "cut": passing(Fault("cut"), BROKEN, begins=True),
    "ended": passing(
        Fault("ended"), BROKEN, streamed="the stream ended before the answer was complete: try again.", begins=True
    ),
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
}

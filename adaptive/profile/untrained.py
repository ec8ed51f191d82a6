"""The profile of a model that nobody measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive._util.files import find_artifact
from adaptive.profile.files import PROFILE_FILE
from adaptive.profile.predictor import predict_nothing
from adaptive.profile.profile import Profile
from adaptive.reason.budget import Style
from adaptive.types.ladder import BELIEVED_DEFAULT, Effort, Ladder, NamedEffort, Rung, rank_effort
from adaptive.types.policy import Policy
from adaptive.types.stops import Stops

if TYPE_CHECKING:  # langchain takes half of the start of a command that runs no chat model
    from adaptive.chat.model import ChatModel
from adaptive.types.model_spec import ModelSpec

LARGEST_UNTRAINED = 8192
NO_PROFILE = "none"
"""In place of a profile's folder: do without any profile. A folder of this name is `./none`."""
UNMEASURED_POLICY = Policy(measured=False)


def build_untrained_profile(model: str, window: int) -> Profile:
    """Return the profile of a model with a window of `window` tokens, of which nothing was learned.

    Its rungs are for callers who set an effort or a budget. The top rung gets a quarter of the window (8,192
    tokens at most), each rung below a quarter of the next. `with_own_way` adds the ladder for all others.
    """
    top = min(LARGEST_UNTRAINED, window // 4)
    room = choose_answer_room(window)
    efforts: tuple[Effort, ...] = ("low", "medium", "high")
    budgets = zip(efforts, (top // 16, top // 4, top), strict=True)
    rungs = (Rung("none", 0, answer_room=room), *(Rung(e, b, answer_room=room) for e, b in budgets))
    return Profile("untrained", model, Ladder(rungs), policy=UNMEASURED_POLICY, general=True)


def choose_answer_room(window: int) -> int:
    """Return how many tokens are reserved for the answer of a model that was not measured."""
    return max(48, min(1024, window // 16))


def with_own_way(profile: Profile, window: int, efforts: Sequence[Effort], *, steered: bool = False) -> Profile:
    """Return an untrained profile with the ladder of solves that ask for nothing.

    Its first rung is the model's own way, up to its own end or that of the window. The rungs above it are the
    model's efforts above what it does by itself, for answers that were rejected.

    Args:
        profile: The untrained profile of a model on a token engine.
        window: The tokens that fit in the model's context.
        efforts: The efforts that the chat template distinguishes.
        steered: Whether the model thinks as the profile's style says, or between markers that the caller named and
            it was not trained on. Then it does so without a budget of its own.
    """
    room = choose_answer_room(window)
    first = Rung(BELIEVED_DEFAULT if steered else "default", window, answer_room=room)
    higher = (Rung(e, window, answer_room=room) for e in efforts if rank_effort(e) > rank_effort(first.effort))
    return replace(profile, own_ladder=Ladder((first, *higher)))


def without_measurements(profile: Profile, own_ladder: Ladder | None, question: str) -> Profile:
    """Return the profile for conversations that it was not measured on: nothing that was measured counts.

    The style stays, for it says how the model is steered, and so does the ladder for callers who set an effort or
    a budget.

    Args:
        profile: The profile.
        own_ladder: The ladder of solves that ask for nothing, as for a model that nobody measured.
        question: The question. If it is unlike those that were measured, its difficulty is unknown.
    """
    general = not profile.is_outside(question)
    return replace(profile, policy=UNMEASURED_POLICY, stops=Stops(), verifier=None, probe=None, placement=None,
                   general=general, own_ladder=own_ladder, difficulty_model=predict_nothing)  # fmt: skip


def load_model_profile(model: str, window: int, path: str | Path | None = None) -> Profile:
    """Return the profile in the folder `path`, or the model's own: shipped, or `profile/` in the model's folder.

    A model without one gets an untrained profile: a plain ladder, and no thresholds. Profiles that were fitted are
    not looked for here (`adaptive.profile.store`).

    Args:
        model: The model's spec.
        window: The tokens that fit in its context, for an untrained profile.
        path: A profile's folder, or "none" for an untrained one. Default: the model's own profile.
    """
    if path == NO_PROFILE:
        return build_untrained_profile(model, window)
    if path is not None:
        return Profile.load(path)
    folder = find_own_profile(model)
    return build_untrained_profile(model, window) if folder is None else Profile.load(folder)


def find_own_profile(model: str) -> Path | None:
    """Return the folder of the profile that a model brings; None if it brings none."""
    if model == "embedded":
        return find_artifact("abacus") / "profile"
    folder = ModelSpec.parse(model).find_folder()
    return folder / "profile" if folder is not None and (folder / "profile" / PROFILE_FILE).is_file() else None


EFFORT_BUDGETS: dict[Effort, int] = {
    "minimal": 1024,
    "low": 4096,
    "medium": 16384,
    "high": 32768,
    "xhigh": 65536,
    "max": 98304,
}
"""The default of thinking tokens for an effort. It is a bound: tokens that are not used cost nothing."""
BUDGET_EFFORTS: tuple[NamedEffort, ...] = ("low", "medium", "high")
"""The rungs of a model that takes a thinking budget, but no efforts."""
THINKING_ARGUMENTS = frozenset(
    {"reasoning_effort", "effort", "reasoning", "thinking", "thinking_level", "thinking_budget", "output_config"}
)
"""Names of providers' arguments for an effort or a thinking budget."""
ANSWER_ROOM = 8192
WAIT_TURN = "Wait. Go over that again, and then give your whole answer once more."
"""A turn of its own: a bare "Wait" reads as a request for patience."""


def build_untrained_chat_profile(model: ChatModel) -> Profile:
    """Return the profile of a chat model of which nothing was learned: a rung for each effort that it takes.

    A model without efforts gets rungs by thinking budget; a model with neither gets one rung, which does not
    think. These are for callers who set an effort or a budget. For all others the first rung is the model's own
    way: neither effort nor budget nor cap is sent. The efforts above it are for answers that were rejected; `max`,
    which has no bound of its own at its providers, is not among them if there is another.
    """
    top = model.largest_cap or EFFORT_BUDGETS["max"] + ANSWER_ROOM
    room = min(ANSWER_ROOM, max(1, top // 4))
    thinking = [e for e in model.efforts if e != "none"] or (BUDGET_EFFORTS if takes_budget(model) else ())
    rungs = [Rung(e, min(EFFORT_BUDGETS[e], top - room), answer_room=room) for e in thinking]
    if "none" in model.efforts or not thinking:
        rungs.insert(0, Rung("none", 0, answer_room=room))
    own = Rung("default", min(EFFORT_BUDGETS[BELIEVED_DEFAULT], top - room), answer_room=room)
    higher = [r for r in rungs if r.thinks and rank_effort(r.effort) > rank_effort("default")]
    own_ladder = Ladder((own, *([r for r in higher if r.effort != "max"] or higher)))
    return Profile("untrained", model.name, Ladder(tuple(rungs)), style=Style(waits=(WAIT_TURN,)),
                   policy=UNMEASURED_POLICY, general=True, own_ladder=own_ladder)  # fmt: skip


def takes_budget(model: ChatModel) -> bool:
    """Return whether a call can hold anything that says how much the model thinks, a budget or an effort."""
    from adaptive.chat.request import ChatRequest

    call = model.build_call(ChatRequest("medium", EFFORT_BUDGETS["low"], 2 * EFFORT_BUDGETS["low"]))
    return bool({"budget", "effort"} & call.sent.keys())

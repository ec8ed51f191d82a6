"""The profile of a model that nobody measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from adaptive._util.files import find_artifact
from adaptive.profile.files import PROFILE_FILE
from adaptive.profile.profile import Profile
from adaptive.reason.budget import Style
from adaptive.types.ladder import Effort, Ladder, Rung

if TYPE_CHECKING:  # langchain takes half of the start of a command that runs no chat model
    from adaptive.chat.model import ChatModel
from adaptive.types.model_spec import ModelSpec

LARGEST_UNTRAINED = 8192
NO_PROFILE = "none"
"""In place of a profile's folder: do without any profile. A folder of this name is `./none`."""


def build_untrained_profile(model: str, window: int) -> Profile:
    """Return the profile of a model with a window of `window` tokens, of which nothing was learned.

    The top rung gets a quarter of the window (8,192 tokens at most), each rung below a quarter of the next. How
    hard a question is, the general difficulty model says.
    """
    top = min(LARGEST_UNTRAINED, window // 4)
    room = max(48, min(1024, window // 16))
    efforts: tuple[Effort, ...] = ("low", "medium", "high")
    budgets = zip(efforts, (top // 16, top // 4, top), strict=True)
    rungs = (Rung("none", 0, answer_room=room), *(Rung(e, b, answer_room=room) for e, b in budgets))
    return Profile(name="untrained", model=model, ladder=Ladder(rungs), general=True)


def load_model_profile(model: str, window: int, path: str | Path | None = None) -> Profile:
    """Return the profile in the folder `path`, or the model's own: shipped, or `profile/` in the model's folder.

    A model without one gets an untrained profile: a plain ladder, fixed thresholds, the general difficulty model.
    Profiles that were fitted are not looked for here (`adaptive.profile.store`).

    Args:
        model: The model's spec.
        window: The tokens that fit in its context, for an untrained profile.
        path: A profile's folder, or "none" for an untrained one. Default: the model's own profile.
    """
    if path == NO_PROFILE:
        return build_untrained_profile(model, window)
    if path is not None:
        return Profile.load(path)
    if model == "embedded":
        return Profile.load(find_artifact("abacus") / "profile")
    spec = ModelSpec.parse(model)
    own = Path(spec.name).expanduser() / "profile"
    if spec.kind in ("onnx", "hf", "vllm") and (own / PROFILE_FILE).is_file():
        return Profile.load(own)
    return build_untrained_profile(model, window)


EFFORT_BUDGETS: dict[Effort, int] = {"minimal": 1024, "low": 4096, "medium": 16384, "high": 32768, "xhigh": 65536}
"""The default of thinking tokens for an effort. It is a bound: tokens that are not used cost nothing."""
BUDGET_EFFORTS: tuple[Effort, ...] = ("low", "medium", "high")
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
    think.
    """
    top = model.largest_cap or EFFORT_BUDGETS["xhigh"] + ANSWER_ROOM
    room = min(ANSWER_ROOM, max(1, top // 4))
    thinking = [e for e in model.efforts if e != "none"] or (BUDGET_EFFORTS if takes_budget(model) else ())
    rungs = [Rung(e, min(EFFORT_BUDGETS[e], top - room), answer_room=room) for e in thinking]
    if "none" in model.efforts or not thinking:
        rungs.insert(0, Rung("none", 0, answer_room=room))
    return Profile("untrained", model.name, Ladder(tuple(rungs)), style=Style(waits=(WAIT_TURN,)), general=True)


def takes_budget(model: ChatModel) -> bool:
    """Return whether the model takes a thinking budget, or another argument that is neither effort nor cap."""
    from adaptive.chat.request import ChatRequest

    return bool(
        THINKING_ARGUMENTS
        & model.build_arguments(ChatRequest("medium", EFFORT_BUDGETS["low"], 2 * EFFORT_BUDGETS["low"])).keys()
    )

"""The ladder that is recorded of hosted models: efforts, or caps of their completions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from adaptive.cli.support.options import parse_ladder
from adaptive.cli.support.recording import Steering
from adaptive.errors import InputError
from adaptive.types.ladder import Effort, Ladder, Rung, rank_effort

if TYPE_CHECKING:
    from adaptive.chat.model import ChatModel
    from adaptive.profile.profile import Profile


def make_recorded_profile(models: Sequence[ChatModel], steering: Steering, efforts: str | None) -> Profile:
    """Return the profile with the ladder to record, and the first model's own way beside it.

    Args:
        models: The models, whose rungs follow each other: what they cost, and so their order, is not known yet.
        steering: The ladder of each model.
        efforts: The efforts of each model, as written.

    Raises:
        InputError: A model has no rung of an effort, or there is only one rung.
    """
    from adaptive.compare.grid import parse_efforts
    from adaptive.profile.profile import Profile
    from adaptive.profile.untrained import build_untrained_chat_profile

    if efforts is not None and steering.ladder is not None:
        raise InputError("--efforts and --ladder both name the rungs: give one of them.")
    untrained = [build_untrained_chat_profile(model) for model in models]
    profile = Profile.load(steering.profile) if steering.profile else untrained[0]
    names = ["", *(model.name for model in models[1:])]
    if unnamed := next((one for one in profile.ladder.models if one not in names), None):
        raise InputError(f"the profile {profile.name} has rungs of {unnamed} too: name it with -m as well.")
    wanted = sorted(parse_efforts(efforts), key=rank_effort) if efforts is not None else None
    rungs: list[Rung] = []
    for name, model, own in zip(names, models, untrained, strict=True):
        ladder = [rung for rung in profile.ladder if rung.model == name] or list(own.ladder)
        rungs += _list_rungs(model, name, ladder, wanted, steering, alone=len(models) == 1)
    _check_rungs(rungs, models, wanted or ())
    return replace(profile, ladder=Ladder(tuple(rungs)), own_ladder=untrained[0].own_ladder)


def _list_rungs(
    model: ChatModel,
    name: str,
    rungs: list[Rung],
    efforts: Sequence[Effort] | None,
    steering: Steering,
    *,
    alone: bool,
) -> list[Rung]:
    """Return the rungs of a model.

    Args:
        model: The model.
        name: Its name in rungs.
        rungs: Those of its profile.
        efforts: The efforts to buy; None: all. Of several models each is bought at those that it takes.
        steering: May have budgets, and an answer room.
        alone: Whether the ladder has no other model.
    """
    from adaptive.policy.ladder import map_efforts

    if steering.ladder is not None:
        room = max(rung.answer_room for rung in rungs)
        rungs = [replace(rung, answer_room=room) for rung in parse_ladder(steering.ladder)]
    elif efforts is not None:
        takes = {rung.effort: rung for rung in rungs}
        missing = [effort for effort in efforts if effort not in takes]
        if missing and (alone or len(missing) == len(efforts)):
            raise InputError(
                f"{model.name} does not take the effort {missing[0]}: name some of {', '.join(takes)} with "
                "--efforts."
            )
        rungs = [takes[effort] for effort in efforts if effort in takes]
    own = steering.answer_room
    rungs = [replace(rung, waits=0, answer_room=own or rung.answer_room, model=name) for rung in rungs]
    notes = map_efforts(Ladder(tuple(rungs)), model.efforts, name)[1]
    if notes:
        raise InputError(f"{model.name} does not have the ladder's efforts: {notes[0].partition(':')[0]}.")
    return rungs


def _check_rungs(rungs: Sequence[Rung], models: Sequence[ChatModel], efforts: Sequence[Effort]) -> None:
    """Raise `InputError` if no model takes an effort that was named, or there is nothing to choose."""
    names = " and ".join(model.name for model in models)
    have = {rung.effort for rung in rungs}
    if missing := next((effort for effort in efforts if effort not in have), None):
        raise InputError(f"none of {names} takes {missing}: leave that effort out of --efforts.")
    if len(rungs) < 2:
        raise InputError(
            f"{names} has one rung alone, so there is nothing to choose: name caps of its completions with "
            "--ladder, say 2048:medium,8192:medium."
        )

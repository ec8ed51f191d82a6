"""Imported settings as the rungs of a ladder, cheap to dear. The room's docstring says how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from adaptive.errors import InputError
from adaptive.learn.importing.row import ImportedSetting
from adaptive.types.ladder import EFFORTS, Effort, Ladder, Rung, rank_effort

ANSWER_ROOM = Rung("none", 0).answer_room
NO_MODELS: Mapping[str, str] = {}


@dataclass(frozen=True)
class SeenSetting:
    """A setting and what was seen at it.

    name: its name among the others. output: the most tokens of an attempt. answer: the most tokens of an answer
    whose thinking was counted apart, or None.
    """

    setting: ImportedSetting
    name: str
    output: int
    answer: int | None = None


@dataclass(frozen=True)
class ImportedLadder:
    """The rung of each setting, and the order of the settings."""

    settings: tuple[SeenSetting, ...]
    ladder: Ladder

    def reorder(self, ladder: Ladder) -> ImportedLadder:
        """Return the same in the order of a ladder that has the same rungs."""
        by_rung = dict(zip(self.ladder, self.settings, strict=True))
        return ImportedLadder(tuple(by_rung[rung] for rung in ladder), ladder)

    def list_shared(self) -> list[str]:
        """Return the names of settings whose rungs think at the same effort as another one's of their model."""
        efforts = [(rung.model, rung.effort) for rung in self.ladder if rung.thinks]
        named = zip(self.settings, self.ladder, strict=True)
        return [one.name for one, rung in named if rung.thinks and efforts.count((rung.model, rung.effort)) > 1]

    def list_mixed_models(self) -> list[str]:
        """Return the models if there are several and the rungs do not tell which is whose."""
        models = dict.fromkeys(one.setting.model for one in self.settings if one.setting.model)
        return list(models) if len(models) > len(self.ladder.models) == 1 else []

    def to_plan(self) -> dict[str, Any]:
        """Return what of a plan the settings decide."""
        defaults = [rung.budget for rung in self.ladder if rung.is_plain]
        named = [{"name": one.name, "effort": rung.effort, "budget": rung.budget,
                  "known_budget": one.setting.budget is not None}
                 for one, rung in zip(self.settings, self.ladder, strict=True)]  # fmt: skip
        return {"ladder": self.ladder.to_json(), "settings": named, "window": max(defaults, default=0)}


def build_ladder(
    seen: Sequence[SeenSetting], order: Sequence[str] = (), models: Mapping[str, str] = NO_MODELS
) -> ImportedLadder:
    """Return the ladder of settings. Rungs of several models stand in the order of their models.

    Args:
        seen: All settings; none twice.
        order: Their names, cheap to dear; empty: their efforts and budgets tell it.
        models: The model of a rung by the log's name of it; empty: all rungs are of one.

    Raises:
        InputError: The order is not known, or contradicts the budgets; or two settings of a model do not think, or
            share a name.
    """
    for model in dict.fromkeys(models.values()) or ("",):
        direct = [one.name for one in seen if one.setting.is_direct and models.get(one.setting.model, "") == model]
        if len(direct) > 1:
            raise InputError(
                f"{len(direct)} settings do not think ({', '.join(direct)}), and a file of outcomes has one "
                "direct answer of a model to a question: import one model's log at a time."
            )
    names = [one.name for one in seen]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"two different settings are called {twice}: import them into files of their own.")
    ordered = _order(seen, order, models)
    rungs: list[Rung] = []
    for one in ordered:
        model = models.get(one.setting.model, "")
        before = next((rung for rung in reversed(rungs) if rung.model == model), None)
        rungs.append(_make_rung(one, before, model))
        if before is not None and rungs[-1].budget < before.budget:
            same = [(each, rung) for each, rung in zip(ordered, rungs, strict=False) if rung.model == model]
            told = ", ".join(f"{each.name} ({rung.budget})" for each, rung in same)
            raise InputError(f"the budgets fall in the order {told}: order the settings anew, from cheap to dear.")
    return ImportedLadder(tuple(ordered), Ladder(tuple(rungs)))


def _order(seen: Sequence[SeenSetting], order: Sequence[str], models: Mapping[str, str]) -> list[SeenSetting]:
    by_name = {one.name: one for one in seen}
    names = [name.strip() for name in order]
    if names:
        if missing := [one.name for one in seen if one.name not in names]:
            raise InputError(f"--order does not name {', '.join(missing)}: name every setting, cheap to dear.")
        return [by_name[name] for name in dict.fromkeys(names) if name in by_name]
    if not _is_order_known(seen, models):
        guess = ",".join(one.name for one in sorted(seen, key=lambda one: one.output))
        raise InputError(
            f"the names {', '.join(one.name for one in seen)} do not tell which setting is dearer: give the "
            f"order, cheap to dear, say --order '{guess}'."
        )
    places = {model: i for i, model in enumerate(dict.fromkeys(models.values()))}
    return sorted(seen, key=lambda one: (places.get(models.get(one.setting.model, ""), 0), *_rank(one)))


def _is_order_known(seen: Sequence[SeenSetting], models: Mapping[str, str]) -> bool:
    """Return whether the names of each model's settings tell their order."""
    if models:
        own = [[one for one in seen if models.get(one.setting.model) == model] for model in set(models.values())]
        return all(_is_order_known(part, {}) for part in own)
    if len(seen) < 2:
        return True
    settings = [one.setting for one in seen if not one.setting.is_direct]
    same_model = len({one.setting.model for one in seen}) == 1
    efforts = all(one.effort and not one.name for one in settings)
    budgets = all(one.budget is not None and not one.effort for one in settings)
    return same_model and (efforts or budgets)


def _rank(one: SeenSetting) -> tuple[bool, int, int]:
    setting = one.setting
    effort = rank_effort(setting.effort) if setting.effort in (*EFFORTS, "default") else 0
    return not setting.is_direct, setting.budget or 0 if setting.effort == "" else effort, setting.budget or 0


def _make_rung(one: SeenSetting, before: Rung | None, model: str) -> Rung:
    setting = one.setting
    if setting.is_direct:
        return Rung("none", 0, answer_room=max(1, one.answer or ANSWER_ROOM), model=model)
    effort = cast(Effort, setting.effort or ("medium" if setting.budget is not None else "default"))
    budget = setting.budget
    if budget is None:
        floor = 0 if before is None else before.budget + (before.effort == effort)
        budget = max(1, one.output, floor)
    return Rung(effort, budget, answer_room=max(1, one.answer or ANSWER_ROOM), model=model)

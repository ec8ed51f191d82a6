"""Profile: what is known of one model. A folder with `profile.json`, the difficulty model and a card.

Light to load: numpy and a few kilobytes. scikit-learn is imported only to train a profile, or where the small
copy of the difficulty model that is made for solving is not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from adaptive.artifacts import artifact
from adaptive.attempt import Attempt
from adaptive.dials import Policy
from adaptive.errors import InputError
from adaptive.ladder import Effort, Ladder, Rung
from adaptive.learn.difficulty import LIKELY, SKOPS, DifficultyModel, level
from adaptive.learn.embedding import FILE as WITH_EMBEDDING
from adaptive.learn.embedding import Embedded, Embedding, Lines
from adaptive.learn.placing import Placement
from adaptive.learn.plain import as_type, from_plain
from adaptive.learn.probe import Probe
from adaptive.reason.budget import Style
from adaptive.reason.stops import Stops
from adaptive.verify.learned import Logistic

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from adaptive.embeddings import Embedder

FORMAT = 1
FILE, CARD = "profile.json", "README.md"
KEYS = ("format", "name", "model", "ladder", "style", "stops", "policy", "verifier", "difficulty", "figures")
SINCE = ("probe", "tune_share", "placement", "embedding")
"""Keys that older profiles lack."""
LARGEST_UNTRAINED = 8192


class Predictor(Protocol):
    """Anything that says how likely each rung is to solve each question."""

    def p_solved(self, questions: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities, shape (n, rungs), never falling within a row."""
        ...


def _untrained() -> Predictor | None:
    return None


@dataclass(frozen=True)
class Profile:
    """What is known of the model with the spec `model`. `figures` are measured, in plain JSON types.

    verifier: the verifier model, None where none was trained. probe: what a direct answer tells of difficulty,
    None where that was not learned. tune_share: the share of the outcomes' questions that it was not fitted to, by
    `adaptive.learn.parts`; None where it was not made from outcomes.
    placement: where the model is on the scale of the general difficulty model, None where it was not placed there.
    embedding: the embedding model that difficulty sees a question through besides its text, None without one.
    general: whether the level is told by the general difficulty model, for want of anything measured.
    difficulty_model: returns the difficulty model, loaded when first asked for; None where none was trained.
    """

    name: str
    model: str
    ladder: Ladder
    style: Style = field(default_factory=Style)
    policy: Policy = field(default_factory=Policy)
    stops: Stops = field(default_factory=Stops)
    verifier: Logistic | None = None
    probe: Probe | None = None
    tune_share: float | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    placement: Placement | None = None
    embedding: Embedding | None = None
    general: bool = False
    difficulty_model: Callable[[], Predictor | None] = field(default=_untrained, compare=False)

    def difficulty(self, question: str, probe: Attempt | None = None) -> dict[str, Any]:
        """How hard a question is: `p_solved`, a probability for each rung that never falls, and `level`.

        probe: this model's direct answer, where there is one: it tells more than the text alone. Without a trained
        model the level is "unknown" and p_solved is empty; with the general one p_solved is empty too, for that
        knows no rungs, and `general` is the probability that an average model solves it with full thinking. Where
        an embedding cannot be had, the text alone tells it, and `notes` says why.
        """
        model = self.difficulty_model()
        if model is None and self.general:
            return _by_general(question)
        row, notes = model.or_text(question) if isinstance(model, Embedded) else (_row(model, question), [])
        p_solved = _rounded(row)
        if p_solved and self.probe is not None and probe is not None:
            p_solved = [round(p, 4) for p in self.probe.p_solved(p_solved, probe)]
        return {"level": level(p_solved), "p_solved": p_solved, **({"notes": notes} if notes else {})}

    def p_solved(self, questions: Sequence[str]) -> list[list[float]]:
        """`p_solved` of many questions, as `difficulty` tells it; each is empty without a trained model.

        With an embedding that cannot be had, it raises `AdaptiveError`: what is measured must not be of the text.
        """
        model = self.difficulty_model()
        return [_rounded(row) for row in model.p_solved(questions)] if model else [[] for _ in questions]

    def at_hand(self, question: str) -> bool:
        """Whether `difficulty` asks no embedding model; its own model must have been read before."""
        model = self.difficulty_model() if self.embedding else None
        return not isinstance(model, Embedded) or model.reader.knows(question)

    def with_waits(self, waits: tuple[str, ...]) -> Profile:
        """This profile with other texts for a wait; none leave it as it is."""
        return replace(self, style=replace(self.style, waits=waits)) if waits else self

    @classmethod
    def load(cls, folder: str | Path, *, embedder: Embedder | Embeddings | None = None) -> Profile:
        """The profile in a folder; raises `InputError` that names the file and the key that is wrong.

        embedder: the embedding model that it was trained with, where that is to be an object of one's own.
        """
        folder = Path(folder).expanduser()
        file = folder / FILE
        data = _read(file)
        placement = _placement(data, str(file))
        keys = {"name": str, "model": str, "figures": dict[str, Any], "difficulty": str | None}
        embedding = _embedding(data, str(file))
        if embedder is not None and embedding is None:
            raise InputError(f"{file} has no 'embedding': leave the embedder out, or train it with one.")
        plain = {key: as_type(kind, data[key], f"{key!r} in {file}") for key, kind in keys.items()}
        return cls(
            name=plain["name"],
            model=plain["model"],
            ladder=_ladder(data["ladder"], str(file)),
            style=from_plain(Style, data["style"], f"'style' in {file}"),
            stops=from_plain(Stops, data["stops"], f"'stops' in {file}"),
            policy=from_plain(Policy, data["policy"], f"'policy' in {file}"),
            verifier=as_type(Logistic | None, data["verifier"], f"'verifier' in {file}"),
            probe=_probe(data.get("probe"), len(data["ladder"]), str(file)),
            tune_share=as_type(float | None, data.get("tune_share"), f"'tune_share' in {file}"),
            figures=plain["figures"],
            placement=placement,
            embedding=embedding,
            difficulty_model=placed_model(placement)
            if placement
            else _loader(folder, plain["difficulty"], len(data["ladder"]), embedding, embedder),
        )

    def save(self, folder: str | Path, *, card: str | None = None) -> None:
        """Write `profile.json`, and the card where one is given; the difficulty model writes itself."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / FILE, json.dumps(self._to_json(folder), indent=2, ensure_ascii=False) + "\n")
        if card is not None:
            write_whole(folder / CARD, card)

    def _to_json(self, folder: Path) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "model": self.model,
            "ladder": self.ladder.to_json(),
            "style": asdict(self.style),
            "stops": asdict(self.stops),
            "policy": asdict(self.policy),
            "verifier": asdict(self.verifier) if self.verifier else None,
            "probe": asdict(self.probe) if self.probe else None,
            "tune_share": self.tune_share,
            "placement": self.placement.to_json() if self.placement else None,
            "embedding": asdict(self.embedding)
            if self.embedding and (folder / WITH_EMBEDDING).is_file()
            else None,
            "difficulty": SKOPS if (folder / SKOPS).is_file() and not self.placement else None,
            "figures": self.figures,
        }


def untrained(model: str, window: int) -> Profile:
    """What is taken for a model with a window of `window` ids as long as nothing was learned of it.

    A quarter of the window for the top rung (8,192 tokens at most), and of that a quarter for each rung below.
    How hard a question is, the general difficulty model says.
    """
    top = min(LARGEST_UNTRAINED, window // 4)
    room = max(48, min(1024, window // 16))
    efforts: tuple[Effort, ...] = ("low", "medium", "high")
    budgets = zip(efforts, (top // 16, top // 4, top), strict=True)
    rungs = (Rung("none", 0, answer_room=room), *(Rung(e, b, answer_room=room) for e, b in budgets))
    return Profile(name="untrained", model=model, ladder=Ladder(rungs), general=True)


def profile_for(model: str, window: int, given: str | Path | None = None) -> Profile:
    """The profile in the folder `given`, or the model's own: shipped, or `profile/` in the model's folder.

    A model without one gets an untrained profile: a plain ladder, stated thresholds, no difficulty model but the
    general one.
    """
    if given is not None:
        return Profile.load(given)
    if model == "embedded":
        return Profile.load(artifact("abacus") / "profile")
    kind, _, folder = model.partition(":")
    own = Path(folder).expanduser() / "profile"
    if kind in ("onnx", "hf", "vllm") and (own / FILE).is_file():
        return Profile.load(own)
    return untrained(model, window)


def _by_general(question: str) -> dict[str, Any]:
    """The level by the general model. That a question is easy, solved without thinking, it cannot tell."""
    from adaptive.learn.placed import average

    p = round(float(average().p_solved([question])[0, 0]), 4)
    return {"level": "medium" if p >= LIKELY else "hard", "p_solved": [], "general": p}


def write_whole(file: Path, text: str) -> None:
    """Write a file so that a reader, or a run that is killed, never leaves or sees half of it."""
    part = file.with_name(f".{file.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)


def _read(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the profile {file} cannot be read ({error.strerror}): name its folder.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the profile {file} is not valid JSON ({error}): get it again, or train it.") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, dict) else None
        raise InputError(
            f"{file} has 'format' {found!r}, this version of adaptive reads {FORMAT}: train it again."
        )
    wrong = next((k for k in (*KEYS, *data) if (k in data) != (k in KEYS) and k not in SINCE), None)
    if wrong is not None:
        raise InputError(f"{file} has {'the unknown key' if wrong in data else 'no key'} {wrong!r}.")
    return data


def _ladder(rows: Any, file: str) -> Ladder:
    if not isinstance(rows, list):
        raise InputError(f"'ladder' in {file} must be a list of rungs.")
    rungs = tuple(from_plain(Rung, row, f"rung {i} of 'ladder' in {file}") for i, row in enumerate(rows))
    try:
        return Ladder(rungs)
    except InputError as error:
        raise InputError(f"'ladder' in {file} is not valid: {error}") from error


def _probe(data: Any, rungs: int, file: str) -> Probe | None:
    probe: Probe | None = as_type(Probe | None, data, f"'probe' in {file}")
    if probe is not None and len(probe.rungs) != rungs:
        raise InputError(f"'probe' in {file} knows {len(probe.rungs)} rungs, the ladder beside it has {rungs}.")
    return probe


def _placement(data: dict[str, Any], file: str) -> Placement | None:
    if data.get("placement") is None:
        return None
    placement = Placement.from_json(data["placement"], f"'placement' in {file}")
    rungs = len(_ladder(data["ladder"], file))
    if len(placement.abilities) != rungs:
        raise InputError(
            f"'placement' in {file} knows {len(placement.abilities)} rungs, the ladder beside it has {rungs}."
        )
    if data["difficulty"] is not None:
        raise InputError(f"{file} has a 'placement' and a 'difficulty': set the one to null that does not count.")
    return placement


def placed_model(placement: Placement) -> Callable[[], Predictor]:
    """What loads the general difficulty model, with this model placed on its scale, once."""

    @cache
    def load() -> Predictor:
        from adaptive.learn.placed import Placed, shipped

        return Placed(shipped(), placement)

    return load


def _embedding(data: dict[str, Any], file: str) -> Embedding | None:
    found: Embedding | None = as_type(Embedding | None, data.get("embedding"), f"'embedding' in {file}")
    if found is not None and data["difficulty"] is None:
        raise InputError(f"{file} has an 'embedding' and no 'difficulty', on top of which it is: train it again.")
    return found


def _loader(
    folder: Path,
    name: str | None,
    rungs: int,
    embedding: Embedding | None,
    embedder: Embedder | Embeddings | None,
) -> Callable[[], Predictor | None]:
    """What loads the difficulty model once; that its file is there, and what is small, is checked now."""
    if name is None:
        return _untrained
    if name != SKOPS or not (folder / name).is_file():
        raise InputError(f"{folder / FILE} names the difficulty model {name!r}, and {folder} has no such file.")
    lines = Lines.load(folder, rungs, embedding.dimension) if embedding else None

    @cache
    def load() -> Predictor:
        model = DifficultyModel.load(folder)
        if model.rungs != rungs:
            raise InputError(f"{folder / name} knows {model.rungs} rungs, the ladder beside it has {rungs}.")
        return model if embedding is None or lines is None else embedded_model(model, lines, embedding, embedder)

    return load


def embedded_model(
    text: Predictor, lines: Lines, embedding: Embedding, embedder: Embedder | Embeddings | None = None
) -> Embedded:
    """The difficulty model with an embedding on top; `embedder` is in place of the model that it names."""
    from adaptive.embeddings.reader import Reader
    from adaptive.embeddings.registry import as_embedder

    own = None if embedder is None else as_embedder(embedder)
    return Embedded(text, lines, Reader(embedding.model, embedding.dimension, own))


def _row(model: Predictor | None, question: str) -> Sequence[float]:
    return model.p_solved([question])[0] if model else ()


def _rounded(row: Any) -> list[float]:
    return [round(float(p), 4) for p in row]

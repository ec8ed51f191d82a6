from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive.errors import InputError
from adaptive.profile import general
from adaptive.profile.difficulty import DifficultyModel, TokenWeights
from adaptive.profile.features import COUNTS
from adaptive.profile.files import CARD_FILE, PROFILE_FILE
from adaptive.profile.profile import Profile
from adaptive.profile.untrained import load_model_profile
from adaptive.profile.weights import SKOPS
from adaptive.reason.budget import Style
from adaptive.types.conversation import ConversationShape
from adaptive.types.forecast import NO_FORECAST, Forecast
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.policy import Policy
from adaptive.types.routine import Routine
from tests.learn.toy import ROOT
from tests.support.solving import Fixed

LADDER = Ladder((Rung("none", 0), Rung("low", 64, waits=1), Rung("high", 256)))
PROFILE = Profile(
    name="toy",
    model="onnx:toy",
    ladder=LADDER,
    style=Style(waits=("Wait", "Hmm"), closing="So", answer_prefix="\\boxed{", useful_round=4),
    policy=Policy(worth=500, accept={"none": 0.9, "low": None, "high": 1.0}, agreement=None, max_attempts=2),
    mean_tokens=(30.5, 90.0, 160.0),
    figures={"questions": 3, "curve": [1, 2.5, None]},
)


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A whole profile, with a difficulty model for three rungs."""
    folder = Path(shutil.copytree(saved, tmp_path / "profile"))
    PROFILE.save(folder, card="# Toy\n")
    return folder


def _change(folder: Path, **values: Any) -> None:
    data = json.loads((folder / PROFILE_FILE).read_text())
    (folder / PROFILE_FILE).write_text(json.dumps({k: v for k, v in (data | values).items() if v is not ...}))


def test_what_is_saved_is_loaded(folder: Path) -> None:
    assert Profile.load(folder) == PROFILE
    assert (folder / CARD_FILE).read_text() == "# Toy\n"


def test_an_older_profile_may_lack_the_tokens(folder: Path) -> None:
    for value in ([], None, ...):
        _change(folder, mean_tokens=value)
        assert Profile.load(folder).mean_tokens == ()


def test_a_profile_says_on_which_shapes_it_was_measured(folder: Path) -> None:
    assert json.loads((folder / PROFILE_FILE).read_text())["shapes"] == ["alone"]
    shapes = (ConversationShape(), ConversationShape(system=True, tools=True))
    replace(PROFILE, shapes=shapes).save(folder)
    assert json.loads((folder / PROFILE_FILE).read_text())["shapes"] == ["alone", "system+tools"]
    profile = Profile.load(folder)
    assert profile.shapes == shapes
    assert [profile.explain_unmeasured(shape, "2+2") for shape in shapes] == ["", ""]
    said = profile.explain_unmeasured(ConversationShape(tools=True), "2+2")
    measured = "single questions and questions with a system prompt and tool results"
    assert said == f"the profile was measured on {measured}, not on questions with tool results"
    _change(folder, shapes=...)
    assert Profile.load(folder).shapes == (ConversationShape(),), "an older one was measured on single questions"


def test_difficulty_is_a_level_and_a_probability_for_each_rung(folder: Path) -> None:
    profile = Profile.load(folder)
    easy, hard = profile.predict_difficulty("What is 3 + 4?"), profile.predict_difficulty("What is 3141 + 2718?")
    assert (easy["level"], hard["level"]) == ("easy", "hard")
    assert len(easy["p_solved"]) == len(easy["tokens"]) == len(LADDER)
    assert json.loads(json.dumps(easy)) == easy


def test_a_forecast_has_the_tokens_that_are_known_best(folder: Path) -> None:
    """Those of the question, else the mean of what was recorded, else the whole budget and the room to answer."""
    profile, questions = Profile.load(folder), ["What is 3 + 4?", "What is 3141 + 2718?"]
    easy, hard = profile.forecast(questions)
    assert easy == Forecast(tuple(profile.predict_difficulty(questions[0])["p_solved"]), (30.5, 90.0, 160.0))
    assert easy.p_solved[0] > hard.p_solved[0]
    assert [one.tokens for one in replace(profile, mean_tokens=()).forecast(questions)] == [(48, 112, 304)] * 2
    on_counts = np.zeros((3, len(COUNTS)))
    costs = TokenWeights(
        np.zeros((3, 0)), on_counts, np.log([10.04, 50, 70]), least=np.log([1, 60, 1]), most=np.log([99, 99, 66])
    )
    falling = DifficultyModel((), np.zeros((3, 0)), on_counts, np.array([0.0, 2.0, 1.0]), costs)
    (known,) = replace(profile, difficulty_model=lambda: falling).forecast(["What?"])
    assert known == Forecast((0.5, 0.8808, 0.7311), (10.0, 60.0, 66.0)), "p(solved) may fall, tokens have bounds"
    assert profile.forecast([]) == []


def test_a_profile_without_a_model_expects_nothing() -> None:
    assert PROFILE.forecast(["2 + 3?", "1 + 1?"]) == [NO_FORECAST] * 2


def test_the_difficulty_model_is_loaded_once_and_kept_by_copies(folder: Path) -> None:
    profile = Profile.load(folder)
    model = profile.difficulty_model()
    shutil.rmtree(folder)
    assert replace(profile, name="copy").difficulty_model() is model


def test_without_a_difficulty_model_nothing_is_known(tmp_path: Path) -> None:
    PROFILE.save(tmp_path)
    assert Profile.load(tmp_path).predict_difficulty("2 + 3?") == {"level": "unknown", "p_solved": []}


RUNG: dict[str, Any] = {"effort": "none", "budget": 0}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "has 'format' 2, this version of adaptive reads 1"),
        ({"extra": 1}, "has the unknown key 'extra'"),
        ({"policy": ...}, "has no key 'policy'"),
        ({"name": 3}, "'name' in .* must be text, got 3"),
        ({"figures": []}, r"'figures' in .* must be an object, got \[\]"),
        ({"ladder": {}}, "'ladder' in .* must be a list"),
        ({"ladder": []}, "'ladder' in .* is not valid: a ladder needs at least one rung"),
        ({"ladder": [{"effort": "none"}]}, "rung 0 of 'ladder' in .* has no key 'budget'"),
        ({"ladder": [RUNG | {"budget": 1.5}]}, "'budget' in rung 0 of .* must be a whole number, got 1.5"),
        ({"ladder": [RUNG | {"budget": True}]}, "'budget' in rung 0 of .* must be a whole number, got True"),
        (
            {"ladder": [RUNG | {"budget": -1}]},
            "rung 0 of 'ladder' in .* is not valid: budget must be 0 or more",
        ),
        (
            {"ladder": [RUNG | {"effort": "huge"}]},
            "'effort' in rung 0 of .* must be one of none, minimal, low",
        ),
        ({"ladder": [RUNG | {"budget": 5}, RUNG]}, "must be ordered by budget"),
        ({"style": {"waits": "Wait"}}, "'waits' in 'style' in .* must be a list, got 'Wait'"),
        ({"style": {"waits": [1]}}, "item 0 of 'waits' in 'style' in .* must be text, got 1"),
        ({"style": {"waits": []}}, "'style' in .* is not valid: a style needs at least one wait"),
        ({"policy": {"wroth": 5}}, "'policy' in .* has the unknown key 'wroth'"),
        ({"policy": {"worth": "high"}}, "'worth' in 'policy' in .* must be a number or null, got 'high'"),
        ({"policy": {"vote_sure": 1.5}}, "'vote_sure' in 'policy' in .* must be between 0 and 1, got 1.5"),
        ({"mean_tokens": 3}, "'mean_tokens' in .* must be a list, got 3"),
        ({"mean_tokens": ["3"]}, "item 0 of 'mean_tokens' in .* must be a number, got '3'"),
        ({"mean_tokens": [1, 2]}, "'mean_tokens' in .* must be a number above 0 for each of the 3 rungs"),
        ({"mean_tokens": [1, 0, 2]}, "'mean_tokens' in .* must be a number above 0 for each of the 3 rungs"),
        ({"mean_tokens": [1, 2, float("inf")]}, "item 2 of 'mean_tokens' in .* must be a finite number"),
        ({"policy": {"accept": {"low": "x"}}}, "'low' in 'accept' in 'policy' in .* must be a number or null"),
        (
            {"policy": {"accept": {"huge": 0.5}}},
            "'policy' in .* is not valid: accept is for one of none, .*, got 'huge'",
        ),
        ({"policy": {"agreement": float("nan")}}, "'agreement' in 'policy' in .* must be a finite number"),
        ({"policy": {"max_attempts": 0}}, "'max_attempts' in 'policy' in .* must be 1 or more"),
        ({"shapes": "alone"}, "'shapes' in .* must be a list, got 'alone'"),
        ({"shapes": []}, "'shapes' in .* is empty: leave it out, or name what was measured"),
        (
            {"shapes": ["alone", "talk"]},
            "'shapes' in .* is not valid: the shape 'talk' is not known: use alone, or",
        ),
        ({"shapes": ["tools+tools"]}, "the shape 'tools.tools' is not known"),
        ({"difficulty": "../x"}, "names the difficulty model '../x', and .* has no such file"),
    ],
)
def test_a_bad_key_is_named_in_one_sentence(folder: Path, changes: dict[str, Any], said: str) -> None:
    _change(folder, **changes)
    with pytest.raises(InputError, match=said) as caught:
        Profile.load(folder)
    assert str(folder / PROFILE_FILE) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff", b"[]", b"null", b"{}"])
def test_a_file_that_is_no_profile(folder: Path, content: bytes) -> None:
    (folder / PROFILE_FILE).write_bytes(content)
    with pytest.raises(InputError, match=r"is not valid JSON|has 'format' None"):
        Profile.load(folder)


def test_a_folder_without_a_profile(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read .No such file or directory.: name its folder"):
        Profile.load(tmp_path)


def test_a_model_file_that_is_gone(folder: Path) -> None:
    (folder / SKOPS).unlink()
    with pytest.raises(InputError, match=r"names the difficulty model 'difficulty.skops'"):
        Profile.load(folder)


def test_a_profile_with_an_embedding_is_refused(folder: Path) -> None:
    _change(folder, embedding=None)
    Profile.load(folder)
    _change(folder, embedding={"model": "hf:m", "dimension": 4})
    with pytest.raises(InputError, match="has an 'embedding', which this version cannot use: train it again"):
        Profile.load(folder)


def test_what_a_profile_always_does_is_read_as_it_was_written(tmp_path: Path) -> None:
    always = Routine(Rung("medium", 32, waits=3), after_direct=True)
    known = replace(PROFILE, policy=replace(PROFILE.policy, always=always))
    known.save(tmp_path)
    assert Profile.load(tmp_path).policy == known.policy


def test_a_model_for_another_ladder(folder: Path) -> None:
    _change(folder, ladder=LADDER.to_json()[:2], mean_tokens=[])
    with pytest.raises(InputError, match="knows 3 rungs, the ladder beside it has 2"):
        Profile.load(folder).predict_difficulty("2 + 3?")


def test_a_reader_never_sees_half_a_profile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("killed")

    monkeypatch.setattr(os, "replace", fail)
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="killed"):
        replace(PROFILE, name="other").save(folder)
    assert Profile.load(folder).name == "toy"


def test_which_profile_a_model_has(folder: Path, tmp_path: Path) -> None:
    assert load_model_profile("anything", 1024, folder) == PROFILE
    untrained = load_model_profile("onnx:/nowhere", 1024)
    assert (untrained.name, untrained.model) == ("untrained", "onnx:/nowhere")
    assert untrained.general
    assert [r.budget for r in untrained.ladder] == [0, 16, 64, 256]
    assert [r.budget for r in load_model_profile("hf:large", 131_072).ladder] == [0, 512, 2048, 8192]
    own = tmp_path / "model"
    shutil.copytree(folder, own / "profile")
    assert load_model_profile(f"onnx:{own}", 1024) == PROFILE


@pytest.mark.parametrize(("p", "level"), [(0.9, "medium"), (0.5, "medium"), (0.49996, "medium"), (0.2, "hard")])
def test_without_a_profile_the_level_is_the_general_models(
    monkeypatch: pytest.MonkeyPatch, p: float, level: str
) -> None:
    monkeypatch.setattr(general, "place_average_model", lambda: Fixed((p,)))
    known = load_model_profile("onnx:/nowhere", 1024).predict_difficulty("2 + 3?")
    assert known == {"level": level, "p_solved": [], "general": round(p, 4)}


def test_the_shipped_general_model_ranks_questions_for_an_average_model() -> None:
    untrained = load_model_profile("onnx:/nowhere", 1024)
    hard = (
        "Find the number of ordered triples of positive integers $(a,b,c)$ with $\\gcd(a,b)=1$ and "
        "$a^3+b^3=c^{2}-7abc$ where $c<10^{6}$. Express the remainder modulo $\\binom{n}{k}$."
    )
    easy = "Anna has 3 apples and buys 4 more at the shop. How many apples does she have now?"
    assert (
        untrained.predict_difficulty(easy)["general"] > 0.8 > 0.5 > untrained.predict_difficulty(hard)["general"]
    )


def test_the_general_model_is_not_read_for_a_model_with_a_profile(folder: Path) -> None:
    code = (
        "import sys; from adaptive.profile.profile import Profile; "
        f"Profile.load({str(folder)!r}).predict_difficulty('1 + 1'); "
        "sys.exit('adaptive.profile.general' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_loading_and_asking_import_no_scikit_learn(folder: Path) -> None:
    code = (
        "import sys; from adaptive.profile.profile import Profile; "
        f"Profile.load({str(folder)!r}).predict_difficulty('1 + 1'); "
        "assert not {'sklearn', 'skops', 'scipy', 'langgraph'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)

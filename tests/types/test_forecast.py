from __future__ import annotations

import json
from typing import Any

import pytest

from adaptive.types.forecast import NO_FORECAST, Forecast
from adaptive.types.result import Difficulty


def test_a_forecast_is_read_from_a_predicted_difficulty() -> None:
    known = {"level": "easy", "p_solved": [0.9, 0.8], "tokens": [40.5, 120.0], "typical": 0.3}
    assert Forecast.from_difficulty(known) == Forecast((0.9, 0.8), (40.5, 120.0))
    assert Forecast.from_difficulty(known)
    assert Forecast.from_difficulty({"level": "unknown", "p_solved": []}) == NO_FORECAST
    assert not NO_FORECAST


@pytest.mark.parametrize(
    "data",
    [
        {"level": "easy", "p_solved": [0.9, 0.8], "tokens": [40.5, 120.0], "typical": 0.3, "outside": False},
        {"level": "hard", "p_solved": [], "general": 0.2},
    ],
)
def test_a_difficulty_survives_json_with_its_tokens(data: dict[str, Any]) -> None:
    assert json.loads(json.dumps(Difficulty.from_json(data).to_json())) == data

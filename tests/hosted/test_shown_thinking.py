"""`--show-thinking` of a provider that shows its thinking for the asking, or never."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from adaptive.cli import cli
from tests.hosted.brains import always
from tests.hosted.clients import PROVIDERS, build_option_args
from tests.hosted.script import Spoken
from tests.hosted.server import Hosted

COSTS = "openai:gpt-5: its thinking is shown as summaries, which cost output tokens"
NOTHING = "there is nothing to show of its thinking: only OpenAI's Responses interface sums it up"


@pytest.fixture(autouse=True)
def _own_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptive.chat.adapters.openai._OWN_HOSTS", ("127.0.0.1",))


def solve(hosted: Hosted, *args: str, name: str = "openai", spec: str = "openai:gpt-5") -> Result:
    options = build_option_args({"api_key": hosted.key, **PROVIDERS[name].locate(hosted.url)})
    return CliRunner().invoke(
        cli, ["solve", "What?", "-m", spec, "--no-log", *args, *options], prog_name="adaptive"
    )


def test_summaries_are_asked_for_and_their_price_is_told() -> None:
    with Hosted(always(Spoken("It is four.", thinking="two and two", thought=9))) as hosted:
        made = solve(hosted, "--show-thinking")
    assert (made.stdout, made.exit_code) == ("It is four.\n", 0)
    assert "two and two" in made.stderr
    assert COSTS in made.stderr
    (asked,) = hosted.asked
    assert asked.provider == "openai_responses"
    assert asked.body["reasoning"] == {"summary": "auto"}


def test_they_join_an_effort() -> None:
    with Hosted(always(Spoken("It is four.", thinking="two and two", thought=9))) as hosted:
        solve(hosted, "--show-thinking", "--effort", "high")
    assert [asked.body["reasoning"] for asked in hosted.asked] == [{"summary": "auto", "effort": "high"}]


@pytest.mark.parametrize(
    ("args", "name", "spec", "noted"),
    [
        ((), "openai", "openai:gpt-5", False),
        (("--hide-thinking",), "openai", "openai:gpt-5", False),
        (("--show-thinking",), "openai", "openai:gpt-4o", False),
        (("--show-thinking", "-o", "use_responses_api=false"), "openai", "openai:gpt-5", True),
        (("--show-thinking", "-o", "azure_deployment=gpt-5"), "azure_openai", "azure_openai:gpt-5", True),
    ],
)
def test_nothing_is_asked_for_that_nobody_wants_or_gives(
    args: tuple[str, ...], name: str, spec: str, noted: bool
) -> None:
    with Hosted(always(Spoken("It is four.", thinking="two and two", thought=9))) as hosted:
        made = solve(hosted, *args, name=name, spec=spec)
    assert made.stdout == "It is four.\n"
    assert (NOTHING in made.stderr) == noted
    assert COSTS not in made.stderr
    assert [asked.provider for asked in hosted.asked] == [name]

"""The page of the providers' levers, made from the table that the tests run: `python -m tests.docs.levers`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.docs.blocks import ROOT
from tests.hosted.feature_table import COLUMNS, FEATURES
from tests.hosted.lever_table import ASKED, CLIENTS, ROWS, LeverRow

PAGE = ROOT / "docs" / "reference" / "levers.md"
HEAD = """<!-- Made by `python -m tests.docs.levers`: do not edit. -->

# What each provider is sent

The table is the one that `tests/hosted/test_levers.py` holds against the providers' own client packages and a
server on a local socket. Each row asks for 2,000 tokens of thinking and 1,000 of answer. An effort that a model
does not take becomes the nearest one that it takes; one that thinks stays one that thinks. A model without either
lever is sent the cap alone, and a note says so. Efforts come from LangChain's profile of the model, else from the
provider's page.

With tools, gpt-5.4 to 5.6 are asked on OpenAI's Responses interface, where the effort is `reasoning.effort`: Chat
Completions refuses it ([openai-openapi 541](https://github.com/openai/openai-openapi/issues/541)). A call that
forces a tool goes without `thinking` on Claude. If `reasoning` is set on the model, the effort joins it.
"""

FEATURES_HEAD = """## What is read and sent beside an effort

`tests/hosted/test_features.py` holds this against the providers' own clients, with replies in each provider's own
form. The rows of OpenRouter, xAI, Together, Fireworks and LiteLLM, here and above, are skipped unless their
packages are installed, which CI does not do; they were last run with langchain-openrouter 0.2.9, langchain-xai
1.3.0, langchain-together 0.4.0, langchain-fireworks 1.7.1 and langchain-litellm 0.11.2. In a stream Mistral's
client drops the cached tokens. "Thinking counted" and "cached counted" say whether the client tells thinking
apart from the answer, and cached prompt tokens; where it does not, thinking is unknown, and all of the
prompt is counted as new. "Cost" is a list price. "Starvation" is a reply whose thinking used up the cap.
A model that takes no images refuses them before anything is paid.

"""


def render_page() -> str:
    """Return the page: a section for each provider, with a row for each model, and what is read of all."""
    return "\n".join([HEAD, *(_render_client(name) for name in CLIENTS), _render_features()])


def _render_features() -> str:
    columns = ["provider", "model", *COLUMNS]
    rows = [[row.client, f"`{row.model}`", *row.has.split()] for row in FEATURES]
    lines = [columns, ["---"] * len(columns), *rows]
    return FEATURES_HEAD + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _render_client(name: str) -> str:
    client = CLIENTS[name]
    rows = [line for row in ROWS if row.client == name for line in _render_row(row)]
    package = client.package.replace("_", "-")
    lines = [f"`{client.cls}` of `{package}`; [the provider's page]({client.source}).", ""]
    lines += ["| model | asked for | sent | cap |", "|---|---|---|---|", *rows]
    return f"## {name}\n\n" + "\n".join(lines) + "\n"


def _render_row(row: LeverRow) -> Iterator[str]:
    """One line for all efforts for which the same is sent."""
    asked: dict[str, list[str]] = {}
    for effort in ASKED:
        asked.setdefault(json.dumps(row.sent[effort]), []).append(effort)
    for number, (sent, efforts) in enumerate(asked.items()):
        names = "any effort" if len(efforts) == len(ASKED) else ", ".join(efforts)
        shown = "nothing" if sent == "{}" else f"`{sent[1:-1]}`"
        first = (f"`{row.model}`", f"`{row.cap}`") if number == 0 else ("", "")
        yield f"| {first[0]} | {names} | {shown} | {first[1]} |"


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8")

"""The kind of a log is found by its first row; one that is of no kind is one sentence with what was seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaptive.errors import InputError
from adaptive.learn.importing.kinds import find_kind
from tests.learn.importing.imported import LOGS


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("inspect_low.eval", "Inspect"), ("inspect_high.json", "Inspect"), ("batch_input.jsonl", "OpenAI batch"),
        ("batch_output.jsonl", "OpenAI batch"), ("batch_errors.jsonl", "OpenAI batch"),
        ("litellm_spend_logs.json", "LiteLLM spend logs"), ("langfuse_observations.jsonl", "Langfuse"),
        ("langfuse_scores.jsonl", "Langfuse"),
    ],
)  # fmt: skip
def test_each_kind_is_recognised(name: str, kind: str) -> None:
    assert find_kind(LOGS / name, mapped=False).name == kind


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"prompt": "1+1?", "ok": true}\n',
            r"of no known kind, its first row has the fields prompt, ok: .*--map",
        ),
        ("", "holds no row"),
        ("just text\n", "of no known kind .*is not JSON"),
        ("[1]", "of no known kind .*is not a JSON object"),
    ],
)
def test_what_is_of_no_kind_is_said_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "log.jsonl").write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        find_kind(tmp_path / "log.jsonl", mapped=False)
    assert "\n" not in str(caught.value)


def test_bytes_are_no_log(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"SQLite format 3\0\xff\xfe")
    with pytest.raises(InputError, match="not valid UTF-8"):
        find_kind(tmp_path / "log.db", mapped=False)

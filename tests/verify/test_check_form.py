"""JSON schemas and regular expressions as checks, bad ones and endless ones."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from adaptive.errors import InputError
from adaptive.types.verdict import Verdict
from adaptive.verify import Verifier
from adaptive.verify.check_form import JsonSchema, Pattern
from tests.verify.attempts import attempt


async def verdict_of(check: Verifier, answer: str | None) -> Verdict:
    return await check.verify("?", attempt(answer), [])


@pytest.mark.parametrize(
    ("regex", "answer", "accepted"),
    [
        (r"\d+", " 73\n", True),
        (r"\d+", "73 apples", False),
        (r"7|73", "73", True),
        (r".+", "a\nb", False),
        (r"(?s).+", "a\nb", True),
        (r"", "73", False),
        (r"\ud800é.", "\ud800éx", True),
        (r"(?i)PARIS$", "paris", True),
    ],
)
async def test_a_pattern_must_match_as_a_whole(regex: str, answer: str, accepted: bool) -> None:
    verdict = await verdict_of(Pattern(regex), answer)
    assert (verdict.decided, verdict.accepted, verdict.score) == (True, accepted, float(accepted))
    says = "has the form of the pattern" if accepted else "does not match the pattern"
    assert verdict.reason == f"the answer {says}"
    assert verdict.verifier == "check"


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (Pattern("(a+)+$", timeout=1), "a" * 60 + "!"),
        (JsonSchema({"pattern": "^(a+)+$"}, timeout=1), json.dumps("a" * 60 + "!")),
    ],
    ids=["pattern", "schema"],
)
async def test_endless_matching_is_killed_and_holds_nobody_up(check: Verifier, answer: str) -> None:
    turns, task = 0, asyncio.create_task(verdict_of(check, answer))
    while not task.done():
        await asyncio.sleep(0.01)
        turns += 1
    verdict = task.result()
    assert not verdict.decided
    assert verdict.reason.endswith(": it took more than 1 s")
    assert turns > 1


POINT = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
DRAFT_4 = {"$schema": "http://json-schema.org/draft-04/schema#"}
FENCED = 'First\n```json\n{"x": "no"}\n```\nand then\n```json\n{"x": 3}\n```\n.'


@pytest.mark.parametrize(
    ("schema", "answer", "accepted", "reason"),
    [
        (POINT, '{"x": 3}', True, "the answer has the form of the schema"),
        (POINT, FENCED, True, "the answer has the form of the schema"),
        (POINT, '{"x": "3"}', False, "at $.x: '3' is not of type 'integer'"),
        (POINT, "{}", False, "at $: 'x' is a required property"),
        (POINT, "x is 3", False, "the answer is not JSON (Expecting value: line 1 column 1 (char 0))"),
        (POINT, "```json\n{x: 3}\n```", False, "the answer is not JSON (Expecting property name"),
        (POINT, "```python\n3\n```", False, "the answer is not JSON"),
        ({"type": "number"}, "NaN", False, "the answer is not JSON (NaN is no JSON"),
        ({"type": "number"}, "73", True, "the answer has the form"),
        (True, '"anything"', True, "the answer has the form"),
        (False, '"anything"', False, "at $: False schema does not allow 'anything'"),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "null"}}}, "null", True, "the answer has the form"),
        (DRAFT_4 | {"maximum": 3, "exclusiveMaximum": True}, "3", False,
         "at $: 3 is greater than or equal to the maximum of 3"),
        ({"maxLength": 1}, json.dumps("x" * 100_000), False, "at $: 'xxx"),
    ],
)  # fmt: skip
async def test_a_schema_must_allow_it(schema: Any, answer: str, accepted: bool, reason: str) -> None:
    verdict = await verdict_of(JsonSchema(schema), answer)
    assert (verdict.decided, verdict.accepted, verdict.score) == (True, accepted, float(accepted))
    assert verdict.reason.startswith(reason)
    assert len(verdict.reason) < 300


@pytest.mark.parametrize(
    ("schema", "answer", "reason"),
    [
        ({"$ref": "https://schemas.test/none"}, "3", "Unresolvable: https://schemas.test/none"),
        ({"$ref": "#"}, "3", "RecursionError"),
        (True, "[" * 100_000, "RecursionError"),
        (True, "9" * 10_000, "ValueError"),
    ],
)
async def test_what_a_schema_cannot_tell(schema: Any, answer: str, reason: str) -> None:
    verdict = await verdict_of(JsonSchema(schema), answer)
    assert not verdict.decided
    assert verdict.reason.startswith("not verified: the schema: matching fails (")
    assert reason in verdict.reason


async def test_a_schema_from_a_file_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "point.json"
    file.write_text(json.dumps(POINT))
    checks = [JsonSchema(file), JsonSchema(str(file))]
    file.unlink()
    for check in checks:
        assert (await verdict_of(check, '{"x": 3}')).accepted


@pytest.mark.parametrize("check", [Pattern("73"), JsonSchema(True)], ids=["pattern", "schema"])
async def test_without_an_answer(check: Verifier) -> None:
    assert await verdict_of(check, None) == Verdict(False, 0.0, "check", "there is no final answer")


@pytest.mark.parametrize("check", [Pattern("73"), JsonSchema(True)], ids=["pattern", "schema"])
async def test_python_that_does_not_start(check: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/no/such/python")
    verdict = await verdict_of(check, "73")
    assert not verdict.decided
    assert "it cannot be run ([Errno 2] No such file or directory" in verdict.reason


@pytest.mark.parametrize("regex", ["(", "a**", "[z-a]", "a{99999999999}", "(?P<n>a)(?P<n>b)"])
def test_what_is_no_pattern(regex: str) -> None:
    with pytest.raises(InputError, match="is no regular expression"):
        Pattern(regex)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("{", "is no JSON"),
        ("[1]", "is no JSON schema"),
        ("0", "is no JSON schema: write an object, true or false"),
        ('{"$schema": []}', "which is not known: name a draft"),
        ('{"type": "int"}', "is no JSON schema .at ..type: 'int' is not valid"),
        ('{"pattern": "("}', "is no JSON schema"),
        ('{"$schema": "https://json-schema.test/draft-99"}', "which is not known"),
        ("[" * 100_000, "is no JSON"),
        (b"\xff\xfe\xff", "is no JSON"),
    ],
)
def test_what_is_no_schema(text: str | bytes | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=f"schema.json .*{said}"):
        JsonSchema(file)


def test_a_schema_that_is_no_json() -> None:
    with pytest.raises(InputError, match="the schema is no JSON"):
        JsonSchema({"enum": {1, 2}})

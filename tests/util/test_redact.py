from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adaptive._util.redact import MAX_CHARACTERS, redact_error, redact_text

SECRET = st.text(string.ascii_letters + string.digits, min_size=24, max_size=60)
PLACES = [
    "Incorrect API key provided: sk-{}. See the docs.",
    "Authorization: Bearer {}",
    "{{'Authorization': 'Bearer {}'}}",
    "header Basic {}",
    'refused: {{"api_key": "{}"}}',
    "https://host.test/v1?key={}&x=1 answered 401",
    "OPENAI_API_KEY={}",
    "the token: {}",
    "password = {}",
    "https://user:{}@host.test/v1",
    "AIza{}",
    "gsk_{}",
    "hf_{}",
    "github_pat_{}",
]


@given(st.sampled_from(PLACES), SECRET, st.text(max_size=30))
def test_a_key_is_never_shown(place: str, secret: str, before: str) -> None:
    assume(secret[:12] not in before)
    text = f"{before} {place.format(secret)}"
    assert secret not in redact_text(text)
    assert secret[:12] not in redact_text(text)
    assert secret not in redact_error(ValueError(text))


@given(st.text())
def test_one_short_line_that_can_be_printed(text: str) -> None:
    line = redact_text(text)
    assert line.isprintable()
    assert len(line) <= MAX_CHARACTERS
    assert redact_text(text * 400).isprintable()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("no\nkey here"), "ValueError: no"),
        (ValueError("\n  first \n"), "ValueError: first"),
        (KeyError(), "KeyError"),
        (
            RuntimeError("model claude-3-5-sonnet-20241022 was not found"),
            "RuntimeError: model claude-3-5-sonnet-20241022 was not found",
        ),
    ],
)
def test_an_error_is_its_type_and_first_line(error: Exception, line: str) -> None:
    assert redact_error(error) == line


@given(st.text(st.characters(exclude_characters="/", exclude_categories=["C", "Zl", "Zp"]), min_size=1))
def test_no_part_of_a_password_in_an_address_is_shown(password: str) -> None:
    shown = redact_text(f"no answer from https://user:{password}@host.test/v1 in time")
    assert shown == "no answer from https://***@host.test/v1 in time"

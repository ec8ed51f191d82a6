"""The word problems of abacus' recipe: every template can be asked, and what is held out is not trained on."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

RECIPE = Path(__file__).parents[2] / "models" / "abacus" / "recipe"
LANGUAGE = RECIPE / "language"
pytestmark = pytest.mark.skipif(
    not (LANGUAGE / "lexicon" / "name.txt").exists(), reason="the words are not there yet"
)
SCHEMAS = sorted((LANGUAGE / "schemas").glob("*.txt"))
LEFT_OVER = re.compile(r"[{}\[\]|\x00-\x08]|  |\b(\w+) (?!that|had)\1\b|\ba [aeio]\w")


@pytest.fixture(scope="module")
def language() -> Iterator[ModuleType]:
    """The recipe's reader; its modules are found by the recipe's folder alone."""
    sys.path.insert(0, str(RECIPE))
    try:
        import corpus.language as found

        yield found
    finally:
        sys.path.remove(str(RECIPE))


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: file.stem)
def test_every_template_renders(language: ModuleType, file: Path) -> None:
    from corpus import surface

    rng = Random(0)
    for template in language.read(file):
        values = template.variant.draw(rng)
        text = surface.plain(language.render(rng, template.text, values), list(values.values()))
        assert not LEFT_OVER.search(text), (template.text, text)
        assert len(text.split()) <= 120, text


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: file.stem)
def test_numbers_of_the_answer_stand_in_the_text(language: ModuleType, file: Path) -> None:
    for template in language.read(file):
        needed = template.variant.answer.names
        slots = {found[0].lower() for found in language.SLOT.findall(re.sub(r"\[[^\]]*\]", "", template.text))}
        assert needed <= slots, (template.text, needed - slots)
        assert needed <= template.variant.numbers.names, template.text


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: file.stem)
def test_the_answer_is_that_of_the_tape(language: ModuleType, file: Path) -> None:
    from corpus.tape import Tape

    rng = Random(1)
    for variant in {id(t.variant): t.variant for t in language.read(file)}.values():
        for _ in range(5):
            values = variant.draw(rng)
            written = Fraction(variant.answer.on_tape(values, Tape()))
            assert written == variant.answer.value(values)
            assert all(need.value(values) for need in variant.numbers.needs)


def test_no_template_stands_twice(language: ModuleType) -> None:
    texts = Counter(language.normal(t.text) for group in language.templates().values() for t in group)
    assert [text for text, count in texts.items() if count > 1] == []


def test_held_out_templates_are_a_tenth_and_never_trained_on(language: ModuleType) -> None:
    everything = [t for group in language.templates().values() for t in group]
    rng = Random(2)
    drawn = {id(rng.choice(rng.choice(language.pool("trained")))) for _ in range(2000)}
    held = {id(t) for t in everything if t.held}
    assert held
    assert not drawn & held

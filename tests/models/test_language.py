"""The word problems of abacus' recipe: every template can be asked, and what is held out is not trained on."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from random import Random
from types import ModuleType

import jinja2
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


def test_there_is_enough(language: ModuleType) -> None:
    templates = language.templates()
    assert len(templates) >= 60
    assert sum(map(len, templates.values())) >= 3_000
    assert set(language.HELD_SCHEMAS) <= set(templates)
    words = [line for file in (LANGUAGE / "lexicon").glob("*.txt") for line in file.read_text().splitlines()]
    assert len(set(words)) >= 1_000
    assert sum(map(len, (strange().written(fresh=fresh) for fresh in (True, False)))) >= 2_000


def test_large_numbers_come_now_and_then(language: ModuleType) -> None:
    from corpus.numbers import Numbers

    numbers, rng = Numbers(["a 2..99, b 1..a-1"], ["a > b"], 10), Random(0)
    drawn = [values for _ in range(2000) if (values := numbers.draw(rng))]
    assert 0.04 < sum(values["a"] > 99 for values in drawn) / len(drawn) < 0.15
    assert all(1 <= values["b"] < values["a"] < 1000 for values in drawn)


def test_no_template_stands_twice(language: ModuleType) -> None:
    texts = Counter(language.normal(t.text) for group in language.templates().values() for t in group)
    assert [text for text, count in texts.items() if count > 1] == []


def test_what_is_held_out_is_about_a_tenth(language: ModuleType) -> None:
    everything = [t for group in language.templates().values() for t in group]
    held = [t for t in everything if language.held_text(t.text)]
    assert 0.07 < len(held) / len(everything) < 0.13
    written = strange().written(fresh=True), strange().written(fresh=False)
    assert 0.05 < len(written[0]) / len(written[1]) < 0.17
    assert not set(written[0]) & set(written[1])


def strange() -> ModuleType:
    import corpus.strange as found

    return found


def drawn(language: ModuleType, monkeypatch: pytest.MonkeyPatch, **asked: object) -> list:  # type: ignore[type-arg]
    """The templates of 600 questions of the stream."""
    import corpus

    templates, made = [], language.problem

    def recorded(rng: Random, template: object, family: str) -> object:
        templates.append(template)
        return made(rng, template, family)

    monkeypatch.setattr(language, "problem", recorded)
    list(islice(corpus.questions(3, **asked), 600))  # type: ignore[arg-type]
    return templates


def test_training_never_sees_what_is_held_out(language: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = drawn(language, monkeypatch, fresh=False, family="words")
    assert len({t.variant.schema for t in seen}) > 20
    assert not [t.text for t in seen if language.held_text(t.text) or t.variant.schema in language.HELD_SCHEMAS]


def test_fresh_wordings_are_held_out_ones(language: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = drawn(language, monkeypatch, fresh=True, family="words")
    assert all(language.held_text(t.text) and t.variant.schema not in language.HELD_SCHEMAS for t in seen)


def test_held_schemas_are_asked_but_never_trained_on(
    language: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    import corpus

    seen = drawn(language, monkeypatch, fresh=True, family="schemas")
    assert {t.variant.schema for t in seen} <= set(language.HELD_SCHEMAS)
    assert corpus.weights(fresh=False)["schemas"] == 0
    with pytest.raises(ValueError, match="never trained"):
        next(corpus.questions(3, fresh=False, family="schemas"))


def test_weights_give_more_than_half_to_language(language: ModuleType) -> None:
    import corpus

    shares = corpus.weights(fresh=False)
    assert 0.4 < shares["words"] / sum(shares.values()) < 0.5
    assert 0.15 < shares["typed"] / sum(shares.values()) < 0.2


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("{Name} has {a} {things:fruit+toy}.", {"a": 1}, r"[A-Z]\S*( \w+)? has 1 [a-z -]+[^s]\."),
        ("a {a} page book", {"a": 8}, "an 8 page book"),
        ("{a} box{es a}, {b} hour{s b}", {"a": 1, "b": 2}, "1 box, 2 hours"),
        ("pay {a} dollars", {"a": Fraction(7, 2)}, r"pay 3\.50 dollars"),
        ("[left|left] ?", {}, r"left\?"),
    ],
)
def test_slots(language: ModuleType, template: str, values: dict[str, Fraction], text: str) -> None:
    from corpus import surface

    exact = {name: Fraction(value) for name, value in values.items()}
    made = surface.plain(language.render(Random(0), template, exact), list(exact.values()))
    assert re.fullmatch(text, made), made


def test_a_slot_without_words_is_an_error(language: ModuleType) -> None:
    with pytest.raises(KeyError):
        language.render(Random(0), "{nothing_of_that_name}", {})


def test_surface_keeps_the_numbers(language: ModuleType) -> None:
    """Whatever the style, each number can be read again."""
    from corpus import surface

    values = [Fraction(3), Fraction(1250), Fraction(9, 2), Fraction(2)]
    text = (
        "Mia had \x010\x02 pens. She paid \x011\x02 dollars and $\x012\x02, \x013\x02 times as much as Ben. Why?"
    )
    words = {"three": "3", "two": "2", "twice": "2"}
    for seed in range(300):
        said = surface.vary(Random(seed), text, values).removeprefix("1. ").lower().replace("1,250", "1250")
        for word, digits in words.items():
            said = re.sub(rf"\b{word}\b", digits, said)
        assert re.findall(r"\d+(?:\.\d+)?", said) == ["3", "1250", "4.50", "2"], said


def test_other_words_say_the_same(language: ModuleType) -> None:
    from corpus.wording import reworded

    text = "The shop sold 5 photos to children for 3 dollars each. How much did the children pay in all?"
    made = {reworded(Random(seed), text) for seed in range(300)}
    assert len(made) > 20
    assert any("kids" in one for one in made)
    assert not [one for one in made if "kids" in one and "children" in one]
    assert all(re.findall(r"\d", one) == ["5", "3"] for one in made)


def test_styles_differ(language: ModuleType) -> None:
    template = language.templates()["change_minus"][0]
    texts = [language.problem(Random(seed), template, "words").question for seed in range(300)]
    assert len(set(texts)) > 290
    assert any(text.islower() for text in texts)
    assert any("?" not in text for text in texts)


def test_conversations(language: ModuleType) -> None:
    """A document may have a system prompt and earlier turns; none of that is trained on."""
    import corpus

    made = list(islice(corpus.documents(5, family="words"), 800))
    turns = Counter(sum(text.count("<|im_start|>user\n") for text, _ in document) for document in made)
    assert turns[1] > turns[2] > turns[3] > 0
    systems = [document[0][0].partition("effort: ")[2].partition("<|im_end|>")[0] for document in made]
    assert 40 < sum("\n" in system for system in systems) < 200
    for document in made:
        trained = "".join(text for text, train in document if train)
        assert "<|im_start|>" not in trained
        assert not document[0][1]
        assert "".join(text for text, _ in document).count("<think>") == 1


def test_conversations_read_as_the_chat_template_writes_them(language: ModuleType) -> None:
    from corpus import traces
    from corpus.conversation import in_conversation

    template = jinja2.Template((RECIPE / "chat_template.jinja").read_text())
    earlier = [("What is 2+3?", "5"), ("Double 8", "16")]
    for seed in range(60):
        made = in_conversation(Random(seed), traces.opening("half of 90", "low"), earlier, turns=seed % 3)
        text = "".join(piece for piece, _ in made)
        system = text.partition("effort: low")[2].partition("<|im_end|>")[0].removeprefix("\n")
        messages = [{"role": "system", "content": system}] if system else []
        for role, content in re.findall(r"<\|im_start\|>(user|assistant)\n(.*?)<\|im_end\|>", text, re.DOTALL):
            messages.append({"role": role, "content": content})
        written = template.render(messages=messages, reasoning_effort="low", add_generation_prompt=True)
        assert written == text + "\n"


def test_follow_ups_use_the_answer_before(language: ModuleType) -> None:
    from corpus.conversation import follow_up
    from corpus.tape import Tape

    rng = Random(0)
    for _ in range(100):
        made = follow_up(rng, "36")
        tape = Tape(work=False)
        made.run(tape)
        assert tape.lines[0].startswith("36")


def test_a_problem_that_lacks_a_number_cannot_be_solved(language: ModuleType) -> None:
    """What is left out is a number that the answer needs, and nothing in the text gives it away."""
    from corpus import lacking

    known = {id(t.variant) for group in language.pool("trained") for t in group}
    for template in lacking.incomplete(fresh=False):
        slots = {found[0].lower() for found in language.SLOT.findall(template.text)}
        slots |= {found[2].lower() for found in language.SLOT.findall(template.text)}
        assert template.variant.answer.names - slots, template.text
        assert id(template.variant) in known
    made = [lacking.question(Random(seed), fresh=fresh) for seed in range(100) for fresh in (True, False)]
    assert not [text for text in made if "SOME" in text or re.search(r"[{}|\x00-\x08]", text)]


def test_a_number_that_stands_twice_is_not_left_out(language: ModuleType) -> None:
    from corpus import lacking

    variant = language.templates()["change_minus"][0].variant
    once = language.Template("{Name} has {a} pens and {b} of them {was b} red.", variant)
    assert lacking.without_number(once) == ["{Name} has SOME pens and {b} of them {was b} red."]
    twice = language.Template("{Name} has {a} pens. {A} pens are many. {B} are red.", variant)
    assert lacking.without_number(twice) == []

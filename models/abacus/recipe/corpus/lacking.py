"""Word problems that lack a number: "some" stands where a needed one stood, so that nobody can know the answer."""

from __future__ import annotations

import re
from functools import cache
from random import Random

from corpus.language import Template, pool, render
from corpus.surface import vary

SOME = (
    "some",
    "some",
    "some",
    "a few",
    "several",
    "many",
    "a number of",
    "lots of",
)  # not "a couple of": that may be two
# Before a number: words after which "some pens" reads as well as "5 pens".
BEFORE = (
    r"has|had|have|are|were|with|and|gives|gave|gets|got|buys|bought|sells|sold|eats|ate|picks|picked|makes|made|bakes|"
    r"baked|reads|read|finds|found|needs|needed|loses|lost|takes|took|puts|put|adds|added|collects|collected|owns|owned|"
    r"holds|held|uses|used|plants|planted|saves|saved|earns|earned|packs|packed|wins|won|brings|brought|orders|ordered"
)
PLACE = re.compile(
    rf"\b({BEFORE}) \{{(\w)\}} (?=(?:red |blue |small |big )?(?:\{{\w+s\d?(?::[\w+]+)?\}}|(?!degrees|times)[a-z]{{2,}}s\b))"
)


@cache
def incomplete(*, fresh: bool) -> list[Template]:
    """Return every template that can lose a number, without it; `fresh` ones are of held-out wordings."""
    found = []
    for group in pool("wordings" if fresh else "trained"):
        for template in group:
            found += [Template(text, template.variant) for text in without_number(template)]
    return found


def without_number(template: Template) -> list[str]:
    """Return the template's texts that lack one of the numbers that the answer needs."""
    texts = []
    for found in PLACE.finditer(template.text):
        name = found[2]
        # Where the number stands twice or a word agrees with it, the rest of the text may give it away.
        once = len(re.findall(rf"\{{(?:\w+ )?{name}\}}", template.text, re.IGNORECASE)) == 1
        if once and name in template.variant.answer.names:
            texts.append(f"{template.text[: found.start()]}{found[1]} SOME {template.text[found.end() :]}")
    return texts


def question(rng: Random, *, fresh: bool = False) -> str:
    """Return a word problem that cannot be solved, its surface varied."""
    template = rng.choice(incomplete(fresh=fresh))
    values = template.variant.draw(rng)
    text = render(rng, template.text.replace("SOME", rng.choice(SOME)), values)
    return vary(rng, text, list(values.values()))

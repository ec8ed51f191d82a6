"""Fits the domain of abacus' profile anew to the questions that it was recorded on, and changes nothing else.

python refit_domain.py QUESTIONS.jsonl

QUESTIONS.jsonl is what `build.py` records: `python questions.py 5000 8000 --fresh --without fresh.jsonl --out
QUESTIONS.jsonl`, by the recipe as it stood when the profile was recorded. Nothing is recorded anew: difficulty,
verifier and policy stay as they are.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from adaptive.learn.data.questions import read_questions
from adaptive.learn.data.splits import assign_split, get_group, hash_question, read_used_keys
from adaptive.learn.fit.domain import FittedDomain, fit_domain
from adaptive.profile.profile import Profile

HOME = Path(__file__).resolve().parents[1]
RECORDED = 3_111
"""`PROFILED` of build.py, which imports torch."""


def refit(folder: Path, asked: Path) -> FittedDomain:
    """Write the domain of the questions that training learns from into a profile, and return it.

    Raises:
        SystemExit: Other questions were recorded for this profile.
    """
    profile = Profile.load(folder)
    before = profile.domain_model()
    if before is None or profile.tune_share is None:
        raise SystemExit(f"{folder} is not trained on outcomes, so it has no domain: run build.py.")
    recorded = read_questions(asked, RECORDED)
    missing = read_used_keys(folder) - {hash_question(one.text) for one in recorded}
    if missing:
        raise SystemExit(
            f"{len(missing)} questions of {folder} are not in {asked}: make it by the recipe of its commit."
        )
    learned = [one for one in recorded if assign_split(one, profile.tune_share) == "learn"]
    fitted = fit_domain([one.text for one in learned], list(map(get_group, learned)), before.alpha)
    replace(profile, domain_model=lambda: fitted.domain).save(folder)
    return fitted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--profile", type=Path, default=HOME / "profile")
    given = parser.parse_args()
    fitted = refit(given.profile, given.questions)
    print(f"fitted to {len(fitted.left_out)} questions; {fitted.outside.sum()} of them are unlike the others")


if __name__ == "__main__":
    main()

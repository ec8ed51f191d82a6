"""Words that say the same: a text uses now the one, now the other, the same one throughout."""

from __future__ import annotations

import re
from random import Random

SAME = (
    ("children", "kids"), ("child", "kid"), ("store", "shop"), ("big", "large"), ("bigger", "larger"), ("mother", "mom"),
    ("father", "dad"), ("in all", "altogether", "in total", "all together"), ("bought", "purchased", "got"), ("buys", "purchases", "gets"),
    ("began", "started"), ("begins", "starts"), ("equally", "evenly", "fairly"), ("the same number of", "an equal number of"),
    ("picked", "gathered", "collected"), ("picks", "gathers", "collects"), ("requires", "needs"), ("require", "need"),
    ("trip", "journey"), ("students", "pupils"), ("student", "pupil"), ("gift", "present"), ("sick", "ill"), ("movie", "film"),
    ("vacation", "holiday"), ("completed", "finished"), ("photos", "pictures"), ("photo", "picture"), ("received", "got"),
    ("earns", "makes"), ("woods", "forest"), ("bike", "bicycle"), ("bikes", "bicycles"), 
    ("remain", "are left"), 
    ("gave away", "handed out"), ("afterwards", "after that"),
    ("assignment", "homework"), ("exam", "test"), ("grandma", "grandmother"),
    ("grandpa", "grandfather"), ("TV", "television"), ("phone", "telephone"), ("plane", "airplane"), 
)  # fmt: skip
STARTS = ("Find", "Calculate", "Determine", "Work out", "Compute")
# Only after digits: "5 min".
SHORT = {
    "minutes": "min", "hours": "hrs", "kilometers": "km", "kilograms": "kg", "kilos": "kg", "centimeters": "cm",
    "meters": "m", "dollars": "bucks", "liters": "l", "pounds": "lbs", "inches": "in", "grams": "g", "seconds": "sec",
}  # fmt: skip
SWAP_SHARE, SHORT_SHARE = 0.3, 0.05
UNSAFE = {"got", "gets", "present", "makes", "need", "needs"}  # words of these groups that mean other things too


def reworded(rng: Random, text: str) -> str:
    """Swap words for others that say the same, each kind by chance."""
    for group in SAME:
        for word in group:
            if word not in UNSAFE and word in text and rng.random() < SWAP_SHARE:
                other = rng.choice([one for one in group if one != word])
                text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-]| many)", other, text)
                break
    text = fit_articles(text)
    if rng.random() < SWAP_SHARE:
        text = re.sub(
            r"(^|[.?!] )Find (?=the |his |her |out )", lambda found: found[1] + rng.choice(STARTS) + " ", text
        )
        text = re.sub(r"\b(Calculate|Determine|Work out|Compute) out\b", "Find out", text)
    if rng.random() < SWAP_SHARE:
        text = re.sub(r"(?<=\d )each(?=[.?])|(?<=dollars )each(?=[.?])", "apiece", text)
    if rng.random() < SHORT_SHARE:
        text = re.sub(rf"(?<=\d )({'|'.join(SHORT)})\b", lambda found: SHORT[found[1]], text)
    return text


def fit_articles(text: str) -> str:
    """Mend "a" and "an" before the words that a swap may have put there."""
    text = re.sub(r"\b([Aa])(?= (?:airplane|exam|assignment|ill)\b)", r"\1n", text)
    return re.sub(r"\b([Aa])n(?= (?:plane|test|homework|sick)\b)", r"\1", text)

"""Writes the profile that abacus' training starts from: its ladder and style, nothing learned yet.

python start_profile.py FOLDER
"""

from __future__ import annotations

import sys

from adaptive.profile.profile import Profile
from adaptive.reason.budget import Style
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.policy import Policy

ANSWER_ROOM = 24
LADDER = Ladder(
    (
        Rung("none", 0, answer_room=ANSWER_ROOM),
        Rung("low", 64, answer_room=ANSWER_ROOM),
        Rung("medium", 128, answer_room=ANSWER_ROOM),
        Rung("medium", 256, answer_room=ANSWER_ROOM),
        Rung("high", 512, waits=1, answer_room=ANSWER_ROOM),
    )
)
STYLE = Style(waits=("Wait",), answer_prefix="\\boxed{")
POLICY = Policy(max_waits=0)  # a Wait mends hardly any of its own mistakes (the card); --waits asks for them


def main() -> None:
    Profile(name="abacus", model="embedded", ladder=LADDER, style=STYLE, policy=POLICY).save(sys.argv[1])


if __name__ == "__main__":
    main()

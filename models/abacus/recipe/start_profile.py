"""Writes the profile that abacus' training starts from: its ladder and style, nothing learned yet.

python start_profile.py FOLDER
"""

from __future__ import annotations

import sys

from adaptive.ladder import Ladder, Rung
from adaptive.profile import Profile
from adaptive.reason.budget import Style

ANSWER_ROOM = 24
LADDER = Ladder(
    (
        Rung("none", 0, answer_room=ANSWER_ROOM),
        Rung("medium", 64, answer_room=ANSWER_ROOM),
        Rung("medium", 192, answer_room=ANSWER_ROOM),
        Rung("medium", 512, waits=1, answer_room=ANSWER_ROOM),
    )
)
STYLE = Style(waits=("Wait",), answer_prefix="\\boxed{")


def main() -> None:
    Profile(name="abacus", model="embedded", ladder=LADDER, style=STYLE).save(sys.argv[1])


if __name__ == "__main__":
    main()

from __future__ import annotations

from hypothesis import settings

# A busy machine is slow at times, and no test is about that: how long things take is measured in bench/.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

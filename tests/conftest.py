"""The number of cases of each property: few in `dev`, the default; many in `ci`, as HYPOTHESIS_PROFILE says."""

from __future__ import annotations

import os

from hypothesis import settings

# Without a deadline: a busy machine is slow at times, and how long things take is measured in benchmarks/.
settings.register_profile("dev", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

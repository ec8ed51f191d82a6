"""Scripts of the scripted engine, at random."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.support.scripted import END, STOP, Forever, says
from tests.support.solving import SURE, UNSURE, boxed

STRETCHES = st.lists(st.sampled_from([says("so π", END), says("1", END), (END,), Forever("1")]), max_size=4)
SAYINGS = [boxed(SURE), boxed(UNSURE), says("I do not know.", STOP), (STOP,), says("73 it is", STOP), Forever("7")]
ANSWERS = st.lists(st.sampled_from(SAYINGS), max_size=4)

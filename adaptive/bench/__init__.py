"""Bench: a policy beside every baseline, on questions that it has not seen, with everything counted."""

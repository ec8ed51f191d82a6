"""Bench: a policy against every baseline, on unseen questions, with every token counted."""

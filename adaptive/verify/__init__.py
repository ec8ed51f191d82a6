"""Verifiers: is this attempt's answer good enough to keep? And whether two answers are the same."""

from adaptive.verify.combine import NAMES, Combined, verifier_for
from adaptive.verify.compare import same_answer
from adaptive.verify.verifiers import Agreement, Confidence, Rules, Thresholds, Verifier

__all__ = [
    "NAMES",
    "Agreement",
    "Combined",
    "Confidence",
    "Rules",
    "Thresholds",
    "Verifier",
    "same_answer",
    "verifier_for",
]

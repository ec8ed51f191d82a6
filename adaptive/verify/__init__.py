"""Verifiers: is this attempt's answer good enough to keep? And whether two answers are the same."""

from adaptive.answers.equality import same_answer
from adaptive.types.logistic import Logistic
from adaptive.verify.base import Thresholds, Verifier
from adaptive.verify.builtin import Agreement, Confidence, Rules
from adaptive.verify.combine import NAMES, All, AnyOf, FirstDecisive, verifier_for
from adaptive.verify.learned import Learned, VerifierModel

__all__ = [
    "NAMES",
    "Agreement",
    "All",
    "AnyOf",
    "Confidence",
    "FirstDecisive",
    "Learned",
    "Logistic",
    "Rules",
    "Thresholds",
    "Verifier",
    "VerifierModel",
    "same_answer",
    "verifier_for",
]

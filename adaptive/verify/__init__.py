"""Verifiers: is this attempt's answer good enough to keep? And whether two answers are the same."""

from adaptive.verify.combine import NAMES, All, AnyOf, FirstDecisive, verifier_for
from adaptive.verify.compare import same_answer
from adaptive.verify.learned import Learned, Logistic, VerifierModel
from adaptive.verify.verifiers import Agreement, Confidence, Rules, Thresholds, Verifier

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

"""Verifiers: is this attempt's answer good enough to keep? Also whether two answers are the same."""

from adaptive.answers.equality import same_answer
from adaptive.types.logistic import Logistic
from adaptive.verify.base import Thresholds, Verifier
from adaptive.verify.builtin import Agreement, Confidence, Rules
from adaptive.verify.combine import VERIFIER_NAMES, All, AnyOf, FirstDecisive, build_verifier
from adaptive.verify.learned import Learned, VerifierModel

__all__ = [
    "VERIFIER_NAMES",
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
    "build_verifier",
    "same_answer",
]

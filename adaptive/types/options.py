"""What a caller may set for a solve: in Python, on the command line, in the environment or in a graph's state.

Each setting is declared here, once. A run's context, the environment's reader, the options of the command line and
the schemas of a LangGraph server are made from these fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Self

from adaptive.errors import InputError
from adaptive.types.from_json import check_fields
from adaptive.types.ladder import NamedEffort
from adaptive.types.setting import Setting
from adaptive.types.worth import parse_worth

_ADAPT = Setting("Choose and escalate by difficulty and verdict; if false, make one attempt.")
SEED_LIMIT = 2**31
"""Seeds are below it."""
_SEED = Setting("Seed of all sampling.", ge=0, le=SEED_LIMIT - 1, unit="N")
_TEMPERATURE = Setting("Sampling temperature; 0 is greedy.", ge=0, le=2)


@dataclass(frozen=True, kw_only=True)
class SolverContext:
    """Settings for one run: `solver.invoke(..., context=SolverContext(budget=512))`, or a dict of the same.

    None, the default, leaves a setting to the `Options` that the graph was built with. `adaptive_options` in the
    graph's state overrides the context. A subclass may have fields of its own, such as a tenant's name, which are
    no settings. Raises `InputError` if a value is wrong.
    """

    effort: Annotated[
        NamedEffort | None,
        Setting(
            "Thinking effort of all attempts, whatever the difficulty; none: no thinking.",
            environment="ADAPTIVE_EFFORT",
        ),
    ] = None
    budget: Annotated[
        int | None,
        Setting(
            "Thinking tokens of the first attempt, whatever the difficulty; no attempt gets more.",
            ge=0,
            unit="TOKENS",
            environment="ADAPTIVE_BUDGET",
        ),
    ] = None
    waits: Annotated[
        int | None,
        Setting("Maximum Wait rounds per chain of thought.", ge=0, unit="N", environment="ADAPTIVE_WAITS"),
    ] = None
    samples: Annotated[
        int | None,
        Setting("Maximum samples in a vote; 0: no vote.", ge=0, unit="N", environment="ADAPTIVE_SAMPLES"),
    ] = None
    adapt: Annotated[bool | None, _ADAPT] = None
    seed: Annotated[int | None, _SEED] = None
    temperature: Annotated[float | None, _TEMPERATURE] = None
    max_tokens: Annotated[
        int | None,
        Setting(
            "Maximum tokens of all attempts at a question together.",
            ge=1,
            unit="N",
            environment="ADAPTIVE_MAX_TOKENS",
        ),
    ] = None
    max_output_tokens: Annotated[
        int | None,
        Setting(
            "Maximum tokens of all attempts at a question together, prompts left out: an attempt's budget and "
            "answer fit in it, and none starts once it is reached.",
            ge=1,
            unit="N",
            environment="ADAPTIVE_MAX_OUTPUT_TOKENS",
        ),
    ] = None
    max_attempts: Annotated[
        int | None,
        Setting(
            "Maximum attempts per question; a vote counts as one.",
            ge=1,
            unit="N",
            environment="ADAPTIVE_MAX_ATTEMPTS",
        ),
    ] = None
    max_cost: Annotated[
        float | None,
        Setting(
            "Maximum cost in dollars of all attempts at a question together.",
            gt=0,
            unit="DOLLARS",
            environment="ADAPTIVE_MAX_COST",
        ),
    ] = None
    timeout: Annotated[
        float | None,
        Setting(
            "Stop after this many seconds per question.", gt=0, unit="SECONDS", environment="ADAPTIVE_TIMEOUT"
        ),
    ] = None
    worth: Annotated[
        float | str | None,
        Setting(
            "What a right answer is worth, such as 2000tok or 0.02usd, or a number in the unit that the profile "
            "counts: the more, the more is spent where it promises to help. With a trained profile only.",
            unit="WORTH",
            environment="ADAPTIVE_WORTH",
        ),
    ] = None
    explore: Annotated[
        float | None,
        Setting(
            "Share of solves that try all other rungs too, once the answer is decided: `adaptive fit --from-log` "
            "measures the model by them.",
            ge=0,
            le=1,
            unit="SHARE",
            environment="ADAPTIVE_EXPLORE",
        ),
    ] = None
    answer_schema: Annotated[
        dict[str, Any] | None,
        Setting(
            "JSON schema that the answer must follow, by the engine's guided decoding; the thinking is free. For "
            "token engines that have it: vLLM and llama.cpp.",
        ),
    ] = None
    approve_above: Annotated[
        int | None,
        Setting(
            "Interrupt the graph for approval before an attempt that may use more thinking tokens than this, the "
            "samples of a vote together.",
            ge=0,
            unit="TOKENS",
        ),
    ] = None

    def __new__(cls, *_: Any, **settings: Any) -> Self:
        """Refuse a name that is none of a setting, in a sentence that users of a server can read."""
        known = [f.name for f in fields(cls)]
        if other := next((name for name in settings if name not in known), None):
            raise InputError(f"{cls.__name__} takes no {other!r}: it takes {', '.join(known)}.")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        check_fields(SolverContext, self._read_own_fields(), "the context")
        if self.worth is not None:
            parse_worth(self.worth, "'worth' in the context")

    def to_settings(self) -> dict[str, Any]:
        """Return the settings that are not None."""
        return {name: value for name, value in self._read_own_fields().items() if value is not None}

    def _read_own_fields(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(SolverContext)}


PER_QUESTION = tuple(f.name for f in fields(SolverContext))
"""What a graph's state or a run's context may set for one question."""


@dataclass(frozen=True, kw_only=True)
class Options(SolverContext):
    """Settings of a solver: those of a question (see `SolverContext`) and those of the model.

    None leaves a setting to the profile. A limit of tokens, dollars or seconds stops new attempts, samples and
    judges; at the `timeout` what runs is cancelled too. Raises `InputError` if a value is wrong.
    """

    adapt: Annotated[bool, _ADAPT] = True
    seed: Annotated[int, _SEED] = 0
    temperature: Annotated[float, _TEMPERATURE] = 0.0
    wait_string: Annotated[
        tuple[str, ...], Setting("Text that makes the model think on; repeat to rotate through several.")
    ] = ()
    stop: Annotated[
        str | None,
        Setting(
            "Early stops to keep, comma-separated: loop, converged, confident, hopeless; or none. "
            "Default: those of the profile.",
            unit="NAMES",
            environment="ADAPTIVE_STOP",
        ),
    ] = None
    verify: Annotated[
        str | None,
        Setting("Names of the verifiers, comma-separated.", unit="NAMES", environment="ADAPTIVE_VERIFY"),
    ] = None

    def __post_init__(self) -> None:
        check_fields(Options, vars(self))
        if self.worth is not None:
            parse_worth(self.worth)

    def with_settings(self, settings: Mapping[str, Any] | None, where: str = "adaptive_options") -> Options:
        """Return these options with the settings of one question.

        Args:
            settings: Names and values of the fields of `SolverContext`; None changes nothing.
            where: What holds them, for error sentences.

        Raises:
            InputError: A name is unknown or not one of a question's, or a value is wrong.
        """
        if settings is None or settings == {}:
            return self
        if not isinstance(settings, Mapping):
            raise InputError(f"{where} must be an object, got {settings!r}.")
        other = next((name for name in settings if name not in PER_QUESTION), None)
        if other is not None:
            raise InputError(f"{where} cannot set {other!r}: it may set {', '.join(PER_QUESTION)}.")
        check_fields(Options, settings, where)
        if (worth := settings.get("worth")) is not None:
            parse_worth(worth, f"'worth' in {where}")
        return replace(self, **settings)

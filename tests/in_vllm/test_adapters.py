"""Both adapters on their interfaces as vLLM declares them, with tensors on a CPU and rows that move."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest

from tests.engines.backends import HF

if find_spec("vllm") is None:
    pytest.skip("vllm is not installed: .ci/run runs this where it is", allow_module_level=True)

# vLLM and torch warn of their own doings, which no test here is about.
pytestmark = pytest.mark.filterwarnings("default")

VOCABULARY = 2048
WORDS = [5, 6, 7, 8, 9, 10, 11, 12]


@pytest.fixture(scope="module")
def processor() -> Any:
    from adaptive.in_vllm.processor import SteeringProcessor

    return SteeringProcessor


@pytest.fixture(scope="module")
def codec() -> Any:
    from pathlib import Path

    from adaptive.engines.tokenizer import FolderCodec

    return FolderCodec(Path(HF))


def config(drafts: Any = None) -> Any:
    return SimpleNamespace(
        model_config=SimpleNamespace(tokenizer=HF, max_model_len=200, get_vocab_size=lambda: VOCABULARY),
        speculative_config=drafts,
    )


def params(plan: Any, max_tokens: int | None = None) -> Any:
    extra = None if plan is None else {"adaptive": json.dumps(plan)}
    return SimpleNamespace(extra_args=extra, temperature=0.0, max_tokens=max_tokens)


@dataclass
class Played:
    """A request whose model wants `wanted` one after the other, over and over."""

    plan: Any
    prompt: list[int]
    wanted: list[int]
    generated: list[int] = field(default_factory=list)
    place: int = 0

    def logits(self, vocabulary: int) -> list[float]:
        row = [0.0] * vocabulary
        row[self.wanted[len(self.generated) % len(self.wanted)]] = 9.0
        return row


def requests(codec: Any) -> list[Played]:
    markers = codec.markers
    prompt = [3, 4, markers.think_start]
    ending = [*WORDS[:3], markers.think_end]
    return [
        Played({"budget": 4}, prompt, WORDS),
        Played(None, prompt, WORDS),
        Played({"budget": 60, "waits": 1, "wait": "Hmm"}, prompt, ending),
        Played({"budget": 6, "closing": " So"}, prompt, WORDS),
    ]


def check(codec: Any, played: list[Played]) -> None:
    end, hand_over = codec.markers.think_end, list(codec.markers.hand_over)
    closing, wait = list(codec.encode(" So")), list(codec.encode("Hmm"))
    assert played[0].generated[: 5 + len(hand_over)] == [*WORDS[:4], end, *hand_over]
    assert played[1].generated == [WORDS[n % len(WORDS)] for n in range(len(played[1].generated))]
    assert played[2].generated[: 3 + len(wait)] == [*WORDS[:3], *wait]
    thought = WORDS[: 6 - len(closing)]
    assert played[3].generated[: 7 + len(hand_over)] == [*thought, *closing, end, *hand_over]


def test_v1_follows_rows_that_move(processor: Any, codec: Any) -> None:
    import torch
    from vllm.v1.sample.logits_processor import BatchUpdate, MoveDirectionality

    made = processor(config(), torch.device("cpu"), False)
    assert not made.is_argmax_invariant()
    played = requests(codec)
    added = [(n, params(one.plan), one.prompt, one.generated) for n, one in enumerate(played)]
    rows = list(played)
    made.update_state(BatchUpdate(4, removed=[], added=added, moved=[]))
    for step in range(14):
        if step == 2:
            made.update_state(BatchUpdate(4, [], [], [(0, 2, MoveDirectionality.SWAP)]))
            rows[0], rows[2] = rows[2], rows[0]
        if step == 10:  # the plain request is over, and another one moves into its row
            made.update_state(BatchUpdate(3, [1], [], [(3, 1, MoveDirectionality.UNIDIRECTIONAL)]))
            rows = [rows[0], rows[3], rows[2]]
        made.update_state(None)
        logits = torch.tensor([one.logits(VOCABULARY) for one in rows])
        for one, token in zip(rows, made.apply(logits).argmax(dim=-1).tolist(), strict=True):
            one.generated.append(token)
    check(codec, played)


def test_thinking_ends_within_what_the_request_may_generate(processor: Any, codec: Any) -> None:
    import torch
    from vllm.v1.sample.logits_processor import BatchUpdate

    made = processor(config(), torch.device("cpu"), False)
    one = Played({"budget": 100}, [3, 4, codec.markers.think_start], WORDS)
    made.update_state(BatchUpdate(1, [], [(0, params(one.plan, 40), one.prompt, one.generated)], []))
    for _ in range(40):
        made.update_state(None)
        one.generated.append(int(made.apply(torch.tensor([one.logits(VOCABULARY)])).argmax()))
    room = 10  # of the answer
    assert one.generated.index(codec.markers.think_end) == 40 - room - len(codec.markers.hand_over) - 1


def test_v1_knows_a_preempted_request_again(processor: Any, codec: Any) -> None:
    import torch
    from vllm.v1.sample.logits_processor import BatchUpdate

    made = processor(config(), torch.device("cpu"), False)
    one = requests(codec)[2]
    asked = params(one.plan)
    wait = list(codec.encode("Hmm"))
    for step in range(12):
        if step in (0, 5):
            made.update_state(BatchUpdate(1, [0] if step else [], [(0, asked, one.prompt, one.generated)], []))
        one.generated.append(int(made.apply(torch.tensor([one.logits(VOCABULARY)])).argmax()))
    assert one.generated[: 3 + len(wait)] == [*WORDS[:3], *wait]
    assert one.generated.count(wait[0]) == 1


def test_v2_finds_its_requests_by_slot(processor: Any, codec: Any) -> None:
    import numpy as np
    import torch

    tokens = torch.zeros((8, 200), dtype=torch.int32)
    total = torch.zeros(8, dtype=torch.int32)
    prompt_len = np.zeros(8, dtype=np.int32)
    states = SimpleNamespace(
        all_token_ids=SimpleNamespace(gpu=tokens),
        total_len=SimpleNamespace(gpu=total),
        prompt_len=SimpleNamespace(np=prompt_len),
    )
    made = processor(config(), states)
    slots = [6, 1, 3, 0]
    played = requests(codec)
    for slot, one in zip(slots, played, strict=True):
        assert made.add_request(slot, params(one.plan)) == (one.plan is not None)
        tokens[slot, : len(one.prompt)] = torch.tensor(one.prompt, dtype=torch.int32)
        prompt_len[slot] = total[slot] = len(one.prompt)
    made.apply_staged_writes()
    for step in range(14):
        order = [(n + step) % 4 for n in range(4)]
        logits = torch.tensor([played[n].logits(VOCABULARY) for n in order])
        context = SimpleNamespace(expanded_idx_mapping=torch.tensor([slots[n] for n in order]))
        for n, token in zip(order, made.apply(logits, context).argmax(dim=-1).tolist(), strict=True):
            played[n].generated.append(token)
            tokens[slots[n], int(total[slots[n]])] = token
            total[slots[n]] += 1
    check(codec, played)


@pytest.mark.parametrize(
    "plan", [{"echo": 2048}, {"echo": -1}, {"echo": "a"}, {"start": 1}, {"start": "a"}, {"budget": 10**30}]
)
def test_no_argument_ends_the_engine(processor: Any, plan: Any) -> None:
    import torch
    from vllm.v1.sample.logits_processor import BatchUpdate

    made = processor(config(), torch.device("cpu"), False)
    asked = params(plan)
    processor.validate_params(asked)
    made.update_state(BatchUpdate(1, [], [(0, asked, [3, 4], [])], []))
    logits = torch.zeros((1, VOCABULARY))
    assert made.apply(logits).shape == (1, VOCABULARY)


def test_drafts_are_refused(processor: Any) -> None:
    with pytest.raises(ValueError, match="speculative decoding"):
        processor(config(drafts=object()), SimpleNamespace())


def test_vllm_takes_it_for_a_processor_of_both_runners(processor: Any) -> None:
    from vllm.v1.sample.logits_processor import LogitsProcessor
    from vllm.v1.worker.gpu.sample.logits_processor import LogitsProcessor as SecondLogitsProcessor

    assert issubclass(processor, LogitsProcessor)
    assert issubclass(processor, SecondLogitsProcessor)
    with pytest.raises(ValueError, match="budget of adaptive is -1"):
        processor.validate_params(params({"budget": -1}))

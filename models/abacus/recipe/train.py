"""Trains Abacus on packed shards: `python train.py --data FOLDER... --late FOLDER... --out RUN --steps N`.

Seeded and resumable: started again with the same `--out` it goes on from the last checkpoint, and a different
`--steps` only moves the cool-down. A folder of shards that is named twice is read twice as often; `--start
MODEL.pt` begins with trained weights. `RUN/model.pt` is written when the last step is done. One process a core,
each on one thread with a copy of everything, and only gradients are exchanged: threads that share matrices this
small mostly wait for one another.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as processes
import torch.nn.functional as F
from net import Abacus, Config, block_mask
from pack import Shard, shards
from torch import Tensor

MICRO = 2048  # tokens of a micro-batch, padding included
MICROS = 6  # micro-batches of a step, shared among the cores
HEAD_STEP = 256  # positions with a loss are padded to a multiple: oneDNN builds new kernels for each new shape
IGNORED = -100
WARMUP = 100
CLIP = 1.0
CHECKPOINT_SECONDS = 180.0
REPORT_STEPS = 20

Batch = tuple[Tensor, Tensor, Tensor]
States = Callable[[Abacus, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Course:
    """What a run is made of; the last `cooldown` of its steps, as a share, read `late` at a falling rate."""

    data: Sequence[Path]
    late: Sequence[Path]
    steps: int
    lr: float = 3e-3
    cooldown: float = 0.3
    seed: int = 0
    start: Path | None = None

    def rate(self, step: int) -> float:
        """The share of the peak learning rate: warm-up, constant, linear cool-down to zero."""
        return min(1.0, (step + 1) / WARMUP, max(0.0, (self.steps - step) / (self.cooldown * self.steps)))

    def batches(self, step: int) -> Iterator[Batch]:
        """All micro-batches from a step on."""
        turn = round((1 - self.cooldown) * self.steps)
        yield from islice(batches(self.data, self.seed, step * MICROS), max(0, turn - step) * MICROS)
        yield from batches(self.late, self.seed, max(0, step - turn) * MICROS)


def batches(folders: Sequence[Path], seed: int, first: int) -> Iterator[Batch]:
    """Micro-batches (ids, loss mask, documents) without end from number `first` on, shuffled anew every
    epoch.
    """
    places = [
        (shard, start)
        for folder in folders
        for shard in shards(folder)
        for start in range(0, len(shard.ids) - MICRO // shard.ids.shape[1] + 1, MICRO // shard.ids.shape[1])
    ]
    epoch, number = divmod(first, len(places))
    while True:
        for place in np.random.default_rng((seed, epoch)).permutation(len(places))[number:]:
            yield read(*places[place])
        epoch, number = epoch + 1, 0


def read(shard: Shard, start: int) -> Batch:
    rows = slice(start, start + MICRO // shard.ids.shape[1])
    ids, documents = (torch.from_numpy(part[rows].astype(np.int64)) for part in (shard.ids, shard.documents))
    return ids, torch.from_numpy(shard.loss[rows].copy()), documents


def hidden_states(net: Abacus, ids: Tensor, mask: Tensor) -> Tensor:
    """What is compiled: all but the output matrix, whose positions differ from batch to batch."""
    with torch.autocast("cpu", torch.bfloat16):
        return net(ids, mask)


def summed_loss(net: Abacus, hidden: Tensor, where: Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropy summed over the flat positions `where`."""
    with torch.autocast("cpu", torch.bfloat16):
        scores = net.logits(hidden.flatten(0, 1)[where])
    return F.cross_entropy(scores.float(), targets, reduction="sum", ignore_index=IGNORED)


@dataclass
class Tally:
    loss: float = 0.0
    trained: int = 0
    tokens: int = 0

    def add(self, other: Tally) -> None:
        self.loss, self.trained, self.tokens = (
            self.loss + other.loss,
            self.trained + other.trained,
            self.tokens + other.tokens,
        )


def run_micro(net: Abacus, states: States, batch: Batch) -> Tally:
    """Add one micro-batch's gradient (of the summed loss) to `net`."""
    ids, mask, documents = batch
    goal = F.pad(mask[:, 1:] & (documents[:, 1:] == documents[:, :-1]), (0, 1)).flatten()
    where = goal.nonzero()[:, 0]
    padding = (0, -len(where) % HEAD_STEP)
    targets = F.pad(ids.flatten()[where + 1], padding, value=IGNORED)
    value = summed_loss(net, states(net, ids, block_mask(documents)), F.pad(where, padding), targets)
    value.backward()
    return Tally(value.item(), len(where), int((documents > 0).sum()))


class Trainer:
    """The network, its optimizers, and the step that both have reached."""

    def __init__(self, config: Config, seed: int, lr: float) -> None:
        torch.manual_seed(seed)
        self.config, self.step = config, 0
        self.net = Abacus(config)
        self.states: States = torch.compile(hidden_states, dynamic=False)
        self.optimizers = self._optimizers(lr)

    def _optimizers(self, lr: float) -> list[torch.optim.Optimizer]:
        hidden = [p for n, p in self.net.named_parameters() if p.ndim == 2 and "embed" not in n]
        others = [p for n, p in self.net.named_parameters() if p.ndim != 2 or "embed" in n]
        muon = torch.optim.Muon(hidden, lr=lr, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
        return [muon, torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.95), weight_decay=0.0)]

    def update(self, micros: list[Batch], rate: float) -> Tally:
        """One optimizer step: the clipped mean gradient over the trained tokens of all cores' micro-
        batches.
        """
        total = Tally()
        for micro in micros:
            total.add(run_micro(self.net, self.states, micro))
        total = self._exchange(total)
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group.setdefault("peak", group["lr"])
                group["lr"] = group["peak"] * rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
        self.step += 1
        return total

    def _exchange(self, own: Tally) -> Tally:
        """Sum tallies over the cores, and turn gradients into their mean over all trained tokens."""
        grads = [weight.grad for weight in self.net.parameters()]
        counts = torch.tensor([own.loss, own.trained, own.tokens], dtype=torch.float64)
        flat = torch.cat([grad.flatten() for grad in grads])
        dist.all_reduce(counts)
        dist.all_reduce(flat)
        loss, trained, tokens = counts.tolist()
        parts = flat.div_(max(1.0, trained)).split([grad.numel() for grad in grads])
        torch._foreach_copy_(grads, [part.view_as(grad) for part, grad in zip(parts, grads, strict=True)])
        return Tally(loss, int(trained), int(tokens))

    def save(self, path: Path) -> None:
        state = {
            "config": self.config.as_dict(),
            "step": self.step,
            "net": self.net.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        save(state, path)

    def load(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.step = state["step"]
        self.net.load_state_dict(state["net"])
        for optimizer, one in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(one)


def save(state: dict[str, Any], path: Path) -> None:
    """Write a file that is never seen half written."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load_net(path: Path) -> Abacus:
    """The network of a checkpoint or of a finished `model.pt`."""
    state = torch.load(path, weights_only=True)
    net = Abacus(Config(**state["config"]))
    net.load_state_dict(state["net"])
    return net.eval()


def train(course: Course, out: Path, config: Config | None = None) -> None:
    """Train to the course's last step, from the last checkpoint if there is one."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "meeting").unlink(missing_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"  # read when a core's process loads torch
    cores = len(os.sched_getaffinity(0))
    processes.spawn(train_core, (cores, course, out, config or Config()), cores)


def train_core(core: int, cores: int, course: Course, out: Path, config: Config) -> None:
    """One core's part; the first one also reports and saves."""
    dist.init_process_group("gloo", f"file://{(out / 'meeting').resolve()}", rank=core, world_size=cores)
    trainer, checkpoint, steps = Trainer(config, course.seed, course.lr), out / "checkpoint.pt", course.steps
    if checkpoint.exists():
        trainer.load(checkpoint)
    elif course.start:
        trainer.net.load_state_dict(torch.load(course.start, weights_only=True)["net"])
    source = islice(course.batches(trainer.step), core, None, cores)
    window, since, saved = Tally(), time.monotonic(), time.monotonic()
    while trainer.step < steps:
        window.add(trainer.update(list(islice(source, MICROS // cores)), course.rate(trainer.step)))
        now = time.monotonic()
        if core == 0 and trainer.step % REPORT_STEPS == 0:
            report(trainer.step, steps, window, now - since)
            window, since = Tally(), now
        if core == 0 and now - saved > CHECKPOINT_SECONDS:
            trainer.save(checkpoint)
            saved = now
    if core == 0:
        trainer.save(checkpoint)
        save(
            {"config": config.as_dict(), "step": trainer.step, "net": trainer.net.state_dict()},
            out / "model.pt",
        )
    dist.barrier()
    dist.destroy_process_group()


def report(step: int, steps: int, window: Tally, seconds: float) -> None:
    rate, left = window.tokens / seconds, (steps - step) * seconds / REPORT_STEPS / 60
    loss = window.loss / max(1, window.trained)
    print(f"step {step}/{steps}  loss {loss:.4f}  {rate:,.0f} tokens/s  {left:.0f} min left", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--late", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--cooldown", type=float, default=0.3)
    parser.add_argument("--start", type=Path)
    given = vars(parser.parse_args())
    out = given.pop("out")
    train(Course(**given), out)


if __name__ == "__main__":
    main()

"""The degradation experiment of He et al. 2015, section 4.2: deeper plain nets train worse.

    python examples/degradation/train.py                                # digits, minutes on a CPU
    python examples/degradation/train.py --data cifar10 --root data     # as the paper trains
    torchrun --nproc-per-node 2 examples/degradation/train.py           # many GPUs or processes

Plain and residual networks of each depth are trained one after the other. A run that was
killed goes on where its last checkpoint is, to the same numbers. OUT gets `results.json` and
the paper's Figure 6.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import checkpoint
import torch
from data import DATA, Images
from figure import draw
from parallel import Statistics, World
from rich.console import Console
from rich.progress import Progress
from torch import nn
from torch.nn import functional as F  # noqa: N812 - as all do

import archc

# the paper's: 64k iterations on CIFAR-10; the digits are learnt in fewer
ITERATIONS = {"digits": 1200, "cifar10": 64_000}
SHORTCUTS = {"plain": "none", "ResNet": "zero_pad"}  # option A: no parameters either way
WARM_UP, DEEP = 400, 110  # "about 400 iterations" at a tenth of the rate, from ResNet-110 on


@dataclass
class Run:
    """One network in training, and what is known of it so far."""

    name: str
    model: nn.Module
    optimizer: torch.optim.Optimizer
    statistics: Statistics
    iteration: int = 0
    records: list[dict[str, float]] = field(default_factory=list)
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])  # loss, wrong, images

    def state(self) -> dict[str, Any]:
        """Return all that training goes on from."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "statistics": self.statistics.all(),
            "iteration": self.iteration,
            "records": self.records,
            "sums": self.sums,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.statistics.set_all(state["statistics"])
        self.iteration, self.records, self.sums = (
            state[k] for k in ("iteration", "records", "sums")
        )


class Experiment:
    """The settings, the images and the processes that train."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.world = args, World(args.device)
        self.images: Images = DATA[args.data](args.root)
        self.total = args.iterations or ITERATIONS[args.data]
        self.settings = {
            "data": args.data, "iterations": self.total, "batch": args.batch, "parts": args.parts,
            "rate": args.rate, "weight_decay": args.weight_decay, "seed": args.seed,
            "record": args.record,
        }  # fmt: skip
        if args.parts % self.world.size or args.batch % args.parts:
            raise SystemExit(
                f"--parts {args.parts} must be a multiple of {self.world.size} processes and divide --batch {args.batch}"
            )
        if args.batch > len(self.images.train):
            raise SystemExit(f"--batch {args.batch} is more than {len(self.images.train)} images")

    def new(self, kind: str, depth: int) -> Run:
        """Build a network with weights that depend on the seed alone, as the spec draws them."""
        torch.manual_seed(self.args.seed)
        model = archc.load(
            "resnet_cifar",
            n=(depth - 2) // 6,
            shortcut=SHORTCUTS[kind],
            num_classes=self.images.classes,
        ).to(self.world.device)
        optimizer = torch.optim.SGD(
            model.parameters(), self.args.rate, momentum=0.9, weight_decay=self.args.weight_decay
        )
        statistics = Statistics(model, self.args.parts, self.world)
        return Run(f"{kind}-{depth}", model, optimizer, statistics)

    def train(self, kind: str, depth: int, progress: Progress) -> Run:
        """Train one network to its end, from its checkpoint where there is one."""
        run, path = self.new(kind, depth), self.args.out / f"{kind}-{depth}.pt"
        found = self.world.shared(checkpoint.load(path) if self.world.first else None)
        if found is not None:
            if found["settings"] != self.settings:
                raise SystemExit(f"{path} is of other settings: choose another --out, or remove it")
            run.restore(found)
        wrapped = self.world.wrapped(run.model)
        task = progress.add_task(run.name, total=self.total, completed=run.iteration)
        while run.iteration < self.total:
            self.step(run, wrapped, depth)
            if run.iteration % self.args.record == 0 or run.iteration == self.total:
                self.record(run, progress)
            if run.iteration % self.args.save == 0 or run.iteration == self.total:
                state = {**run.state(), "settings": self.settings}
                if self.world.first:
                    checkpoint.save(path, state)
            progress.update(task, completed=run.iteration)
        return run

    def rate(self, iteration: int, depth: int) -> float:
        """Return the learning rate: a tenth from the half on, and again from three quarters."""
        if depth >= DEEP and iteration < min(WARM_UP, self.total // 10):
            return float(self.args.rate) / 10
        drops = sum(2 * iteration >= self.total * k / 2 for k in (2, 3))
        return float(self.args.rate) * 0.1**drops

    def batch(self, iteration: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the images of an iteration; they depend on the seed and its number alone."""
        per_epoch = len(self.images.train) // self.args.batch
        epoch, place = divmod(iteration, per_epoch)
        order = torch.randperm(len(self.images.train), generator=self._noise(2 * epoch))
        chosen = order[place * self.args.batch :][: self.args.batch]
        varied = self.images.varied(self.images.train[chosen], self._noise(2 * iteration + 1))
        return varied, self.images.train_labels[chosen]

    def _noise(self, number: int) -> torch.Generator:
        return torch.Generator().manual_seed((self.args.seed << 32) + number)

    def step(self, run: Run, wrapped: nn.Module, depth: int) -> None:
        """Take one step of SGD over a batch, part by part."""
        images, labels = self.batch(run.iteration)
        size, own = self.args.batch // self.args.parts, self.args.parts // self.world.size
        for group in run.optimizer.param_groups:
            group["lr"] = self.rate(run.iteration, depth)
        run.model.train()
        run.optimizer.zero_grad(set_to_none=True)
        seen = torch.zeros(3, dtype=torch.double, device=self.world.device)
        for k in range(own):
            start = (self.world.rank * own + k) * size
            x, y = (t[start : start + size].to(self.world.device) for t in (images, labels))
            with run.statistics.part(k), self.world.waiting(wrapped, k + 1 < own):
                scores = wrapped(x)
                loss = F.cross_entropy(scores, y)
                (loss / own).backward()
            wrong = (scores.argmax(1) != y).sum()
            seen += torch.tensor([loss.item() * size, wrong.item(), size]).to(seen)
        run.optimizer.step()
        run.iteration += 1
        run.sums = [a + b for a, b in zip(run.sums, self.world.summed(seen).tolist(), strict=True)]

    def record(self, run: Run, progress: Progress) -> None:
        """Note the error in training since the last record, and the error on the test images."""
        loss, wrong, count = run.sums
        test_loss, test_error = self.test(run)
        run.records.append(
            {
                "iteration": run.iteration,
                "train_loss": loss / count,
                "train_error": 100 * wrong / count,
                "test_loss": test_loss,
                "test_error": test_error,
            }
        )
        run.sums = [0.0, 0.0, 0.0]
        last = run.records[-1]
        if self.world.first:
            progress.console.print(
                f"{run.name} {run.iteration}/{self.total}: loss {last['train_loss']:.3f}, "
                f"error {last['train_error']:.2f} % in training, {test_error:.2f} % in test"
            )

    @torch.no_grad()
    def test(self, run: Run) -> tuple[float, float]:
        """Return the loss and the error in percent on all test images."""
        run.statistics.use_mean()
        run.model.eval()
        loss = wrong = 0.0
        for x, y in zip(
            self.images.test.split(500), self.images.test_labels.split(500), strict=True
        ):
            scores, wanted = run.model(x.to(self.world.device)), y.to(self.world.device)
            loss += float(F.cross_entropy(scores, wanted, reduction="sum"))
            wrong += float((scores.argmax(1) != wanted).sum())
        count = len(self.images.test_labels)
        return loss / count, 100 * wrong / count

    def run(self) -> None:
        """Train all networks; write the results and the figure after each."""
        results: dict[str, Any] = {"settings": self.settings, "runs": {}}
        console = Console(stderr=True)
        with Progress(
            console=console, disable=not self.world.first or not console.is_terminal
        ) as bar:
            for kind in self.args.kinds:
                for depth in self.args.depths:
                    run = self.train(kind, depth, bar)
                    params = sum(p.numel() for p in run.model.parameters())
                    told = {"depth": depth, "params": params, "records": run.records}
                    results["runs"][run.name] = told
                    if self.world.first:
                        checkpoint.save_json(self.args.out / "results.json", results)
        if self.world.first and not self.args.no_figure:
            draw(results, self.args.out / "figure6.svg")
        self.world.close()


def depth_of(text: str) -> int:
    """Return a depth that the paper's networks can have: 6n + 2."""
    if not text.isdecimal() or int(text) < 8 or int(text) % 6 != 2:
        raise argparse.ArgumentTypeError(f"a depth is 6n + 2, as 20, 32, 44, 56 or 110, got {text}")
    return int(text)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--data", choices=DATA, default="digits")
    add("--root", type=Path, default=Path("data"), help="the folder that has CIFAR-10")
    add("--depths", type=depth_of, nargs="+", default=[20, 56], metavar="6n+2")
    add("--kinds", choices=SHORTCUTS, nargs="+", default=list(SHORTCUTS))
    add("--iterations", type=int, help="1200 for the digits, 64000 for CIFAR-10 as in the paper")
    add("--batch", type=int, default=128, help="images of a batch, over all processes")
    add("--parts", type=int, default=2, help="batch norm sees a batch in so many parts")
    add("--rate", type=float, default=0.1, help="learning rate at the start")
    add("--weight-decay", type=float, default=1e-4)
    add("--seed", type=int, default=0)
    add("--record", type=int, default=25, help="iterations between two points of the figure")
    add("--save", type=int, default=100, help="iterations between two checkpoints")
    add("--device", help="cpu or cuda; without it a GPU where there is one")
    add("--out", type=Path, default=Path("runs/degradation"))
    add("--no-figure", action="store_true", help="write results.json alone")
    return parser.parse_args()


if __name__ == "__main__":
    torch.backends.cudnn.deterministic = True  # so that a run resumed gives the same numbers
    torch.backends.cudnn.benchmark = False
    Experiment(arguments()).run()

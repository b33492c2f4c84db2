"""How long a check takes, beside importing PyTorch and what the usual tools do.

    python benchmarks/bench_check.py [ROUNDS]

Whole processes as a user starts them, then calls within one process that has all imported.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from common import interleaved, ratio, seconds, table

REPOSITORY = Path(__file__).resolve().parent.parent
SPEC = REPOSITORY / "specs" / "resnet.yaml"
ROUNDS = 7

MAIN = "from archc.cli import main; main()"
SUMMARY = """
from archc.runtime.torchvision import import_torchvision
import torchinfo
torchinfo.summary(import_torchvision().models.resnet50(), (1, 3, 224, 224), verbose=0)
"""
PROCESSES = {
    "`python -c pass`": ["-c", "pass"],
    "`archc check resnet50`": ["-c", MAIN, "check", "resnet50"],
    "`archc check specs/resnet.yaml`, all variants": ["-c", MAIN, "check", str(SPEC)],
    "`archc check resnet20`": ["-c", MAIN, "check", "resnet20"],
    "`archc check resnet1202`": ["-c", MAIN, "check", "resnet1202"],
    "`archc build resnet50`": ["-c", MAIN, "build", "resnet50"],
    "`python -c 'import torch'`": ["-c", "import torch"],
    "torchvision builds, torchinfo summarises ResNet-50": ["-c", SUMMARY],
}


def start(arguments: list[str]) -> None:
    command = [sys.executable, *arguments]
    subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, check=True)


def report(title: str, times: dict[str, list[float]], reference: str) -> None:
    """Print times and the ratio to the reference."""
    rows = [(name, seconds(each), ratio(each, times[reference])) for name, each in times.items()]
    print(f"\n{title}\n")
    print(table(["", "time", f"relative to {reference}"], rows))


def processes(rounds: int) -> None:
    tasks = {name: (lambda a=arguments: start(a)) for name, arguments in PROCESSES.items()}
    for task in tasks.values():
        task()  # files are in the cache, bytecode is written
    title = "Whole processes: lower quartile of interleaved rounds, and the range"
    report(title, interleaved(tasks, rounds), "`python -c 'import torch'`")


def calls(rounds: int) -> None:
    """Time calls where everything is imported and has run once."""
    import torchinfo

    import archc
    from archc.runtime.torchvision import import_torchvision

    models = import_torchvision().models

    def summarise(device: str) -> None:
        import torch

        with torch.device(device):
            model = models.resnet50()
        torchinfo.summary(model, (1, 3, 224, 224), device=device, verbose=0)

    peer = "torchvision and torchinfo, ResNet-50 on the meta device"
    tasks = {
        "`archc.check('resnet50')`": lambda: archc.check("resnet50"),
        "`archc.check('specs/resnet.yaml')`": lambda: archc.check(SPEC),
        "`archc.check('resnet20')`": lambda: archc.check("resnet20"),
        "`archc.check('resnet1202')`": lambda: archc.check("resnet1202"),
        "`archc.compile('resnet50').source()`": lambda: archc.compile("resnet50").source(),
        peer: lambda: summarise("meta"),
        "torchvision and torchinfo, ResNet-50 on the CPU": lambda: summarise("cpu"),
    }
    for task in tasks.values():
        task()
    report("Calls in one process", interleaved(tasks, rounds), peer)


if __name__ == "__main__":
    given = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    processes(given)
    calls(given)

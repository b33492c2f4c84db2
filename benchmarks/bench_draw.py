"""How long a picture takes, beside torchview's and torchinfo's table of the same networks.

    python benchmarks/bench_draw.py [ROUNDS]

Calls in one process that has all imported, interleaved. torchview runs the network on the meta
device to see its graph, and Graphviz's `dot` is asked for the same SVG in both cases.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from common import interleaved, ratio, seconds, table

ROUNDS = 5
NETWORKS = {"resnet50": (3, 224, 224), "resnet152": (3, 224, 224), "resnet1202": (3, 32, 32)}
LEVELS = ("family", "stage", "block", "op")


def drawing(name: str, level: str) -> Callable[[], object]:
    """Compile a spec and draw it as SVG."""
    import archc

    return lambda: archc.compile(name).svg(level)


def peers(name: str, shape: tuple[int, ...]) -> dict[str, Callable[[], object]]:
    """Return what the peers do with the same network, built anew each time on the meta device."""
    import torch
    import torchinfo
    import torchview

    import archc
    from archc.backends.render import render

    text = archc.compile(name).source()

    def module() -> torch.nn.Module:
        names: dict[str, object] = {}
        with torch.device("meta"):
            exec(text, names)  # noqa: S102 - what archc wrote
            return next(c for c in reversed(names.values()) if isinstance(c, type))()  # type: ignore[no-any-return]

    def view(depth: int) -> object:
        graph = torchview.draw_graph(
            module(), input_size=(1, *shape), device="meta", depth=depth, expand_nested=True
        )
        return render(graph.visual_graph.source, "svg")

    def info() -> object:
        return torchinfo.summary(module(), (1, *shape), device="meta", verbose=0)

    return {
        "torchview, depth 1": lambda: view(1),
        "torchinfo, a table": info,
        "torchview, all": lambda: view(9),
    }


def main(rounds: int) -> None:
    for name, shape in NETWORKS.items():
        tasks = {f"archc, `{level}`": drawing(name, level) for level in LEVELS}
        tasks |= peers(name, shape)
        for task in tasks.values():
            task()
        times = interleaved(tasks, rounds)
        reference = times["torchview, depth 1"]
        rows = [(task, seconds(each), ratio(each, reference)) for task, each in times.items()]
        print(f"\n{name}\n")
        print(table(["", "time", "relative to torchview, depth 1"], rows), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)

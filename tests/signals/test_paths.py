"""Paths: counted by polynomials as they are counted one by one."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations, pairwise
from math import comb
from pathlib import Path

import networkx as nx
import pytest
from typer.testing import Result

import archc
from archc.diagnostics import Source
from archc.passes.paths import UnknownPlace
from archc.passes.residual import joins

Small = Callable[[str], archc.Architecture]
KINDS = ("basic", "bottleneck", "preactivation", "gated", "dense", "plain")


def one_by_one(arch: archc.Architecture) -> list[list[str]]:
    """Return every path of the graph of all ops."""
    graph = arch.graph
    (end,) = (n for n in graph if not graph.out_degree(n))
    return list(nx.all_simple_paths(graph, "input", end))


@pytest.mark.parametrize("kind", KINDS)
def test_layers_by_brute_force(kind: str, small: Small) -> None:
    """Weighted layers on a path, gates included: as networkx finds the paths."""
    arch = small(kind)
    ops = arch.graph.nodes
    layers = Counter(sum(ops[n]["op"] in ("conv", "linear") for n in p) for p in one_by_one(arch))

    assert arch.paths("layers", through_gates=True).counts == layers


@pytest.mark.parametrize("kind", ["basic", "bottleneck", "preactivation", "dense"])
def test_branches_by_brute_force(kind: str, small: Small) -> None:
    """A path goes by a residual branch where it enters a join from the branch's last op."""
    arch = small(kind)
    last = {"basic": "bn2", "bottleneck": "bn3", "preactivation": "conv2", "dense": "drop"}[kind]
    steps = [[(a, b) for a, b in pairwise(p) if a.split(".")[-1] == last] for p in one_by_one(arch)]

    assert arch.paths().counts == Counter(map(len, steps))
    assert arch.paths().total == 2**4


@pytest.mark.parametrize(
    ("name", "blocks"),
    [("resnet18", 8), ("resnet50", 16), ("resnet110", 54), ("densenet121", 58), ("plain20", 0)],
)
def test_two_to_the_n(name: str, blocks: int) -> None:
    """The lengths are binomial: Veit et al. 2016, section 3."""
    paths = archc.compile(name).paths()

    assert paths.counts == {k: comb(blocks, k) for k in range(blocks + 1)}
    assert (paths.total, paths.units) == (2**blocks, blocks)


def test_resnet110_as_published() -> None:
    """Veit et al., section 5: of 54 blocks more than 95 % of paths pass 19 to 35."""
    paths = archc.compile("resnet110").paths()

    assert paths.mean == 27
    assert sum(paths.share(k) for k in range(19, 36)) > 0.95
    assert paths.deviation == pytest.approx((54 / 4) ** 0.5)


def test_gates_open_no_path(small: Small) -> None:
    """A gated block has two ways, as a residual one, unless gates are counted."""
    arch = small("gated")

    assert arch.paths().total == 2**4
    assert arch.paths(through_gates=True).total == 4**4


def test_resnet1202_within_a_second() -> None:
    """Compiled before, both lengths; exact to the last of 181 digits."""
    arch = archc.compile("resnet1202")
    start = time.process_time()
    branches, layers = arch.paths(), arch.paths("layers")
    spent = time.process_time() - start

    assert branches.total == layers.total == 2**600
    assert layers.counts == {2 + 2 * k: comb(600, k) for k in range(601)}
    assert spent < 1


def test_deleting() -> None:
    """A block keeps its shortcut; a layer of its branch takes the branch; a plain one takes all."""
    arch = archc.compile("resnet20")
    for gone, left in (
        (["layer2.1"], 2**8),
        (["layer2.0", "layer3.2"], 2**7),
        (["layer2"], 2**6),
        (["layer2.1.conv2"], 2**8),
        (["layer2.1.conv2", "layer2.1"], 2**8),
        (["conv1"], 0),
    ):
        paths = arch.paths(without=gone)
        assert (paths.total, paths.intact) == (left, 2**9), gone
    assert archc.compile("plain20").paths(without=["layer2.1"]).total == 0
    assert archc.compile("plain20").paths(without=["layer2.1"]).surviving == 0


def test_survival_by_brute_force(small: Small) -> None:
    """Deleted branches leave the mean over all choices of them."""
    arch = small("basic")
    blocks = [f"layer{s}.{k}" for s in (1, 2) for k in (0, 1)]
    for d in range(5):
        left = [arch.paths(without=chosen).total for chosen in combinations(blocks, d)]
        assert arch.paths().survival(d) == Fraction(sum(left), 2**4 * len(left))


def test_no_such_block() -> None:
    """The names that there are come with the error."""
    with pytest.raises(UnknownPlace) as caught:
        archc.compile("resnet20").paths(without=["layer2.3"])

    assert {"layer2.2", "layer2"} <= {*caught.value.known}
    with pytest.raises(UnknownPlace) as caught:
        archc.compile("resnet20").paths(without=["layer2.2.conv3"])

    assert {"layer2.2.conv1", "layer2.2.conv2"} <= {*caught.value.known}


def test_shortcut_and_branch(small: Small) -> None:
    """Which operand is the shortcut, by kind of block; an Inception module has none."""
    for kind in ("basic", "bottleneck", "preactivation", "gated", "dense"):
        module = small(kind).network.root.nodes[2].module
        assert module is not None
        (join,) = joins(module).values()
        assert join.shortcut == (0 if kind == "dense" else 1), kind
        assert join.fork is module.inputs[0]
    googlenet = archc.compile("googlenet").network
    assert not any(j.residual for m in googlenet.modules for j in joins(m).values())


def test_parameters_are_no_branch() -> None:
    """A sum with a parameter is no join."""
    text = "archc: 1\nname: t\ninput: [4, 5, 5]\nbody:\n  p: parameter(1, 4, 5, 5)\n  a: x + p\n"
    module = archc.compile(Source("t.yaml", text)).network.root

    assert not joins(module)


def test_command(run: Callable[..., Result], tmp_path: Path) -> None:
    """Text, CSV, JSON and pictures; numbers in files are exact."""
    assert "512 paths" in run("paths", "resnet20").stdout
    assert "| 4 " in run("paths", "resnet20", "--format", "markdown").stdout
    told = json.loads(run("paths", "resnet1202", "--format", "json").stdout)
    assert told["paths"][0]["total"] == 2**600
    rows = run("paths", "resnet20", "--format", "csv").stdout.splitlines()
    assert rows[1] == "branches,0,1,0.001953125"
    for form, start in (("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
        target = tmp_path / f"paths.{form}"
        assert run("paths", "resnet20", "-o", target).exit_code == 0
        assert target.read_bytes().startswith(start)


def test_wrong_usage(run: Callable[..., Result]) -> None:
    """An unknown block comes with the nearest; an unknown format with the known."""
    done = run("paths", "resnet20", "--without", "layer2.7")
    assert done.exit_code == 2
    assert "resnet20 has no stage, block or op `layer2.7`; did you mean `layer2." in done.stderr
    assert run("paths", "resnet20", "--format", "gif").exit_code == 2


def test_needs_no_torch() -> None:
    """Paths are counted from the graph alone."""
    code = "import sys, archc; archc.compile('resnet50').paths(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"

"""What the tests of signals share: small blocks of every kind, and a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from typer.testing import CliRunner, Result

import archc
from archc.cli import app
from archc.diagnostics import Source

HEAD = """\
archc: 1
name: {name}
input: [3, 9, 9]
defaults: {{conv: {{bias: false}}}}
blocks:
{block}
stem:
  conv: conv(8, 3)
stages:
  layer1: {{block: block, depth: 2, width: 8}}
  layer2: {{block: block, depth: 2, width: 16}}
head:
  pool: global_avg_pool
  fc: linear(5)
"""
BLOCKS = {
    "basic": """\
  block(width):
    conv1: conv(width, 3)
    bn1: bn
    relu1: relu
    conv2: conv(width, 3)
    bn2: bn
    shortcut: projection(width, 1)(x)
    out: relu(bn2 + shortcut)
""",
    "bottleneck": """\
  block(width):
    conv1: conv(width // 4, 1)
    bn1: bn
    relu1: relu
    conv2: conv(width // 4, 3)
    bn2: bn
    relu2: relu
    conv3: conv(width, 1)
    bn3: bn
    shortcut: zero_pad(width, 1)(x)
    out: relu(bn3 + shortcut)
""",
    "preactivation": """\
  block(width):
    bn1: bn
    relu1: relu
    shortcut: projection(width, 1)(relu1 if x.channels != width else x)
    conv1: conv(width, 3)(relu1)
    bn2: bn
    relu2: relu
    conv2: conv(width, 3)
    out: conv2 + shortcut
""",
    "gated": """\
  block(width):
    h: conv(width, 3)(x)
    relu: relu
    t: conv(width, 1, bias=true)(x)
    gate: sigmoid
    skip: zero_pad(width, 1)(x)
    out: gate * relu + (1 - gate) * skip
""",
    "dense": """\
  block(width):
    bn: bn
    relu: relu
    conv: conv(width // 2, 3)
    drop: dropout(0.2)
    out: concat(x, drop)
""",
    "plain": """\
  block(width):
    conv: conv(width, 3)
    bn: bn
    relu: relu
""",
}


@pytest.fixture(scope="session")
def small() -> Callable[[str], archc.Architecture]:
    """Return what compiles a small network of blocks of a kind."""
    made = {
        name: archc.compile(Source(f"{name}.yaml", HEAD.format(name=name, block=block)))
        for name, block in BLOCKS.items()
    }
    return made.__getitem__


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Add up in one order; leave the number of threads as it was."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def run() -> Callable[..., Result]:
    """Return what runs archc as on a command line."""

    def called(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(a) for a in arguments])

    return called

"""Receptive fields through tokens, windows and shuffles: never less than what a place changes with."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archc
from archc.diagnostics import Source
from archc.passes.receptive import ReceptiveFields

HEAD = """\
archc: 1
name: net
input: [4, 12, 12]
blocks:
  net:
    small: conv(4, 3)
STEPS
body:
  net: net
"""
WINDOWS = """\
mask: window_mask(4, SHIFT)(small)
windows: window_partition(4, SHIFT, grid=GRID)(small)
mixed: MIXED
out: window_merge(4, SHIFT, grid=GRID)(mixed, small)"""
TOKENS = """\
tokens: rearrange("b c h w -> b (h w) c")(small)
mixed: MIXED
out: rearrange("b (h w) c -> b c h w", h=12)(mixed)"""
GROUPS = """\
tokens: rearrange("b c (h p) (w q) -> b (h w) (p q) c", p=3, q=3)(small)
mixed: MIXED
out: rearrange("b (h w) (p q) c -> b c (h p) (w q)", h=4, p=3)(mixed)"""
EMBEDDING = """\
r: rearrange("b c (h p) (w q) -> b (h w) (p q c)", p=3, q=3)(small)
l: linear(4)
s: rearrange("b (h w) c -> b c h w", h=4)
t: conv(4, 3)"""
ATTENTION = "attention(2)(split(3)(linear(12)(NAME)))"


def windows(mixed: str, shift: int = 0, *, grid: bool = False) -> str:
    text = WINDOWS.replace("MIXED", mixed).replace("GRID", str(grid).lower())
    text = text if "mask)" in mixed else text.partition("\n")[2]
    return text.replace("SHIFT", str(shift))


EXACT = {
    "windows": (windows(ATTENTION.replace("NAME", "windows")), 6),
    "a window's channels": (windows("linear(4)(windows)"), 3),
    "windows in a row": (
        windows(ATTENTION.replace("NAME", "windows")) + "\nthen: conv(4, 3)\nagain: conv(4, 3)",
        10,
    ),
    "shifted windows": (
        windows(ATTENTION.replace("NAME", "windows").replace(")))", ")), mask)"), 2),
        6,
    ),
    "patches": (GROUPS.replace("MIXED", "softmax(dim='n')(tokens)").replace("'", '"'), None),
    "tokens' channels": (TOKENS.replace("MIXED", "linear(4)(tokens)"), 3),
    "attention": (TOKENS.replace("MIXED", ATTENTION.replace("NAME", "tokens")), None),
    "self-attention": (TOKENS.replace("MIXED", "multihead_attention(2)(tokens)"), None),
    "channel shuffle": ('s: rearrange("b (g c) h w -> b (c g) h w", g=2)(small)\nt: conv(4, 3)', 5),
    "space to depth": ('s: rearrange("b c (h p) (w q) -> b (p q c) h w", p=2, q=2)(small)', 4),
    "reduced windows": ('s: reduce("b c (h p) (w q) -> b c h w", by="mean", p=3, q=3)(small)', 5),
    "reduced and on": (
        's: reduce("b c (h p) (w q) -> b c h w", by="sum", p=2, q=2)(small)\nt: conv(4, 3)',
        8,
    ),
    "mixed tokens": (
        'r: rearrange("b c h w -> b c (h w)")(small)\nl: linear(144)',
        None,
    ),
    "mixed columns": ('l: linear(12)(rearrange("b c h w -> b h c w")(small))', (3, None)),
    "softmax of a row": ('s: softmax(dim="w")(small)', (3, None)),
    "normalised columns": ('s: l2_normalize(dim="h")(small)', (None, 3)),
    "patch embedding": (
        EMBEDDING,
        11,
    ),
    "depth to space": ('s: rearrange("b (c p q) h w -> b c (h p) (w q)", p=2, q=2)(small)', 3),
    "products of places": ('e: einsum("b c h w, b c h w -> b h w")(small, wide)', 3),
    "sums over columns": ('e: einsum("b c h w, b d h w -> b c d h")(small, wide)', (3, None)),
}
"""What is exact, with the places that one sees down and across; None for all."""

EDGES = {"windows in a row": 9, "patch embedding": 10}
"""Where no place of so small a map sees all of its field."""

ABOVE = {
    "products of rows": 'e: einsum("b c h w, b c h v -> b h w v")(small, wide)',
    "shuffled places": 's: rearrange("b (c p q) h w -> b c (p h) (q w)", p=2, q=2)(small)\nt: conv(4, 3)',
    "line": 'r: rearrange("b c h w -> b c (h w)")(small)\nl: conv1d(4, 3)\n'
    's: rearrange("b c (h w) -> b c h w", h=12)',
    "grid": windows(ATTENTION.replace("NAME", "windows"), grid=True),
    "rolled without a mask": windows(ATTENTION.replace("NAME", "windows"), 2),
    "spatial shuffle": 's: rearrange("b c (p h) w -> b c (h p) w", p=2)(small)\nt: conv(4, 3)',
    "turned": 's: rearrange("b c h w -> b c (w h)")(small)\n'
    't: rearrange("b c (h w) -> b c h w", h=12)\nu: conv(4, 3)',
    "transposed": "s: transpose(small)\nt: conv(4, 3)",
    "stacked": 's: stack(dim="k")(small, small)\n'
    't: rearrange("b k c h w -> b h c (w k)")\nu: linear(24)',
    "flattened": 'f: flatten(small)\nl: linear(36)\ns: rearrange("b (c h w) -> b c h w", c=1, h=6)',
    "one of the tokens": 'r: rearrange("b c h w -> b (h w) c")(small)\ns: select(3, dim="n")',
}
"""What may say more than is seen."""


def compiled(steps: str) -> tuple[archc.Architecture, Source]:
    if "wide" in steps:
        steps = f"wide: conv(4, 3)(x)\n{steps}"
    text = HEAD.replace("STEPS", "\n".join(f"    {line}" for line in steps.splitlines()))
    source = Source("net.yaml", text)
    return archc.compile(source), source


def reached(source: Source, sizes: tuple[int, ...]) -> tuple[int, int]:
    """Return the most rows, and columns, between those that a place of the output changes with."""
    torch.manual_seed(0)
    model = archc.load(source).double().eval()
    for parameter in model.parameters():
        nn.init.uniform_(parameter, 0.1, 0.3)
    layout = archc.compile(source).output.layout
    x = torch.rand(1, *sizes, dtype=torch.double)
    widest = []
    with torch.no_grad():
        base = model(x)
        for axis in (2, 3):
            changed = []
            for place in range(x.shape[axis]):
                other = x.clone()
                other.select(axis, place).add_(torch.rand(1))
                differs = (model(other) - base).abs() > 1e-12
                if "c" in layout and base.ndim > 2:
                    differs = differs.any(1 + layout.index("c"))
                changed.append(differs.flatten())
            seen = torch.stack(changed).int()
            places = [column.nonzero().flatten() for column in seen.T]
            widest.append(max(int(p.max() - p.min()) + 1 for p in places if len(p)))
    return widest[0], widest[1]


@pytest.mark.parametrize("name", EXACT)
def test_exact(name: str) -> None:
    """The field is what a place changes with, where weights are positive."""
    steps, wanted = EXACT[name]
    arch, source = compiled(steps)
    root = arch.network.root
    found = tuple(w.size for w in ReceptiveFields().of(root.values[0], root))
    pair = wanted if isinstance(wanted, tuple) else (wanted, wanted)

    assert found == pair
    assert reached(source, arch.input.sizes) == tuple(EDGES.get(name, n or 12) for n in pair)


@pytest.mark.heavy
@pytest.mark.parametrize("name", ABOVE)
def test_above(name: str) -> None:
    """The field is no less than what a place changes with."""
    arch, source = compiled(ABOVE[name])
    root = arch.network.root
    found = (w.size or 12 for w in ReceptiveFields().of(root.values[0], root))

    assert all(a <= b for a, b in zip(reached(source, arch.input.sizes), found, strict=True))


def test_swin() -> None:
    """A block sees its window, 7 tokens of 4 pixels; the next, of windows between them, two."""
    network = archc.compile("swin_t").network
    fields = ReceptiveFields()
    sizes = [fields.of(n.outputs[0], network.root)[0].size for n in network.root.nodes[:3]]

    assert sizes == [4, 28, 56]


def test_patterns_that_hardly_repeat() -> None:
    """Windows of many sizes one after the other are bounded from above, and at once."""
    sizes = (7, 11, 13, 17, 19)
    steps = ""
    for k, s in enumerate(sizes):
        steps += (
            f"    p{k}: pad_to({s})({f'm{k - 1}' if k else 'x'})\n"
            f"    w{k}: window_partition({s})(p{k})\n"
            f'    l{k}: softmax(dim="n")\n'
            f"    m{k}: window_merge({s})(l{k}, p{k})\n"
        )
    text = f"archc: 1\nname: t\ninput: [1, 40, 40]\nblocks:\n  net:\n{steps}body:\n  net: net\n"
    root = archc.compile(Source("t.yaml", text)).network.root

    assert ReceptiveFields().of(root.values[0], root)[0].size is None

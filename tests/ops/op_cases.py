"""Uses of every op on small inputs, and how to build what its spelling says."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archc.ops import HELPERS, OPS, Op, Py, Use
from archc.shapes import Shape

MAP = Shape.of("c h w", 6, 7, 9)
VECTOR = Shape.of("c", 6)
TOKENS = Shape.of("n c", 5, 6)
LAST = Shape.of("h w c", 3, 5, 6)
WINDOWS = Shape.of("g n c", 4, 4, 6)
EVEN = Shape.of("h w c", 4, 6, 6)


def own(layout: str, *sizes: int, batch: str = "") -> Shape:
    """Return the shape of what a network owns, which has no batch."""
    return replace(Shape.of(layout, *sizes), batch=batch)


if TYPE_CHECKING:
    import torch
    from torch import nn

Case = tuple[Op, tuple[Shape, ...]]


def op(name: str, **arguments: Any) -> Op:
    return OPS[name](**arguments)


def one(name: str, x: Shape, **arguments: Any) -> Case:
    return op(name, **arguments), (x,)


CASES: list[Case] = [
    one("conv", MAP, out=4, kernel=3),
    one("conv", MAP, out=4, kernel=1, bias=False),
    one("conv", MAP, out=4, kernel=[1, 7], stride=[2, 1]),
    one("conv", MAP, out=4, kernel=[3, 5], dilation=[1, 2]),
    one("conv", MAP, out=9, kernel=5, stride=3, dilation=2, groups=3),
    one("conv", MAP, out=6, kernel=2, stride=2, padding=0, groups=6),
    one("conv", MAP, out=6, kernel=4, padding=[2, 0], padding_mode="replicate"),
    one("conv", MAP, out=6, kernel=7, padding_mode="reflect"),
    one("conv", MAP, out=6, kernel=3, dilation=7, padding_mode="circular"),
    one("conv1d", Shape.of("c n", 6, 9), out=4, kernel=3),
    one("conv1d", Shape.of("c n", 6, 9), out=9, kernel=5, stride=2, dilation=2, groups=3),
    one("conv1d", Shape.of("n c", 1, 6), out=1, kernel=3, bias=False),
    one("conv1d", Shape.of("c l", 4, 9), out=4, kernel=4, padding=1, groups=4),
    one("conv_transpose", MAP, out=4, kernel=2, stride=2),
    one("conv_transpose", MAP, out=4, kernel=[3, 4], stride=2, padding=1, output_padding=[1, 0]),
    one("conv_transpose", MAP, out=9, kernel=3, dilation=2, output_padding=1, groups=3, bias=False),
    one("linear", VECTOR, out=4),
    one("linear", TOKENS, out=4, bias=False),
    one("linear", LAST, out=4),
    one("linear", Shape.of("c n", 6, 5), out=4),
    one("linear", WINDOWS, out=6, bias_mask=[1, 0, 1]),
    one("linear", own("h w c", 3, 3, 2, batch="1"), out=4),
    one("bn", MAP),
    one("bn", MAP, eps=1e-3, momentum=None),
    one("bn", MAP, affine=False),
    one("bn", VECTOR, track_running_stats=False),
    one("layer_norm", VECTOR),
    one("layer_norm", TOKENS, eps=1e-6),
    one("layer_norm", LAST, affine=False),
    one("layer_norm", MAP, eps=1e-6),
    one("group_norm", MAP, groups=3),
    one("group_norm", VECTOR, groups=2, eps=1e-3, affine=False),
    one("instance_norm", MAP),
    one("instance_norm", MAP, affine=True, track_running_stats=True, momentum=0.2),
    one("local_response_norm", MAP, size=5, alpha=1e-2, k=2.0),
    one("max_pool", MAP, kernel=3, stride=2, padding=1),
    one("max_pool", MAP, kernel=2, ceil_mode=True),
    one("max_pool", MAP, kernel=[3, 2], stride=[2, 3], dilation=2, ceil_mode=True),
    one("max_pool", Shape.of("c h w", 2, 2, 2), kernel=3, stride=2, ceil_mode=True),
    one("avg_pool", MAP, kernel=3, stride=1, padding=1),
    one("avg_pool", MAP, kernel=2, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
    one("adaptive_avg_pool", MAP, size=1),
    one("adaptive_avg_pool", MAP, size=[4, 10]),
    one("adaptive_max_pool", MAP, size=[3, 1]),
    one("global_avg_pool", MAP),
    one("global_avg_pool", LAST),
    one("relu", MAP),
    one("relu6", MAP),
    one("leaky_relu", MAP),
    one("leaky_relu", MAP, negative_slope=0.2),
    one("prelu", MAP),
    one("prelu", TOKENS, init=0.1),
    one("prelu", MAP, channelwise=True),
    one("elu", MAP, alpha=0.5),
    one("selu", MAP),
    one("celu", MAP, alpha=2.0),
    one("gelu", MAP),
    one("gelu", MAP, approximate="tanh"),
    one("silu", MAP),
    one("mish", MAP),
    one("sigmoid", MAP),
    one("tanh", MAP),
    one("hardswish", MAP),
    one("hardsigmoid", MAP),
    one("softplus", MAP, beta=2.0, threshold=1.0),
    one("softmax", MAP),
    one("softmax", TOKENS),
    one("softmax", TOKENS, dim="n"),
    one("log_softmax", VECTOR),
    one("abs", MAP),
    one("exp", TOKENS),
    one("power", MAP, exponent=3.0),
    one("power", VECTOR, exponent=2),
    one("clamp", MAP, min=-0.5),
    one("clamp", TOKENS, min=0.0, max=1.0),
    (op("maximum"), (MAP, MAP)),
    (op("maximum"), (MAP, own("c h w", 6, 1, 1))),
    (op("minimum"), (TOKENS, TOKENS)),
    one("l2_normalize", MAP),
    one("l2_normalize", TOKENS, eps=1e-6),
    one("l2_normalize", Shape.of("h d n", 2, 3, 4), dim="d"),
    one("dropout", MAP),
    one("dropout", VECTOR, p=0.2),
    one("dropout2d", MAP, p=0.3),
    one("drop_path", MAP, p=0.3),
    one("drop_path", TOKENS, p=1.0),
    one("stochastic_depth", MAP, p=0.3),
    one("stochastic_depth", TOKENS, p=1.0),
    one("identity", MAP),
    (op("add"), (MAP, MAP)),
    (op("sub"), (TOKENS, TOKENS)),
    (op("div"), (MAP, MAP)),
    (op("mul"), (MAP, MAP)),
    (op("mul"), (MAP, Shape.of("c h w", 6, 1, 1))),
    (op("mul"), (Shape.of("c h w", 1, 7, 1), Shape.of("c h w", 6, 1, 9))),
    (op("add"), (MAP, own("c h w", 6, 1, 1))),
    (op("add"), (own("n c", 5, 6, batch="1"), TOKENS)),
    (op("sub"), (Shape.of("heads n m", 2, 4, 4), own("n c", 4, 4))),
    (op("mul"), (own("c", 6), WINDOWS)),
    (op("add"), (own("c", 6), own("c", 6))),
    (op("div"), (own("c", 6), own("c", 1, batch="1"))),
    one("scale", MAP, factor=0.5),
    one("scale", MAP, factor=-2),
    one("minus", MAP, minuend=1.0),
    one("over", MAP, number=3.0),
    one("over", MAP, number=2.0, inverse=True),
    one("shift", MAP, offset=1),
    one("shift", MAP, offset=-1.5),
    one("negate", MAP),
    (op("concat"), (MAP, MAP.replace(c=2), MAP)),
    (op("concat", dim="n"), (TOKENS, TOKENS.replace(n=1))),
    (op("concat"), (TOKENS, TOKENS.replace(c=1))),
    (op("concat", dim="w"), (MAP,)),
    (op("stack", dim="k"), (MAP, MAP)),
    (op("stack", dim="h"), (VECTOR,)),
    (op("sum"), (MAP, MAP, MAP)),
    (op("sum"), (MAP,)),
    (op("mean"), (VECTOR, VECTOR)),
    (op("mean"), (VECTOR,)),
    (op("live_mean"), (MAP, MAP, MAP)),
    (op("live_mean", p=1.0), (VECTOR, VECTOR)),
    one("flatten", MAP),
    one("flatten", TOKENS),
    one("transpose", MAP),
    one("transpose", LAST),
    one("split", MAP, sizes=3),
    one("split", MAP, sizes=[1, 2, 3]),
    one("split", TOKENS, sizes=[1, 4], dim="n"),
    one("narrow", MAP, start=1, length=4),
    one("narrow", TOKENS, start=1, length=4, dim="n"),
    one("select", TOKENS, index=0, dim="n"),
    one("select", MAP, index=-1, dim="w"),
    one("unfold", MAP, kernel=3),
    one("unfold", MAP, kernel=[2, 3], stride=2, padding=[1, 0], dilation=2),
    one("rearrange", MAP, pattern="b c h w -> b h w c"),
    one("rearrange", TOKENS, pattern="b n (h d) -> b h n d", sizes=(("h", 2),)),
    one("rearrange", Shape.of("h n d", 2, 5, 3), pattern="b h n d -> b n (h d)"),
    one("rearrange", LAST, pattern="b h w c -> b c h w"),
    one("rearrange", TOKENS, pattern="b n c -> b c n"),
    one("rearrange", MAP, pattern="b c h w -> b (h w) c"),
    one("rearrange", TOKENS, pattern="b (h w) c -> b c h w", sizes=(("w", 5),)),
    one("rearrange", MAP, pattern="b (g c) h w -> b (c g) h w", sizes=(("g", 2),)),
    one("rearrange", MAP, pattern="b c h (w q) -> b h w (q c)", sizes=(("q", 3), ("w", 3))),
    one("rearrange", TOKENS, pattern="b n (heads d) -> b heads n d", sizes=(("heads", 2),)),
    one("rearrange", VECTOR, pattern="b(g c)->b(c g)", sizes=(("c", 2),)),
    one("rearrange", MAP, pattern="b c h w -> b c h w"),
    one("rearrange", own("n m c", 2, 3, 4, batch="1"), pattern="b n m c -> b c n m"),
    one("reduce", MAP, pattern="b c h w -> b c", by="mean"),
    one("reduce", MAP, pattern="b c h (w q) -> b w c", by="max", sizes=(("q", 3),)),
    one("reduce", MAP, pattern="b (g c) h w -> b (h w) c", by="sum", sizes=(("g", 2),)),
    one("reduce", TOKENS, pattern="b n c -> b n", by="min"),
    one("reduce", MAP, pattern="b c h w -> b c 1 1", by="mean"),
    one("rearrange", VECTOR, pattern="b c -> b c 1 1"),
    one("rearrange", Shape.of("c h w", 6, 1, 1), pattern="b c 1 1 -> b 1 c"),
    one("rearrange", Shape.of("n c", 1, 6), pattern="b 1 (k c) -> b c 1 k", sizes=(("k", 2),)),
    (op("einsum", pattern="b n c, b m c -> b n m"), (TOKENS, TOKENS.replace(n=3))),
    (
        op("einsum", pattern="b heads n d, b heads d m -> b n heads m"),
        (Shape.of("heads n d", 2, 3, 4), Shape.of("heads d m", 2, 4, 5)),
    ),
    (op("einsum", pattern="b n c, c d -> b n d"), (TOKENS, own("n c", 6, 4))),
    (op("einsum", pattern="k c, b n c -> b k n"), (own("n c", 3, 6, batch="1"), TOKENS)),
    (op("einsum", pattern="b n c, b c -> b n c"), (TOKENS, VECTOR)),
    (op("einsum", pattern="n c, c d -> n d"), (own("n c", 3, 6), own("n c", 6, 4))),
    (op("attention", heads=2), (TOKENS,) * 3),
    (op("attention", heads=3, scale=0.5, fused=False), (WINDOWS, WINDOWS, WINDOWS.replace(c=9))),
    (
        op("attention", heads=2),
        (
            TOKENS,
            TOKENS.replace(n=3),
            TOKENS.replace(n=3, c=4),
            own("heads n m", 2, 5, 3),
            Shape.of("heads n m", 1, 5, 3),
        ),
    ),
    (
        op("attention", heads=3, fused=False),
        (WINDOWS, WINDOWS, WINDOWS, own("heads n m", 3, 4, 4), own("g heads n m", 4, 1, 4, 4)),
    ),
    (
        op("attention", heads=2, similarity="cosine"),
        (TOKENS, TOKENS, TOKENS, own("c h w", 2, 1, 1), own("heads n m", 2, 5, 5)),
    ),
    (op("multihead_attention", heads=2), (TOKENS,) * 3),
    (
        op("multihead_attention", heads=3, bias=False, dropout=0.1),
        (TOKENS, TOKENS.replace(n=4), TOKENS.replace(n=4)),
    ),
    one("window_partition", EVEN, size=2),
    one("window_partition", EVEN, size=[2, 3], shift=1),
    one("window_partition", Shape.of("c h w", 6, 4, 6), size=2, grid=True),
    (op("window_merge", size=2), (Shape.of("g n c", 6, 4, 6), EVEN)),
    (
        op("window_merge", size=[2, 3], shift=[1, 2]),
        (Shape.of("g n c", 4, 6, 5), Shape.of("h w c", 4, 5, 6)),
    ),
    (op("window_merge", size=2), (Shape.of("g n c", 6, 4, 6), Shape.of("c h w", 8, 4, 6))),
    (op("window_merge", size=2, grid=True), (Shape.of("g n c", 6, 4, 6), EVEN)),
    one("window_mask", EVEN, size=2, shift=1),
    one("window_mask", Shape.of("c h w", 6, 4, 6), size=[4, 3], shift=[2, 0]),
    one("relative_position_bias", own("n c", 9, 3), size=2),
    one("relative_position_bias", own("h w c", 3, 5, 2, batch="1"), size=[2, 3], flat=False),
    (op("relative_coordinates", size=[2, 3]), ()),
    (op("relative_coordinates", size=1), ()),
    one("resize", MAP, size=[5, 12]),
    one("resize", MAP, size=4, mode="bilinear", align_corners=True),
    one("pad", MAP, padding=2),
    one("pad", MAP, padding=[0, 1, -1, 2], value=0.5),
    one("pad", MAP, padding=[1, 0]),
    one("pad", TOKENS, padding=[0, 0, 1, 0]),
    one("pad_channels", MAP, out=8),
    one("pad_channels", VECTOR, out=8),
    one("pad_channels", LAST, out=6),
    one("pad_to", MAP, multiple=4),
    one("pad_to", MAP, multiple=[7, 4]),
    one("pad_to", LAST, multiple=4),
    one("pad_same", MAP, kernel=3, stride=2),
    one("pad_same", MAP, kernel=[2, 5], stride=[1, 3], dilation=2, value=-1.0),
    one("subsample", MAP, stride=2),
    one("subsample", MAP, stride=[3, 2]),
    one("upsample", MAP),
    one("upsample", MAP, scale=3, mode="bilinear"),
    one("upsample", MAP, mode="bilinear", align_corners=True),
    one("upsample", MAP, mode="bicubic", align_corners=False),
    (op("resize_to"), (MAP, Shape.of("c h w", 2, 13, 5))),
    (op("resize_to", mode="bilinear"), (MAP, Shape.of("c h w", 2, 14, 18))),
    (op("resize_to", mode="bicubic", align_corners=True), (MAP, Shape.of("c h w", 1, 4, 9))),
    (op("crop_to"), (MAP, Shape.of("c h w", 2, 4, 9))),
    one("channel_affine", MAP, scale=[0.5, 1, 2, 3, 4, 5], shift=[-1, 0, 1, 2, 3, 4]),
    (op("parameter", dims=[1, 5, 6]), ()),
    (op("parameter", dims=[6, 1, 1], init=1e-6), ()),
    (op("parameter", dims=[1, 6, 7, 9], init=1), ()),
    (op("parameter", dims=[6]), ()),
    (op("parameter", dims=[1], init=0), ()),
]


def use_of(op: Op, *xs: Shape, inplace: bool = False) -> Use:
    """Return the use of an op in which every argument is a constant."""
    args = {name: Py.of(getattr(op, name)) for name in type(op).model_fields}
    return Use(args, tuple(Py.of(op.features(x)) for x in xs), xs, inplace=inplace)


def name_of(case: Case) -> str:
    """Return a test's name: the op, its arguments and its inputs."""
    op, xs = case
    arguments = ",".join(f"{k}={v}" for k, v in op.model_dump(exclude_defaults=True).items())
    return f"{op.name}({arguments})({', '.join(map(str, xs))})".replace(" ", "")


def evaluate(text: str, **values: object) -> Any:
    """Evaluate the text of a spelling as the emitted file would, the helpers at hand."""
    import torch

    space: dict[str, Any] = {
        "math": math,
        "torch": torch,
        "nn": torch.nn,
        "F": torch.nn.functional,
    }
    for source in HELPERS.values():
        exec(source, space)  # noqa: S102 - our own literals
    return eval(text, space | values)  # noqa: S307 - the text under test


def batch(*xs: Shape, size: int = 2) -> list[torch.Tensor]:
    """Return random values of these shapes."""
    import torch

    leads = {"b": (size,), "1": (1,), "": ()}
    return [torch.randn(*leads[x.batch], *x.sizes) for x in xs]


def module_of(op: Op, *xs: Shape, inplace: bool = False) -> nn.Module | None:
    """Build the op's module, with weights and statistics that are no round numbers."""
    text = op.module(use_of(op, *xs, inplace=inplace))
    if not text:
        return None
    import torch

    module = evaluate(text)
    if isinstance(module, torch.nn.Module):
        state = [t for t in module.state_dict().values() if t.is_floating_point()]
        for tensor in state:
            tensor.copy_(torch.rand(tensor.shape) + 0.1)
    return module


def apply(op: Op, xs: tuple[Shape, ...], values: list[torch.Tensor]) -> Any:
    """Apply the op by its function, in brackets as a larger expression would have it."""
    names = [f"x{i}" for i in range(len(values))]
    made = buffers(op, *xs)
    text = op.function(use_of(op, *xs), *names, *made)
    return evaluate(f"({text})", **dict(zip(names, values, strict=True)), **made)


def buffers(op: Op, *xs: Shape) -> dict[str, torch.Tensor]:
    """Return the buffers that a class registers for an op."""
    return {name: evaluate(text) for name, text in op.buffers(use_of(op, *xs)).items()}

"""What an op says about inputs and arguments that don't fit."""

from __future__ import annotations

import pytest
from op_cases import LAST, MAP, TOKENS, VECTOR, op
from pydantic import ValidationError

from archc.ops import Op, ShapeFault
from archc.shapes import Shape

FEW, BATCH = Shape.of("n c", 3, 6), Shape.of("heads n m", 2, 5, 5)
WIDE = Shape.of("c h w", 8, 7, 9)
LARGE = Shape.of("c h w", 6, 14, 18)
NUMBER = Shape.of("1", 1)

FAULTS: list[tuple[Op, tuple[Shape, ...], str, str]] = [
    (op("conv", out=4, kernel=2), (MAP,), "even-kernel", "a kernel of 2×2, which has no middle"),
    (op("conv", out=4, kernel=(3, 4)), (MAP,), "even-kernel", "3×4"),
    (
        op("conv", out=8, kernel=3, groups=4),
        (MAP,),
        "groups-do-not-divide",
        "`conv` can't cut 6 input channels into 4 groups",
    ),
    (
        op("conv", out=7, kernel=3, groups=2),
        (MAP,),
        "groups-do-not-divide",
        "`conv` can't cut 7 output channels into 2 groups",
    ),
    (
        op("conv", out=4, kernel=9, padding=0),
        (MAP,),
        "kernel-too-large",
        "`conv` slides a kernel of 9×9 over a padded input of 7×9",
    ),
    (
        op("conv", out=4, kernel=3, dilation=(5, 1), padding=1),
        (MAP,),
        "kernel-too-large",
        "a kernel of 11×3 over a padded input of 9×11",
    ),
    (
        op("conv", out=4, kernel=15, padding_mode="reflect"),
        (MAP,),
        "padding-too-large",
        "a map of 7×9 by 7×7 of its own elements",
    ),
    (op("conv", out=4, kernel=3), (VECTOR,), "wrong-layout", "takes `b c h w`, but gets `b c`"),
    (op("linear", out=4), (MAP,), "wrong-layout", "takes channels that are last, but gets"),
    (
        op("linear", out=4, bias_mask=[1, 0, 1]),
        (VECTOR,),
        "parts-do-not-divide",
        "can't give 3 equal parts of 4 channels a bias each",
    ),
    (op("attention", heads=4), (TOKENS,) * 3, "heads-do-not-divide", "6 channels into 4 heads"),
    (op("attention", heads=2), (TOKENS, FEW), "too-few-values", "but gets 2"),
    (
        op("attention", heads=2),
        (TOKENS, FEW, TOKENS),
        "shape-mismatch",
        "keys of 3 and values of 5",
    ),
    (op("attention", heads=2), (MAP, MAP, MAP), "wrong-layout", "but gets `b c h w`"),
    (
        op("attention", heads=2),
        (TOKENS, TOKENS, TOKENS, BATCH.replace(m=4)),
        "shape-mismatch",
        "adds 2×5×4 to logits of 2×5×5",
    ),
    (
        op("attention", heads=2, similarity="cosine"),
        (TOKENS, TOKENS, TOKENS, BATCH),
        "shape-mismatch",
        "a scale for each of 2 heads, but gets 2×5×5",
    ),
    (op("multihead_attention", heads=2), (MAP,) * 3, "wrong-layout", "`b n c`, but gets"),
    (
        op("multihead_attention", heads=2),
        (TOKENS, FEW, TOKENS),
        "shape-mismatch",
        "keys of 3×6 and values of 5×6",
    ),
    (
        op("einsum", pattern="b n c, b m c -> b n m"),
        (TOKENS, VECTOR),
        "wrong-layout",
        "takes `b m c` by its pattern, but gets `b c`",
    ),
    (
        op("einsum", pattern="b n c, m c -> b n m"),
        (TOKENS, TOKENS),
        "wrong-layout",
        "takes `m c` by its pattern, but gets `b n c`",
    ),
    (op("reduce", pattern="b c h w -> b c", by="sum"), (TOKENS,), "wrong-layout", "gets `b n c`"),
    (
        op("rearrange", pattern="b c 1 w -> b c w"),
        (MAP,),
        "parts-do-not-divide",
        "can't make 1 of 7 along `1`",
    ),
    (op("stack", dim="n"), (TOKENS, TOKENS), "wrong-layout", "two dimensions that are called `n`"),
    (op("stack", dim="k"), (TOKENS, FEW), "shape-mismatch", "stacks 3×6 on 5×6"),
    (op("window_partition", size=2), (LAST,), "window-does-not-fit", "3×5 into windows of 2×2"),
    (op("window_partition", size=3, shift=1, grid=True), (MAP,), "shift-too-large", "a grid"),
    (op("window_merge", size=1), (LAST, LAST), "wrong-layout", "takes windows, `b g n c`"),
    (op("relative_position_bias", size=2), (TOKENS,), "wrong-table", "a table of 9 rows"),
    (
        op("conv_transpose", out=4, kernel=3, groups=5),
        (MAP,),
        "groups-do-not-divide",
        "6 input channels into 5 groups",
    ),
    (
        op("conv_transpose", out=4, kernel=2, stride=2, output_padding=2),
        (MAP,),
        "output-padding-too-large",
        "2 elements at a stride of 2",
    ),
    (
        op("conv_transpose", out=4, kernel=1, padding=4),
        (MAP,),
        "padding-too-large",
        "4×4 off each side, which leaves -1×1",
    ),
    (op("conv_transpose", out=4, kernel=1), (LAST,), "wrong-layout", "gets `b h w c`"),
    (op("bn"), (TOKENS,), "wrong-layout", "takes `b c h w` or `b c`, but gets `b n c`"),
    (op("layer_norm"), (NUMBER,), "unknown-dimension", "along `c`, but its input is `b 1`"),
    (
        op("layer_norm"),
        (Shape.of("h c w", 2, 3, 4),),
        "wrong-layout",
        "channels that are first or last",
    ),
    (op("group_norm", groups=4), (MAP,), "groups-do-not-divide", "6 input channels into 4 groups"),
    (op("group_norm", groups=2), (TOKENS,), "wrong-layout", "gets `b n c`"),
    (op("instance_norm"), (Shape.of("c h w", 6, 1, 1),), "one-element", "but the map is 1×1"),
    (op("instance_norm"), (VECTOR,), "wrong-layout", "gets `b c`"),
    (op("local_response_norm", size=5), (VECTOR,), "wrong-layout", "gets `b c`"),
    (op("max_pool", kernel=3), (VECTOR,), "wrong-layout", "gets `b c`"),
    (
        op("max_pool", kernel=(3, 5), padding=2),
        (MAP,),
        "padding-too-large",
        "pads by 2×2, more than half of its kernel of 3×5",
    ),
    (
        op("avg_pool", kernel=8),
        (MAP,),
        "kernel-too-large",
        "slides a kernel of 8×8 over a padded input of 7×9",
    ),
    (op("adaptive_avg_pool", size=1), (VECTOR,), "wrong-layout", "gets `b c`"),
    (op("global_avg_pool"), (TOKENS,), "wrong-layout", "gets `b n c`"),
    (op("prelu", channelwise=True), (TOKENS,), "wrong-layout", "channels that are first"),
    (op("softmax", dim="n"), (MAP,), "unknown-dimension", "along `n`, but its input is `b c h w`"),
    (op("dropout2d"), (TOKENS,), "wrong-layout", "gets `b n c`"),
    (op("add"), (MAP, WIDE), "channel-mismatch", "adds 8 channels to 6"),
    (op("sub"), (VECTOR, WIDE), "shape-mismatch", "`b c h w` of 8×7×9 from `b c` of 6"),
    (op("add"), (MAP, LARGE), "size-mismatch", "adds a map of 14×18 to one of 7×9"),
    (op("add"), (WIDE, LARGE), "shape-mismatch", "adds 6×14×18 to 8×7×9"),
    (op("add"), (MAP, Shape.of("c h w", 1, 7, 9)), "channel-mismatch", "adds 1 channel to 6"),
    (op("add"), (TOKENS, TOKENS.replace(n=1)), "shape-mismatch", "adds 1×6 to 5×6"),
    (op("div"), (MAP, WIDE), "channel-mismatch", "divides 6 channels by 8"),
    (op("mul"), (MAP, WIDE), "channel-mismatch", "multiplies 6 channels by 8"),
    (op("mul"), (MAP, Shape.of("c h w", 8, 1, 1)), "channel-mismatch", "6 channels by 8"),
    (
        op("mul"),
        (MAP, Shape.of("c h w", 1, 14, 9)),
        "size-mismatch",
        "multiplies a map of 7×9 by one of 14×9",
    ),
    (op("mul"), (MAP, VECTOR), "shape-mismatch", "`b c h w` of 6×7×9 by `b c` of 6"),
    (op("sum"), (MAP, MAP, LARGE), "size-mismatch", "adds a map of 14×18 to one of 7×9"),
    (op("mean"), (MAP, WIDE), "channel-mismatch", "averages 8 channels with 6"),
    (op("sum"), (), "no-values", "`sum` needs at least one value"),
    (op("concat"), (), "no-values", "`concat` needs at least one value"),
    (op("concat"), (MAP, MAP, LARGE), "concat-mismatch", "concatenates 6×14×18 with 6×7×9"),
    (op("concat"), (MAP, VECTOR), "concat-mismatch", "`b c` of 6 with `b c h w` of 6×7×9"),
    (op("concat", dim="n"), (MAP, MAP), "unknown-dimension", "along `n`"),
    (op("split", sizes=4), (MAP,), "parts-do-not-divide", "can't cut 6 along `c` into 4 equal"),
    (op("split", sizes=[2, 3]), (MAP,), "parts-do-not-add-up", "cuts 5 along `c`, but there are 6"),
    (op("narrow", start=3, length=4), (MAP,), "out-of-range", "element 7 along `c`"),
    (op("select", index=5, dim="n"), (TOKENS,), "out-of-range", "element 5 along `n`"),
    (op("select", index=0, dim="c"), (VECTOR,), "no-dimension-left", "the only dimension"),
    (
        op("rearrange", pattern="b h w c -> b c h w"),
        (MAP,),
        "wrong-layout",
        "takes `b h w c` by its pattern, but gets `b c h w`",
    ),
    (op("rearrange", pattern="b n c -> b c n"), (MAP,), "wrong-layout", "takes `b n c`"),
    (
        op("rearrange", pattern="b n (w d) -> b w n d", sizes=(("w", 2),)),
        (TOKENS,),
        "wrong-layout",
        "takes `b n w`",
    ),
    (
        op("rearrange", pattern="b (k n) (h w) -> b (k n) (h w)", sizes=(("n", 1), ("h", 1))),
        (Shape.of("k m", 5, 6),),
        "wrong-layout",
        "two dimensions that are called `n`",
    ),
    (
        op("rearrange", pattern="b n c -> b c n", sizes=(("g", 2),)),
        (TOKENS,),
        "unknown-dimension",
        "a size for `g`, which its pattern does not name",
    ),
    (
        op("rearrange", pattern="b (h w) c -> b h w c"),
        (TOKENS,),
        "missing-argument",
        "can't tell the sizes of `h` and `w`",
    ),
    (
        op("rearrange", pattern="b (g c) h w -> b (c g) h w", sizes=(("g", 4),)),
        (MAP,),
        "parts-do-not-divide",
        "can't make 4 × c of 6 along `c`",
    ),
    (
        op("rearrange", pattern="b (g c) h w -> b (c g) h w", sizes=(("g", 2), ("c", 2))),
        (MAP,),
        "parts-do-not-divide",
        "can't make 2 × 2 of 6 along `c`",
    ),
    (op("pad", padding=1), (TOKENS,), "wrong-layout", "with one number takes `b c h w`"),
    (op("pad", padding=[1, 1, 1]), (MAP,), "wrong-length", "gets 3"),
    (op("pad", padding=-4), (MAP,), "nothing-left", "crops 6×7×9 to 6×-1×1"),
    (op("pad_channels", out=4), (MAP,), "fewer-channels", "can't make 4 channels of 6"),
    (op("pad_to", multiple=4), (TOKENS,), "wrong-layout", "gets `b n c`"),
    (op("subsample", stride=2), (VECTOR,), "wrong-layout", "gets `b c`"),
    (op("upsample"), (TOKENS,), "wrong-layout", "gets `b n c`"),
    (op("upsample", align_corners=True), (MAP,), "no-corners", "no corners to align"),
    (op("resize_to", align_corners=True), (MAP, MAP), "no-corners", "no corners to align"),
    (op("resize_to"), (MAP, VECTOR), "wrong-layout", "gets `b c`"),
    (
        op("crop_to"),
        (MAP, Shape.of("c h w", 6, 9, 9)),
        "out-of-range",
        "can't cut 9×9 out of 7×9",
    ),
    (
        op("channel_affine", scale=[1, 2], shift=[1, 2]),
        (MAP,),
        "wrong-length",
        "has 2 numbers in `scale` for 6 channels",
    ),
    (op("channel_affine", scale=[1], shift=[1]), (VECTOR,), "wrong-layout", "gets `b c`"),
]


@pytest.mark.parametrize(("op", "xs", "code", "message"), FAULTS)
def test_fault(op: Op, xs: tuple[Shape, ...], code: str, message: str) -> None:
    """A fault has its code, both numbers, and no final stop."""
    with pytest.raises(ShapeFault) as caught:
        op.shape(*xs)
    fault = caught.value

    assert (fault.code, message in fault.message) == (code, True), fault.message
    assert not f"{fault.message}|{fault.help}".endswith(".")
    assert fault.culprit is None or fault.culprit < len(xs)


@pytest.mark.parametrize(
    ("this", "x", "words"),
    [
        (op("conv", out=8, kernel=3, groups=3), MAP, "the nearest that divides 6 and 8 is 2"),
        (op("conv", out=4, kernel=2), MAP, "give `padding`"),
        (op("linear", out=4), MAP, "`flatten`"),
        (op("group_norm", groups=4), MAP, "divides 6 are 3 and 6"),
        (op("group_norm", groups=9), MAP, "divides 6 is 6"),
        (op("softmax", dim="n"), MAP, '`dim="c"`, `dim="h"` or `dim="w"`'),
    ],
)
def test_help(this: Op, x: Shape, words: str) -> None:
    with pytest.raises(ShapeFault) as caught:
        this.shape(x)

    assert words in caught.value.help


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("conv", {"out": 64.0, "kernel": 3}),
        ("conv", {"out": 0, "kernel": 3}),
        ("conv", {"out": 64, "kernel": [3, 3, 3]}),
        ("conv", {"out": 64, "kernel": 3, "bias": 1}),
        ("dropout", {"p": 1.5}),
        ("leaky_relu", {"negative_slope": -0.1}),
        ("elu", {"alpha": 0}),
        ("split", {"sizes": []}),
        ("split", {"sizes": [2, 0]}),
        ("upsample", {"mode": "linear"}),
        ("parameter", {"dims": []}),
        ("parameter", {"dims": [1, 2, 3, 4, 5]}),
        ("parameter", {"dims": [2, 3, 4, 5]}),
        ("pad", {"padding": [1.5, 2]}),
        ("relu", {"inplace": True}),
        ("linear", {"out": 4, "bias_mask": [1, 2]}),
        ("attention", {"heads": 0}),
        ("attention", {"heads": 2, "similarity": "sine"}),
        ("multihead_attention", {"heads": 2, "dropout": 2.0}),
        ("window_partition", {"size": 2, "shift": -1}),
        ("reduce", {"pattern": "b c h w -> b c"}),
        ("reduce", {"pattern": "b c -> b c", "by": "sum"}),
        ("reduce", {"pattern": "b c h w -> b n", "by": "sum"}),
        ("reduce", {"pattern": "b c h w -> b c", "by": "median"}),
        ("einsum", {"pattern": "b n c -> b n"}),
        ("einsum", {"pattern": "b n c, b m c -> b n k"}),
        ("einsum", {"pattern": "b n c, b m c -> n m"}),
        ("einsum", {"pattern": "n b c, b m c -> b n m"}),
        ("einsum", {"pattern": "b (n c), b m c -> b n m"}),
        ("rearrange", {"pattern": "b c n"}),
        ("rearrange", {"pattern": "b c n -> b c n -> b n c"}),
        ("rearrange", {"pattern": "b c n -> b n"}),
        ("rearrange", {"pattern": "b c c -> b c c"}),
        ("rearrange", {"pattern": "c b n -> b c n"}),
        ("rearrange", {"pattern": "-> b c n"}),
        ("rearrange", {"pattern": "b (c n -> b (c n"}),
        ("rearrange", {"pattern": "b (c (n)) -> b c n"}),
        ("rearrange", {"pattern": "b c 2 -> b 2 c"}),
        ("rearrange", {"pattern": "b (c 1) -> b c"}),
        ("einsum", {"pattern": "b n c, b 1 c -> b n"}),
        ("rearrange", {"pattern": "b ... c -> b c ..."}),
        ("rearrange", {"pattern": "b c -> b c", "sizes": 2}),
        ("rearrange", {"pattern": "b c -> b c", "sizes": (("c", 0),)}),
    ],
)
def test_argument_that_is_no_such_thing(name: str, arguments: dict[str, object]) -> None:
    """The model of the arguments is strict: nothing is rounded, cast or ignored."""
    with pytest.raises(ValidationError):
        op(name, **arguments)

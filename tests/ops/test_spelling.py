"""How ops are written where their arguments are formulas of the emitted class."""

from __future__ import annotations

import pytest
from op_cases import LAST, MAP, TOKENS, VECTOR, evaluate

from archc.ops import OPS, VARIES, Op, Py, Use, spelled
from archc.shapes import Shape


def varies(text: str, *, listed: bool = False) -> Py:
    return Py(text, VARIES, listed)


def use(name: str, *xs: Shape, channels: Py | None = None, **changed: Py) -> tuple[type[Op], Use]:
    """Return an op, and a use of it whose arguments have their defaults, but for some."""
    fields = OPS[name].model_fields
    args = {n: Py.of(f.default) for n, f in fields.items()} | changed
    channels = channels or varies("in_channels")
    return OPS[name], Use(args, tuple(channels for _ in xs), xs)


def rearranged(x: Shape, pattern: str, **sizes: int) -> tuple[type[Op], Use]:
    return use("rearrange", x, pattern=Py.of(pattern), sizes=Py.of(tuple(sizes.items())))


WIDTH, KERNEL, STRIDE = varies("4 * width"), varies("kernel"), varies("stride")

MODULES = [
    (
        "nn.Conv2d(in_channels, 4 * width, 3, stride=stride, padding=1, bias=False)",
        use("conv", MAP, out=WIDTH, kernel=Py.of(3), stride=STRIDE, bias=Py.of(False)),
    ),
    (
        "nn.Conv2d(in_channels, 4 * width, kernel, padding=(kernel - 1) // 2)",
        use("conv", MAP, out=WIDTH, kernel=KERNEL),
    ),
    (
        (
            "nn.Conv2d(in_channels, 4 * width, 2 * k + 1, padding=((2 * k + 1) - 1) // 2 * "
            "(d + 1), dilation=d + 1)"
        ),
        use("conv", MAP, out=WIDTH, kernel=varies("2 * k + 1"), dilation=varies("d + 1")),
    ),
    (
        "nn.Conv2d(in_channels, 4 * width, 3, padding=dilation, dilation=dilation)",
        use("conv", MAP, out=WIDTH, kernel=Py.of(3), dilation=varies("dilation")),
    ),
    (
        "nn.Conv2d(in_channels, 4 * width, 5, padding=2 * dilation, dilation=dilation)",
        use("conv", MAP, out=WIDTH, kernel=Py.of(5), dilation=varies("dilation")),
    ),
    (
        "nn.Conv2d(in_channels, 4 * width, 1, dilation=dilation)",
        use("conv", MAP, out=WIDTH, kernel=Py.of(1), dilation=varies("dilation")),
    ),
    (
        "nn.Conv2d(in_channels, 4 * width, (1, 7), padding=(0, 3))",
        use("conv", MAP, out=WIDTH, kernel=Py.of((1, 7))),
    ),
    (
        "nn.Conv2d(in_channels, 4 * width, kernel, padding=same_padding(kernel))",
        use("conv", MAP, out=WIDTH, kernel=varies("kernel", listed=True)),
    ),
    (
        (
            "nn.Conv2d(in_channels, 4 * width, (1, 7), padding=same_padding((1, 7), dilation=d), "
            "dilation=d)"
        ),
        use("conv", MAP, out=WIDTH, kernel=Py.of((1, 7)), dilation=varies("d")),
    ),
    (
        "nn.Conv2d(in_channels, 4 * width, kernel, padding=padding)",
        use("conv", MAP, out=WIDTH, kernel=KERNEL, padding=varies("padding")),
    ),
    ("nn.Linear(in_channels, 4 * width)", use("linear", VECTOR, out=WIDTH)),
    ("nn.BatchNorm2d(in_channels)", use("bn", MAP)),
    ("nn.BatchNorm1d(in_channels, eps=0.001)", use("bn", VECTOR, eps=Py.of(1e-3))),
    ("nn.LayerNorm(in_channels)", use("layer_norm", TOKENS)),
    ("LayerNorm2d(in_channels, eps=1e-6)", use("layer_norm", MAP, eps=Py("1e-6", 1e-6))),
    (
        "nn.GroupNorm(groups, in_channels)",
        use("group_norm", MAP, groups=varies("groups")),
    ),
    ("nn.PReLU()", use("prelu", MAP)),
    ("nn.PReLU(in_channels)", use("prelu", MAP, channelwise=Py.of(True))),
    ("nn.PReLU(in_channels if each else 1)", use("prelu", MAP, channelwise=varies("each"))),
    ("nn.ReLU()", use("relu", MAP)),
    (
        "nn.MaxPool2d(3, stride=2, padding=1)",
        use("max_pool", MAP, kernel=Py.of(3), stride=Py.of(2), padding=Py.of(1)),
    ),
    ("nn.Dropout(0.5)", use("dropout", MAP)),
    ("DropPath(drop_path)", use("drop_path", MAP, p=varies("drop_path"))),
    ("nn.Softmax(dim=1)", use("softmax", MAP)),
    ("nn.Softmax(dim=-1)", use("softmax", TOKENS)),
    ("nn.Flatten()", use("flatten", MAP)),
    ("nn.ZeroPad2d((0, 1, 0, 1))", use("pad", MAP, padding=Py.of((0, 1, 0, 1)))),
    ("nn.ConstantPad2d(1, -1.0)", use("pad", MAP, padding=Py.of(1), value=Py.of(-1.0))),
    ("nn.Upsample(scale_factor=2)", use("upsample", MAP)),
    ("nn.Parameter(torch.zeros(1, 1, dim))", use("parameter", dims=varies("(1, 1, dim)"))),
    ("nn.Parameter(torch.ones(*dims))", use("parameter", dims=varies("dims"), init=Py.of(1.0))),
    (
        "nn.Parameter(torch.full((dim, 1, 1), scale))",
        use("parameter", dims=varies("(dim, 1, 1)"), init=varies("scale")),
    ),
]

FUNCTIONS = [
    (
        "F.max_pool2d(x, 3, stride=2, padding=1)",
        use("max_pool", MAP, kernel=Py.of(3), stride=Py.of(2), padding=Py.of(1)),
    ),
    ("F.avg_pool2d(x, kernel)", use("avg_pool", MAP, kernel=KERNEL)),
    ("F.adaptive_avg_pool2d(x, 1)", use("adaptive_avg_pool", MAP, size=Py.of(1))),
    ("x.mean((2, 3))", use("global_avg_pool", MAP)),
    ("x.mean((1, 2))", use("global_avg_pool", LAST)),
    ("F.relu(x)", use("relu", MAP)),
    ("torch.sigmoid(x)", use("sigmoid", MAP)),
    ("F.leaky_relu(x, negative_slope=0.1)", use("leaky_relu", MAP, negative_slope=Py.of(0.1))),
    ("F.softmax(x, dim=-1)", use("softmax", TOKENS)),
    ("x", use("identity", MAP)),
    ("x + x1", use("add", MAP, MAP)),
    ("x * x1", use("mul", MAP, MAP)),
    ("x + x1 + x2", use("sum", MAP, MAP, MAP)),
    ("(x + x1) / 2", use("mean", MAP, MAP)),
    ("0.5 * x", use("scale", MAP, factor=Py.of(0.5))),
    ("2 / n * x", use("scale", MAP, factor=varies("2 / n"))),
    ("(1 - beta) * x", use("scale", MAP, factor=varies("1 - beta"))),
    ("(a if b else c) * x", use("scale", MAP, factor=varies("a if b else c"))),
    ("x + 1", use("shift", MAP, offset=Py.of(1))),
    ("x - 0.5", use("shift", MAP, offset=Py.of(-0.5))),
    ("x + (a - b)", use("shift", MAP, offset=varies("a - b"))),
    ("-x", use("negate", MAP)),
    ("torch.cat([x, x1], dim=1)", use("concat", MAP, MAP)),
    ("x.flatten(1)", use("flatten", MAP)),
    ("x.transpose(2, 3)", use("transpose", MAP)),
    ("x.transpose(1, 2)", use("transpose", LAST)),
    ("x.chunk(2, dim=1)", use("split", MAP, sizes=Py.of(2))),
    ("x.chunk((a + b) // 2, dim=1)", use("split", MAP, sizes=varies("(a + b) // 2"))),
    ("x.split([a, b], dim=-1)", use("split", TOKENS, sizes=varies("[a, b]"))),
    ("x.split(sizes, dim=1)", use("split", MAP, sizes=varies("sizes", listed=True))),
    ("x.narrow(1, 0, w // 2)", use("narrow", MAP, start=Py.of(0), length=varies("w // 2"))),
    ("x[:, 0]", use("select", TOKENS, index=Py.of(0), dim=Py.of("n"))),
    ("x[:, :, :, -1]", use("select", MAP, index=Py.of(-1), dim=Py.of("w"))),
    ("x.permute(0, 2, 3, 1)", rearranged(MAP, "b c h w -> b h w c")),
    ("x.transpose(1, 2)", rearranged(TOKENS, "b n c -> b c n")),
    ("x.flatten(2, 3)", rearranged(MAP, "b c h w -> b c (h w)")),
    ("x.permute(0, 2, 3, 1).flatten(1, 2)", rearranged(MAP, "b c h w -> b (h w) c")),
    (
        "x.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)",
        rearranged(MAP, "b (g c) h w -> b (c g) h w", g=2),
    ),
    (
        "x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).permute(0, 2, 4, 3, 5, 1).flatten(3, 5)",
        rearranged(MAP, "b c (h p) (w q) -> b h w (p q c)", p=2, q=2),
    ),
    ("x", rearranged(MAP, "b c h w -> b c h w")),
    ("F.pad(x, (1, 1, 1, 1))", use("pad", MAP, padding=Py.of(1))),
    ("F.pad(x, (p, p, p, p), value=1.0)", use("pad", MAP, padding=varies("p"), value=Py.of(1.0))),
    (
        "F.pad(x, (0, 0, 0, 0, 0, 4 * width - in_channels))",
        use("pad_channels", MAP, out=WIDTH),
    ),
    (
        "F.pad(x, (0, a - (b + c)))",
        use("pad_channels", VECTOR, out=varies("a"), channels=varies("b + c")),
    ),
    (
        "F.pad(x, (0, 0, 0, 0, 0, 64))",
        use("pad_channels", MAP, out=Py.of(128), channels=Py.of(64)),
    ),
    (
        "F.pad(x, (0, 0, 0, 0, 0, width - in_channels))",
        use("pad_channels", MAP, out=Py("width", 128), channels=Py("in_channels", 64)),
    ),
    ("pad_to(x, (8, 8))", use("pad_to", MAP, multiple=Py.of(8))),
    (
        "pad_to(x, window, channels_last=True)",
        use("pad_to", LAST, multiple=varies("window", listed=True)),
    ),
    ("F.avg_pool2d(x, 1, stride)", use("subsample", MAP, stride=STRIDE)),
    ("F.avg_pool2d(x, 1, (2, 1))", use("subsample", MAP, stride=Py.of((2, 1)))),
    (
        "F.avg_pool2d(x, 1, stride)",
        use("subsample", MAP, stride=varies("stride", listed=True)),
    ),
    (
        'F.interpolate(x, scale_factor=2, mode="bilinear")',
        use("upsample", MAP, mode=Py.of("bilinear")),
    ),
]


@pytest.mark.parametrize(("text", "use"), MODULES, ids=[text for text, _ in MODULES])
def test_module(text: str, use: tuple[type[Op], Use]) -> None:
    op, this = use

    assert op.module(this) == text


@pytest.mark.parametrize(("text", "use"), FUNCTIONS, ids=[text for text, _ in FUNCTIONS])
def test_function(text: str, use: tuple[type[Op], Use]) -> None:
    op, this = use
    values = ["x", "x1", "x2"][: len(this.shapes)]

    assert op.function(this, *values) == text


@pytest.mark.parametrize("kernel", [1, 5, (1, 7), (3, 5)])
@pytest.mark.parametrize("dilation", [1, 2, (3, 1)])
def test_same_padding(kernel: int | tuple[int, int], dilation: int | tuple[int, int]) -> None:
    """The helper pads as the op does, whatever is a pair."""
    pads = OPS["conv"](out=1, kernel=kernel, dilation=dilation).pads()

    assert evaluate("same_padding(kernel, dilation)", kernel=kernel, dilation=dilation) == pads


@pytest.mark.parametrize(
    ("text", "atom"),
    [
        ("width", "width"),
        ("1e-05", "1e-05"),
        ("-1", "(-1)"),
        ("a + b", "(a + b)"),
        ("a + f(b)", "(a + f(b))"),
        ("(a) + (b)", "((a) + (b))"),
        ("[a] + [b]", "([a] + [b])"),
        ("(a + b)", "(a + b)"),
        ("(a, b)", "(a, b)"),
        ("[a, b]", "[a, b]"),
        ("f(a)[0].b", "f(a)[0].b"),
        ("a if b else c", "(a if b else c)"),
    ],
)
def test_atom(text: str, atom: str) -> None:
    """An atom keeps its meaning wherever it is put."""
    assert Py(text).atom == atom


def test_parameter_is_not_called() -> None:
    assert OPS["parameter"].call("self.token") == "self.token"
    assert OPS["conv"].call("self.conv1", "x") == "self.conv1(x)"


@pytest.mark.parametrize(
    ("value", "text"), [(None, "none"), (True, "true"), ([1, (2, 3)], "[1, [2, 3]]"), ("n", "`n`")]
)
def test_spelled(value: object, text: str) -> None:
    assert spelled(value) == text

"""Every op does what it declares: PyTorch, run on what the op spells, is the oracle."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from op_cases import (
    CASES,
    MAP,
    Case,
    apply,
    batch,
    buffers,
    evaluate,
    module_of,
    name_of,
    op,
    use_of,
)
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from archc.ops import HELPERS, OPS, Op, ShapeFault
from archc.shapes import Shape


def spellings(case: Case) -> tuple[str, str]:
    """Return the module and the function, in place where they can be."""
    op, xs = case
    use = use_of(op, *xs, inplace=True)
    names = [*(f"x{i}" for i in range(len(xs))), *op.buffers(use)]
    return op.module(use), op.function(use, *names)


def each(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=name_of)


few = settings(max_examples=60, deadline=None, derandomize=True)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def run(op: Op, *xs: Shape) -> object:
    """Apply the op to random values, by its module where it has one."""
    module = module_of(op, *xs)
    if isinstance(module, nn.Parameter):
        return module
    values = batch(*xs)
    return called(op, module, values) if module is not None else apply(op, xs, values)


def called(op: Op, module: nn.Module, values: list[torch.Tensor]) -> object:
    """Call a module as the emitted file does."""
    names = [f"x{i}" for i in range(len(values))]
    return evaluate(
        op.call("module", *names), module=module, **dict(zip(names, values, strict=True))
    )


def sizes(result: object) -> object:
    if isinstance(result, torch.Tensor):
        return tuple(result.shape[1:])
    return tuple(sizes(part) for part in result)


def test_every_op_has_a_case() -> None:
    assert {case[0].name for case in CASES} == set(OPS)


def test_every_op_is_under_its_name() -> None:
    assert {name: op.name for name, op in OPS.items()} == {name: name for name in OPS}


@each(CASES)
def test_spelling(case: Case) -> None:
    """Every op is a module or a function; what has tensors or a mode is a module."""
    op, xs = case
    module, function = spellings(case)

    assert module or function
    if op.has_mode or (op.tensors(*xs) and not op.registered):
        assert (bool(module), function) == (True, "")


@each(CASES)
def test_shape(case: Case) -> None:
    op, xs = case
    shape = op.shape(*xs)
    if op.batch(*xs) != "b":
        assert isinstance(shape, Shape)
        assert run(op, *xs).dim() - (op.batch(*xs) == "1") <= len(shape.sizes)
        batched = (1, *shape.sizes)
        expected = torch.broadcast_shapes(run(op, *xs).shape, batched)
        assert expected == batched
        return

    assert sizes(run(op, *xs)) == (
        shape.sizes if isinstance(shape, Shape) else tuple(part.sizes for part in shape)
    )


@each(CASES)
def test_tensors(case: Case) -> None:
    """Names, shapes and trainability are those of the module's state_dict, in order."""
    op, xs = case
    module = module_of(op, *xs)
    actual = {}
    if isinstance(module, nn.Parameter):
        actual = {"": (tuple(module.shape), module.requires_grad)}
    elif module is not None:
        trained = dict(module.named_parameters())
        state = module.state_dict()
        actual = {name: (tuple(t.shape), name in trained) for name, t in state.items()}
    actual |= {name: (tuple(t.shape), False) for name, t in buffers(op, *xs).items()}
    declared = {name: (t.shape, t.trainable) for name, t in op.tensors(*xs).items()}

    assert list(declared.items()) == list(actual.items())


@each([case for case in CASES if all(spellings(case))])
def test_function_is_module(case: Case) -> None:
    op, xs = case
    module, values = module_of(op, *xs), batch(*xs)

    assert torch.equal(module(*values), apply(op, xs, values))


@each(CASES)
def test_macs(case: Case) -> None:
    op, xs = case
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        run(op, *xs)

    samples = 2 if op.batch(*xs) == "b" else 1
    assert op.macs(*xs) * 2 * samples == counter.get_total_flops()  # a product and a sum


@each([case for case in CASES if "inplace" in spellings(case)[1]])
def test_inplace(case: Case) -> None:
    """Where the activation writes over its input, output and gradient are the same."""
    op, xs = case
    use = use_of(op, *xs, inplace=True)
    assert "inplace=True" in op.module(use)
    (value,) = batch(*xs)
    results = []
    for spelling in (op.function(use_of(op, *xs), "(x + 0)"), op.function(use, "(x + 0)")):
        x = value.clone().requires_grad_()
        y = evaluate(spelling, x=x)
        y.square().sum().backward()
        results.append((y, x.grad))

    torch.testing.assert_close(results[0], results[1])


# A concatenation of one value is that value, which the emitter knows.
@each([c for c in CASES if not c[0].keeps_output and (c[0].name, len(c[1])) != ("concat", 1)])
def test_output_may_be_overwritten(case: Case) -> None:
    """Where `keeps_output` is false, an activation in place breaks no gradient and no input."""
    op, xs = case
    module = module_of(op, *xs)
    values = batch(*xs)
    kept = [v.clone() for v in values]
    gradients = []
    for inplace in (False, True):
        leaves = [v.clone().requires_grad_() for v in values]
        inputs = [leaf * 1 for leaf in leaves]
        torch.manual_seed(0)
        y = called(op, module, inputs) if module is not None else apply(op, xs, inputs)
        torch.relu_(y) if inplace else (y := torch.relu(y))
        y.square().sum().backward()
        # where a value was dropped it has no gradient
        gradients.append([torch.zeros(()) if v.grad is None else v.grad for v in leaves])
        assert all(torch.equal(a, b) for a, b in zip(inputs, kept, strict=True))

    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


sides = st.integers(1, 4) | st.tuples(st.integers(1, 4), st.integers(1, 4))
pads = st.integers(0, 3) | st.tuples(st.integers(0, 3), st.integers(0, 3))
maps = st.builds(lambda h, w: Shape.of("c h w", 4, h, w), st.integers(1, 12), st.integers(1, 12))


@few
@given(x=maps, kernel=sides, stride=sides, padding=pads, dilation=sides, groups=st.integers(1, 5))
def test_any_conv(x: Shape, **arguments: object) -> None:
    """A fault is raised where PyTorch raises, and only there."""
    hold("conv", x, out=2, **arguments)


@few
@given(x=maps, kernel=sides, stride=sides, padding=pads, output_padding=pads, dilation=sides)
def test_any_conv_transpose(x: Shape, **arguments: object) -> None:
    hold("conv_transpose", x, out=2, **arguments)


@few
@given(
    x=maps, kernel=sides, stride=st.none() | sides, padding=pads, dilation=sides,
    ceil_mode=st.booleans(),
)  # fmt: skip
def test_any_max_pool(x: Shape, **arguments: object) -> None:
    hold("max_pool", x, **arguments)


@few
@given(x=maps, kernel=sides, stride=st.none() | sides, padding=pads, ceil_mode=st.booleans())
def test_any_avg_pool(x: Shape, **arguments: object) -> None:
    hold("avg_pool", x, **arguments)


@few
@given(x=maps, padding=st.integers(-3, 3) | st.lists(st.integers(-3, 3), max_size=6))
def test_any_pad(x: Shape, **arguments: object) -> None:
    padding = arguments["padding"]
    assume(isinstance(padding, int) or len(padding) % 2 == 0)
    hold("pad", x, **arguments)


@few
@given(
    x=maps, kernel=st.sampled_from([1, 3, 5, (1, 3)]), dilation=sides,
    mode=st.sampled_from(["reflect", "circular", "replicate"]),
)  # fmt: skip
def test_any_padding_mode(x: Shape, mode: str, **arguments: object) -> None:
    hold("conv", x, out=2, padding_mode=mode, **arguments)


def hold(name: str, x: Shape, **arguments: object) -> None:
    """Hold an op to PyTorch: both refuse, as an empty result is refused, or the size is one."""
    this = op(name, **arguments)
    try:
        expected = this.shape(x).sizes
    except ShapeFault:
        expected = None
    try:
        actual = sizes(run(this, x))
    except (RuntimeError, ValueError, AssertionError, ShapeFault):
        actual = None

    assert expected == (actual if actual and 0 not in actual else None)


def test_drop_path_draws_as_torchvision() -> None:
    """The same seed drops the same samples as torchvision.ops.StochasticDepth("row")."""
    x = torch.randn(64, 3, 2, 2)
    module = evaluate("DropPath(0.3)")
    torch.manual_seed(1)
    noise = torch.empty([64, 1, 1, 1]).bernoulli_(1 - 0.3).div_(1 - 0.3)
    torch.manual_seed(1)

    assert torch.equal(module(x), x * noise)
    assert module.eval()(x) is x
    assert torch.equal(evaluate("DropPath(1.0)")(x), x * 0)


def test_live_mean() -> None:
    """Each value is dropped by chance, and what is left is averaged; one lives at least."""
    xs = torch.tensor([1.0]), torch.tensor([10.0]), torch.tensor([100.0])
    module = evaluate("LiveMean(0.3)")
    torch.manual_seed(1)
    found = [float(module(*xs)) for _ in range(2000)]
    lived = [x for x in found if x == 1.0]

    assert set(found) == {1.0, 10.0, 100.0, 5.5, 50.5, 55.0, 37.0}
    assert abs(len(lived) / 2000 - (0.7 * 0.3**2 + 0.3**3 / 3)) < 0.02
    assert {float(evaluate("LiveMean(1.0)")(*xs)) for _ in range(50)} == {1.0, 10.0, 100.0}
    assert float(module.eval()(*xs)) == 37.0


def test_stochastic_depth_is_the_papers() -> None:
    """A whole batch lives unscaled or is gone; what is tested is scaled by the chance to live."""
    x = torch.randn(64, 3, 2, 2)
    module = evaluate("StochasticDepth(0.3)")
    torch.manual_seed(1)
    gave = [module(x) for _ in range(400)]
    lived = [bool(y.any()) for y in gave]

    assert all(torch.equal(y, x if live else x * 0) for y, live in zip(gave, lived, strict=True))
    assert abs(sum(lived) / 400 - 0.7) < 0.07
    assert torch.equal(module.eval()(x), x * 0.7)
    assert not bool(evaluate("StochasticDepth(1.0)")(x).any())


def test_rearrange_moves_as_einops() -> None:
    """Element by element: in a group the name on the left varies slowest."""
    x = torch.arange(2 * 6 * 4 * 4).view(2, 6, 4, 4)
    image = Shape.of("c h w", 6, 4, 4)

    def moved(pattern: str, **sizes: int) -> torch.Tensor:
        return apply(op("rearrange", pattern=pattern, sizes=tuple(sizes.items())), (image,), [x])

    shuffled = moved("b (g c) h w -> b (c g) h w", g=2)
    assert all(
        torch.equal(shuffled[:, 2 * c + g], x[:, 3 * g + c]) for c in range(3) for g in (0, 1)
    )
    tokens = moved("b c h w -> b (h w) c")
    assert all(torch.equal(tokens[:, 4 * h + w], x[:, :, h, w]) for h in range(4) for w in range(4))
    merged = moved("b c (h p) (w q) -> b h w (q p c)", p=2, q=2)
    for p, q in ((0, 0), (0, 1), (1, 0), (1, 1)):
        part = merged[..., 6 * (2 * q + p) :][..., :6]
        assert torch.equal(part, x[:, :, p::2, q::2].permute(0, 2, 3, 1))


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_same_padding_is_pytorchs_at_stride_1() -> None:
    """Even kernels too: PyTorch has the mode `same` for this stride only."""
    x = torch.randn(2, 3, 8, 9)
    for kernel in ((2, 3), (4, 1), (5, 2)):
        weight = torch.randn(4, 3, *kernel)
        padded = apply(op("pad_same", kernel=kernel), (MAP,), [x])

        expected = nn.functional.conv2d(x, weight, padding="same")
        torch.testing.assert_close(nn.functional.conv2d(padded, weight), expected)


def test_scalar_parameter_scales() -> None:
    """One learned number multiplies a value of any layout, and is never a batch of numbers."""
    number = op("parameter", dims=[1], init=0.5)
    for x in (Shape.of("c h w", 3, 2, 2), Shape.of("n c", 4, 2), Shape.of("c", 2)):
        (value,) = batch(x)
        product = apply(op("mul"), (number.shape(), x), [module_of(number), value])

        assert op("mul").shape(number.shape(), x) == op("mul").shape(x, number.shape()) == x
        assert torch.equal(product, value * 0.5)


def test_helpers_are_formatted() -> None:
    """The literals are as `ruff format` leaves them, with its defaults."""
    ruff = pytest.importorskip("ruff")
    import subprocess

    text = '"""Helpers."""\n\n\n' + "\n\n".join(HELPERS.values())
    binary = ruff.find_ruff_bin()
    command = [binary, "format", "--isolated", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)

    assert done.stdout == text


@each(CASES)
def test_helpers_exist(case: Case) -> None:
    """An op names the helper that its spelling mentions."""
    op, xs = case
    use, text = use_of(op, *xs), "".join(spellings(case))
    mentioned = [name for name in HELPERS if text.startswith(f"{name}(") or f"={name}(" in text]

    assert mentioned == [h for h in [op.helper(use)] if h]

"""Traces: their numbers are autograd's over the emitted module."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import Result

import archc
from archc.backends.signals.model import Statistics, Trace
from archc.diagnostics import Source
from archc.runtime import load
from archc.runtime.perturb import perturb
from archc.runtime.signals.inputs import InputError, batch_of, random_batch
from archc.runtime.signals.numbers import numbers
from archc.runtime.signals.trace import NoSuchPlace, trace
from archc.weights.faults import WeightsError

Small = Callable[[str], archc.Architecture]
KINDS = ("basic", "bottleneck", "preactivation", "gated", "dense")


def perturbed(arch: archc.Architecture, seed: int = 0) -> nn.Module:
    """Return a network none of whose numbers is 0 or 1."""
    torch.manual_seed(seed)
    model = load(arch)
    perturb(model, random_batch(arch.input, 4, seed), seed)
    return model


def near(a: Statistics | None, tensor: torch.Tensor | None) -> None:
    """Hold numbers to those of a tensor."""
    if tensor is None:
        assert a is None
        return
    b = numbers(tensor)
    assert a is not None
    scale = max(b.largest, 1e-9)
    assert (a.mean, a.std, a.largest) == pytest.approx((b.mean, b.std, b.largest), abs=1e-5 * scale)
    assert a.norm == pytest.approx(b.norm, rel=1e-5)


def by_autograd(
    arch: archc.Architecture, model: nn.Module, block: str, mode: str
) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor | None]]:
    """Run the emitted block itself: its output, the gradient of its input, of its weights."""
    model = copy.deepcopy(model).train(mode == "train")
    seen: list[torch.Tensor] = []
    inner = model.get_submodule(block)
    handle = inner.register_forward_pre_hook(lambda _m, given: seen.append(given[0].clone()))
    torch.manual_seed(0)
    with torch.no_grad():
        before = copy.deepcopy(model.state_dict())
        model(random_batch(arch.input, 4, 0))
    handle.remove()
    model.load_state_dict(before)
    x = seen[0].detach().requires_grad_()
    torch.manual_seed(0)
    y = inner(x.clone())
    y.backward(torch.randn(y.shape, generator=torch.Generator().manual_seed(1)))
    assert x.grad is not None
    return y, x.grad, {f"{block}.{k}": p.grad for k, p in inner.named_parameters()}


@pytest.mark.parametrize("block", ["layer1.1", "layer2.0"])
@pytest.mark.parametrize("kind", KINDS)
def test_equal_to_autograd(kind: str, block: str, small: Small) -> None:
    """Output, gradients of input and weights, by mode; and parts that add up to rounding."""
    arch = small(kind)
    model = perturbed(arch)
    told = trace(arch.network, model, block, batch=4)

    assert told.verified == "equal, to the last bit"
    for mode in ("eval", "train") if kind != "dense" else ("eval",):  # dropout draws ahead of it
        y, x, weights = by_autograd(arch, model, block, mode)
        near(told.values[-1].forward[mode], y)
        near(told.values[0].gradient[mode], x)
        assert {row.name for row in told.weights} == weights.keys()
        for row in told.weights:
            near(row.gradient[mode], weights[row.name])
    splits = [row for row in told.splits if row.fork == told.values[0].name]
    assert {row.mode for row in splits} == {"train", "eval"}
    for row in told.splits:
        assert {part.role for part in row.parts} == {"shortcut", "residual branch"}
        assert row.error < 2e-6
        assert row.elsewhere == 0


def test_parts_by_hand(small: Small) -> None:
    """∂L/∂x = ∂L/∂y + ∂L/∂y · ∂F/∂x: the part of the branch is that of a block without shortcut."""
    arch = small("preactivation")
    model = perturbed(arch)
    told = trace(arch.network, model, "layer1.1", batch=4)
    (row,) = (r for r in told.splits if r.mode == "eval")
    y, whole, _ = by_autograd(arch, model, "layer1.1", "eval")
    arriving = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    parts = {part.role: part.numbers for part in row.parts}

    assert row.unchanged
    near(parts["shortcut"], arriving)
    near(parts["residual branch"], whole - arriving)
    near(row.total, whole)


def test_batch_norm_is_told(small: Small) -> None:
    """What it measures is what the formula says, what it keeps what the emitted module keeps."""
    arch = small("basic")
    model = perturbed(arch)
    told = trace(arch.network, model, batch=4)
    emitted = copy.deepcopy(model).train()
    emitted(random_batch(arch.input, 4, 0))
    state, before = emitted.state_dict(), model.state_dict()

    assert len(told.norms) == 9
    for row in told.norms:
        assert row.mean_before == tuple(before[f"{row.name}.running_mean"].tolist())
        assert row.mean_after == tuple(state[f"{row.name}.running_mean"].tolist())
        assert row.var_after == tuple(state[f"{row.name}.running_var"].tolist())
        assert row.error < 1e-6
        assert row.kept_in_eval
        assert row.mean_before != row.mean_after


def test_model_stays_as_it_was(small: Small) -> None:
    """Neither weights nor statistics, mode or generator change."""
    model = perturbed(small("basic"))
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    trace(small("basic").network, model)

    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())


@pytest.mark.parametrize(
    "name", ["resnet20", "shufflenet_v2_x0_5", "highway19", "preresnet110", "stochastic_depth110"]
)
def test_whole_networks(name: str) -> None:
    """Every value of a whole network, drop paths included, is the emitted module's."""
    told = archc.compile(name).trace(batch=2)

    assert told.verified == "equal, to the last bit"
    assert told.error < 1e-5


def test_window_is_part_of_the_whole(small: Small) -> None:
    """A block traced alone sees what it sees in the network."""
    arch = small("bottleneck")
    model = perturbed(arch)
    whole = {row.name: row for row in trace(arch.network, model, batch=4).values}
    for at in ("layer2", "layer2.1", "layer2.1.conv2"):
        for row in trace(arch.network, model, at, batch=4).values:
            assert row.forward == whole[row.name].forward


def test_inputs(tmp_path: Path, small: Small) -> None:
    """Images, arrays and tensors, of the network's input or of the block's own."""
    np, image = pytest.importorskip("numpy"), pytest.importorskip("PIL.Image")
    shape = small("basic").input
    x = torch.randn(3, *shape.sizes)
    np.save(tmp_path / "x.npy", x.numpy())
    torch.save(x[0], tmp_path / "x.pt")
    torch.save({"x": torch.randn(2, 8, 9, 9)}, tmp_path / "inner.pt")
    image.new("RGB", (20, 31), (255, 0, 51)).save(tmp_path / "x.png")

    assert torch.equal(batch_of([tmp_path / "x.npy"], shape), x)
    assert torch.equal(batch_of([tmp_path / "x.pt"], shape)[0], x[0])
    assert len(batch_of([tmp_path / "x.pt", tmp_path / "x.npy"], shape)) == 4
    red = batch_of([tmp_path / "x.png"], shape)
    assert red.shape == (1, 3, 9, 9)
    assert red[0, :, 4, 4].tolist() == pytest.approx(
        [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]
    )
    told = small("basic").trace("layer1.1", files=[tmp_path / "inner.pt"])
    assert told.values[0].shape == (2, 8, 9, 9)
    assert "given to layer1.1 itself" in told.input


def test_inputs_that_do_not_fit(tmp_path: Path, small: Small) -> None:
    """Each is told with the file, what was expected and what came."""
    shape = small("basic").input
    cases = {
        "shape.pt": (torch.zeros(1, 3, 9, 8), "expected 3×9×9 or a batch of them, got 1×3×9×8"),
        "whole.pt": (torch.zeros(3, 9, 9, dtype=torch.long), "floating point numbers, got int64"),
        "nan.pt": (torch.full((3, 9, 9), float("nan")), "not all numbers are finite"),
        "list.pt": ([1, 2], "holds no tensor but list"),
    }
    for name, (value, message) in cases.items():
        torch.save(value, tmp_path / name)
        with pytest.raises(InputError, match=message):
            batch_of([tmp_path / name], shape)
    (tmp_path / "x.npy").write_bytes(b"no")
    (tmp_path / "x.png").write_bytes(b"no")
    (tmp_path / "x.txt").write_text("1")
    for name in ("x.npy", "x.png", "x.txt", "none.pt"):
        with pytest.raises(InputError, match=name):
            batch_of([tmp_path / name], shape)


def test_nothing_in_a_file_is_run(tmp_path: Path, small: Small) -> None:
    """A pickle that is more than tensors is refused, as input and as weights."""
    torch.save(nn.Linear(2, 2), tmp_path / "evil.pt")
    with pytest.raises(InputError, match=r"evil\.pt"):
        batch_of([tmp_path / "evil.pt"], small("basic").input)
    with pytest.raises(WeightsError, match=r"evil\.pt"):
        small("basic").trace(weights=tmp_path / "evil.pt")


def test_weights(tmp_path: Path, small: Small) -> None:
    """Saved weights are those that are traced; of another network they are refused."""
    arch = small("basic")
    model = perturbed(arch)
    torch.save({"model": model.state_dict(), "step": 3}, tmp_path / "w.pt")
    torch.save(load(small("plain")).state_dict(), tmp_path / "other.pt")

    (row,) = (r for r in arch.trace(weights=tmp_path / "w.pt").weights if r.name == "fc.weight")
    near(row.value, model.state_dict()["fc.weight"])
    with pytest.raises(WeightsError, match="does not fit the network"):
        arch.trace(weights=tmp_path / "other.pt")


def test_no_such_place(small: Small) -> None:
    with pytest.raises(NoSuchPlace) as caught:
        small("basic").trace("layer3")

    assert {"layer1", "layer1.0", "layer1.0.conv1", "fc"} <= {*caught.value.known}


def test_one_sample_in_training() -> None:
    """What PyTorch refuses is told as it says it."""
    text = "archc: 1\nname: t\ninput: [4]\nbody: {a: linear(3), b: bn}\n"
    arch = archc.compile(Source("t.yaml", text))
    with pytest.raises(InputError, match="refuses 1×4: Expected more than 1 value per channel"):
        arch.trace(batch=1)


def test_command(run: Callable[..., Result], tmp_path: Path) -> None:
    """Text and Markdown have all parts; JSON is the trace; a picture has numbers on its arrows."""
    done = run("trace", "resnet20", "--at", "layer1.1", "--batch", 3)
    assert done.exit_code == 0, done.output
    for part in ("Forwards", "Batch norms", "∂L/∂value", "∂L/∂weight", "hands ∂L/∂join on"):
        assert part in done.stdout
    assert "3×16×32×32" in done.stdout
    assert "### Forwards" in run("trace", "resnet20", "--at", "bn1", "--format", "markdown").stdout
    told = json.loads(run("trace", "resnet20", "--at", "layer1.1", "--format", "json").stdout)
    assert told["splits"][0]["error"] < 1e-6
    dot = run("trace", "resnet20", "--at", "layer1.1", "--format", "dot").stdout
    norm = next(p["numbers"]["norm"] for p in told["splits"][0]["parts"] if p["role"] == "shortcut")
    assert f"2×16×32×32, ‖∂‖ {norm:.3g}" in dot
    pytest.importorskip("pygraphviz")
    assert run("trace", "resnet20", "--at", "layer1.1", "-o", tmp_path / "t.svg").exit_code == 0
    assert "‖∂‖" in (tmp_path / "t.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--at", "layer1.9"), "no stage, block or op `layer1.9`; did you mean `layer1."),
        (("--input", "none.pt"), "there is no file none.pt"),
        (("--weights", "none.pt"), "there is no file none.pt"),
        (("--device", "cuda:99"), "there is no device `cuda:99` here"),
        (("--device", "toaster"), "there is no device `toaster` here"),
        (("--format", "gif"), "there is no format `gif`"),
        (("--mode", "test"), "there is no mode `test`"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], message: str, run: Callable[..., Result]) -> None:
    """Exit code 2 and one line that says what to do."""
    done = run("trace", "resnet20", *arguments)

    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_diagram_of_every_kind(small: Small) -> None:
    """Every value that is traced is on an arrow."""
    from archc.backends.signals.picture import scene

    for kind in KINDS:
        arch = small(kind)
        told: Trace = arch.trace("layer2.0")
        drawn = scene(arch.network, told, "train")
        shown = {arrow.via for arrow in drawn.arrows}
        means = {row.name: row.forward["train"].mean for row in told.values}
        assert len(shown) >= len({*means.values()}) - 1, kind
        assert all(arrow.via for arrow in drawn.arrows)


def test_a_title_of_a_picture_is_no_port(
    run: Callable[..., Result], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The title of a trace has a colon, behind which Graphviz looks for a port of a node."""
    spec, drawn = tmp_path / "t.yaml", tmp_path / "t.svg"
    spec.write_text(
        "archc: 1\nname: t\ninput: [2, 4, 4]\nblocks:\n  b:\n    conv1: conv(2, 3)\n"
        "    out: conv1 + x\nbody:\n  b1: b\n",
        encoding="utf-8",
    )

    assert run("trace", spec, "-o", drawn).exit_code == 0
    assert capfd.readouterr().err == ""
    picture = drawn.read_text(encoding="utf-8")
    assert picture.count('class="node"') == len(("input", "conv1", "+", "title", "output"))

"""Models of ONNX: what ONNX Runtime makes of them, what ONNX itself says, and what is in them."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx_oracle import AGREED, dims, disagreements, distance, error, run
from safetensors.torch import save_file
from sweeps import ONE_OF_EACH, sweep
from torch import nn

import archc
from archc.backends.onnx import NoOnnxError, OnnxError, tensors
from archc.lower.resizing import resized
from archc.runtime.perturb import perturb

HERE = Path(__file__).resolve().parent
SPECS = sorted((HERE / "onnx").glob("*.yaml"))
PLUGINS = HERE.parent.parent / "examples" / "plugins"
SIDES = (64, 96, 128, 188)
"""Sizes of images that networks are run at, the first that they take; else their own."""
HUGE = {"vgg16", "nasnetalarge", "vit_b_16", "alexnet"}
"""Networks of many weights, which runs by hand compare."""


def perturbed(model: nn.Module, x: torch.Tensor) -> nn.Module:
    """Give a network numbers that no layer can hide behind."""
    perturb(model, x, 0)
    return model.eval()


def batch(arch: archc.Architecture, size: int = 2) -> torch.Tensor:
    return torch.randn(size, *arch.input.sizes, generator=torch.Generator().manual_seed(0))


def numbers(model: nn.Module) -> dict[str, Any]:
    return {key: tensor.numpy() for key, tensor in model.state_dict().items()}


def small(arch: archc.Architecture) -> archc.Architecture:
    """Return a network at a small size, where it takes one."""
    channels, *sides = arch.input.sizes
    smaller = ((channels, s, s) for s in SIDES if len(sides) == 2 and s < min(sides))
    others = (resized(arch.network, sizes) for sizes in smaller)
    network = next((other for other in others if other is not None), arch.network)
    return replace(arch, network=network)


def hold(arch: archc.Architecture, model: nn.Module, x: torch.Tensor) -> onnx.ModelProto:
    """Hold a model to PyTorch's outputs and to ONNX's rules and shapes; return it."""
    data = arch.onnx(model.state_dict())
    onnx.checker.check_model(data, full_check=True)
    proto = onnx.load_from_string(data)
    assert disagreements(proto, batch=5) == []
    assert error(model, data, x) < AGREED
    return proto


# What it computes


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Draw the same weights in every run: how far apart roundings are depends on them."""
    torch.manual_seed(2)


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")  # of the reference's sigmoid
@pytest.mark.parametrize("name", sweep([*sorted(ONE_OF_EACH - HUGE), "resnet20"], ["resnet20"]))
def test_network(name: str) -> None:
    """It is valid, ONNX infers the shapes that the graph says, and it computes what PyTorch does."""
    arch = small(archc.compile(name))
    x = batch(arch)

    hold(arch, perturbed(archc.load(name), x), x)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
@pytest.mark.parametrize("size", [1, 3])
def test_spec(path: Path, size: int) -> None:
    """Odd sizes, several outputs, tokens, windows, what is owned and given: at any batch."""
    arch = archc.compile(path)
    model = perturbed(archc.load(path), batch(arch))

    hold(arch, model, batch(arch, size))


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["resnet20", "mobilenet_v3_small", "shufflenet_v2_x1_0"])
def test_as_torch_exports(name: str) -> None:
    """The exporter of PyTorch, which looks at what runs, comes to the same numbers."""
    arch = small(archc.compile(name))
    x = batch(arch)
    model = perturbed(archc.load(name), x)
    exported = io.BytesIO()
    with warnings.catch_warnings():  # it is deprecated; the other needs a package more
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (x,), exported, dynamo=False, input_names=["input"])

    ours = run(arch.onnx(model.state_dict()), {"input": x.numpy()})
    theirs = run(exported.getvalue(), {"input": x.numpy()})

    assert distance(ours, [torch.from_numpy(y) for y in theirs]) < AGREED


# What is in it


def test_names() -> None:
    """Initialisers are the state_dict, nodes and values the steps; the file says what it is."""
    arch = archc.compile("resnet20", num_classes=7)
    model = archc.load("resnet20", num_classes=7)
    proto = onnx.load_from_string(arch.onnx(model.state_dict()))
    graph = proto.graph

    keys = [key for key in arch.state_dict_shapes() if not key.endswith("num_batches_tracked")]
    assert sorted(t.name for t in graph.initializer) == sorted(keys)
    assert [dims(v) for v in (*graph.input, *graph.output)] == [["batch", 3, 32, 32], ["batch", 7]]
    assert [v.name for v in (*graph.input, *graph.output)] == ["input", "output"]
    steps = {leaf.path for leaf in arch.network.root.leaves()}
    named = [n.name for n in graph.node if n.op_type != "Constant"]
    assert {name.partition("/")[0] for name in named} == steps
    assert len({*named}) == len(named)
    assert {n.name: n.doc_string for n in graph.node}[
        "layer1.0.conv1"
    ] == "conv1: conv(width, 3, stride=stride)"
    assert (proto.producer_name, proto.producer_version) == ("archc", archc.__version__)
    assert (proto.opset_import[0].version, proto.ir_version) == (20, 9)
    facts = {p.key: p.value for p in proto.metadata_props}
    assert facts["archc.variant"] == "resnet20"
    again = archc.compile("resnet20", **json.loads(facts["archc.settings"]))
    assert again.onnx(model.state_dict()) == proto.SerializeToString(deterministic=True)
    assert "269,527 params" in proto.doc_string


@pytest.mark.parametrize("value", [True, False, 3, 2.5, "2 * 3", None])
def test_settings_are_kept(value: object) -> None:
    """They are what a spec says, so that the same network can be compiled again."""
    text = (
        "archc: 1\nname: n\ninput: [3, 8, 8]\nparams: {p: 1}\nbody: {a: 'conv(4 if p else 8, 3)'}\n"
    )
    model = onnx.load_from_string(archc.compile(archc.Source("n", text), p=value).onnx())
    facts = {fact.key: fact.value for fact in model.metadata_props}

    again = archc.compile(archc.Source("n", text), **json.loads(facts["archc.settings"]))

    assert again.onnx() == archc.compile(archc.Source("n", text), p=value).onnx()


def test_the_same_twice() -> None:
    """One network is one file, byte for byte."""
    model = archc.load("resnet20")

    assert len({archc.compile("resnet20").onnx(model.state_dict()) for _ in range(2)}) == 1


def test_features() -> None:
    """Chosen outputs bear their names, and what only others need is left out."""
    arch = archc.compile("resnet20", outputs=["layer2", "layer1"])
    x = batch(arch)
    model = perturbed(archc.load("resnet20", outputs=["layer2", "layer1"]), x)

    proto = hold(arch, model, x)

    assert [v.name for v in proto.graph.output] == ["layer2", "layer1"]
    assert not [n for n in proto.graph.node if n.name.startswith(("layer3", "fc"))]


def test_features_of_weights_of_all(tmp_path: Path) -> None:
    """A file for the whole network has all that a part of it needs."""
    state = archc.load("resnet20").state_dict()
    save_file(state, tmp_path / "w.safetensors")
    torch.save({"model": state}, tmp_path / "w.pth")
    arch = archc.compile("resnet20", outputs=["layer1"])

    of_all = {arch.onnx(given) for given in (state, tmp_path / "w.safetensors", tmp_path / "w.pth")}

    part = {key: state[key] for key in arch.state_dict_shapes()}
    torch.save(part, tmp_path / "part.pth")
    assert of_all == {arch.onnx(part), arch.onnx(tmp_path / "part.pth")}
    with pytest.raises(archc.WeightsError, match=r"unexpected \(1\): `odd`"):
        arch.onnx({**state, "odd": torch.zeros(1)})


def test_outputs_of_training_are_left_out() -> None:
    """Inference does not give the auxiliary heads, nor need their weights."""
    proto = onnx.load_from_string(archc.compile("googlenet").onnx())

    assert [v.name for v in proto.graph.output] == ["logits"]
    assert not [v.name for v in proto.graph.input if v.name.startswith("aux")]


# Without weights


def test_no_weights() -> None:
    """The model is handed its tensors when it runs; those that nothing changes are in it."""
    path = HERE / "onnx" / "names_of_the_format.yaml"
    arch = archc.compile("resnet20")
    x = batch(arch)
    model = perturbed(archc.load("resnet20"), x)
    data = arch.onnx()
    wanted = {v.name for v in onnx.load_from_string(data).graph.input} - {"input"}

    onnx.checker.check_model(data, full_check=True)
    given = {key: value for key, value in numbers(model).items() if key in wanted}
    (found,) = run(data, {"input": x.numpy(), **given})
    with torch.no_grad():
        assert distance([found], [model(x)]) < AGREED
    assert not onnx.load_from_string(archc.compile(path).onnx()).graph.initializer


# Sizes


def test_a_fixed_batch() -> None:
    arch = archc.compile("resnet20")
    data = arch.onnx(archc.load("resnet20").state_dict(), batch=3)

    assert dims(onnx.load_from_string(data).graph.output[0]) == [3, 10]
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument):
        run(data, {"input": batch(arch, 2).numpy()})
    with pytest.raises(ValueError, match="at least one sample, not 0"):
        arch.onnx(batch=0)


FREE = ["resnet20", HERE / "onnx_free" / "resized.yaml", HERE / "onnx_free" / "patterns.yaml"]


@pytest.mark.parametrize("spec", FREE, ids=lambda spec: Path(spec).stem)
def test_any_size(spec: str | Path) -> None:
    """One model takes images of every size that the network takes."""
    arch = archc.compile(spec)
    model = perturbed(archc.load(spec), batch(arch))
    data = arch.onnx(model.state_dict(), any_size=True)
    proto = onnx.load_from_string(data)

    onnx.checker.check_model(data, full_check=True)
    assert dims(proto.graph.input[0]) == ["batch", arch.input.channels, "height", "width"]
    wrong = disagreements(proto, batch=5, height=96, width=128)
    assert [w for w in wrong if "unk__" not in str(w)] == []  # behind a cut of a computed size
    for sides in ((64, 64), (75, 97), (128, 81)):
        x = torch.randn(2, arch.input.channels, *sides)
        assert error(model, data, x) < AGREED


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("swin_t", "`pad_to` at features.1.0.attn.padded is written for one size of the input"),
        ("vit_b_16", "vit_b_16 takes no larger input than 3×224×224"),
        (str(HERE / "onnx" / "vector.yaml"), "vector takes no larger input than 12"),
        (
            str(HERE / "onnx" / "odd_sizes.yaml"),
            "`max_pool` at p1 is written for one size of the input",
        ),
    ],
)
def test_one_size(name: str, message: str) -> None:
    """What is not the same at every size is said, and no model is wrong at some."""
    with pytest.raises(OnnxError, match=message):
        archc.compile(name).onnx(any_size=True)


# Weights


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    save_file(archc.load("resnet20").state_dict(), path)
    return path


def test_a_file_of_weights(weights: Path) -> None:
    model = archc.load("resnet20")

    by_file = archc.compile("resnet20").onnx(weights)

    from safetensors.torch import load_file

    model.load_state_dict(load_file(weights))
    assert by_file == archc.compile("resnet20").onnx(model.state_dict())


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64])
def test_other_precision(kind: torch.dtype, tmp_path: Path) -> None:
    """Weights that were kept in another precision are single in the model."""
    arch = archc.compile("resnet20")
    x = batch(arch)
    model = perturbed(archc.load("resnet20"), x).to(kind).float()
    kept = {k: v.to(kind) if v.is_floating_point() else v for k, v in model.state_dict().items()}
    save_file(kept, tmp_path / "kept.safetensors")

    for given in (tmp_path / "kept.safetensors", kept):
        assert error(model, arch.onnx(given), x) < AGREED


def test_external_data(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is small, and its numbers are those of the file beside it."""
    arch = archc.compile("resnet20")
    x = batch(arch)
    monkeypatch.setattr(tensors, "LARGEST", tensors.SPARE + 1_000_000)

    with pytest.raises(OnnxError, match=r"have 1,[0-9,]+ bytes"):
        arch.onnx(weights)
    data = arch.onnx(weights, external_data=True)

    (tmp_path / "net.onnx").write_bytes(data)
    onnx.checker.check_model(str(tmp_path / "net.onnx"), full_check=True)
    monkeypatch.undo()
    found = run(str(tmp_path / "net.onnx"), {"input": x.numpy()})
    assert len(data) < 60_000
    np.testing.assert_array_equal(found[0], run(arch.onnx(weights), {"input": x.numpy()})[0])


def test_external_data_of_other_precision(tmp_path: Path) -> None:
    """It can't stay where it is."""
    state = {
        k: v.half() if v.is_floating_point() else v
        for k, v in archc.load("resnet20").state_dict().items()
    }
    save_file(state, tmp_path / "w.safetensors")

    with pytest.raises(OnnxError, match=r"numbers of F16 in .*, which can't stay there"):
        archc.compile("resnet20").onnx(tmp_path / "w.safetensors", external_data=True)


def test_external_data_of_what_is_in_memory() -> None:
    model = archc.load("resnet20")

    with pytest.raises(OnnxError, match="`external_data` leaves numbers in a file"):
        archc.compile("resnet20").onnx(model.state_dict(), external_data=True)


def damaged(change: Callable[[dict[str, torch.Tensor]], object]) -> dict[str, torch.Tensor]:
    state = archc.load("resnet20").state_dict()
    change(state)
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("fc.bias"), r"missing \(1\): `fc.bias`"),
        (lambda s: s.update(more=torch.zeros(2)), r"unexpected \(1\): `more`"),
        (lambda s: s.update({"fc.bias": torch.zeros(7)}), "`fc.bias` is 7 there and 10 here"),
        (lambda s: s.update({"fc.bias": torch.zeros(10, dtype=torch.complex64)}), "`fc.bias`"),
        (lambda s: s.update({"fc.bias": "text"}), "`fc.bias`"),
        (lambda s: s.clear(), r"missing \(97\)|holds no tensors"),
    ],
)
def test_weights_that_do_not_fit(change: Any, message: str, tmp_path: Path) -> None:
    """Each is told, in memory and in a file, and nothing is written."""
    state = damaged(change)

    with pytest.raises(archc.WeightsError, match=message):
        archc.compile("resnet20").onnx(state)
    if all(isinstance(v, torch.Tensor) for v in state.values()):
        save_file(state, tmp_path / "w.safetensors")
        with pytest.raises(archc.WeightsError, match=message):
            archc.compile("resnet20").onnx(tmp_path / "w.safetensors")


def test_checkpoints_that_pytorch_reads(tmp_path: Path) -> None:
    """What training leaves behind is seen through, as `archc.load` does."""
    state = archc.load("resnet20").state_dict()
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "w.pth"
    )
    save_file({f"model.{k}": v for k, v in state.items()}, tmp_path / "w.safetensors")
    arch = archc.compile("resnet20")

    for name in ("w.pth", "w.safetensors"):
        assert arch.onnx(tmp_path / name) == arch.onnx(state)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\x80\x02", b'\x08\0\0\0\0\0\0\0{"a": 1}', b"\xff" * 40]
)
def test_what_is_no_file_of_weights(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)

    with pytest.raises(archc.WeightsError, match=r"w.safetensors (is|holds)"):
        archc.compile("resnet20").onnx(path)


def test_settings_of_the_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of a network with other settings are not written into this one."""
    from archc.runtime.weights import sources

    class Owner:
        @staticmethod
        def fetch(*_: object) -> Any:
            return replace(offer, settings={"transform_input": True}), Path("w.pth")

    offer = sources.Offer("the weights")
    monkeypatch.setitem(sources.OWNERS, "torchvision", Owner)
    state = archc.load("googlenet").state_dict()
    monkeypatch.setattr(sources, "read", lambda *_: sources.Checkpoint("w", state))

    with pytest.raises(archc.WeightsError, match="say --set transform_input=true"):
        archc.compile("googlenet").onnx("torchvision:DEFAULT")
    assert archc.compile("googlenet", transform_input=True).onnx("torchvision:DEFAULT")


def test_truncated_weights(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:-5])

    with pytest.raises(archc.WeightsError, match="is damaged or cut short"):
        archc.compile("resnet20").onnx(weights)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is said."""
    import builtins

    real = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("archc.backends.onnx.model"):
            raise ModuleNotFoundError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(NoOnnxError, match=r"pip install archc\[onnx\]"):
        archc.compile("resnet20").onnx()


# Plug-ins


def test_a_plugin_that_says_itself() -> None:
    """The example of the documents."""
    arch = archc.compile(PLUGINS / "resnetblur.yaml", "resnetblur18", allow_ops=True)
    model = archc.load(PLUGINS / "resnetblur.yaml", "resnetblur18", allow_ops=True)
    small_arch = small(arch)
    x = batch(small_arch)

    hold(small_arch, perturbed(model, x), x)


def test_a_plugin_that_derives_from_an_op() -> None:
    """It is not taken for what it derives from."""
    with pytest.raises(archc.SpecError) as refusal:
        archc.compile(PLUGINS / "bit.yaml", "resnetv2_50x1_bit", allow_ops=True).onnx()

    assert [d.code for d in refusal.value.diagnostics] == ["not-in-onnx"]
    assert "`std_conv` does not say" in refusal.value.diagnostics[0].message


GATE = """from archc.ops import Op


class Gate(Op):
    name = "gate"
    torch_module = "nn.SiLU"

    def onnx({takes}):
        {body}
"""
GATED = """archc: 1
name: gated
input: [3, 8, 8]
ops: [gate.py]
body:
  stem: conv(4, 3)
  gated: gate
  again: gate
"""


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("raise KeyError('x')", "op-raises", "raises KeyError: 'x'"),
        ("return 3", "op-returns", "must return a str, or a tuple of them, not `3`"),
        ("return ()", "op-returns", "must return a str"),
        ("return (call.x, call.x)", "op-returns", "returns 2 names for 1 value"),
        ("return 'nothing'", "op-returns", "returns `nothing`, which names no value"),
        ("return call.graph.node('Bogus', call.x)", "op-returns", "No Op registered for Bogus"),
        ("return call.graph.node('Relu', 'lost')", "op-returns", "writes no valid ONNX: "),
        (
            "return call.graph.node('Relu', call.x, alpha=1.0)",
            "op-returns",
            "Unrecognized attribute: alpha",
        ),
        ("return call.graph.node('Flatten', call.x, axis=1)", "op-returns", "differ in rank"),
        ("return call.graph.node('Cast', call.x, to=7)", "op-returns", "Inferred elem type"),
    ],
)
def test_faults_of_plugins(body: str, code: str, message: str, tmp_path: Path) -> None:
    """What an op of a plug-in writes wrongly is told at a place, and no model is written."""
    (tmp_path / "gate.py").write_text(GATE.format(takes="self, call", body=body))
    (tmp_path / "gated.yaml").write_text(GATED)

    with pytest.raises(archc.SpecError) as refusal:
        archc.compile(tmp_path / "gated.yaml", allow_ops=True).onnx()

    (found,) = refusal.value.diagnostics
    assert found.code == code
    assert message in found.message


def test_the_method_of_a_plugin_takes_a_call(tmp_path: Path) -> None:
    """It is told when the file is read."""
    (tmp_path / "gate.py").write_text(GATE.format(takes="self", body="return None"))
    (tmp_path / "gated.yaml").write_text(GATED)

    with pytest.raises(archc.SpecError, match=r"`onnx` of `gate` must take \(self, call\)"):
        archc.compile(tmp_path / "gated.yaml", allow_ops=True)


def test_a_plugin_that_is_right(tmp_path: Path) -> None:
    """Constants are shared with other steps, and what it takes may be what it gives."""
    body = "return call.graph.node('Mul', call.x, call.graph.node('Sigmoid', call.x))"
    (tmp_path / "gate.py").write_text(GATE.format(takes="self, call", body=body))
    (tmp_path / "gated.yaml").write_text(GATED)
    arch = archc.compile(tmp_path / "gated.yaml", allow_ops=True)
    model = archc.load(tmp_path / "gated.yaml", allow_ops=True)

    hold(arch, perturbed(model, batch(arch)), batch(arch))
    assert arch.onnx(any_size=True)

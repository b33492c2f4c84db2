"""Plug-ins: ops of the user's Python files, run only where allowed, and true to what they say."""

from __future__ import annotations

import copy
import io
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import archc
from archc.cli import app
from archc.ops import OPS
from archc.ops.definitions import TAKEN

PLUGINS = Path(__file__).resolve().parent.parent / "examples" / "plugins"

GATE = """\
from archc.ops import Op


class Gate(Op):
    name = "gate"
    torch_module = "Gate"
    torch_file = "gate_torch.py"
"""
GATE_TORCH = '''\
"""A class that needs a base, a function and a constant."""

from torch import nn

SHARPNESS = 2.0


def sharp(x):
    return (SHARPNESS * x).sigmoid()


def never_used(x):
    return x


class Base(nn.Module):
    def forward(self, x):
        return x * sharp(x)


class Gate(Base):
    """Multiply by a sharp sigmoid."""
'''
SPEC = """\
archc: 1
name: tiny
input: [3, 9, 8]
ops: [gate.py]
blocks:
  gates: {a: gate, b: "conv(4, 3)"}
body:
  first: gates
  conv: conv(4, 3)
  gate: gate
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """Return a spec with a plug-in beside it, which leaves a trace when it is run."""
    trace = f"open({str(tmp_path / 'trace')!r}, 'w').close()\n"
    (tmp_path / "gate.py").write_text(GATE + trace)
    (tmp_path / "gate_torch.py").write_text(GATE_TORCH)
    (tmp_path / "tiny.yaml").write_text(SPEC)
    return tmp_path / "tiny.yaml"


def archc_(*words: object) -> tuple[int, str]:
    """Run a command; return its exit code and what it printed."""
    done = CliRunner().invoke(app, [str(w) for w in words])
    return done.exit_code, done.output


COMMANDS = ("build", "check", "draw", "table", "verify")


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_run_unless_allowed(spec: Path, command: str) -> None:
    """Without the permission a command says so, once, and leaves the file alone."""
    extra = ("--format", "dot") if command == "draw" else ()
    code, said = archc_(command, spec, *extra)

    assert code == 1
    assert said.count("error[") == 1
    assert "error[ops-not-allowed]" in said
    assert not (spec.parent / "trace").exists()

    code, _ = archc_(command, spec, *extra, "--allow-ops")

    assert code == 0
    assert (spec.parent / "trace").exists()


def test_python_asks_for_permission_too(spec: Path) -> None:
    with pytest.raises(archc.SpecError, match="ops-not-allowed"):
        archc.load(spec)

    assert not (spec.parent / "trace").exists()
    assert archc.check(spec, allow_ops=True) == []
    assert archc.compile(spec, allow_ops=True).params == 2 * 4 + 3 * 4 * 9 + 4 * 4 * 9


def test_check_needs_no_torch() -> None:
    """The file that says what archc must know of an op is apart from what PyTorch runs."""
    code = (
        "import sys, archc\n"
        f"archc.compile({str(PLUGINS / 'bit.yaml')!r}, allow_ops=True).source()\n"
        "assert 'torch' not in sys.modules\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert run.stderr == ""


def test_emitted_file_stands_alone(spec: Path) -> None:
    """What a class needs comes with it, and nothing else; the module pickles as others do."""
    import torch

    text = archc.compile(spec, allow_ops=True).source()
    imports = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert imports == ["from torch import nn"]
    assert [text.count(f"{w} ") for w in ("SHARPNESS =", "def never_used(x):")] == [1, 0]

    model = archc.load(spec, allow_ops=True).eval()
    x = torch.randn(2, 3, 9, 8)
    saved = io.BytesIO()
    torch.save(model, saved)
    saved.seek(0)
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]  # noqa: S301 - our own
    copies.append(torch.load(saved, weights_only=False))
    assert all(torch.equal(other(x), model(x)) for other in copies)
    y = model.conv(model.first(x))
    assert torch.equal(model(x), y * (2 * y).sigmoid())


def test_a_block_gets_another_name_than_a_plugins_class(spec: Path) -> None:
    spec.write_text(SPEC.replace("gates", "base"))
    text = archc.compile(spec, allow_ops=True).source()

    assert "class Base(nn.Module)" in text
    assert "class Base2(nn.Module)" in text
    assert "= Base2(" in text


def test_two_files_may_not_define_one_name(spec: Path) -> None:
    (spec.parent / "other.py").write_text(
        GATE.replace('"gate"', '"other"').replace("gate_torch", "other_torch")
    )
    (spec.parent / "other_torch.py").write_text(GATE_TORCH.replace("2.0", "3.0"))
    spec.write_text(SPEC.replace("[gate.py]", "[gate.py, other.py]"))
    (found,) = archc.check(spec, allow_ops=True)

    assert found.code == "bad-torch-file"
    assert "both define `SHARPNESS`" in found.message


def test_names_of_emitted_files_are_known() -> None:
    """What a plug-in's definition may not be called."""
    from archc.backends.pytorch.templates import TAKEN as WRITTEN

    assert set(TAKEN) >= set(WRITTEN) - {"OrderedDict"}


def test_a_plugin_changes_between_compiles(spec: Path) -> None:
    """Each compile runs the file as it is then."""
    before = archc.compile(spec, allow_ops=True).source()
    (spec.parent / "gate_torch.py").write_text(GATE_TORCH.replace("2.0", "4.0"))
    after = archc.compile(spec, allow_ops=True).source()

    assert before.replace("2.0", "4.0") == after


def test_an_imported_file_has_its_own_ops(spec: Path) -> None:
    """The permission is for all files, and an op is known in the file that names its own."""
    outer = spec.parent / "outer.yaml"
    outer.write_text(
        "archc: 1\nname: outer\ninput: [3, 9, 8]\nimport: {tiny: tiny.yaml}\n"
        "body: {inner: tiny, out: relu}\n"
    )
    (found,) = archc.check(outer)
    assert (found.code, found.span.source.name) == ("ops-not-allowed", str(spec))
    assert archc.check(outer, allow_ops=True) == []

    outer.write_text(outer.read_text().replace("relu", "gate"))
    assert [d.code for d in archc.check(outer, allow_ops=True)] == ["unknown-name"]


def test_defaults_and_init_know_a_plugins_ops() -> None:
    """A rule for `conv` is none for an op that derives from it."""
    import torch

    torch.manual_seed(0)
    model: Any = archc.load(PLUGINS / "bit.yaml", allow_ops=True)

    assert type(model.stem.conv).__name__ == "StdConv2d"
    assert model.stem.conv.eps == 1e-8
    assert model.stem.conv.weight.std().item() == pytest.approx((2 / (64 * 49)) ** 0.5, rel=0.05)
    assert model.head.fc.weight.std().item() == pytest.approx(0.01, rel=0.01)


# The examples


PEERS = (
    ("bit", "resnetv2_50x1_bit"),
    ("resnetblur", "resnetblur18"),
    ("resnetblur", "resnetblur50"),
)


@pytest.mark.parametrize(("name", "peer"), PEERS)
def test_examples_equal_timm(name: str, peer: str) -> None:
    """To the last bit, at an odd size; timm leaves its fixed filters out of the state_dict."""
    from archc.runtime.torchvision import import_torchvision
    from archc.runtime.verify import verify

    import_torchvision()
    timm = pytest.importorskip("timm")
    theirs = timm.create_model(peer)
    for module in theirs.modules():
        module._non_persistent_buffers_set.discard("filt")
    ours = archc.load(PLUGINS / f"{name}.yaml", peer, allow_ops=True)
    report = verify(ours, theirs, [(3, 65, 97)])

    assert report.ok, report.wrong


def one(tmp_path: Path, file: str, step: str) -> Any:
    """Load a network of one op of an example."""
    path = tmp_path / "one.yaml"
    path.write_text(
        f"archc: 1\nname: one\ninput: [6, 11, 8]\nops: [{PLUGINS / file}]\nbody: {{op: '{step}'}}\n"
    )
    return archc.load(path, allow_ops=True)


def test_std_conv_is_standardised(tmp_path: Path) -> None:
    """Against the equation: each filter minus its mean, over its deviation."""
    import torch

    model = one(tmp_path, "std_conv.py", "std_conv(4, 3, stride=2, groups=2, bias=true)")
    conv, x = model.op, torch.randn(2, 6, 11, 8)
    filters = conv.weight.detach().flatten(1)
    deviation = (filters.var(1, correction=0) + 1e-6).sqrt()
    filters = (filters - filters.mean(1)[:, None]) / deviation[:, None]
    weight = filters.view_as(conv.weight)
    wanted = torch.nn.functional.conv2d(x, weight, conv.bias, 2, 1, 1, 2)

    assert torch.allclose(model(x), wanted, atol=1e-5)


@pytest.mark.parametrize("kernel", range(1, 8))
def test_blur_pool_blurs(tmp_path: Path, kernel: int) -> None:
    """Against the binomial filter written as repeated averaging of neighbours."""
    import torch

    x = torch.randn(2, 6, 11, 8)
    model = one(tmp_path, "blur_pool.py", f"blur_pool({kernel})")
    pads = ((kernel - 1) // 2, kernel // 2) * 2
    y = torch.nn.functional.pad(x, pads, mode="reflect")
    for _ in range(kernel - 1):
        y = (y[:, :, 1:] + y[:, :, :-1]) / 2
        y = (y[..., 1:] + y[..., :-1]) / 2

    assert torch.allclose(model(x), y[:, :, ::2, ::2], atol=1e-6)
    assert list(model.state_dict()) == ["op.filt"]
    assert list(model.parameters()) == []


# check-op


@pytest.mark.parametrize(
    "words",
    [
        (PLUGINS / "std_conv.py", "-s", "out=32", "-s", "kernel=[1, 3]", "-s", "groups=4"),
        (f"{PLUGINS / 'blur_pool.py'}:blur_pool", "--input", "6,15,8"),
        ("conv", "-s", "out=32", "-s", "kernel=3"),
        ("linear", "-s", "out=10"),
        ("linear", "-s", "out=10", "--input", "12"),
        ("parameter", "-s", "dims=[64, 1, 1]"),
        ("concat",),
    ],
)
def test_check_op_finds_what_is_right(words: tuple[object, ...]) -> None:
    code, said = archc_("check-op", *words)

    assert (code, "differ" in said) == (0, False), said


WRONG = {
    "shape": ("def shape(self, x):\n        return x.replace(c=x.channels + 1)", "output"),
    "macs": ("def macs(self, x):\n        return 7", "MACs"),
    "tensors": (
        "def tensors(self, x):\n        return {'weight': Tensor((4, x.channels, 3, 4))}",
        "keys and shapes",
    ),
    "module": (
        "@classmethod\n    def module(cls, use):\n        return f'nn.Conv2d({use.channels[0]})'",
        "PyTorch",
    ),
}


@pytest.mark.parametrize("part", WRONG)
def test_check_op_finds_what_is_wrong(tmp_path: Path, part: str) -> None:
    """One declaration is changed, and named."""
    method, what = WRONG[part]
    path = tmp_path / "wrong.py"
    path.write_text(
        "from archc.ops import Conv, Tensor\n\n\nclass Wrong(Conv):\n    name = 'wrong'\n"
        f"    out: int = 4\n    kernel: int = 3\n    bias: bool = False\n\n    {method}\n"
    )
    code, said = archc_("check-op", path, "--format", "json")
    (report,) = json.loads(said)

    assert code == 1
    assert {row["what"] for row in report["rows"] if not row["ok"]} >= {what}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("conv",), "`conv` needs out and kernel"),
        (("convolution",), "there is no op `convolution`"),
        ((f"{PLUGINS / 'blur_pool.py'}:blur",), "has no op `blur`: it has blur_pool"),
        (("relu", "--input", "3,0,4"), "--input takes"),
    ],
)
def test_check_op_usage(words: tuple[str, ...], said: str) -> None:
    code, printed = archc_("check-op", *words)

    assert code == 2
    assert said in printed


def test_builtin_ops_are_no_plugins() -> None:
    """The table of archc's own ops stays what it is."""
    before = dict(OPS)
    archc.compile(PLUGINS / "bit.yaml", allow_ops=True)

    assert before == OPS


SIZED = """
from archc.ops import Op, spell


class Wide(Op):
    name = "wide"
    torch_module = "Wide"
    torch_file = "wide_torch.py"
    {sized}

    @classmethod
    def module(cls, use):
        return spell("Wide", use.channels[0])
"""
WIDE = """from torch import nn


class Wide(nn.Module):
    def __init__(self, channels):
        super().__init__()

    def forward(self, x):
        return x
"""


def test_an_op_that_asks_for_channels_says_so(tmp_path: Path) -> None:
    """`check` notices what `build` would, and the remedy is one."""
    spec = tmp_path / "wide.yaml"
    spec.write_text("archc: 1\nname: wide\ninput: [3, 8, 8]\nops: [wide.py]\nbody: {a: wide}\n")
    (tmp_path / "wide_torch.py").write_text(WIDE)
    (tmp_path / "wide.py").write_text(SIZED.format(sized=""))
    code, said = archc_("check", spec, "--allow-ops")

    assert code == 1
    assert "error[bad-op]: `module` of `wide` asks for the channels" in said
    assert "help: write `sized = True`" in said

    (tmp_path / "wide.py").write_text(SIZED.format(sized="sized = True"))
    assert archc_("check", spec, "--allow-ops")[0] == 0
    assert "Wide(3)" in archc_("build", spec, "--allow-ops")[1]


LISTS = """
from archc.ops import Op, Shape, Tensor, spell


class Volume(Op):
    name = "volume"
    torch_module = "nn.Conv3d"
    out: int
    kernel: list[int]
    pads: list[list[int]] = [[0]]

    def shape(self, x: Shape) -> Shape:
        assert type(self.kernel) is list and type(self.pads[0]) is list
        return x.replace(c=self.out, **{n: x[n] - k + 1 for n, k in zip("thw", self.kernel)})

    def tensors(self, x: Shape) -> dict[str, Tensor]:
        return {"weight": Tensor((self.out, x.channels, *self.kernel))}

    @classmethod
    def module(cls, use):
        return spell("nn.Conv3d", use.channels[0], use.out, use.kernel, bias="False")
"""


def test_an_argument_that_is_a_list(tmp_path: Path) -> None:
    """A field may be a list, of lists too; a shape is asked by the names of its dimensions."""
    (tmp_path / "volume.py").write_text(LISTS)
    spec = tmp_path / "clip.yaml"
    spec.write_text(
        "archc: 1\nname: clip\ninput: [6, 8, 8]\nops: [volume.py]\nbody:\n"
        '  a: rearrange("b (c t) h w -> b c t h w", t=2)\n'
        "  b: volume(4, [2, 3, 3], pads=[[1], [2]])\n  c: volume(4, [1, 3, 3])\n"
    )

    assert archc_("check", spec, "--allow-ops")[0] == 0
    assert "nn.Conv3d(3, 4, (2, 3, 3), bias=False)" in archc_("build", spec, "--allow-ops")[1]

"""`archc.load` runs the emitted file, and what it gives is like any module of one's own."""

from __future__ import annotations

import copy
import inspect
import io
import linecache
import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
import torch

import archc
from archc import Architecture
from archc.api import compile_block
from archc.runtime import load
from archc.runtime.load import model_class, module_of

REPOSITORY = Path(__file__).resolve().parents[2]


class Emitted:
    """Stands for an architecture whose file has this text."""

    name = "some-net"

    def __init__(self, text: str) -> None:
        self.text = text

    def source(self) -> str:
        return self.text


NET = """\
from torch import nn


class Part(nn.Linear):
    pass


def helper():
    return nn.ReLU


class Net(nn.Module):
    def __init__(self, n=2):
        super().__init__()
        self.part = Part(n, n)

    def forward(self, x):
        return self.part(x)


kind = nn.Conv2d
"""


def test_last_class_of_the_file() -> None:
    """Neither what it imports nor an alias is the network."""
    model = load(Emitted(NET))

    assert type(model).__name__ == "Net"
    assert model(torch.ones(1, 2)).shape == (1, 2)


def test_same_source_is_one_module() -> None:
    first, second = load(Emitted(NET)), load(Emitted(NET))
    other = load(Emitted(NET.replace("n=2", "n=3")))

    assert type(first) is type(second)
    assert first.part.weight.ne(second.part.weight).any()
    assert type(first) is not type(other)
    assert type(first).__module__.startswith("archc_some_net_")


def test_a_file_that_fails_leaves_no_module() -> None:
    text = f"{NET}\nraise LookupError\n"
    known = set(sys.modules)
    for _ in range(2):
        with pytest.raises(LookupError):
            load(Emitted(text))

    assert set(sys.modules) == known


def test_as_torch_builds_it(resnet20: Architecture) -> None:
    """In train mode, freshly drawn, with a module's own attributes and no more."""
    torch.manual_seed(1)
    first = load(resnet20)
    torch.manual_seed(1)
    second = load(resnet20)

    assert first.training
    assert torch.equal(first.conv1.weight, second.conv1.weight)
    assert first.conv1.weight.ne(load(resnet20).conv1.weight).any()
    assert {k for k in vars(first) if not k.startswith("_")} == {"training"}


def test_public_load() -> None:
    model = archc.load("resnet20", num_classes=7)

    assert model(torch.ones(2, 3, 32, 32)).shape == (2, 7)


def test_a_module_knows_its_spec() -> None:
    model = archc.load("resnet20", num_classes=7)
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own

    for known in (model.archc, again.archc, copy.deepcopy(model).archc):
        assert (known.name, dict(known.settings)) == ("resnet20", {"num_classes": 7})
        assert known.spec == (REPOSITORY / "specs" / "resnet_cifar.yaml").read_text()


def test_an_architecture_is_loaded_as_it_is() -> None:
    arch = archc.compile("resnet20", num_classes=7, input=(1, 16, 16))
    model, other = archc.load(arch), archc.load(arch, num_classes=5, outputs=["layer2", "fc"])

    assert model(torch.ones(2, 1, 16, 16)).shape == (2, 7)
    shapes = {name: tuple(y.shape) for name, y in other(torch.ones(2, 1, 16, 16)).items()}
    assert shapes == {"layer2": (2, 32, 8, 8), "fc": (2, 5)}
    assert dict(other.archc.settings) == {"num_classes": 5}


def test_a_block_is_loaded_alone() -> None:
    block = compile_block("resnet20", "basic(32, 2)", [16, 8, 8])

    assert archc.load(block)(torch.ones(1, 16, 8, 8)).shape == (1, 32, 4, 4)


def test_a_step_may_be_called_archc() -> None:
    text = "archc: 1\nname: tiny\ninput: [3, 8, 8]\nbody: {archc: 'conv(4, 3)'}\n"
    model = archc.load(archc.Source("tiny.yaml", text))

    assert model(torch.ones(1, 3, 8, 8)).shape == (1, 4, 8, 8)


def test_device_and_dtype(resnet20: Architecture) -> None:
    with torch.device("meta"):
        model = load(resnet20)
        assert model(torch.ones(2, 3, 32, 32)).shape == (2, 10)

    assert {p.device.type for p in model.parameters()} == {"meta"}
    torch.set_default_dtype(torch.double)
    try:
        assert load(resnet20).fc.weight.dtype == torch.double
    finally:
        torch.set_default_dtype(torch.float)


def test_source_of_what_runs(resnet20: Architecture) -> None:
    """The source that inspect shows is the one that `archc build` writes."""
    cls = model_class(module_of(resnet20))
    linecache.checkcache()

    assert inspect.getsource(sys.modules[cls.__module__]) == resnet20.source()
    assert inspect.getsource(cls) in resnet20.source()
    assert inspect.getsource(cls.forward).startswith("    def forward(self, x):")


def test_traceback_shows_the_line(resnet20: Architecture) -> None:
    try:
        load(resnet20)(torch.ones(2, 4, 32, 32))
    except RuntimeError as error:
        frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith("<archc resnet20 ")]

    assert "self.conv1(x)" in ours[0].line


def test_copies(resnet20: Architecture) -> None:
    """deepcopy, pickle and torch.save give the same network, of the same class."""
    model = load(resnet20).eval()
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    copies = [
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),  # noqa: S301 - our own
        torch.load(file, weights_only=False),
    ]
    x = torch.randn(2, 3, 32, 32)

    for each in copies:
        assert type(each) is type(model)
        assert torch.equal(each(x), model(x))


def test_weights_are_exchanged(resnet20: Architecture) -> None:
    """A file of weights is loaded by the safe loader, strictly."""
    file = io.BytesIO()
    torch.save(load(resnet20).state_dict(), file)
    file.seek(0)

    load(resnet20).load_state_dict(torch.load(file, weights_only=True))


ALONE = """
import importlib.util, sys

class Blocked:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("archc", "yaml", "pydantic", "networkx", "torchvision"):
            raise ImportError(name)

sys.meta_path.insert(0, Blocked())
spec = importlib.util.spec_from_file_location("net", sys.argv[1])
net = importlib.util.module_from_spec(spec)
spec.loader.exec_module(net)
import torch
print(*net.ResNetCifar()(torch.ones(2, 3, 32, 32)).shape, "archc" in sys.modules)
"""


def test_the_file_stands_alone(resnet20: Architecture, tmp_path: Path) -> None:
    """It needs torch, and nothing of what wrote it."""
    file = tmp_path / "resnet20.py"
    file.write_text(resnet20.source())
    command = [sys.executable, "-I", "-W", "error", "-c", ALONE, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert (done.stdout, done.stderr) == ("2 10 False\n", "")


def without(library: str, code: str) -> subprocess.CompletedProcess[str]:
    """Run code where a library is not installed."""
    block = f"""
import sys
class Missing:
    def find_spec(self, name, *_):
        if name == "{library}":
            raise ModuleNotFoundError("No module named {library!r}", name=name)
sys.meta_path.insert(0, Missing())
{code}
"""
    return subprocess.run(
        [sys.executable, "-c", block], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )


COMMAND = "from archc.cli import main; sys.argv = ['archc', 'verify', 'resnet20'{}]; main()"


def test_missing_torch() -> None:
    """The API raises and the command says what to install; checking needs no torch."""
    hint = "PyTorch is not installed: pip install 'archc[torch]'"
    called = without("torch", "import archc\narchc.check('resnet20')\narchc.load('resnet20')")
    command = without("torch", COMMAND.format(""))

    assert called.stderr.splitlines()[-1] == f"ModuleNotFoundError: {hint}"
    assert (command.returncode, command.stderr) == (2, f"archc: {hint}\n")


def test_missing_peer() -> None:
    command = without("torchvision", COMMAND.format(", '--against', 'torchvision:resnet18'"))

    assert command.returncode == 2
    assert command.stderr == "archc: torchvision is not installed: pip install torchvision\n"

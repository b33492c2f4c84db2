"""What a user's own code and weights do wrong is told at the user's line, or of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner, Result

import archc
from archc.cli import app

SPEC = """archc: 1
name: tiny
input: [8, 16, 16]
ops: [odd.py]
body:
  c: conv(8, 1)
  f: odd
"""
OP = '''"""An op."""

from archc.ops import Op


class Odd(Op):
    """Odd."""

    name = "odd"
    torch_module = "Odd"
    torch_file = "odd_torch.py"
'''
TORCH = '''"""What `odd` is in PyTorch."""

from torch import nn


def helped(x):
    return {result}


class Odd(nn.Module):
    """Odd."""

    def forward(self, x):
        return helped(x)
'''
PEER = """from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(8, 8, 1)
    def forward(self, x):
        return self.c(x){more}
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def spec(folder: Path, result: str) -> Path:
    (folder / "odd.py").write_text(OP)
    (folder / "odd_torch.py").write_text(TORCH.format(result=result))
    (folder / "peer.py").write_text(PEER.format(more=""))
    (folder / "tiny.yaml").write_text(SPEC)
    return folder / "tiny.yaml"


@pytest.mark.parametrize(
    "command",
    [
        ("trace",),
        ("probe", "--seeds", "1", "--batch", "2"),
        ("verify",),
        ("verify", "--against", "{folder}/peer.py:Net"),
    ],
)
@pytest.mark.parametrize("result", ["x[:, [999]]", "x.nothing", "1 / 0", "undefined"])
def test_a_plug_in_that_raises(tmp_path: Path, command: tuple[str, ...], result: str) -> None:
    """At the innermost line of the user's file, with the use of the op beside it."""
    name, *options = (part.format(folder=tmp_path) for part in command)
    done = run(name, spec(tmp_path, result), "--allow-ops", *options)

    assert done.exit_code == 1, done.output
    assert "error[op-raises]: running `helped` of `odd` raises" in done.stderr
    assert f"{tmp_path}/odd_torch.py:7:5" in done.stderr
    assert f"{tmp_path}/tiny.yaml:7:6" in done.stderr


def test_a_plug_in_that_is_not_what_it_declares(tmp_path: Path) -> None:
    """What PyTorch raises of it later is laid at its door."""
    path = spec(tmp_path, "[x]")
    path.write_text(SPEC + "  d: conv(4, 1)\n")
    done = run("trace", path, "--allow-ops")

    assert done.exit_code == 1
    assert "error[op-raises]: a network with `odd`, an op of a plug-in, can't be run" in done.stderr


def test_a_peer_that_raises(tmp_path: Path) -> None:
    """Its file and line, and that it is no defect of archc."""
    path = spec(tmp_path, "x")
    (tmp_path / "peer.py").write_text(PEER.format(more=".nothing"))
    done = run("verify", path, "--allow-ops", "--against", f"{tmp_path}/peer.py:Net")

    assert done.exit_code == 2
    assert f"{tmp_path}/peer.py:7: AttributeError: " in done.stderr


def test_networks_without_plug_ins_raise_what_they_raise() -> None:
    """A defect of ours is not told as somebody else's."""
    from archc.runtime.faults import blaming

    with pytest.raises(ZeroDivisionError), blaming(archc.compile("resnet20").network):
        raise ZeroDivisionError


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    return archc.load("resnet20").state_dict()


@pytest.mark.parametrize("command", [("trace", "--at", "layer1.0"), ("probe", "--seeds", "1")])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t * float("nan"), "not all numbers of `layer1.0.conv1.weight` are finite"),
        (lambda t: t.clone().fill_(float("inf")), "not all numbers of `layer1.0.conv1.weight`"),
        (lambda t: t.double() * 1e300, "not all numbers of `layer1.0.conv1.weight` are finite"),
        (lambda t: t.to(torch.complex64), "`layer1.0.conv1.weight` holds complex numbers"),
        (lambda t: t[:4], "does not fit the network"),
        (lambda _: "text", "does not fit the network"),
    ],
)
def test_weights_that_are_none(
    tmp_path: Path,
    weights: dict[str, torch.Tensor],
    command: tuple[str, ...],
    change: Any,
    said: str,
) -> None:
    """One line of the file, and no traceback."""
    name, *options = command
    changed = {**weights, "layer1.0.conv1.weight": change(weights["layer1.0.conv1.weight"])}
    torch.save(changed, tmp_path / "w.pt")
    done = run(name, "resnet20", "--weights", tmp_path / "w.pt", *options)

    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors", ".npy"])
@pytest.mark.parametrize("data", [b"", b"junk" * 99, b"PK\x03\x04 cut", b"\x80\x04cos\nsystem\n"])
def test_files_that_are_no_weights(tmp_path: Path, suffix: str, data: bytes) -> None:
    """Nor are they run."""
    path = tmp_path / f"w{suffix}"
    path.write_bytes(data)
    done = run("trace", "resnet20", "--weights", path)

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"archc: {path}")
    assert done.stderr.count("\n") == 1


def test_values_that_are_no_numbers(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    """A negative variance makes them of finite weights."""
    torch.save({**weights, "bn1.running_var": -weights["bn1.running_var"]}, tmp_path / "w.pt")
    done = run("trace", "resnet20", "--at", "layer1.0", "--weights", tmp_path / "w.pt")

    assert done.exit_code == 2
    assert "the values of layer1.0 are no finite numbers in eval mode" in done.stderr


@pytest.mark.parametrize("name", ["w.pt", "x.npy", "x.png"])
def test_what_a_trace_reads_is_never_written(
    tmp_path: Path, weights: dict[str, torch.Tensor], name: str
) -> None:
    """Weights, tensors and images are inputs as the spec is."""
    import numpy as np
    from PIL import Image

    path = tmp_path / name
    match path.suffix:
        case ".pt":
            torch.save(weights, path)
        case ".npy":
            np.save(path, np.zeros((3, 32, 32), dtype=np.float32))
        case _:
            Image.new("RGB", (32, 32)).save(path)
    before = path.read_bytes()
    given = ("--weights", path) if name == "w.pt" else ("--input", path)
    done = run(
        "trace", "resnet20", "--at", "layer1.0", *given, "--force", "--format", "text", "-o", path
    )

    assert (done.exit_code, path.read_bytes() == before) == (2, True)
    assert "the command reads it" in done.stderr

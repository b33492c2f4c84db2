"""`archc build --format onnx`: what it writes where, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner, Result

import archc as package
from archc.cli import app

SPEC = """archc: 1
name: tiny
input: [3, 8, 8]
body: {conv: 'conv(4, 3)', act: relu, pool: global_avg_pool}
"""


def archc(*arguments: str | Path) -> Result:
    """Run the command line in this process, for speed."""
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with a spec and weights for it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(SPEC)
    torch.manual_seed(0)
    save_file(package.load("tiny.yaml").state_dict(), "w.safetensors")
    return tmp_path


def test_by_suffix(folder: Path) -> None:
    """The name of the output says the format; what it holds is what Python gives."""
    done = archc("build", "tiny.yaml", "-w", "w.safetensors", "-o", "net.onnx")

    assert (done.exit_code, done.output) == (0, "")
    data = (folder / "net.onnx").read_bytes()
    assert data == package.compile("tiny.yaml").onnx("w.safetensors")
    onnx.checker.check_model(data, full_check=True)


def test_by_format(folder: Path) -> None:
    """To standard output go bytes, and nothing else."""
    done = archc("build", "tiny.yaml", "--format", "onnx")

    assert done.exit_code == 0
    assert done.stdout_bytes == package.compile("tiny.yaml").onnx()
    assert [p.name for p in sorted(folder.iterdir())] == ["tiny.yaml", "w.safetensors"]


def test_options(folder: Path) -> None:
    archc("build", "tiny.yaml", "--batch", "2", "--any-size", "-o", "net.onnx")

    sizes = onnx.load(folder / "net.onnx").graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in sizes] == [2, 3, "height", "width"]


def test_external_data(folder: Path) -> None:
    """The numbers stay where they are, and a runtime finds them there."""
    done = archc("build", "tiny.yaml", "-w", "w.safetensors", "--external-data", "-o", "net.onnx")
    x = np.ones((1, 3, 8, 8), np.float32)

    assert done.exit_code == 0
    found = onnxruntime.InferenceSession(folder / "net.onnx").run(None, {"input": x})
    data = package.compile("tiny.yaml").onnx("w.safetensors")
    np.testing.assert_array_equal(
        found[0], onnxruntime.InferenceSession(data).run(None, {"input": x})[0]
    )


def test_what_is_replaced(folder: Path) -> None:
    """A model of archc's is, one of another producer and the weights are not."""
    for _ in range(2):
        assert archc("build", "tiny.yaml", "-o", "net.onnx").exit_code == 0
    model = onnx.load(folder / "net.onnx")
    model.producer_name = "pytorch"
    onnx.save(model, folder / "net.onnx")
    other = (folder / "net.onnx").read_bytes()

    done = archc("build", "tiny.yaml", "-o", "net.onnx")

    assert (done.exit_code, (folder / "net.onnx").read_bytes()) == (2, other)
    assert "archc did not write it" in done.stderr
    assert archc("build", "tiny.yaml", "-o", "net.onnx", "--force").exit_code == 0
    weights = (folder / "w.safetensors").read_bytes()
    done = archc(
        "build", "tiny.yaml", "--format", "onnx", "-w", "w.safetensors", "--force", "-o", "w.safetensors"
    )  # fmt: skip
    assert (done.exit_code, (folder / "w.safetensors").read_bytes()) == (2, weights)
    assert "the command reads it" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-w", "w.safetensors"], "--weights goes with --format onnx"),
        (["--batch", "2", "-o", "net.py"], "--batch goes with --format onnx"),
        (["--format", "tflite"], "there is no format `tflite`: choose from python, onnx"),
        (["--format", "onnx", "-w", "none.safetensors"], "there is no file none.safetensors"),
        (["--format", "onnx", "-w", "."], "is a folder"),
        (["--format", "onnx", "-w", "tiny.yaml"], "tiny.yaml holds no weights: it is a spec"),
        (["--format", "onnx", "--external-data", "-o", "net.onnx"], "give both"),
        (["--format", "onnx", "-w", "w.safetensors", "--external-data"], "give both"),
        (
            ["-w", "w.safetensors", "--external-data", "-o", "sub/net.onnx"],
            "a model finds w.safetensors in its own folder",
        ),
    ],
)
def test_what_is_refused(folder: Path, arguments: list[str], message: str) -> None:
    """A word of what to do, no traceback, and nothing written."""
    (folder / "sub").mkdir()
    before = sorted(folder.rglob("*"))

    done = archc("build", "tiny.yaml", *arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert sorted(folder.rglob("*")) == before


def test_weights_of_another_network(folder: Path) -> None:
    done = archc("build", "resnet20", "-w", "w.safetensors", "-o", "net.onnx")

    assert done.exit_code == 2
    assert "missing (97): `conv1.weight`" in done.stderr
    assert "unexpected (2): `conv.bias`, `conv.weight`" in done.stderr
    assert not (folder / "net.onnx").exists()


def test_without_pytorch(folder: Path) -> None:
    """Nothing of it is imported, with weights or without; what needs it is told so."""
    torch.save(package.load("tiny.yaml").state_dict(), "w.pth")
    code = "import sys; sys.modules['torch'] = None; from archc.cli import main; main()"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, "build", "tiny.yaml", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run("-o", "bare.onnx", "--any-size").stderr == ""
    assert run("-o", "net.onnx", "-w", "w.safetensors").stderr == ""
    assert (folder / "net.onnx").read_bytes() == package.compile("tiny.yaml").onnx("w.safetensors")
    refused = run("-o", "other.onnx", "-w", "w.pth")
    assert (refused.returncode, (folder / "other.onnx").exists()) == (2, False)
    assert "w.pth is read by PyTorch: pip install archc[torch]" in refused.stderr

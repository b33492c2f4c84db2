"""A network kept as one file is the same again in another process, and nothing of a file is trusted."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes import SMALL, TEXT, same, small
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from typer.testing import CliRunner

import archc
from archc.api import compile_block as archc_block
from archc.cli import app
from archc.diagnostics import Source, SpecError
from archc.weights.faults import WeightsError

REPOSITORY = Path(__file__).resolve().parents[2]

ELSEWHERE = """
import sys, torch, archc
kept, whole, x, y = sys.argv[1:]
model = archc.load(kept)
print(torch.equal(model.eval()(torch.load(x)), torch.load(y)), model.archc.name, model.archc.settings)
again = torch.load(whole, weights_only=False)
print(torch.equal(again(torch.load(x)), torch.load(y)), again.training, again.archc.settings)
print(type(again).__name__, [type(m).__name__ for m in again.layer1])
"""

BLOCKS = """
archc: 1
name: blocks
input: [3, 12, 12]
params: {num_classes: 5, width: 8}
blocks:
  basic(width):
    conv1: conv(width, 3)
    bn1: bn
    out: relu(bn1 + x)
stem: {conv1: "conv(width, 3)"}
stages:
  layer1: {block: basic, width: width, depth: 2}
head: {pool: global_avg_pool, fc: linear(num_classes)}
"""


def run(code: str, *arguments: object) -> str:
    """Run Python in a process of its own, elsewhere."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {"PYTHONPATH": str(REPOSITORY), "PATH": ""}
    done = subprocess.run(
        command, cwd="/", env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def kept(path: Path) -> dict[str, Any]:
    """Return what a file keeps of its spec."""
    with safe_open(path, framework="pt") as file:
        record: dict[str, Any] = json.loads(file.metadata()["archc"])
    return record


def test_in_another_process(tmp_path: Path) -> None:
    """Both files give the same module where neither the spec nor the emitted file was ever seen."""
    model = archc.load(Source("blocks.yaml", BLOCKS), num_classes="3 + 4", width=6).eval()
    x = torch.randn(2, 3, 12, 12)
    files = [tmp_path / name for name in ("net.safetensors", "whole.pt", "x.pt", "y.pt")]
    archc.save(model, files[0])
    torch.save(model, files[1])
    torch.save(x, files[2])
    torch.save(model(x), files[3])

    settings = {"num_classes": "3 + 4", "width": 6}
    assert run(ELSEWHERE, *files).splitlines() == [
        f"True blocks {settings}",
        f"True False {settings}",
        "Blocks ['Basic', 'Basic']",
    ]


def test_what_is_kept(tmp_path: Path) -> None:
    """The text of the spec, what was set, and who wrote it: plain data beside the tensors."""
    torch.save(small().state_dict(), tmp_path / "w.pth")
    model = archc.load(SMALL, weights=tmp_path / "w.pth")
    archc.save(model, tmp_path / "net.safetensors")
    record = kept(tmp_path / "net.safetensors")

    assert record.pop("versions") == {"archc": archc.__version__, "torch": torch.__version__}
    assert record == {
        "form": 1,
        "name": "small",
        "file": "small.yaml",
        "spec": TEXT,
        "imports": {},
        "variant": "small",
        "settings": {},
        "input": [],
        "outputs": [],
        "block": "",
        "weights": str(tmp_path / "w.pth"),
    }
    assert (model.archc.spec, model.archc.settings, model.archc.name) == (TEXT, {}, "small")


def test_a_kept_file_is_a_spec(tmp_path: Path) -> None:
    """It can be compiled, also with other settings, and its weights be given to another network."""
    path = tmp_path / "net.safetensors"
    model = small(num_classes=7)
    archc.save(model, path)

    assert archc.compile(path).output.sizes == (7,)
    assert archc.compile(str(path), num_classes=3).output.sizes == (3,)
    assert same(archc.load(SMALL, num_classes=7, weights=path), model, 3, 12, 12)
    with pytest.raises(WeightsError, match="`num_classes=7` makes the network of these weights"):
        archc.load(path, num_classes=3, weights=path)
    with pytest.raises(WeightsError, match="`num_classes=7` makes the network of these weights"):
        archc.load(path, num_classes=3)
    with pytest.raises(SpecError, match="classes"):
        archc.load(path, classes=3)


def test_commands_take_a_kept_file(tmp_path: Path) -> None:
    """Each shows the network as it was kept, with its settings."""
    path = tmp_path / "net.safetensors"
    archc.save(archc.load(Source("blocks.yaml", BLOCKS), num_classes=3, width=4), path)
    told = {
        words: CliRunner().invoke(app, [words.split()[0], str(path), *words.split()[1:]]).output
        for words in ("table", "check", "build", "list", "table --by variant", "weights")
    }

    assert "basic ×2" in told["table"]
    assert told["table"].partition("head")[2].split()[2] == "3"
    assert "blocks" in told["table --by variant"]
    assert told["check"] == "all good: 1 variant\n"
    assert "num_classes=3, width=4" in told["build"]
    assert "num_classes  5" in told["list"]
    assert "has none for `blocks`" in told["weights"]
    assert archc.check(path, width=6) == []


def test_a_variant_of_the_zoo(tmp_path: Path) -> None:
    """Of a file of many variants it is the one that was loaded, with the outputs that were asked for."""
    model = archc.load("resnet20", outputs=["layer1", "layer2"], num_classes=3).eval()
    archc.save(model, tmp_path / "net.safetensors")
    again = archc.load(tmp_path / "net.safetensors").eval()
    x = torch.randn(1, 3, 32, 32)
    ours, theirs = model(x), again(x)

    assert again.archc.name == "resnet20"
    assert list(ours) == list(theirs) == ["layer1", "layer2"]
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_types_are_kept(dtype: torch.dtype, tmp_path: Path) -> None:
    model = small().to(dtype)
    archc.save(model, tmp_path / "net.safetensors")
    again = archc.load(tmp_path / "net.safetensors")

    assert {k: v.dtype for k, v in again.state_dict().items()} == {
        k: v.dtype for k, v in model.state_dict().items()
    }
    assert all(torch.equal(v, model.state_dict()[k]) for k, v in again.state_dict().items())
    assert all(p.requires_grad for p in again.parameters())


WRAPPERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "compiled": lambda m: torch.compile(m, backend="eager"),  # type: ignore[return-value]
    "parallel": nn.DataParallel,
    "copied": copy.deepcopy,
    "pickled": lambda m: pickle.loads(pickle.dumps(m)),  # noqa: S301 - our own
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrapped(wrapper: str, tmp_path: Path) -> None:
    """What wraps a module is seen through."""
    model = small()
    archc.save(WRAPPERS[wrapper](model), tmp_path / "net.safetensors")

    assert same(archc.load(tmp_path / "net.safetensors"), model, 3, 12, 12)


def test_shared_memory(tmp_path: Path) -> None:
    """Tensors that share memory are kept each for itself."""
    model = small()
    state = model.state_dict()
    model.bn1.bias.data = model.bn1.weight.data
    archc.save(model, tmp_path / "net.safetensors")
    again = archc.load(tmp_path / "net.safetensors").state_dict()

    assert torch.equal(again["bn1.bias"], state["bn1.weight"])


# What is not kept


CHANGES: dict[str, tuple[Callable[[nn.Module], Any], str]] = {
    "a head": (
        lambda m: setattr(m, "fc", nn.Linear(8, 10)),
        "`fc` is Linear(in_features=8, out_features=10, bias=True), the spec makes Linear(",
    ),
    "an activation": (lambda m: setattr(m, "relu", nn.GELU()), "`relu` is GELU(approximate='none')"),
    "an argument": (lambda m: setattr(m.bn1, "eps", 0.1), "`bn1` is BatchNorm2d(8, eps=0.1, "),
    "another module": (lambda m: m.add_module("extra", nn.ReLU()), "`extra` is ReLU(), the spec makes none"),
    "a parameter": (lambda m: m.register_parameter("scale", nn.Parameter(torch.ones(2))), "unexpected (1): `scale`"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_module_is_not_kept(change: str, tmp_path: Path) -> None:
    """What the spec would not make again is told, and no file is written."""
    edit, told = CHANGES[change]
    model = small()
    edit(model)

    with pytest.raises(
        WeightsError, match="is no longer what its spec makes, and nothing was writ"
    ) as e:
        archc.save(model, tmp_path / "net.safetensors")
    assert told in str(e.value)
    assert list(tmp_path.iterdir()) == []


def test_what_can_not_be_kept(tmp_path: Path) -> None:
    """A module of somebody else's, one without numbers, a file that archc did not write, no folder."""
    path = tmp_path / "net.safetensors"
    with pytest.raises(
        WeightsError, match=r"was not made by `archc.load`.*torch.save\(model.state_dict"
    ):
        archc.save(nn.Linear(2, 2), path)
    with torch.device("meta"):
        hollow = archc.load(SMALL)
    with pytest.raises(WeightsError, match="has no numbers of its own to keep"):
        archc.save(hollow, path)
    with pytest.raises(WeightsError, match="there is no folder"):
        archc.save(small(), tmp_path / "none" / "net.safetensors")
    assert list(tmp_path.iterdir()) == []
    save_file(small().state_dict(), path)
    with pytest.raises(
        WeightsError, match=r"archc did not write it: .* replace it by `force=True`"
    ):
        archc.save(small(), path)
    archc.save(small(), path, force=True)
    archc.save(small(), path)


def test_networks_of_timm_s_surface(tmp_path: Path) -> None:
    """What `create_model` makes is kept with its classes and channels; a list of features is not."""
    path = tmp_path / "net.safetensors"
    model = archc.create_model("resnet20", num_classes=3, in_chans=1).eval()
    archc.save(model, path)

    assert same(archc.load(path), model, 1, 32, 32)
    with pytest.raises(WeightsError, match="`features_only` gives a list"):
        archc.save(archc.create_model("resnet20", features_only=True), path)
    model.reset_classifier(5)
    with pytest.raises(WeightsError, match="`fc` is Linear"):
        archc.save(model, path)


@pytest.mark.parametrize("what", [{}, "resnet20", None, archc.compile(SMALL)])
def test_what_is_no_module(what: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"takes a module that archc.load made, and this is"):
        archc.save(what, tmp_path / "net.safetensors")


# A file of a stranger


def forged(path: Path, **changes: Any) -> Path:
    """Write a kept file in which something is changed."""
    archc.save(small(), path)
    record = {**kept(path), **changes}
    state = small().state_dict()
    text = changes.get("text", json.dumps(record))
    save_file(state, path, {"archc": text})
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "no json"},
        {"text": "[" * 100_000},
        {"text": "[]"},
        {"text": "null"},
        {"form": "1"},
        {"spec": None},
        {"spec": ["archc: 1"]},
        {"variant": 3},
        {"settings": []},
        {"settings": {"num_classes": {}}},
        {"settings": {"num_classes": float("nan")}},
        {"settings": {"allow_ops": True}},
        {"settings": {"spec": "resnet50"}},
        {"block": None},
        {"input": "3,12,12"},
        {"input": [True]},
        {"outputs": "fc"},
        {"outputs": [1]},
    ],
)
def test_damaged_records(changes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="what it keeps of a spec is damaged"):
        archc.load(forged(tmp_path / "net.safetensors", **changes))


def test_a_record_of_later(tmp_path: Path) -> None:
    path = forged(tmp_path / "net.safetensors", form=2, versions={"archc": "9.0"})

    with pytest.raises(WeightsError, match=r"another form, by archc 9\.0: this is archc"):
        archc.load(path)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"spec": "archc: 1\nname: x\n"}, "missing-key"),
        ({"spec": TEXT.replace("conv(8, 3)", "conv(8, 30)")}, "even-kernel"),
        ({"spec": TEXT + "ops: [evil.py]\n"}, "ops-not-allowed"),
        ({"spec": "!!python/object:os.system x"}, ""),
        ({"settings": {"num_classes": "__import__('os')"}}, ""),
        ({"settings": {"classes": 3}}, "unknown-setting"),
        ({"variant": "other"}, "unknown-variant"),
        ({"spec": TEXT.replace("linear(num_classes)", "linear(10 ** 400)")}, ""),
    ],
)
def test_the_spec_of_a_stranger(changes: dict[str, Any], code: str, tmp_path: Path) -> None:
    """It is held to all that a spec is held to; its Python files are not run."""
    mark = tmp_path / "mark"
    (tmp_path / "evil.py").write_text(f"open({str(mark)!r}, 'w')\n")
    path = forged(tmp_path / "net.safetensors", **changes)
    with pytest.raises(SpecError) as caught:
        archc.load(path)

    assert code in {d.code for d in caught.value.diagnostics} | {""}
    assert not mark.exists()


def test_weights_of_another_spec(tmp_path: Path) -> None:
    """Tensors that are not the spec's are told, as those of any file."""
    path = forged(tmp_path / "net.safetensors", spec=TEXT.replace("conv(8, 3)", "conv(6, 3)"))

    with pytest.raises(WeightsError, match="does not fit the network"):
        archc.load(path)


def test_weights_without_a_spec(tmp_path: Path) -> None:
    """Whoever takes a checkpoint for a spec is told what comes first."""
    save_file(small().state_dict(), tmp_path / "w.safetensors")
    torch.save(small().state_dict(), tmp_path / "w.pth")
    torch.save(small().state_dict(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)

    for name in ("w.safetensors", "w.pth", "old.pth"):
        with pytest.raises(
            WeightsError, match=r"holds weights, and no spec to load them into: archc"
        ):
            archc.load(tmp_path / name)


def test_imports_are_kept(tmp_path: Path) -> None:
    """What a spec imports goes into the file: elsewhere there is nothing beside it."""
    folder = tmp_path / "here" / "lib"
    folder.mkdir(parents=True)
    (folder / "blocks.yaml").write_text(
        "archc: 1\nimport: {more: ../more.yaml}\nblocks:\n"
        "  cbr(w):\n    conv: conv(w, 3)\n    bn: bn\n    act: more.act\n"
    )
    (folder.parent / "more.yaml").write_text("archc: 1\nblocks:\n  act:\n    r: relu\n")
    (folder.parent / "net.yaml").write_text(
        "archc: 1\nname: net\ninput: [3, 32, 32]\nparams: {num_classes: 4}\n"
        "import: {lib: lib/blocks.yaml, body: resnet20}\n"
        "body:\n  a: lib.cbr(3)\n  b: body\n  c: linear(num_classes)\n"
    )
    model = archc.load(folder.parent / "net.yaml").eval()
    archc.save(model, tmp_path / "net.safetensors")
    folder.parent.rename(tmp_path / "gone")

    again = archc.load(tmp_path / "net.safetensors")
    assert same(again, model, 3, 32, 32)
    assert kept(tmp_path / "net.safetensors")["imports"].keys() == {"lib/blocks.yaml", "more.yaml"}
    archc.save(again, tmp_path / "again.safetensors")
    assert same(archc.load(tmp_path / "again.safetensors"), model, 3, 32, 32)
    assert archc.compile(tmp_path / "again.safetensors", num_classes=0).output.sizes == (10,)


def test_imports_of_a_stranger(tmp_path: Path) -> None:
    """A kept text stands where its name leads; no file of the disk is shown, or read for it."""
    (tmp_path / "secret.yaml").write_text("archc: 1\nblocks:\n  act:\n    r: relu\n")
    text = TEXT.replace("relu: relu", "relu: lib.act") + "import: {lib: secret.yaml}\n"
    texts = {"secret.yaml": "archc: 1\nblocks:\n  act:\n    g: gelu\n", "/etc/x": "", "../y": ""}
    archc.save(small(), tmp_path / "net.safetensors")
    path = forged(tmp_path / "net.safetensors", spec=text, imports=texts)

    assert "gelu" in archc.compile(path).source()
    for wrong in ({"a\0b": ""}, {"a": 1}, []):
        with pytest.raises(WeightsError, match="is damaged"):
            archc.load(forged(tmp_path / "net.safetensors", imports=wrong))


def test_a_block_alone(tmp_path: Path) -> None:
    """A block that was compiled alone is kept as one."""
    block = archc_block(Source("blocks.yaml", BLOCKS), "basic(4)", [4, 9, 9], width=4)
    model = archc.load(block).eval()
    archc.save(model, tmp_path / "net.safetensors")

    assert same(archc.load(tmp_path / "net.safetensors"), model, 4, 9, 9)


def test_ops_of_a_plug_in(tmp_path: Path) -> None:
    """Its file lies beside, and is run for those only who allow it."""
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        for file in ("blur_pool.py", "blur_pool2d.py"):
            shutil.copy(REPOSITORY / "examples" / "plugins" / file, tmp_path / name)
    (tmp_path / "here" / "net.yaml").write_text(
        "archc: 1\nname: net\ninput: [3, 8, 8]\nops: [blur_pool.py]\n"
        "body:\n  a: conv(4, 3)\n  b: blur_pool\n"
    )
    model = archc.load(tmp_path / "here" / "net.yaml", allow_ops=True).eval()
    path = tmp_path / "there" / "net.safetensors"
    archc.save(model, path)
    torch.save(model, tmp_path / "whole.pt")

    with pytest.raises(SpecError, match="allow"):
        archc.load(path)
    assert same(archc.load(path, allow_ops=True), model, 3, 8, 8)
    assert same(torch.load(tmp_path / "whole.pt", weights_only=False), model, 3, 8, 8)
    (tmp_path / "there" / "blur_pool.py").unlink()
    with pytest.raises(SpecError):
        archc.load(path, allow_ops=True)

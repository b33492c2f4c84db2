"""Weights from files: whatever wraps them, whole or not at all, and nothing of a file is run."""

from __future__ import annotations

import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes import SMALL, same, small
from safetensors.torch import save_file
from torch import nn

import archc
from archc.runtime.validate import doubled
from archc.runtime.weights.fitting import load_into
from archc.runtime.weights.reading import Checkpoint
from archc.weights.faults import WeightsError

State = dict[str, torch.Tensor]


def prefixed(state: State, prefix: str) -> State:
    return {prefix + key: value for key, value in state.items()}


WRAPPED: dict[str, Callable[[State], Any]] = {
    "plain": lambda s: s,
    "state_dict": lambda s: {"state_dict": s, "epoch": 3, "arch": "small"},
    "model": lambda s: {"model": s, "args": {"lr": 0.1}},
    "model_ema": lambda s: {"model_ema": {"n_averaged": torch.tensor(7), **prefixed(s, "module.")}},
    "module": lambda s: prefixed(s, "module."),
    "compiled": lambda s: prefixed(s, "_orig_mod."),
    "compiled inside": lambda s: {k.replace("conv1.", "conv1._orig_mod."): v for k, v in s.items()},
    "both": lambda s: prefixed(s, "module._orig_mod."),
    "both, the other way": lambda s: prefixed(s, "_orig_mod.module."),
    "trainer": lambda s: {"state_dict": prefixed(s, "model."), "optimizer_states": [{}]},
    "trainer of another name": lambda s: {"state_dict": prefixed(s, "net.encoder.")},
    "deep": lambda s: {"run": {"state_dict": {"model": prefixed(s, "module.model.")}}},
    "with an optimizer": lambda s: {
        "net": s,
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]},
        "optimizer_state": {"conv1.weight": torch.zeros(8, 3, 3, 3)},
    },
    "two names": lambda s: {"state_dict": s, "model": dict(s)},
    "without counts": lambda s: {k: v for k, v in s.items() if "num_batches" not in k},
    "in double precision": lambda s: {k: v.double() if v.is_floating_point() else v for k, v in s.items()},
    "parameters": lambda s: {k: nn.Parameter(v, requires_grad=v.is_floating_point()) if v.is_floating_point() else v for k, v in s.items()},
}  # fmt: skip


@pytest.mark.parametrize("wrapping", WRAPPED)
def test_wrappers(wrapping: str, tmp_path: Path) -> None:
    """What wraps a state_dict, or prefixes its keys, is seen through."""
    theirs = small()
    torch.save(WRAPPED[wrapping](theirs.state_dict()), tmp_path / "w.pth")

    assert same(archc.load(SMALL, weights=tmp_path / "w.pth"), theirs, 3, 12, 12)


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model."])
def test_safetensors(prefix: str, tmp_path: Path) -> None:
    theirs = small()
    save_file(prefixed(theirs.state_dict(), prefix), tmp_path / "w.safetensors")

    assert same(archc.load(SMALL, weights=str(tmp_path / "w.safetensors")), theirs, 3, 12, 12)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_folder(name: str, tmp_path: Path) -> None:
    """A folder as of the Hugging Face hub stands for the weights in it."""
    theirs = small()
    write = save_file if name.endswith("safetensors") else torch.save
    write(theirs.state_dict(), tmp_path / name)

    assert same(archc.load(SMALL, weights=tmp_path), theirs, 3, 12, 12)


def test_known_by_its_bytes(tmp_path: Path) -> None:
    """A suffix says nothing: people rename files, and downloads have none."""
    theirs = small()
    torch.save(theirs.state_dict(), tmp_path / "a.safetensors")
    torch.save(theirs.state_dict(), tmp_path / "b", _use_new_zipfile_serialization=False)
    save_file(theirs.state_dict(), tmp_path / "c.pth")

    for name in ("a.safetensors", "b", "c.pth"):
        assert same(archc.load(SMALL, weights=tmp_path / name), theirs, 3, 12, 12)


def test_tensors_at_hand() -> None:
    """A state_dict is taken as it is, also a checkpoint with one inside."""
    theirs = small()

    assert same(archc.load(SMALL, weights=theirs.state_dict()), theirs, 3, 12, 12)
    assert same(archc.load(SMALL, weights={"model": theirs.state_dict()}), theirs, 3, 12, 12)


def test_the_part_that_is_meant(tmp_path: Path) -> None:
    """Of several networks in a file one is named: by its key, or by a prefix of keys."""
    one, other = small(1), small(2)
    torch.save({"model": one.state_dict(), "model_ema": other.state_dict()}, tmp_path / "w.pth")
    pair = {**prefixed(one.state_dict(), "student."), **prefixed(other.state_dict(), "teacher.")}
    torch.save({"state_dict": pair, "queue": torch.zeros(3)}, tmp_path / "pair.pth")

    with pytest.raises(
        WeightsError, match=r"several networks that fit: name one of .*w\.pth#model, "
    ):
        archc.load(SMALL, weights=tmp_path / "w.pth")
    for part, theirs in {"w.pth#model": one, "w.pth#model_ema": other}.items():
        assert same(archc.load(SMALL, weights=f"{tmp_path}/{part}"), theirs, 3, 12, 12)
    for part, theirs in {"student": one, "teacher": other}.items():
        where = f"{tmp_path}/pair.pth#state_dict.{part}"
        assert same(archc.load(SMALL, weights=where), theirs, 3, 12, 12)
    with pytest.raises(WeightsError, match="holds no tensors under that name; it has `model`"):
        archc.load(SMALL, weights=f"{tmp_path}/w.pth#ema")
    (tmp_path / "w.pth").rename(tmp_path / "a#b.pth")
    with pytest.raises(WeightsError, match="several"):
        archc.load(SMALL, weights=tmp_path / "a#b.pth")


# What does not fit


def without(state: State, *keys: str) -> State:
    return {key: value for key, value in state.items() if key not in keys}


OTHERWISE = (
    "\n  help: `adapt=True`, or `archc adopt`, fits weights of other keys and shapes; "
    "`archc identify` says of which network they are"
)
WITH = "\n  help: `{}` makes the network of these weights; `adapt=True`, or `archc adopt`, fits them to this one"
CLASSES = {"fc.weight": torch.zeros(9, 8), "fc.bias": torch.zeros(9)}
MISFITS: dict[str, tuple[Callable[[State], Any], str]] = {
    "missing": (
        lambda s: without(s, "bn1.weight", "fc.bias"),
        "  missing (2): `bn1.weight`, `fc.bias`" + OTHERWISE,
    ),
    "unexpected": (
        lambda s: {**s, "fc2.weight": torch.zeros(2), "a\nb\x1b[31m": torch.zeros(1)},
        "  unexpected (2): `fc2.weight`, `a b\\x1b[31m`" + OTHERWISE,
    ),
    "classes": (
        lambda s: {**s, **CLASSES},
        "  other shapes (2): `fc.weight` is 9×8 there and 5×8 here, `fc.bias` is 9 there and 5 here" + WITH.format("num_classes=9"),
    ),
    "channels": (
        lambda s: {**s, "conv1.weight": torch.zeros(8, 1, 3, 3)},
        "  other shapes (1): `conv1.weight` is 8×1×3×3 there and 8×3×3×3 here" + WITH.format("input=(1, 12, 12)"),
    ),
    "kinds": (
        lambda s: {**s, "fc.bias": torch.zeros(5, dtype=torch.long)},
        "  unusable (1): `fc.bias` holds whole numbers, not floating point numbers" + OTHERWISE,
    ),
    "complex": (
        lambda s: {**s, "fc.bias": torch.zeros(5, dtype=torch.complex64)},
        "  unusable (1): `fc.bias` holds complex numbers, not floating point numbers" + OTHERWISE,
    ),
    "sparse": (
        lambda s: {**s, "fc.bias": torch.zeros(5).to_sparse()},
        "  unusable (1): `fc.bias` is sparse or nested" + OTHERWISE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", MISFITS)
def test_misfits(kind: str, tmp_path: Path) -> None:
    """What does not fit is listed, with the remedy, and an old module stays as it was."""
    change, told = MISFITS[kind]
    state = change(small().state_dict())
    torch.save(state, tmp_path / "w.pth")
    model = small(4)
    before = {key: value.clone() for key, value in model.state_dict().items()}

    with pytest.raises(WeightsError) as caught:
        archc.load(SMALL, weights=tmp_path / "w.pth")
    assert str(caught.value) == (
        f"{tmp_path}/w.pth does not fit the network, and nothing of it was loaded\n{told}"
    )
    with pytest.raises(WeightsError):
        load_into(model, Checkpoint("w", state))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_another_network() -> None:
    """Of very many keys the first are named."""
    with pytest.raises(WeightsError) as caught:
        archc.load("resnet20", weights=small().state_dict())

    assert "  missing (90): `layer1.0.conv1.weight`, " in str(caught.value)
    assert " and 86 more\n" in str(caught.value)


# What is no checkpoint


class Evil:
    """Makes a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.mark),))


def archive(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in entries.items():
            file.writestr(name, data)


def header(text: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text)) + text + data


def hostile(folder: Path) -> dict[str, str]:
    """Write files that are no checkpoints, or mean harm; return what is said of each."""
    state, mark = small().state_dict(), folder / "mark"
    torch.save(state, folder / "whole.pth")
    torch.save(state, folder / "old.pth", _use_new_zipfile_serialization=False)
    save_file(state, folder / "whole.safetensors")
    for name in ("whole.pth", "old.pth", "whole.safetensors"):
        data = (folder / name).read_bytes()
        (folder / f"cut_{name}").write_bytes(data[: len(data) // 2])
        (folder / f"one_short_{name}").write_bytes(data[:-1])
        (folder / name).unlink()
    (folder / "evil.pkl").write_bytes(pickle.dumps(Evil(mark)))
    torch.save({"w": Evil(mark)}, folder / "evil.pth")
    torch.save({"w": Evil(mark)}, folder / "evil_old.pth", _use_new_zipfile_serialization=False)
    torch.save(nn.Linear(2, 2), folder / "module.pth")
    texts = {
        "empty.pth": b"",
        "page.pth": b"\n<!DOCTYPE html><html>",
        "pointer.safetensors": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
        "keras.h5": b"\x89HDF\r\n\x1a\n" + bytes(90),
        "packed.pth.gz": b"\x1f\x8b" + bytes(90),
        "text.pth": b"hello",
        "zeros.pth": bytes(1000),
        "huge_header.safetensors": struct.pack("<Q", 2**39) + b"{" + bytes(99),
        "bad_header.safetensors": header(b"{not json}"),
        "beyond.safetensors": header(
            b'{"w":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}'
        ),
        "overlap.safetensors": header(
            b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
            b'"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
            bytes(4),
        ),
    }
    for name, data in texts.items():
        (folder / name).write_bytes(data)
    archive(folder / "bomb.pth", {"archive/data.pkl": bytes(10_000_000)}, zipfile.ZIP_DEFLATED)
    archive(folder / "other.npz", {"a.npy": bytes(10)})
    archive(folder / "script.pt", {"x/code/a.py": b"", "x/data.pkl": b""})
    return {
        "cut_whole.pth": "damaged or cut short",
        "one_short_whole.pth": "damaged or cut short",
        "cut_old.pth": "damaged, cut short",
        "one_short_old.pth": "damaged, cut short",
        "cut_whole.safetensors": "damaged or cut short",
        "one_short_whole.safetensors": "damaged or cut short",
        "evil.pkl": "no file that torch.save writes",
        "evil.pth": "holds more than tensors, `posix.mkdir`, and nothing in a file is run",
        "evil_old.pth": "holds more than tensors, `posix.mkdir`",
        "module.pth": "holds more than tensors, `torch.nn.modules.linear.Linear`",
        "empty.pth": "is empty",
        "page.pth": "it is a page of HTML or XML",
        "pointer.safetensors": "`git lfs pull`",
        "keras.h5": "it is HDF5",
        "packed.pth.gz": "unpack it first",
        "text.pth": "no file that torch.save writes",
        "zeros.pth": "no file that torch.save writes",
        "huge_header.safetensors": "damaged or cut short",
        "bad_header.safetensors": "damaged or cut short",
        "beyond.safetensors": "damaged or cut short",
        "overlap.safetensors": "damaged or cut short",
        "bomb.pth": "is a packed archive",
        "other.npz": "none that torch.save writes",
        "script.pt": "holds more than tensors, `TorchScript`",
        "nothing.pth": "there is no file",
        "": "is a folder",
    }


def test_hostile_files(tmp_path: Path) -> None:
    """Each is told in a line; none is run, and nothing is written."""
    told = hostile(tmp_path)
    before = sorted(tmp_path.iterdir())

    for name, words in told.items():
        with pytest.raises(WeightsError) as caught:
            archc.load(SMALL, weights=tmp_path / name)
        assert words in str(caught.value), name
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value), name
    assert sorted(tmp_path.iterdir()) == before
    assert not (tmp_path / "mark").exists()
    assert {p.name for p in before} <= told.keys()


def test_a_huge_file_costs_nothing(tmp_path: Path) -> None:
    """What does not fit is not read: here 200 GB that no disk has, and memory may not map."""
    path, size = tmp_path / "huge.safetensors", 200 * 2**30
    text = b'{"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (size, size)
    path.write_bytes(header(text))
    os.truncate(path, 8 + len(text) + size)

    with pytest.raises(WeightsError, match=r"unexpected \(1\): `w`|more memory than there is"):
        archc.load(SMALL, weights=path)


@pytest.mark.parametrize("weights", [3, True, "", 1.5, b"w.pth", ["w.pth"]])
def test_what_is_no_name(weights: Any) -> None:
    with pytest.raises(TypeError, match="`weights` takes a file, `torchvision:NAME`"):
        archc.load(SMALL, weights=weights)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("IMAGENET1K_V2", "write `torchvision:IMAGENET1K_V2`"),
        ("DEFAULT", "write `torchvision:DEFAULT`"),
        ("resnet20", "there is no file resnet20; `torchvision:NAME` and `timm:NAME` are weights"),
        ("Torchvision:IMAGENET1K_V1", "`torchvision:NAME` and `timm:NAME` are weights"),
        ("resnet20.pth", r"there is no file resnet20\.pth$"),
        ("https://example.com/w.pth", "is an address: download the file"),
        ("hf-hub:timm/resnet50.a1_in1k", "is an address"),
    ],
)
def test_slips(weights: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        archc.load("resnet20", weights=weights)


def test_files_of_many_names() -> None:
    """Dictionaries that share their parts, and keys of very many prefixes, end soon."""
    shared: dict[str, Any] = {"x": torch.zeros(1)}
    for _ in range(5):
        shared = {str(k): shared for k in range(300)}
    with pytest.raises(WeightsError):
        archc.load(SMALL, weights=shared)
    one = torch.zeros(1)
    with pytest.raises(WeightsError, match=r"unexpected \(19999\)"):
        archc.load(SMALL, weights={f"{k}.bn1.running_mean": one for k in range(20_000)})


def test_within_another_device_or_type() -> None:
    """New tensors are where PyTorch would make them, and of the type that it would."""
    theirs = small()
    with torch.device("meta"), pytest.warns(UserWarning, match="non-meta parameter"):
        hollow = archc.load(SMALL, weights=theirs.state_dict())
    with doubled():
        wide = archc.load(SMALL, weights=theirs.state_dict())

    assert all(value.is_meta for value in hollow.state_dict().values())
    assert wide.fc.weight.dtype == torch.float64
    assert torch.equal(wide.fc.weight.float(), theirs.fc.weight)
    assert archc.load(SMALL, weights=theirs.state_dict()).training


def test_weights_of_the_whole_network(tmp_path: Path) -> None:
    """Where features are asked for, the tensors of what was left out may be there; others not."""
    theirs = small()
    state = theirs.state_dict()
    x = torch.randn(2, 3, 12, 12)
    with torch.no_grad():
        features = torch.relu(theirs.bn1(theirs.conv1(x)))

    for wanted in ({"num_classes": 0}, {"num_classes": "0"}):
        ours = archc.load(SMALL, weights=state, **wanted).eval()
        assert torch.equal(ours(x), features.mean((2, 3)))
    ours = archc.load(SMALL, weights=state, outputs=["relu"]).eval()
    assert torch.equal(ours(x), features)
    with pytest.raises(WeightsError, match=r"unexpected \(1\): `other`"):
        archc.load(SMALL, weights={**state, "other": torch.ones(1)}, outputs=["relu"])
    archc.save(theirs, tmp_path / "net.safetensors")
    assert torch.equal(
        archc.load(tmp_path / "net.safetensors", num_classes=0).eval()(x), features.mean((2, 3))
    )
    again = archc.load(archc.compile(tmp_path / "net.safetensors"))
    assert torch.equal(again.fc.weight, theirs.fc.weight)
    (row,) = (
        r
        for r in archc.compile(tmp_path / "net.safetensors").trace().weights
        if r.name == "fc.weight"
    )
    assert row.value.norm == pytest.approx(float(theirs.state_dict()["fc.weight"].norm()))

"""The degradation experiment, small: it survives a kill, and two processes train as one."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn")
REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = REPOSITORY / "examples" / "degradation" / "train.py"
TINY = ("--depths", "8", "--batch", "32", "--record", "4", "--save", "2", "--no-figure")


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}


def start(out: Path, *more: str, processes: int = 0) -> subprocess.Popen[str]:
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [sys.executable, *(torchrun if processes else ()), str(SCRIPT), "--out", str(out)]
    return subprocess.Popen(
        [*command, *TINY, *more], env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, out + err
    return out + err


def iteration(checkpoint: Path) -> int:
    """Return how far a run is; the file is whole whenever it is there."""
    import torch

    return torch.load(checkpoint, weights_only=True)["iteration"] if checkpoint.exists() else 0


def runs(out: Path) -> Any:
    return json.loads((out / "results.json").read_text(encoding="utf-8"))["runs"]


@pytest.mark.heavy
def test_killed_and_resumed(tmp_path: Path) -> None:
    """After kill -9 the numbers are those of a run that nothing stopped, to the last bit."""
    few = ("--kinds", "ResNet", "--iterations", "60")
    finish(start(tmp_path / "whole", *few))
    killed = start(tmp_path / "killed", *few)
    checkpoint = tmp_path / "killed" / "ResNet-8.pt"
    deadline = time.monotonic() + 120
    while iteration(checkpoint) < 6 and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (tmp_path / "killed" / "results.json").exists()
    said = finish(start(tmp_path / "killed", *few))

    assert "ResNet-8 60/60" in said
    assert "ResNet-8 4/60" not in said  # it did not begin anew
    assert runs(tmp_path / "killed") == runs(tmp_path / "whole")
    assert len(runs(tmp_path / "whole")["ResNet-8"]["records"]) == 15


@pytest.mark.heavy
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """Under torchrun with gloo: every loss and error within 1e-4 of those of one process."""
    few = ("--iterations", "12")
    finish(start(tmp_path / "one", *few))
    finish(start(tmp_path / "two", *few, processes=2))
    one, two = runs(tmp_path / "one"), runs(tmp_path / "two")

    assert one.keys() == two.keys() == {"plain-8", "ResNet-8"}
    for name, run in one.items():
        for a, b in zip(run["records"], two[name]["records"], strict=True):
            assert b == pytest.approx(a, rel=1e-4)
        assert run["records"][-1]["train_loss"] < run["records"][0]["train_loss"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--kinds", "plain", "--iterations", "8"), "is of other settings"),
        (("--data", "cifar10", "--root", "."), "there is no CIFAR-10 in"),
        (("--parts", "3"), "must be a multiple of 1 processes and divide --batch 32"),
        (("--batch", "9000"), "is more than 1437 images"),
    ],
)
def test_messages(
    more: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint of other settings, data that are not there, parts that do not divide."""
    monkeypatch.syspath_prepend(SCRIPT.parent)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    import checkpoint
    import train

    checkpoint.save(tmp_path / "plain-8.pt", {"settings": {"data": "digits"}})
    monkeypatch.setattr(sys, "argv", ["train.py", "--out", str(tmp_path), *TINY, *more])
    with pytest.raises(SystemExit, match=message):
        train.Experiment(train.arguments()).run()


def test_impossible_depth(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only 6n + 2 layers can be had."""
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import train

    monkeypatch.setattr(sys, "argv", ["train.py", "--depths", "21"])
    with pytest.raises(SystemExit):
        train.arguments()
    assert "a depth is 6n + 2, as 20, 32, 44, 56 or 110, got 21" in capsys.readouterr().err


def test_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bold and a thin line for each run, one panel for each kind."""
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import figure

    record = {"iteration": 4, "train_error": 50.0, "test_error": 60.0}
    results = {"settings": {}, "runs": {n: {"records": [record]} for n in ("plain-8", "ResNet-8")}}
    figure.draw(results, tmp_path / "f.svg")
    figure.draw(results, tmp_path / "g.svg")
    text = (tmp_path / "f.svg").read_text(encoding="utf-8")

    assert all(name in text for name in ("plain-8", "ResNet-8", "iteration", "error (%)"))
    assert text == (tmp_path / "g.svg").read_text(encoding="utf-8")


def test_schedule_and_augmentation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The paper's: a tenth at the half and at three quarters; crops and mirror images."""
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import data
    import torch
    import train

    monkeypatch.setattr(sys, "argv", ["train.py", "--iterations", "64000"])
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    experiment = train.Experiment(train.arguments())
    rates = {i: experiment.rate(i, 20) for i in (0, 31_999, 32_000, 47_999, 48_000, 63_999)}
    assert list(rates.values()) == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])
    assert [experiment.rate(i, 110) for i in (0, 399, 400)] == pytest.approx([0.01, 0.01, 0.1])

    x = torch.arange(2 * 3 * 4 * 4).reshape(2, 3, 4, 4).float() + 1
    empty = torch.zeros(0)
    noise = torch.Generator().manual_seed(0)
    images = data.Images(x, empty, x, empty, 10, pad=1, flip=True)
    padded = torch.nn.functional.pad(x, (1,) * 4)
    crops = {
        tuple(way[0, :, t : t + 4, s : s + 4].flatten().tolist())
        for t in range(3)
        for s in range(3)
        for way in [padded]
    }
    crops |= {tuple(torch.tensor(c).reshape(3, 4, 4).flip(2).flatten().tolist()) for c in crops}
    seen = {tuple(images.varied(x, noise)[0].flatten().tolist()) for _ in range(300)}
    assert seen == crops
    kept = data.Images(x, empty, x, empty, 10, pad=0, flip=False)
    assert torch.equal(kept.varied(x, noise), x)


def test_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CIFAR-10 is read by torchvision from its files; here from small ones of the same form."""
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import data
    import torch

    from archc.runtime.torchvision import import_torchvision

    import_torchvision()
    from torchvision.datasets import CIFAR10

    numpy = pytest.importorskip("numpy")
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    draw = numpy.random.default_rng(0)
    for name, _ in (*CIFAR10.train_list, *CIFAR10.test_list):
        batch = {
            "data": draw.integers(0, 256, (20, 3072), dtype="uint8"),
            "labels": [*range(10)] * 2,
        }
        (folder / name).write_bytes(pickle.dumps(batch))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    monkeypatch.setattr(CIFAR10, "_check_integrity", lambda _self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    images = data.cifar10(tmp_path)

    assert (images.train.shape, images.test.shape) == ((100, 3, 32, 32), (20, 3, 32, 32))
    assert (images.classes, images.pad, images.flip) == (10, 4, True)
    assert float(images.train.mean(0).abs().max()) < 1e-5
    assert images.train_labels.dtype == torch.long

"""One small spec for each construct of the language, emitted and held to its graph."""

from __future__ import annotations

from pathlib import Path

import pytest

import archc
from archc.diagnostics import Source

DEAD = ("collected", "copies_by_name")
"""Those where the last copies of a loop have no reader."""
SPECS = sorted((Path(__file__).parent / "specs").glob("*.yaml"))


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_runs(path: Path) -> None:
    """Keys, values and gradients of the emitted file are those of the graph."""
    from oracle import assert_runs, compiled

    text = path.read_text(encoding="utf-8")
    codes = {d.code for d in archc.check(Source(path.name, text))}
    assert codes == ({"dead-work"} if path.stem in DEAD else set())
    for arch in compiled(text):
        assert_runs(arch)


def spec(name: str) -> archc.Architecture:
    return archc.compile(Path(__file__).parent / "specs" / f"{name}.yaml")


def test_steps_for_training_do_not_run_in_eval_mode() -> None:
    """An output of training, and what only it needs, costs nothing in inference."""
    import torch

    model = archc.load(Path(__file__).parent / "specs" / "training.yaml")
    ran: list[str] = []
    for name, module in model.named_modules():
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
    x = torch.randn(2, *spec("training").input.sizes)

    assert set(model(x)) == {"logits", "aux1", "aux2"}
    assert {"aux1", "aux2", "c"} <= set(ran)
    ran.clear()
    assert model.eval()(x).shape == (2, 3)
    assert not {"aux1", "aux2", "c"} & set(ran)


def test_the_innermost_initialiser_wins() -> None:
    """A step's own rule comes after those of the steps around it and of the file."""
    state = archc.load(Path(__file__).parent / "specs" / "inits.yaml").state_dict()

    constant = {k: v.unique().tolist() for k, v in state.items() if v.unique().numel() == 1}
    assert constant["a.conv.weight"] == [0]  # a step's own, over the file's kaiming_normal
    assert constant["a.conv.bias"] == [0]  # the file's
    assert constant["a.bn.weight"] == [0.5]
    assert constant["b.1.weight"] == [0]  # in a list
    assert constant["c.conv.bias"] == [2]  # for a kind, at the block
    assert constant["c.conv.weight"] == [0]  # the block's own step is further in
    assert constant["fc.weight"] == [1]
    assert state["b.0.weight"].std() > 0.01

"""The methods of timm's networks in an emitted file: written from the graph, laid out as the rest."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import random_specs
import torch
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import archc
from archc.backends.surface.naming import exactly, patterns
from archc.cli import app
from archc.diagnostics import errors
from archc.passes.landmarks import landmarks
from archc.runtime import load as run

GOLDENS = Path(__file__).parent.parent / "goldens" / "timm"

METHODS = {
    "forward", "forward_features", "forward_head", "get_classifier", "group_matcher",
    "no_weight_decay", "reset_classifier", "set_grad_checkpointing",
}  # fmt: skip
FACTS = {
    "num_features", "head_hidden_size", "feature_info", "output_fmt", "default_cfg", "pretrained_cfg",
}  # fmt: skip


def members(text: str) -> set[str]:
    """Return the names of what the last class of a file has."""
    model = [n for n in ast.parse(text).body if isinstance(n, ast.ClassDef)][-1]
    functions = {n.name for n in model.body if isinstance(n, ast.FunctionDef)}
    assigned = (n.targets for n in model.body if isinstance(n, ast.Assign))
    return functions | {t.id for ts in assigned for t in ts if isinstance(t, ast.Name)}


@pytest.mark.parametrize("name", ["resnet18", "vit_b_16", "squeezenet1_1", "googlenet"])
def test_text(name: str, golden: Callable[[Path, str], None]) -> None:
    text = archc.compile(name).source("timm")

    golden(GOLDENS / f"{name}_timm.py", text)
    assert members(text) - {"__init__"} == METHODS | FACTS


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1"])
def test_layout_is_ruffs(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(archc.compile(name).source("timm"))
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--check", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout


def test_plain_files_stay_plain() -> None:
    assert members(archc.compile("resnet18").source()) == {"__init__", "forward"}


def test_length_follows_the_forms_of_blocks() -> None:
    lengths = [len(archc.compile(n).source("timm").splitlines()) for n in ("resnet20", "resnet110")]

    assert lengths[0] == lengths[1]


def build(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["build", *arguments])
    return result.exit_code, result.output


def test_command() -> None:
    code, text = build("resnet20", "--surface", "timm")

    assert (code, text.strip()) == (0, archc.compile("resnet20").source("timm").strip())
    assert build("resnet20", "--surface", "keras") == (
        2, "archc: there is no surface `keras`: choose from timm\n"
    )  # fmt: skip
    assert build("resnet20", "--surface", "timm", "--format", "onnx")[0] == 2


SPEC = """archc: 1
name: tiny
input: [3, 8, 8]
params: {num_classes: 5}
body:
  num_features: conv(8, 3)
  feature_info: relu
  get_classifier: global_avg_pool
  reset_classifier: linear(num_classes)
"""


def test_steps_keep_their_names() -> None:
    """What a step is called is not hidden by a method."""
    found = members(archc.compile(SPEC).source("timm"))

    assert not found & {"num_features", "reset_classifier"}
    assert {"forward_features", "forward_head"} <= found


@pytest.mark.parametrize(
    ("head", "features"),
    [
        ("{pool: global_avg_pool, fc: linear(5)}", (8, 4, 4)),
        ("{fc: 'conv(5, 1)', pool: global_avg_pool}", (8, 4, 4)),
        ("{drop: dropout(0.5), fc: 'conv(5, 1)', pool: global_avg_pool}", (8, 4, 4)),
        ("{flat: flatten, hidden: linear(7), act: relu, fc: linear(5)}", (8, 4, 4)),
        ("{act: relu, pool: adaptive_max_pool(1), flat: flatten, fc: linear(5)}", (8, 4, 4)),
        ("{tokens: 'rearrange(\"b c h w -> b (h w) c\")', one: 'select(0, \"n\")', fc: linear(5)}", (16, 8)),
    ],
)  # fmt: skip
def test_where_the_head_begins(head: str, features: tuple[int, ...]) -> None:
    text = f"archc: 1\nname: tiny\ninput: [3, 8, 8]\nstem: {{a: 'conv(8, 3, stride=2)'}}\nhead: {head}\n"
    found = landmarks(archc.compile(text).network)

    assert found.features.sizes == features
    assert found.classifier is not None
    assert found.classifier.path == "fc"


@pytest.mark.parametrize("name", ["fpn_resnet50", "retinanet_resnet50_fpn", "deeplabv3_resnet50"])
def test_no_single_value_before_a_head(name: str) -> None:
    """Nothing is guessed: methods that would split such a network are not there."""
    found = members(archc.compile(name).source("timm"))

    assert not found & {"forward_features", "forward_head"}


def test_expressions_of_paths() -> None:
    assert patterns(["a.0", "a.1"], {"a.0.b"}) == [(r"a\.(\d+)", ())]
    assert patterns(["a.1", "a.2"], {"a.0"}) == [(r"a\.1", (0,)), (r"a\.2", (1,))]
    assert patterns(["a2", "a1"], set()) == [("a2", (0,)), ("a1", (1,))]
    assert patterns(["b", "a"], set()) == [("b", (0,)), ("a", (1,))]
    pattern = exactly(["a.1", "a.2", "b", "c.0", "c.1"], {"a.0", "b.1", "c.0.x"})
    assert pattern == r"a\.(?:1|2)|b|c\.\d+"
    assert not re.fullmatch(pattern, "a.0")


def values(given: object) -> list[torch.Tensor]:
    """Return what a network gave, in a flat list."""
    if isinstance(given, torch.Tensor):
        return [given]
    parts = given.values() if isinstance(given, dict) else given
    assert isinstance(parts, Iterable)
    return [v for part in parts for v in values(part)]


def hold(source: archc.Source | Path, variant: str | None = None) -> None:
    """Hold a network with the surface to the plain one, in both modes, and its halves to the whole."""
    arch = archc.compile(source, variant, allow_ops=True)
    ours, plain = archc.load(arch), run(arch)
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(2, *arch.input.sizes)
    for training in (True, False):
        given = []
        for model in (ours.train(training), plain.train(training)):
            torch.manual_seed(0)
            given.append(values(model(x)))
        assert all(map(torch.equal, *given))
    if hasattr(ours, "forward_head"):
        assert torch.equal(ours.forward_head(ours.forward_features(x)), given[0][0])


SPECS = sorted((Path(__file__).parent / "specs").glob("*.yaml"))


@pytest.mark.heavy
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_outputs_are_those_of_plain_files(path: Path) -> None:
    document, _ = archc.api.open_spec(path, None, allow_ops=True)
    for variant in document.variants or [None]:
        hold(path, variant)


@pytest.mark.heavy
@settings(
    max_examples=25,
    phases=[Phase.generate],
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.one_of(random_specs.specs(), random_specs.specs(named=True)))
def test_random_networks(text: str) -> None:
    source = archc.Source("spec.yaml", text)
    assume(not errors(archc.check(source)))
    hold(source)

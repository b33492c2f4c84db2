"""The emitted file as a text: goldens, its length, its style, and that it does not vary."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import archc
from archc import zoo

GOLDENS = Path(__file__).parent.parent / "goldens" / "pytorch"
SHOWN = [
    "resnet18",
    "resnet50",
    "resnet50_d",
    "resnext50_32x4d",
    "resnet20",
    "plain34",
    "resnet18_d2l",
    "shortcut_half",
    "densenet121",
    "mobilenet_v2",
]


@pytest.mark.parametrize("name", SHOWN)
def test_golden(name: str, golden: Callable[[Path, str], None]) -> None:
    """The text is as agreed, and what it says runs: keys, shapes and output as predicted."""
    import torch
    from torch import nn

    arch = archc.compile(name)
    golden(GOLDENS / f"{name}.py", arch.source())

    scope: dict[str, object] = {"__name__": name}
    exec((GOLDENS / f"{name}.py").read_text(encoding="utf-8"), scope)  # noqa: S102
    *_, cls = (v for v in scope.values() if isinstance(v, type) and issubclass(v, nn.Module))
    with torch.device("meta"):
        model = cls()
        output = model(torch.empty(2, *arch.input.sizes))
    shapes = {k: tuple(v.shape) for k, v in model.state_dict().items()}
    assert shapes == arch.state_dict_shapes()
    assert tuple(output.shape) == (2, *arch.output.sizes)


def test_resnet50_is_short() -> None:
    assert len(archc.compile("resnet50").source().splitlines()) <= 73


@pytest.mark.parametrize(
    ("shallow", "deep"),
    [
        ("resnet20", "resnet1202"),
        ("resnet50", "resnet200"),
        ("densenet121", "densenet264"),
        ("dla102", "dla169"),
        ("res2net50_26w_4s", "res2net101_26w_4s"),
    ],
)
def test_length_does_not_grow_with_depth(shallow: str, deep: str) -> None:
    """Two depths of one family differ in nothing but numbers."""
    short, long = ("\n".join(body(name)) for name in (shallow, deep))

    assert re.sub(r"\d+", "0", short) == re.sub(r"\d+", "0", long)


@pytest.mark.parametrize(
    "name",
    [
        "dla169",  # blocks take any number of values
        "dpn68",
        "selecsls84",
        "fractalnet160_narrow",  # and give any number
        "ghostnetv2_100",  # arguments say what is there
        "repvgg_a0",
        "res2net50_26w_4s",
    ],
)
def test_a_block_is_one_class(name: str) -> None:
    """However its uses differ: classes bear the names of the blocks, without numbers."""
    tree = ast.parse(archc.compile(name).source())
    made = [n.name for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)]

    assert [n for n in made if n.rstrip("0123456789") in {*made} - {n}] == []


def body(name: str) -> list[str]:
    """Return the lines after the header."""
    return archc.compile(name).source().split('"""\n', 2)[1].splitlines()


@cache
def texts() -> dict[str, str]:
    """Return the files of the first variant of each family, and of the small specs."""
    families: dict[Path, list[str]] = {}
    for name, path in zoo.index().items():
        families.setdefault(path, []).append(name)
    shown = [name for names in families.values() for name in names[:1]]
    small = map(str, sorted((Path(__file__).parent / "specs").glob("*.yaml")))
    return {Path(spec).stem: archc.compile(spec).source() for spec in [*shown, *small]}


@pytest.mark.xdist_group("texts")  # one worker emits them all, once
def test_imports_torch_only() -> None:
    """A file stands alone: torch, and the standard library where it must."""
    for text in texts().values():
        tree = ast.parse(text)
        imported = {n.names[0].name for n in ast.walk(tree) if isinstance(n, ast.Import)}
        imported |= {str(n.module) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert imported <= {"torch", "torch.nn.functional", "math", "collections"}


def test_same_bytes_in_another_process() -> None:
    """Nothing of a run, such as the order of a set, shows in the text."""
    name = "mobilenet_v3_large" if "mobilenet_v3_large" in archc.names() else "resnet50_d"
    code = f"import archc; print(archc.compile({name!r}).source(), end='')"
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }

    assert texts == {archc.compile(name).source()}


@pytest.mark.xdist_group("texts")
def test_style_of_the_zoo(tmp_path: Path) -> None:
    """Ruff's own defaults find nothing to say of any network, and format nothing otherwise."""
    for name, text in texts().items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")

    for words in (["check"], ["format", "--diff"]):
        command = [
            sys.executable,
            "-m",
            "ruff",
            *words,
            "--isolated",
            "--no-cache",
            "-q",
            str(tmp_path),
        ]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (found.stdout, found.returncode) == ("", 0)

"""No module takes the place of another: bodies of few keys either fail or are emitted whole."""

from __future__ import annotations

import ast
from collections import Counter
from random import Random

import pytest

import archc
from archc.diagnostics import Source, errors

HEAD = "archc: 1\nname: net\ninput: [3, 8, 8]\nbody:\n"


def body(rng: Random, indent: int, depth: int) -> list[str]:
    """Return the lines of a body whose keys often meet, in the most ways that keys can."""
    space, lines, there = " " * indent, [], set[str]()
    for _ in range(rng.randint(1, 3)):
        i = "ijk"[depth]
        key = rng.choice(["a", "b", "_s", "a.b", "b.a", "a.{i}", "a{i}", "_s{i}", "a{i // 2}.b"])
        key = key.replace("i", i)
        if key in there or key.replace(".", "_") in {t.replace(".", "_") for t in there}:
            continue
        there.add(key)
        loop = "{" in key or rng.random() < 0.2
        if loop:
            lines += [f"{space}'{key}':", f"{space}  repeat: {i} < 2", f"{space}  do:"]
            inner = indent + 4
        else:
            lines, inner = [*lines, f"{space}'{key}':"], indent + 2
        if depth and rng.random() < 0.6:
            lines += body(rng, inner, depth - 1)
        elif key.startswith("_"):
            lines[-1] += " relu"
        else:
            lines[-1] += rng.choice([" conv(3, 1)", " conv(3, 1)", " bn", " relu", " prev + x"])
    return lines or [f"{space}c: relu"]


def lost(source: str) -> list[str]:
    """Return what a file assigns twice: attributes of a class, keys of a dictionary."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            targets = [
                ast.unparse(target)
                for statement in node.body
                if isinstance(statement, ast.Assign)
                for target in statement.targets
                if isinstance(target, ast.Attribute)
            ]
            found += [name for name, n in Counter(targets).items() if n > 1]
        if isinstance(node, ast.Dict):
            keys = Counter(ast.unparse(key) for key in node.keys if key is not None)
            found += [name for name, n in keys.items() if n > 1]
    return found


def judged(text: str) -> str:
    """Return what becomes of a spec: `refused`, or `emitted`, whole."""
    found = errors(archc.check(Source("net.yaml", text)))
    if found:
        return "refused"
    arch = archc.compile(Source("net.yaml", text))
    keys = {k: tuple(t.shape) for k, t in archc.load(Source("net.yaml", text)).state_dict().items()}
    assert lost(arch.source()) == [], text
    assert keys == arch.state_dict_shapes(), text
    return "emitted"


def drawn(seed: int) -> str:
    return HEAD + "\n".join(body(Random(f"structure {seed}"), 2, 2)) + "\n"  # noqa: S311


def test_few_keys() -> None:
    """Bodies whose keys meet are refused, or nothing of them is lost."""
    seen = Counter(judged(drawn(seed)) for seed in range(60))

    assert min(seen["refused"], seen["emitted"]) > 10


@pytest.mark.heavy
def test_more_keys() -> None:
    for seed in range(60, 700):
        judged(drawn(seed))


@pytest.mark.parametrize("op", ["relu", "max_pool(3, stride=2, padding=1)"])
@pytest.mark.parametrize("copies", [2, 5])
def test_activations_of_one_key(op: str, copies: int) -> None:
    """Steps without tensors that meet under one module are all applied."""
    loop = f"  blocks:\n    _level{{l}}:\n      repeat: l < {copies}\n      do:\n"
    text = f"{HEAD}{loop}        conv{{l + 1}}: conv(3, 3)\n        act: {op}\n"
    arch = archc.compile(Source("net.yaml", text.replace("8, 8", "64, 64")))
    name = "F.relu" if op == "relu" else "F.max_pool2d"

    assert lost(arch.source()) == []
    assert arch.source().count(name) == copies

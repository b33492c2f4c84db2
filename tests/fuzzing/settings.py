"""Settings: what a spec is compiled with, from Python and on the command line."""

from __future__ import annotations

import functools
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

from fuzzing.case import Case, Refusal
from fuzzing.names import FIXED
from fuzzing.texts import FEATURES, JUNK
from typer.testing import CliRunner

import archc
from archc.api import open_spec
from archc.cli import app
from archc.diagnostics import Diagnostic, Source

NETWORKS = ("resnet18", "resnet20", "vit_b_16", "densenet121", "se_resnet50", "FEATURES")
TEXTS = [
    *JUNK,
    *FIXED,
    "[1, 2]",
    "[[1]]",
    "[64, 128, 256, 512]",
    "bottleneck",
    "silu",
    "0",
    "-3",
    "64",
]
ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)
SHARED: list[Any] = [1, 1]
for _ in range(40):
    SHARED = [SHARED, SHARED]
OBJECTS: list[Callable[[], Any]] = [
    lambda: 0, lambda: 7, lambda: -1, lambda: 10**30, lambda: 10**300, lambda: 1 << 4000,
    lambda: 0.5, lambda: -0.0, lambda: float("nan"), lambda: float("inf"), lambda: 1e308, lambda: 64.0,
    lambda: True, lambda: None, list, lambda: [1, 2], lambda: (1, 2), lambda: [[1], [2]],
    lambda: [None], lambda: ["a"], lambda: ["bottleneck"], lambda: [1.5, True], lambda: ENDLESS,
    lambda: SHARED, lambda: [0] * 20_000, dict, lambda: {"a": 1}, lambda: {1, 2}, lambda: b"a",
    lambda: bytearray(b"1"), lambda: 1j, lambda: Decimal(3), lambda: Fraction(1, 3), lambda: range(3),
    object, lambda: object, lambda: int, lambda: len, lambda: (lambda: 1), lambda: Path("a"),
    lambda: iter([1]), lambda: Ellipsis, lambda: NotImplemented, lambda: Source("a", "b"),
]  # fmt: skip
COMMANDS = [["check"], ["table"], ["build"], ["paths"], ["draw", "--format", "dot"]]


def spec(name: str) -> Any:
    return Source("features.yaml", FEATURES) if name == "FEATURES" else name


@functools.cache
def params(name: str) -> list[str]:
    return [str(p) for p in open_spec(spec(name), None)[0].params]


def case(number: int) -> Case:
    """Return a use of a network with settings, from Python and on the command line in turn."""
    rng = Random(f"settings {number}")  # noqa: S311 nothing here is secret
    return (_from_python, _on_the_command_line)[number % 2](number, rng)


def _from_python(number: int, rng: Random) -> Case:
    name = rng.choice(NETWORKS)
    given: dict[str, Any] = {}
    for _ in range(rng.randint(1, 2)):
        key = rng.choice([*params(name) * 99, *TEXTS])
        value = rng.choice(OBJECTS)() if rng.random() < 0.6 else rng.choice(TEXTS)
        given[key] = value
    variant: Any = rng.choice([None] * 60 + [*OBJECTS[:12], "", "a\0b", "resnet"])
    variant = variant() if callable(variant) else variant
    outputs: Any = rng.choice([()] * 40 + [["x"], "fc", [""], ["fc", "fc"], [1], None, "a\0"])
    what: Any = rng.choice([spec(name)] * 90 + [number, None, "", "\0", "a" * 5000, ".", b"x", []])
    given = {k: v for k, v in given.items() if k not in ("spec", "variant", "outputs")}

    def run() -> list[Diagnostic]:
        return archc.check(what, variant, outputs=outputs, **given)

    shown = " ".join(
        f"{k}={v!r}" if isinstance(v, str) else f"{k}: {type(v).__name__}" for k, v in given.items()
    )
    return Case(f"settings {number} ({name} {variant!r:.20} {outputs!r:.20} {shown})", run)


def _on_the_command_line(number: int, rng: Random) -> Case:
    name = rng.choice([n for n in NETWORKS if n != "FEATURES"])
    words = [*rng.choice(COMMANDS)[:1], rng.choice([name] * 9 + [rng.choice(TEXTS)])]
    for _ in range(rng.randint(1, 2)):
        key = rng.choice([*params(name) * 99, *TEXTS])
        words += [
            "--set",
            rng.choice([f"{key}={rng.choice(TEXTS)}"] * 9 + [key, f"{key}=", "=1", "="]),
        ]
    if rng.random() < 0.1:
        words += ["--variant", rng.choice(TEXTS)]
    if rng.random() < 0.1 and words[0] != "draw":
        words += ["--outputs", rng.choice([*TEXTS, "fc", "layer1,layer2", ",", "fc,fc"])]

    def run() -> list[Diagnostic]:
        done = CliRunner().invoke(app, words)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        if done.exit_code not in (0, 1, 2):
            raise AssertionError(done.output)
        if done.exit_code:
            raise Refusal(done.output)
        return []

    return Case(f"settings {number} (archc {words})", run)

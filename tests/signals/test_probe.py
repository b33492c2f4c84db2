"""Probes: measured numbers against numbers worked out by hand, and against published laws."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from math import log2
from pathlib import Path

import pytest
import torch
from typer.testing import Result

import archc
from archc.backends.signals.probe import Probe, Record, Series, halvings, verdict
from archc.diagnostics import Source
from archc.passes.steps import unroll
from archc.runtime import load
from archc.runtime.signals.gains import longest
from archc.runtime.signals.inputs import random_batch
from archc.runtime.signals.probe import autocorrelation, correlation

Small = Callable[[str], archc.Architecture]
SHATTERED = Path(__file__).parents[2] / "examples" / "signals" / "shattered.yaml"


@pytest.fixture(scope="module")
def shattered() -> dict[str, Probe]:
    """Return fully connected networks as in Balduzzi et al. 2017, in inference mode."""
    networks = {n: archc.compile(SHATTERED, n, depth=12) for n in ("plain", "residual")}
    return {n: a.probe(seeds=2, batch=96, mode="eval") for n, a in networks.items()}


def test_plain_gradients_shatter(shattered: dict[str, Probe]) -> None:
    """Correlation halves by layer in a plain net (Theorem 1), and far slower in a residual one."""
    plain = shattered["plain"].series("plain", "gradient_correlation")
    by_layers = dict(zip(plain.xs, plain.means, strict=True))
    end = max(x for x, y in by_layers.items() if y < 0.999)
    for k in range(5):
        assert log2(by_layers[end - k]) == pytest.approx(-1 - k, abs=0.5)
    slow = halvings(shattered["residual"].series("residual", "gradient_correlation"))
    fast = halvings(plain)
    assert fast is not None
    assert slow is not None
    assert 0.7 < fast < 1.2
    assert slow < 0.2


def test_gradients_like_noise(shattered: dict[str, Probe]) -> None:
    """Along a line, plain gradients are nearer to white noise, residual ones to brown noise."""
    lag1 = {n: p.series(n, "autocorrelation").means[1] for n, p in shattered.items()}
    white, brown = (
        shattered["plain"].series(n, "autocorrelation").means[1]
        for n in ("white noise", "brown noise")
    )

    assert white < 0.05
    assert brown > 0.95
    assert lag1["plain"] < lag1["residual"]
    assert lag1["residual"] > 0.8


def test_variance_doubles_without_norms() -> None:
    """Without norms a residual block doubles the variance (Theorem 2: 2^L); a plain one keeps it."""
    rates = {}
    for name in ("plain", "residual"):
        probe = archc.compile(SHATTERED, name, depth=10).probe(
            seeds=3, batch=64, norms=False, grid=0
        )
        series = probe.series(name, "mean_square")
        rates[name] = (log2(series.means[11]) - log2(series.means[1])) / 10

    assert rates["residual"] == pytest.approx(1, abs=0.15)
    assert abs(rates["plain"]) < 0.3


def test_by_hand(small: Small) -> None:
    """What is measured of a plain network is what hooks on the emitted module see."""
    arch = small("plain")
    probe = arch.probe(seeds=1, batch=6, grid=0)
    torch.manual_seed(0)
    model = load(arch)
    kept: dict[str, torch.Tensor] = {}
    for name in ("conv", "fc"):
        model.get_submodule(name).register_forward_hook(
            lambda _m, _x, y, name=name: kept.setdefault(name, y)
        )
    x = random_batch(arch.input, 6, 0).requires_grad_()
    y = model(x)
    r = torch.randn(y.shape[1:], generator=torch.Generator().manual_seed(1))
    (y * r).sum().backward()
    values = {(s.measure, s.at): s.value for s in probe.records}
    assert x.grad is not None

    assert values["mean_square", "conv"] == pytest.approx(
        float(kept["conv"].detach().square().mean())
    )
    assert values["variance", "fc"] == pytest.approx(float(y.detach().var(correction=0)), rel=1e-5)
    assert values["gradient_norm", "input"] == pytest.approx(float(x.grad.norm()), rel=1e-5)
    weight = model.get_submodule("fc").weight.grad
    assert values["weight_gradient_norm", "fc.weight"] == pytest.approx(
        float(weight.norm()), rel=1e-5
    )
    cosines = torch.nn.functional.cosine_similarity(
        x.grad.flatten(1)[:, None], x.grad.flatten(1)[None], dim=2
    )
    mean = (float(cosines.sum()) - 6) / 30
    assert values["gradient_correlation", "input"] == pytest.approx(mean, abs=1e-6)


def test_share_of_the_branch() -> None:
    """Branch and shortcut of one power: a half; of a branch ten times as strong: 100 of 101."""
    text = "archc: 1\nname: t\ninput: [4, 3, 3]\nbody:\n  f: scale({0})\n  g: tanh\n  y: g + x\n"
    text = text.replace("  g: tanh\n", "  c: conv(4, 1, bias=false)\n").replace("g + x", "c + x")
    arch = archc.compile(Source("t.yaml", text.format(10)))
    probe = arch.probe(seeds=2, batch=64, grid=0)
    torch.manual_seed(0)
    weight = load(arch).get_submodule("c").weight.detach()
    x = random_batch(arch.input, 64, 0)
    branch = float(torch.nn.functional.conv2d(10 * x, weight).square().mean())
    share = next(r.value for r in probe.records if r.measure == "residual_share")

    assert share == pytest.approx(branch / (branch + float(x.square().mean())), rel=1e-5)


def test_autocorrelation() -> None:
    """A wave comes back after a period; a constant has none."""
    wave = torch.sin(torch.arange(400) * 2 * torch.pi / 8)
    found = autocorrelation(wave)

    assert found[0] == 1
    assert found[4] == pytest.approx(-1, abs=0.02)
    assert found[8] == pytest.approx(1, abs=0.03)
    assert autocorrelation(torch.ones(9)) == [0.0] * 9


def test_correlation() -> None:
    """The mean cosine over pairs."""
    a = torch.tensor([[1.0, 0], [0, 1], [1, 1]])
    assert correlation(a) == pytest.approx((0 + 2 * 2**-0.5) / 3)
    assert correlation(a[:1]) == 1


def test_halvings() -> None:
    """The slope of log2, without what is noise."""
    xs = tuple(map(float, range(12)))
    ys = tuple(max(2.0 ** (x - 11), 0.001) for x in xs)
    series = Series(xs, ("",) * 12, ys, ys, ys, ys)

    assert halvings(series) == pytest.approx(1)
    assert halvings(Series((0.0, 1.0), ("", ""), (1, 1), (1, 1), (1, 1), (0, 0))) is None


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.0, 1.1, 2.0])
def test_lambda(factor: float, small: Small) -> None:
    """Through shortcuts alone the gain is λ^k to rounding where nothing follows the sum."""
    arch = small("preactivation")
    for blocks in (1, 2):
        name = f"preactivation, λ = {factor:g}"
        probe = arch.probe(lambdas=[factor], blocks=blocks, seeds=2, batch=4)
        short, full = (probe.series(name, m) for m in ("shortcut_gain", "gain"))
        assert short.xs[-1] == blocks
        assert short.means[-1] == pytest.approx(factor**blocks, rel=1e-5)
        assert full.means[-1] != pytest.approx(factor**blocks, rel=1e-3)


def test_lambda_one_is_autograd(small: Small) -> None:
    """With λ = 1 the gain through all is that of the emitted block."""
    arch = small("preactivation")
    probe = arch.probe(lambdas=[1], blocks=1, seeds=1, batch=4)
    torch.manual_seed(0)
    model = load(arch)
    seen: list[torch.Tensor] = []
    end = longest(unroll(arch.network))[-1].owner.rpartition(".")[0]
    block = model.get_submodule(end)
    block.register_forward_pre_hook(lambda _m, given: seen.append(given[0]))
    with torch.no_grad():
        model(random_batch(arch.input, 4, 0))
    x = seen[0].clone().requires_grad_()
    y = block(x)
    r = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    y.backward(r)
    assert x.grad is not None

    measured = probe.series("preactivation, λ = 1", "gain").means[1]
    assert measured == pytest.approx(float(x.grad.norm() / r.norm()), rel=1e-4)


def test_verdicts() -> None:
    assert [verdict(g) for g in (0.1, 0.9, 1, 1.9, 8)] == [
        "vanishing",
        "steady",
        "steady",
        "steady",
        "exploding",
    ]


def test_bands_and_means() -> None:
    """A series has the mean, the least and the largest over seeds."""
    records = [Record("a", "variance", s, 1.0, "x", v) for s, v in enumerate((1.0, 2.0, 6.0))]
    series = Probe({}, tuple(records)).series("a", "variance")

    assert (series.means, series.lows, series.highs) == ((3.0,), (1.0,), (6.0,))


def test_command(run: Callable[..., Result], tmp_path: Path) -> None:
    """One figure of several networks; the numbers as CSV and JSON; text sums up."""
    quick = ("--seeds", 2, "--batch", 2, "--grid", 8)
    done = run("probe", "plain20", "resnet20", *quick)
    assert done.exit_code == 0, done.output
    assert "white noise" in done.stdout
    rows = list(
        csv.DictReader(run("probe", "resnet20", *quick, "--format", "csv").stdout.splitlines())
    )
    assert {"residual_share", "gradient_correlation"} <= {row["measure"] for row in rows}
    assert {row["seed"] for row in rows if row["network"] == "resnet20"} == {"0", "1"}
    told = json.loads(run("probe", "resnet20", *quick, "--format", "json").stdout)
    assert told["depths"] == {"resnet20": 20}
    assert len(told["networks"]["resnet20"]["residual_share"]["xs"]) == 9
    again = json.loads(run("probe", "resnet20", *quick, "--format", "json").stdout)
    assert again == told
    for form, start in (("svg", b"<?xml"), ("png", b"\x89PNG")):
        target = tmp_path / f"p.{form}"
        assert run("probe", "plain20", "resnet20", *quick, "-o", target).exit_code == 0
        assert target.read_bytes().startswith(start)
    text = (tmp_path / "p.svg").read_text(encoding="utf-8")
    assert all(name in text for name in ("plain20", "resnet20", "brown noise"))


def test_command_with_lambda(run: Callable[..., Result], tmp_path: Path) -> None:
    """Vanishing and exploding are named."""
    done = run("probe", "resnet20", "--lambda", "0.1,1,10", "--seeds", 1, "--batch", 2)

    assert done.exit_code == 0, done.output
    assert "vanishing" in done.stdout
    assert "exploding" in done.stdout
    target = tmp_path / "gains.svg"
    run("probe", "resnet20", "--lambda", "0.5,1", "--seeds", 1, "--batch", 2, "-o", target)
    assert "λ^k" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plain20", "--lambda", "1"), "plain20 has at most 0 blocks in a row"),
        (("resnet20", "--lambda", "1", "--blocks", 99), "at most 3 blocks in a row"),
        (("resnet20", "--lambda", "x"), "--lambda takes numbers, as in 0.9,1,1.1; got `x`"),
        (("resnet20", "--blocks", 2), "--blocks is of --lambda"),
        (("resnet20", "plain20", "--weights", "w.pt"), "--weights are those of one network"),
        (("resnet20", "--weights", "w.pt"), "there is no file w.pt"),
        (("resnet20", "--mode", "x"), "there is no mode `x`"),
        (("resnet20", "--device", "cuda:99"), "there is no device `cuda:99` here"),
    ],
)
def test_wrong_usage(
    arguments: tuple[object, ...], message: str, run: Callable[..., Result]
) -> None:
    done = run("probe", *arguments)

    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("library", "arguments", "hint"),
    [
        ("torch", ("trace", "resnet20"), "pip install 'archc[torch]'"),
        ("torch", ("probe", "resnet20"), "pip install 'archc[torch]'"),
        ("matplotlib", ("paths", "resnet20", "--format", "svg"), "pip install 'archc[plot]'"),
    ],
)
def test_library_is_missing(
    library: str, arguments: tuple[str, ...], hint: str, tmp_path: Path
) -> None:
    """Without PyTorch or Matplotlib it is told what to install."""
    broken = tmp_path / library
    broken.mkdir()
    fault = f"raise ModuleNotFoundError('it is not here', name={library!r})\n"
    (broken / "__init__.py").write_text(fault)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "archc.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    assert done.returncode == 2
    assert hint in done.stderr
    assert "Traceback" not in done.stderr

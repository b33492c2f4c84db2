"""What probes measured: tidy records, and them as text, Markdown, CSV or JSON.

A record is one number: what was measured, of which network, with which seed, and where: `x`
is a depth in weighted layers, a lag, or a number of blocks, and `at` the value's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from math import log2
from statistics import fmean, stdev
from typing import Any

from archc.backends.signals.write import as_json, comma_separated, number, report

MEASURES: dict[str, str] = {
    "mean_square": "mean square of activations",
    "variance": "variance of activations",
    "residual_share": "share of the residual branch in each sum",
    "gradient_norm": "norm of ∂L/∂activation",
    "weight_gradient_norm": "norm of ∂L/∂weight",
    "gradient_correlation": "correlation of ∂L/∂activation between inputs",
    "autocorrelation": "autocorrelation of the input gradient, by lag",
    "gain": "gradient gain through k blocks",
    "shortcut_gain": "gradient gain through their shortcuts alone",
}
STEADY = 2.0
"""A gain between 1/2 and 2 over all blocks is called steady."""


@dataclass(frozen=True)
class Record:
    """One number that was measured."""

    network: str
    measure: str
    seed: int
    x: float
    at: str
    value: float


@dataclass(frozen=True)
class Series:
    """A measure of a network by x: the mean over seeds, and the least and largest."""

    xs: tuple[float, ...]
    names: tuple[str, ...]
    means: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    deviations: tuple[float, ...]


@dataclass(frozen=True)
class Probe:
    """All records of a probe, how it was made, and the depth of each network."""

    settings: Mapping[str, Any]
    records: tuple[Record, ...]
    depths: Mapping[str, int] = field(default_factory=dict)

    @property
    def networks(self) -> list[str]:
        """The networks, and the noises that they are held against, in order."""
        return list(dict.fromkeys(r.network for r in self.records))

    @property
    def measures(self) -> list[str]:
        """What was measured, in the order of MEASURES."""
        known = {r.measure for r in self.records}
        return [name for name in MEASURES if name in known]

    def series(self, network: str, measure: str) -> Series:
        """Return a measure of a network, over all seeds."""
        groups: dict[tuple[float, str], list[float]] = {}
        for r in self.records:
            if (r.network, r.measure) == (network, measure):
                groups.setdefault((r.x, r.at), []).append(r.value)
        keys = sorted(groups, key=lambda key: key[0])
        columns = [groups[key] for key in keys]
        return Series(
            tuple(x for x, _ in keys), tuple(at for _, at in keys), tuple(map(fmean, columns)),
            tuple(map(min, columns)), tuple(map(max, columns)),
            tuple(stdev(c) if len(c) > 1 else 0.0 for c in columns),
        )  # fmt: skip


def halvings(series: Series) -> float | None:
    """Return how often a positive series halves by unit of x, as it falls towards the input.

    The slope of log2 by depth, least squares, from the first point that is as large as all
    behind it down to a hundredth of that: below it a correlation is noise.
    """
    top = max(series.means, default=0.0)
    pairs = list(zip(series.xs, series.means, strict=True))
    start = min((x for x, y in pairs if y > 0.999 * top), default=0.0)
    points = [(x, log2(y)) for x, y in pairs if x <= start and y > 0.01 * top > 0]
    if len(points) < 3:
        return None
    mx, my = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - mx) ** 2 for x, _ in points)
    return sum((x - mx) * (y - my) for x, y in points) / spread if spread else None


def verdict(gain: float) -> str:
    """Name a gain: exploding, steady or vanishing."""
    return "exploding" if gain > STEADY else "vanishing" if gain < 1 / STEADY else "steady"


def text(probe: Probe, form: str = "text") -> str:
    """Write a summary: a line for each network, and for each λ where λ was probed."""
    settings = ", ".join(f"{name} {value}" for name, value in probe.settings.items())
    if "gain" in probe.measures:
        return report(
            [settings], [("Gradient gain through k blocks of y = F(x) + λx", _gains(probe))], form
        )
    rows = [_summary(probe, name) for name in probe.depths]
    noise = [
        {"noise": name, **_lags(probe, name)} for name in probe.networks if name not in probe.depths
    ]
    return report(
        [settings],
        [("From the first values to the last", rows), ("Autocorrelation of noise", noise)],
        form,
    )


def _summary(probe: Probe, name: str) -> dict[str, str]:
    def ends(measure: str) -> str:
        means = probe.series(name, measure).means
        return f"{number(means[0])} → {number(means[-1])}" if means else ""

    correlation = probe.series(name, "gradient_correlation")
    shares = probe.series(name, "residual_share").means
    return {
        "network": name,
        "layers": str(probe.depths[name]),
        "variance": ends("variance"),
        "residual share": number(fmean(shares)) if shares else "",
        "‖∂L/∂x‖": ends("gradient_norm"),
        "gradient correlation": ends("gradient_correlation"),
        "halvings a layer": number(halvings(correlation)),
        **_lags(probe, name),
    }


def _lags(probe: Probe, name: str) -> dict[str, str]:
    series = probe.series(name, "autocorrelation")
    lags = dict(zip(series.xs, series.means, strict=True))
    return {f"lag {k}": number(lags[k]) for k in (1, 5, 15) if k in lags}


def _gains(probe: Probe) -> list[dict[str, str]]:
    rows = []
    for name in probe.networks:
        full, short = probe.series(name, "gain"), probe.series(name, "shortcut_gain")
        power = lambda_of(name)
        blocks = full.xs[-1]
        rows.append(
            {
                "network": name.partition(", λ = ")[0],
                "λ": f"{power:g}",
                "blocks": f"{blocks:g}",
                "λ^k": number(power**blocks),
                "through shortcuts": f"{number(short.means[-1])}, {verdict(short.means[-1])}",
                "through all": f"{number(full.means[-1])}, {verdict(full.means[-1])}",
            }
        )
    return rows


def lambda_of(name: str) -> float:
    """Return the λ that a network's name in a probe tells."""
    return float(name.rpartition("λ = ")[2])


def csv(probe: Probe) -> str:
    """Write a line for each record."""
    return comma_separated([asdict(r) for r in probe.records])


def json(probe: Probe) -> str:
    """Write the settings, and each measure of each network: means, deviations and names by x."""
    told: dict[str, Any] = {
        "settings": dict(probe.settings),
        "depths": dict(probe.depths),
        "networks": {},
    }
    for name in probe.networks:
        series = {m: asdict(probe.series(name, m)) for m in probe.measures}
        told["networks"][name] = {m: s for m, s in series.items() if s["xs"]}
        correlation = probe.series(name, "gradient_correlation")
        if correlation.xs:
            told["networks"][name]["halvings"] = halvings(correlation)
    return as_json(told)


FORMATS: dict[str, Callable[[Probe], str]] = {
    "text": text,
    "markdown": lambda probe: text(probe, "markdown"),
    "csv": csv,
    "json": json,
}


def merged(probes: Iterable[Probe]) -> Probe:
    """Join probes of several networks; the settings are those of the first."""
    parts = list(probes)
    records = dict.fromkeys(r for p in parts for r in p.records)
    depths = {name: depth for p in parts for name, depth in p.depths.items()}
    return Probe(parts[0].settings, tuple(records), depths)

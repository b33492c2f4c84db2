"""What was probed, networks side by side in one figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from archc import escaping
from archc.backends.plots.figure import GREY, figure, legend, line_of, look, written
from archc.backends.signals.probe import MEASURES, Probe, lambda_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS = 4
NOISES = {"white noise": ":", "brown noise": "--"}
LOGARITHMIC = {
    "mean_square": 10,
    "variance": 10,
    "gradient_norm": 10,
    "weight_gradient_norm": 10,
    "gradient_correlation": 2,
    "gain": 10,
    "shortcut_gain": 10,
}
FLOOR = 2.0**-12
"""Correlations below this are noise of a finite width and batch; the axis ends there."""


def plot(probe: Probe, form: str = "svg") -> bytes:
    """Draw a panel for each measure: lines are means over seeds, bands their range."""
    with look():
        measures = probe.measures
        rows, across = -(-len(measures) // ACROSS), min(ACROSS, len(measures))
        drawn = figure(3.6 * across, 2.9 * rows + 0.4)
        axes = drawn.subplots(rows, across, squeeze=False).flatten().tolist()
        for ax, measure in zip(axes, measures, strict=False):
            _panel(ax, probe, measure)
        for ax in axes[len(measures) :]:
            ax.set_axis_off()
        legend(drawn, axes)
        settings = ", ".join(f"{name} {value}" for name, value in probe.settings.items())
        drawn.suptitle(escaping.plot(settings), fontsize=8, color=GREY)
        return written(drawn, form)


def _panel(ax: Axes, probe: Probe, measure: str) -> None:
    for name in probe.networks:
        series, style = probe.series(name, measure), _style(probe, name)
        if not series.xs:
            continue
        ax.plot(series.xs, series.means, label=escaping.plot(name), **style)
        if name not in NOISES:
            band = {"color": style["color"], "alpha": 0.15, "linewidth": 0}
            ax.fill_between(series.xs, series.lows, series.highs, **band)
    if measure in LOGARITHMIC:
        ax.set_yscale("log", base=LOGARITHMIC[measure], nonpositive="clip")
    ax.set_title(MEASURES[measure], fontsize=9)
    ax.set_xlabel(XLABELS.get(measure, "depth in weighted layers"))
    REFERENCES.get(measure, _nothing)(ax, probe)


def _nothing(_ax: Axes, _probe: Probe) -> None:
    pass


def _style(probe: Probe, name: str) -> dict[str, Any]:
    if name in NOISES:
        return {"color": GREY, "linestyle": NOISES[name], "linewidth": 1.2}
    return line_of([n for n in probe.networks if n not in NOISES].index(name))


def _halving(ax: Axes, probe: Probe) -> None:
    """Draw 2^-L, which Theorem 1 of Balduzzi et al. 2017 says of plain networks.

    L layers are counted from the last value whose gradient is still the same for all inputs.
    """
    found = [probe.series(name, "gradient_correlation") for name in probe.depths]
    alike = [x for s in found for x, y in zip(s.xs, s.means, strict=True) if y > 0.999]
    if not alike:
        return
    start = min(alike)
    xs = [x for x in range(int(start) + 1) if 2.0 ** (x - start) >= FLOOR]
    halves = [2.0 ** (x - start) for x in xs]
    ax.plot(xs, halves, color="black", linestyle=":", linewidth=1, label="half by layer")
    ax.set_ylim(FLOOR, 1.3)


def _powers(ax: Axes, probe: Probe) -> None:
    """Draw λ^k beside what was measured."""
    for name in probe.networks:
        xs = probe.series(name, "gain").xs
        style = {**_style(probe, name), "linestyle": ":", "linewidth": 1}
        label = "λ^k" if name == probe.networks[0] else None
        ax.plot(xs, [lambda_of(name) ** x for x in xs], label=label, **style)


REFERENCES: dict[str, Callable[[Axes, Probe], None]] = {
    "gradient_correlation": _halving,
    "gain": _powers,
    "shortcut_gain": _powers,
}
XLABELS = {"autocorrelation": "lag", "gain": "blocks", "shortcut_gain": "blocks"}

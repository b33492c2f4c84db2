"""Paths by length, and what is left of them when branches are deleted."""

from __future__ import annotations

from collections.abc import Sequence

from archc import escaping
from archc.backends.plots.figure import COLOURS, figure, look, written
from archc.backends.signals.paths import NOUNS
from archc.backends.signals.write import whole
from archc.passes.paths import Paths


def plot(found: Sequence[Paths], form: str = "svg") -> bytes:
    """Draw the share of paths of each length, and what deletions leave (Veit et al. 2016)."""
    with look():
        branches = next((one for one in found if one.length == "branches"), None)
        losing = branches is not None and branches.units > 0 and not branches.deleted
        panels = len(found) + losing
        drawn = figure(3.4 * panels, 3.0)
        axes = drawn.subplots(1, panels, squeeze=False)[0]
        for ax, one in zip(axes, found, strict=False):
            lengths = list(one.counts)
            shares = [one.share(k) for k in lengths]
            if len(lengths) > 80:
                ax.plot(lengths, shares, color=COLOURS[0], linewidth=1.4)
                ax.fill_between(lengths, shares, color=COLOURS[0], alpha=0.2)
            else:
                ax.bar(lengths, shares, color=COLOURS[0])
            ax.set(xlabel=f"{NOUNS[one.length]} on a path", ylabel="share of paths")
            ax.set_ylim(bottom=0)
        if losing and branches is not None:
            deleted = range(branches.units + 1)
            axes[-1].semilogy(
                deleted, [float(branches.survival(d)) or None for d in deleted], color=COLOURS[1]
            )
            axes[-1].set(xlabel="deleted residual branches", ylabel="share of paths left, mean")
        without = f" without {', '.join(found[0].deleted)}" if found[0].deleted else ""
        drawn.suptitle(escaping.plot(f"{found[0].name}{without}: {whole(found[0].total)} paths"))
        return written(drawn, form)

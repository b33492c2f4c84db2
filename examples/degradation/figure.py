"""The paper's Figure 6: error by iteration, plain networks beside residual ones.

    python examples/degradation/figure.py runs/digits/results.json -o figure6.svg

Thin lines are training error, bold lines test error.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

# Okabe and Ito's colours, told apart by the colour-blind
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw the figure of a run into a file, SVG, PNG or PDF by its suffix."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise SystemExit("the figure needs Matplotlib: pip install 'archc[plot]'") from None
    with rc_context({"svg.hashsalt": "archc", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for ax, kind in zip(axes, ("plain", "ResNet"), strict=True):
            runs = {n: r for n, r in results["runs"].items() if n.startswith(kind)}
            for colour, (name, run) in zip(COLOURS, runs.items(), strict=False):
                steps = [row["iteration"] for row in run["records"]]
                for error, width in (("train_error", 0.8), ("test_error", 2.2)):
                    ys = [row[error] for row in run["records"]]
                    label = name if error == "test_error" else None
                    ax.plot(steps, ys, color=colour, linewidth=width, label=label)
            ax.set(xlabel="iteration", ylim=(0, ceiling(results)))
            ax.grid(alpha=0.3)
            if runs:
                ax.legend(title="bold: test, thin: training", fontsize=8, title_fontsize=8)
        axes[0].set_ylabel("error (%)")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def ceiling(results: dict[str, Any]) -> float:
    """Return the largest error shown: the paper's 20 %, or what the last quarter needs."""
    late = [
        max(row["train_error"], row["test_error"])
        for run in results["runs"].values()
        for row in run["records"][-max(len(run["records"]) // 4, 1) :]
    ]
    return max(20.0, *(1.2 * error for error in late))


def main() -> None:
    """Draw the figure of a file of results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("figure6.svg"))
    args = parser.parse_args()
    draw(json.loads(args.results.read_text(encoding="utf-8")), args.output)


if __name__ == "__main__":
    main()

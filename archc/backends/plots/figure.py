"""What plots share: one look, colours by network, and bytes that differ in nothing but data."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito (2008), told apart by the colour-blind; a line's style tells them apart too
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
STYLES = ("-", "--", "-.", ":")
GREY = "#777777"

LOOK: Any = {
    "svg.hashsalt": "archc",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "legend.frameon": False,
}


class NoMatplotlib(ModuleNotFoundError):
    """Nothing here can draw a plot; text, CSV and JSON can still be had."""

    def __init__(self) -> None:
        message = "plots need Matplotlib: pip install 'archc[plot]'"
        super().__init__(message, name="matplotlib")


@contextmanager
def look() -> Iterator[None]:
    """Draw in archc's look, whatever the user's own settings are."""
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise NoMatplotlib from None
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(LOOK)
        yield


def figure(width: float, height: float) -> Figure:
    """Return an empty figure, sizes in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def written(drawn: Figure, form: str) -> bytes:
    """Return a figure as `svg`, `png` or `pdf`, without the date."""
    out = io.BytesIO()
    dates: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    drawn.savefig(out, format=form, dpi=150, metadata=dates.get(form))
    return out.getvalue()


def line_of(number: int) -> dict[str, Any]:
    """Return colour and style of the n-th network, the same in every panel."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": STYLES[number // len(COLOURS) % len(STYLES)],
        "linewidth": 1.4,
    }


def legend(drawn: Figure, axes: list[Axes]) -> None:
    """Put one legend for all panels below them."""
    handles: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    columns = max(1, int(drawn.get_figwidth() // 1.7))
    if handles:
        drawn.legend(
            list(handles.values()), list(handles), loc="outside lower center", ncols=columns
        )

"""How pictures look: colours that the colour-blind can tell apart, in three themes.

The hues are those of Okabe and Ito (2008), as tints behind dark text, or as shades behind
light text. No meaning is in a colour alone: every box says what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FONT = "sans-serif"
SIZE = 11.0
SMALL = 9.0


@dataclass(frozen=True)
class Paint:
    """The fill and the outline of a box."""

    fill: str
    line: str


@dataclass(frozen=True)
class Theme:
    """The colours of a picture."""

    background: str
    text: str
    quiet: str
    line: str
    accent: str
    stage: Paint
    block: Paint
    boxes: Mapping[str, Paint]
    sizes: tuple[Paint, ...]
    """Of networks side by side: a colour for each output size, in turn."""
    marks: Mapping[str, Paint]
    """Of a difference: what both have, what is added, removed, changed."""


LIGHT = Theme(
    background="#ffffff",
    text="#1b1f24",
    quiet="#57606a",
    line="#3d444d",
    accent="#b34700",
    stage=Paint("#f4f6f8", "#c4cad1"),
    block=Paint("#ffffff", "#9aa4af"),
    boxes={
        "conv": Paint("#d6eaf8", "#0072b2"),
        "linear": Paint("#d3efe4", "#00805d"),
        "pool": Paint("#fce0d0", "#c04f00"),
        "norm": Paint("#fbf6cf", "#8a7d00"),
        "activation": Paint("#f6e1ee", "#a8528a"),
        "merge": Paint("#ffffff", "#1b1f24"),
        "concat": Paint("#ffffff", "#1b1f24"),
        "split": Paint("#ffffff", "#1b1f24"),
        "attention": Paint("#e4defa", "#5b3fbf"),
        "source": Paint("#fbe9c6", "#a86f00"),
        "window": Paint("#eceff1", "#6b747e"),
        "other": Paint("#eceff1", "#6b747e"),
        "block": Paint("#d6eaf8", "#0072b2"),
        "port": Paint("#ffffff", "#6b747e"),
    },
    sizes=(
        Paint("#fbe9c6", "#a86f00"),
        Paint("#d6eaf8", "#0072b2"),
        Paint("#f6e1ee", "#a8528a"),
        Paint("#d3efe4", "#00805d"),
        Paint("#fce0d0", "#c04f00"),
        Paint("#e4defa", "#5b3fbf"),
        Paint("#fbf6cf", "#8a7d00"),
    ),
    marks={
        "same": Paint("#f4f6f8", "#6b747e"),
        "added": Paint("#d6eaf8", "#0072b2"),
        "removed": Paint("#fce0d0", "#c04f00"),
        "changed": Paint("#fbf6cf", "#8a7d00"),
    },
)

DARK = Theme(
    background="#0f1419",
    text="#eef2f6",
    quiet="#a9b4bf",
    line="#b7c1cb",
    accent="#ffb27a",
    stage=Paint("#171e26", "#3b4754"),
    block=Paint("#10161c", "#56636f"),
    boxes={
        "conv": Paint("#123a56", "#56b4e9"),
        "linear": Paint("#0d4236", "#2fc79b"),
        "pool": Paint("#52260c", "#f08a4b"),
        "norm": Paint("#403a0a", "#e6d84a"),
        "activation": Paint("#472338", "#d98cb9"),
        "merge": Paint("#0f1419", "#eef2f6"),
        "concat": Paint("#0f1419", "#eef2f6"),
        "split": Paint("#0f1419", "#eef2f6"),
        "attention": Paint("#2c2256", "#a995f0"),
        "source": Paint("#4a3305", "#e69f00"),
        "window": Paint("#27303a", "#93a0ad"),
        "other": Paint("#27303a", "#93a0ad"),
        "block": Paint("#123a56", "#56b4e9"),
        "port": Paint("#0f1419", "#93a0ad"),
    },
    sizes=(
        Paint("#4a3305", "#e69f00"),
        Paint("#123a56", "#56b4e9"),
        Paint("#472338", "#d98cb9"),
        Paint("#0d4236", "#2fc79b"),
        Paint("#52260c", "#f08a4b"),
        Paint("#2c2256", "#a995f0"),
        Paint("#403a0a", "#e6d84a"),
    ),
    marks={
        "same": Paint("#171e26", "#93a0ad"),
        "added": Paint("#123a56", "#56b4e9"),
        "removed": Paint("#52260c", "#f08a4b"),
        "changed": Paint("#403a0a", "#e6d84a"),
    },
)

PRINT = Theme(
    background="#ffffff",
    text="#000000",
    quiet="#333333",
    line="#000000",
    accent="#000000",
    stage=Paint("#ffffff", "#777777"),
    block=Paint("#ffffff", "#777777"),
    boxes={
        "conv": Paint("#ffffff", "#000000"),
        "linear": Paint("#e6e6e6", "#000000"),
        "pool": Paint("#f2f2f2", "#000000"),
        "norm": Paint("#ffffff", "#777777"),
        "activation": Paint("#ffffff", "#777777"),
        "merge": Paint("#ffffff", "#000000"),
        "concat": Paint("#ffffff", "#000000"),
        "split": Paint("#ffffff", "#000000"),
        "attention": Paint("#e6e6e6", "#000000"),
        "source": Paint("#f2f2f2", "#000000"),
        "window": Paint("#f2f2f2", "#777777"),
        "other": Paint("#f2f2f2", "#777777"),
        "block": Paint("#ffffff", "#000000"),
        "port": Paint("#ffffff", "#777777"),
    },
    sizes=(
        Paint("#ffffff", "#000000"),
        Paint("#e6e6e6", "#000000"),
    ),
    marks={
        "same": Paint("#ffffff", "#777777"),
        "added": Paint("#e6e6e6", "#000000"),
        "removed": Paint("#ffffff", "#000000"),
        "changed": Paint("#f2f2f2", "#000000"),
    },
)

THEMES: dict[str, Theme] = {"light": LIGHT, "dark": DARK, "print": PRINT}

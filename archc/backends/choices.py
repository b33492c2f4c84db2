"""The names that formats, levels and themes have, for type checkers and editors."""

from __future__ import annotations

from typing import Literal

TableFormat = Literal["text", "markdown", "html", "latex", "csv", "json"]
TableBy = Literal["stage", "run", "block", "layer"]
Surface = Literal["timm"]
PictureLevel = Literal["family", "stage", "block", "op"]
PictureTheme = Literal["light", "dark", "print"]
PageTheme = Literal["auto", "light", "dark"]

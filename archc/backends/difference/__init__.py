"""What differs between two networks, as text, Markdown, JSON and a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archc.backends.difference.data import as_json
from archc.backends.difference.text import markdown, text
from archc.passes.difference import Difference

FORMATS: dict[str, Callable[[Sequence[Difference]], str]] = {
    "text": text,
    "markdown": markdown,
    "json": as_json,
}

__all__ = ["FORMATS", "as_json", "markdown", "text"]

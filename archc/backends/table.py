"""Tables of networks: what they say is in `tables`, this is the door."""

from __future__ import annotations

from collections.abc import Callable

from archc.backends.tables.claims import claims
from archc.backends.tables.columns import READERS, UnknownName, one_of
from archc.backends.tables.data import as_json, comma_separated, html, markdown
from archc.backends.tables.family import family
from archc.backends.tables.latex import latex
from archc.backends.tables.model import Table
from archc.backends.tables.network import table
from archc.backends.tables.paper import misprinted, paper
from archc.backends.tables.row_selection import BY
from archc.backends.tables.text import text
from archc.backends.tables.variants import variants

FORMATS: dict[str, Callable[[Table], str]] = {
    "text": text,
    "markdown": markdown,
    "html": html,
    "latex": latex,
    "csv": comma_separated,
    "json": as_json,
}


def render(what: Table, form: str = "text") -> str:
    """Write a table in a format by name; one that is not known raises UnknownName."""
    return FORMATS[one_of(form, list(FORMATS), "format")](what)


__all__ = [
    "BY",
    "FORMATS",
    "READERS",
    "Table",
    "UnknownName",
    "claims",
    "family",
    "misprinted",
    "paper",
    "render",
    "table",
    "text",
    "variants",
]

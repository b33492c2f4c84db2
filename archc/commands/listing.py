"""`archc list`: the networks of the zoo, or the params of a spec."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from archc import api, zoo
from archc.commands.common import VariantOpt, attempt, deliver, option_of, spec_of
from archc.escaping import json_text, one_line
from archc.language.spec import Document
from archc.lower.params import allowed, source


def list_networks(
    spec: Annotated[
        str | None,
        typer.Argument(
            metavar="[SPEC]",
            help="A spec whose params are listed, or a network of the zoo.",
            show_default=False,
        ),
    ] = None,
    variant: VariantOpt = None,
    form: Annotated[str, typer.Option("--format", help="text or json")] = "text",
) -> None:
    """List the networks that come with archc, or the params of a spec and what they may be."""
    option_of(("text", "json"), form, "format")
    if spec is not None:
        parsed, chosen = attempt(lambda: api.open_spec(spec_of(spec), variant))
        deliver(_params(parsed, chosen, form), None)
        return
    index = zoo.index()
    if form == "json":
        deliver(json_text({name: path.name for name, path in index.items()}), None)
        return
    width = max(map(len, index), default=0)
    deliver("\n".join(f"{name:<{width}}  {path.name}" for name, path in index.items()), None)


def _params(parsed: Document, variant: str, form: str) -> str:
    """Return the params of a variant: name, value, what it may be."""
    own: dict[Any, Any] = next((v for n, v in parsed.variants.items() if n == variant), {})
    texts = {str(n): source(v) for n, v in {**parsed.params, **own}.items()}
    limits = {str(n): allowed(p) for n, p in parsed.declared.items()}
    if form == "json":
        listed = {n: {"value": text, "may_be": limits[n]} for n, text in texts.items()}
        return json_text({"variant": variant, "params": listed})
    rows = [("param", "value", "may be"), *((n, one_line(t), limits[n]) for n, t in texts.items())]
    widths = [max(len(row[k]) for row in rows) for k in (0, 1)]
    lines = (f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in rows)
    return "\n".join([variant, "", *lines])

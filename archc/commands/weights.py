"""`archc weights`: what torchvision and timm have for a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from tabulate import tabulate

from archc.commands.common import SpecArg, VariantOpt, compiled, deliver, option_of
from archc.commands.signals import attempted
from archc.escaping import json_text, terminal
from archc.weights.offers import Offer

if TYPE_CHECKING:
    from archc.runtime.weights.listing import Shelf


def weights(
    spec: SpecArg,
    variant: VariantOpt = None,
    form: Annotated[str, typer.Option("--format", help="text or json")] = "text",
) -> None:
    """List the weights that torchvision and timm have for a network, as they describe them.

    Licence, accuracy on ImageNet-1K, input and preprocessing are what the owner states; a dash
    says that it states nothing. Nothing is downloaded.
    """
    option_of(("text", "json"), form, "format")
    architecture = compiled(spec, variant, None)
    name, keys = architecture.name, architecture.state_dict_shapes()
    shelves = attempted(lambda: _shelves(name, keys))
    deliver(_as_json(name, shelves) if form == "json" else _as_text(name, shelves), None)


def _shelves(name: str, keys: dict[str, tuple[int, ...]]) -> list[Shelf]:
    from archc.runtime.weights.listing import shelves

    return shelves(name, keys.keys())


def _as_json(name: str, shelves: list[Shelf]) -> str:
    entries = [
        {**offer.as_dict(), "owner": shelf.owner, "by_name": shelf.by_name}
        for shelf in shelves
        for offer in shelf.offers
    ]
    versions = {shelf.owner: shelf.version or None for shelf in shelves}
    return json_text({"network": name, "owners": versions, "weights": entries})


def _as_text(name: str, shelves: list[Shelf]) -> str:
    offers = [offer for shelf in shelves for offer in shelf.offers]
    lines = [name, ""] if offers else []
    if offers:
        lines += [_table(offers), ""]
    lines += [_note(shelf, name) for shelf in shelves]
    if offers:
        example = next((o.name for s in shelves if s.by_name for o in s.offers), offers[0].name)
        lines += ["", f'archc.load("{name}", weights="{example}")']
    return terminal("\n".join(lines))


def _table(offers: list[Offer]) -> str:
    columns = {
        "weights": [o.name for o in offers],
        "licence": [o.licence or "–" for o in offers],
        "top-1": [_percent(o.top1) for o in offers],
        "top-5": [_percent(o.top5) for o in offers],
        "input": ["×".join(map(str, o.input)) or "–" for o in offers],
        "preprocessing": [o.preprocessing or "–" for o in offers],
        "here": ["yes" if o.cached else "" for o in offers],
    }
    return tabulate(columns, headers="keys", disable_numparse=True)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _note(shelf: Shelf, name: str) -> str:
    """Say of an owner whether its weights go by name."""
    if not shelf.version:
        return f"{shelf.owner} is not installed"
    owner = f"{shelf.owner} {shelf.version}"
    if not shelf.offers:
        return f"{owner} has none for `{name}`"
    if shelf.by_name is None:
        return f"{owner}: whether the keys are those of {name} is seen when they are loaded"
    if shelf.by_name:
        return f"{owner}: the keys are those of {name}"
    return f"{owner}: the keys are others, `adapt=True` or `archc adopt` fits them"

"""`archc identify`: which networks of the zoo a checkpoint is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from archc.api.identifying import INPUT, Match, identify
from archc.commands.common import WRONG, deliver, option_of
from archc.escaping import json_text, terminal
from archc.weights.faults import key, listed, sizes


def identify_weights(
    weights: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A state_dict: safetensors, or what torch.save writes; FILE#PART for a part.",
            show_default=False,
        ),
    ],
    form: Annotated[str, typer.Option("--format", help="text or json")] = "text",
) -> None:
    """Name the networks of the zoo, with settings, that a checkpoint is of, and what is off.

    Also what keys and shapes can't tell. Nothing of the file is run. Exits with 0 where a
    network fits in full, else with 1.
    """
    option_of(("text", "json"), form, "format")
    from archc.runtime.weights.naming import shapes_in

    found = best(shapes_in(weights))
    deliver(as_json(found) if form == "json" else terminal("\n".join(lines(weights, found))), None)
    if not any(match.exact for match in found):
        raise typer.Exit(WRONG)


def best(candidates: Sequence[Mapping[str, tuple[int, ...]]]) -> list[Match]:
    """Return the matches of the state_dict of a file, with or without prefixes, that fits best."""
    found: list[Match] = []
    for shapes in candidates:
        matches = identify(shapes)
        if matches and (not found or matches[0].likeness > found[0].likeness or found[0].renamed):
            found = matches
        if found and found[0].exact:
            break
    return found


def lines(name: str, found: Sequence[Match]) -> Iterator[str]:
    """Yield what is said of matches."""
    if not found:
        yield f"{name}: no network of the zoo has such keys and shapes"
        return
    first = found[0]
    if first.renamed:
        yield f"{name}: the shapes of {first.name} under other keys"
        yield f"  `archc adopt {first.name} FILE --from torchvision:NAME` renames them, or timm:NAME or FILE.py:CLASS"
        return
    if first.exact:
        yield f"{name}: {', '.join(map(called, found))}: all {first.tensors} keys and shapes"
        if len(found) > 1:
            yield f"  keys can't tell {', '.join(m.name for m in found)} apart"
        for match in found:
            if match.untold:
                of = f" of {match.name}" if len(found) > 1 else ""
                yield f"  keys can't tell{of}: {', '.join(match.untold)}"
        return
    yield f"{name}: nearest is {called(first)}, {first.likeness:.1%} of its keys and shapes"
    if first.missing:
        yield f"  missing ({len(first.missing)}): {listed([key(k) for k in first.missing])}"
    if first.unexpected:
        yield f"  unexpected ({len(first.unexpected)}): {listed([key(k) for k in first.unexpected])}"
    if first.shapes:
        off = [
            f"{key(k)} is {sizes(b)} there and {sizes(a)} here"
            for k, (a, b) in first.shapes.items()
        ]
        yield f"  other shapes ({len(off)}): {listed(off)}"


def called(match: Match) -> str:
    """Spell a network with its settings, as the command line takes it."""
    settings = dict(match.settings)
    sizes = settings.pop(INPUT, "")
    given = "".join(f" --set {k}={v.replace(' ', '')}" for k, v in settings.items())
    return match.name + given + (f" --input {sizes}" if sizes else "")


def as_json(found: Sequence[Match]) -> str:
    """Tell matches to a program."""
    rows: list[dict[str, Any]] = [
        {**asdict(m), "exact": m.exact, "likeness": round(m.likeness, 4)} for m in found
    ]
    return json_text(rows)

"""`archc adopt`: the weights of one network for another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from tabulate import tabulate

from archc.api.adopting import adopted
from archc.commands.common import (
    WRONG,
    AllowOpt,
    ForceOpt,
    InputOpt,
    OutputOpt,
    SetOpt,
    SpecArg,
    VariantOpt,
    attempt,
    compiled,
    deliver,
    option_of,
    usage,
)
from archc.escaping import json_text, one_line, terminal
from archc.weights.fates import Adoption, Fate
from archc.weights.faults import sizes as spelled

FromOpt = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="SPEC|PEER",
        help="The network that the weights are of: a spec, torchvision:NAME, timm:NAME or "
        "FILE.py:CLASS, which is run; without it, what the file or its keys say.",
        show_default=False,
    ),
]
RowsOpt = Annotated[
    str | None,
    typer.Option(
        "--rows",
        metavar="A,B,...",
        help="The rows of the old head that make a head of another size, by number.",
        show_default=False,
    ),
]


def adopt(
    spec: SpecArg,
    weights: Annotated[
        str,
        typer.Argument(
            metavar="WEIGHTS",
            help="A saved state_dict, torchvision:NAME or timm:NAME.",
            show_default=False,
        ),
    ],
    origin: FromOpt = None,
    variant: VariantOpt = None,
    sets: SetOpt = None,
    sizes: InputOpt = None,
    allow_ops: AllowOpt = False,
    rows: RowsOpt = None,
    seed: Annotated[int, typer.Option(help="Of the numbers that both compute with.")] = 0,
    full: Annotated[bool, typer.Option("--full", help="A line for each tensor.")] = False,
    form: Annotated[str, typer.Option("--format", help="Of the report: text or json")] = "text",
    output: OutputOpt = None,
    force: ForceOpt = False,
) -> None:
    """Fit the weights of one network to another: other keys, another version of the spec.

    Both are traced and aligned as graphs. Tensors are renamed, reshaped, split and joined; what
    changed with the spec is resampled, grown or starts so that outputs stay. The judge is the
    output of both on perturbed inputs. Exits with 1 where it differs and need not. Nothing of the
    weights is run.
    """
    option_of(("text", "json"), form, "format")
    if output is not None and str(output) == "-":
        usage("weights go to a file: give its name by -o")
    chosen = rows_of(rows)
    arch = compiled(spec, variant, sets, sizes=sizes, allow_ops=allow_ops)
    model, adoption = attempt(
        lambda: adopted(arch, weights, origin, rows=chosen, allow_ops=allow_ops, seed=seed)
    )
    if output is not None:
        from archc.runtime.weights.keeping import packed

        deliver(packed(model, arch), output, form_of(output), force=force)
    deliver(as_json(adoption) if form == "json" else as_text(adoption, full=full), None)
    if not adoption.judgement.ok:
        raise typer.Exit(WRONG)


def form_of(output: Path) -> str:
    """Hold an output to the one form that weights are written in."""
    if output.suffix.lower() != ".safetensors":
        usage(f"weights are written as safetensors: call the file {output.stem}.safetensors")
    return "safetensors"


def rows_of(text: str | None) -> list[int] | None:
    """Return the numbers of rows."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"\d{1,9}", part) for part in parts):
        usage(f"--rows takes numbers, as 0,5,9, got `{one_line(text)}`")
    return [int(part) for part in parts]


def as_text(adoption: Adoption, *, full: bool) -> str:
    """Tell the fates as a table, and the judgement."""
    counts = ", ".join(f"{n} {kind}" for kind, n in adoption.counts.items())
    title = f"{adoption.old} to {adoption.new}: {counts}"
    listed = adoption.fates if full else [fate for fate in adoption.fates if not _stays(fate)]
    rows = [_row(fates) for fates in runs(listed, full=full)]
    if stay := len(adoption.fates) - len(listed):
        rows.insert(0, ("kept", f"{stay} tensors under their keys", "", "", ""))
    head = ("fate", "tensor", "from", "shape", "how")
    table = tabulate(rows, head, disable_numparse=True)
    return terminal(f"{title}\n\n{table}\n\n{adoption.judgement.verdict}")


def _stays(fate: Fate) -> bool:
    return fate.kind == "kept" and not fate.how


def runs(fates: Sequence[Fate], *, full: bool) -> Iterator[list[Fate]]:
    """Yield fates, those together that differ by the numbers in their keys and by sizes alone."""
    if full:
        yield from ([fate] for fate in fates)
        return
    places: dict[tuple[str, ...], int] = {}
    looks = [_look(fate) for fate in fates]
    order = [places.setdefault(look, k) for k, look in enumerate(looks)]
    ranked = sorted(range(len(fates)), key=order.__getitem__)
    for _, group in groupby(ranked, key=order.__getitem__):
        yield [fates[k] for k in group]


def _look(fate: Fate) -> tuple[str, ...]:
    return (fate.kind, _pattern(fate.new), *map(_pattern, fate.old), re.sub(r"\d+", "N", fate.how))


def _pattern(key: str) -> str:
    return re.sub(r"(?<![a-zA-Z])\d+|(?<=layer)\d+", "*", key)


def _row(fates: Sequence[Fate]) -> tuple[str, ...]:
    first, many = fates[0], len(fates) > 1
    name = _pattern if many else str
    new = name(first.new) + (f" (×{len(fates)})" if many else "")
    old = ", ".join(name(key) for key in first.old) if first.old != (first.new,) else ""
    if first.kind == "dropped":
        new, old = f"(×{len(fates)})" * many, name(first.old[0])
    before, after = ({f.before for f in fates}, {f.after for f in fates})
    shape = ""
    if len(before) == len(after) == 1:
        ((a,), (b,)) = (before, after)
        shape = spelled(b or a) if a == b or not (a and b) else f"{spelled(a)} to {spelled(b)}"
    how = first.how if len({f.how for f in fates}) == 1 else ""
    return (first.kind, one_line(new), one_line(old), shape, how)


def as_json(adoption: Adoption) -> str:
    """Tell an adoption to a program."""
    return json_text(
        {
            "old": adoption.old,
            "new": adoption.new,
            "counts": adoption.counts,
            "judgement": asdict(adoption.judgement),
            "tensors": [asdict(fate) for fate in adoption.fates],
        }
    )

"""Outputs for training alone: a network's own, and after those that are always there."""

from __future__ import annotations

from collections.abc import Iterator

from archc.diagnostics import Diagnostic, Note
from archc.language.scalars import Signature
from archc.language.spec import Document, Library
from archc.rules.analysis import Analysis

CODE = "training-output"


def training_outputs(document: Document | Library, _: Analysis) -> list[Diagnostic]:
    """Return a diagnostic for every output whose `when: training` would mislead."""
    faults = [d for s, b in document.blocks.items() for d in _of_block(s, b.outputs or {})]
    if isinstance(document, Document):
        faults += _of_network(document)
    return faults


def _of_block(signature: Signature, outputs: object) -> Iterator[Diagnostic]:
    assert isinstance(outputs, dict)
    for name, output in outputs.items():
        if output.when == "training":
            yield Diagnostic(
                CODE,
                f"`{name}` of the block `{signature.name}` is for training only",
                name.span,
                help="only a network has such outputs: declare it where the network gives its values",
            )


def _of_network(document: Document) -> list[Diagnostic]:
    outputs = document.outputs or {}
    always = [name for name, o in outputs.items() if o.when == "always"]
    first = next(iter(outputs), None)
    if first is None or outputs[first].when == "always":
        return []
    if not always:
        return [
            Diagnostic(
                CODE,
                f"`{document.name}` gives nothing at inference: its outputs are for training only",
                first.span,
                help="leave `when: training` out of one, or name the value that inference gives",
            )
        ]
    return [
        Diagnostic(
            CODE,
            f"`{first}` is for training only, but stands before `{always[0]}`",
            first.span,
            notes=(Note(always[0].span, "the first that is always there"),),
            help=f"put `{always[0]}` first: the first output is the one that counts, in both modes",
        )
    ]

"""`archc build`: the standalone PyTorch file of a network."""

from __future__ import annotations

from archc.commands.common import (
    AllowOpt,
    ForceOpt,
    InputOpt,
    OutputOpt,
    OutputsOpt,
    SetOpt,
    SpecArg,
    VariantOpt,
    compiled,
    deliver,
)


def build(
    spec: SpecArg,
    variant: VariantOpt = None,
    sets: SetOpt = None,
    sizes: InputOpt = None,
    outputs: OutputsOpt = None,
    allow_ops: AllowOpt = False,
    output: OutputOpt = None,
    force: ForceOpt = False,
) -> None:
    """Write the PyTorch module of a network."""
    text = compiled(spec, variant, sets, sizes=sizes, outputs=outputs, allow_ops=allow_ops).source()
    deliver(text, output, "python", force=force)

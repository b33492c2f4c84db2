"""`archc build`: the standalone PyTorch file of a network."""

from __future__ import annotations

from archc.commands.common import OutputOpt, SetOpt, SpecArg, VariantOpt, compiled, deliver


def build(
    spec: SpecArg, variant: VariantOpt = None, sets: SetOpt = None, output: OutputOpt = None
) -> None:
    """Write the PyTorch module of a network."""
    deliver(compiled(spec, variant, sets).source(), output)

"""Does an op do what it declares? Its shape, tensors and MACs beside what PyTorch makes of it.

In networks of that op alone, on the meta device where PyTorch can.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from archc.runtime.load import load
from archc.runtime.report import Report, Row, sizes
from archc.runtime.static import BATCH, Predicts, batched, first, verify_static


def check_op(networks: Sequence[Predicts]) -> Report:
    """Hold networks of one op, each with an input of its own size, to their modules.

    Compared are keys and shapes, parameters, the shape of the output in train and eval mode,
    and MACs, where PyTorch counts any. What PyTorch raises is a difference, not an error.
    """
    rows: list[Row] = []
    for network in networks:
        at = sizes(network.input.sizes)
        rows += (replace(row, at=at) for row in _rows(network))
    return Report((*rows, *_steady(networks)))


def _rows(network: Predicts) -> Sequence[Row]:
    """Compare on the meta device, or with numbers, where PyTorch needs some."""
    said = ""
    for device in ("meta", "cpu"):
        try:
            return _compared(network, device)
        except Exception as error:  # noqa: BLE001 - the module is the user's
            said = said or f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    return [Row("PyTorch", "", 1, math.inf, note=f"refuses: {said}")]


def _compared(network: Predicts, device: str) -> Sequence[Row]:
    rows = verify_static(network, device).rows
    with torch.device(device):
        model = load(network).eval()
        output = first(model(torch.empty((BATCH, *network.input.sizes))))
    predicted = batched(network.output)
    said = sizes(predicted)
    if output != predicted:
        said = f"{said} predicted, {sizes(output)} built"
    last = Row("output, eval", "", 1, 0.0 if output == predicted else math.inf, note=said)
    return [
        *(_uncounted(row, network.training.macs) if row.what == "MACs" else row for row in rows),
        last,
    ]


def _uncounted(row: Row, macs: int) -> Row:
    """Pass MACs that PyTorch has no count for: it knows convolutions and products of matrices."""
    none = macs > 0 and row.note.endswith(" 0 built")
    return replace(row, error=0.0, note=f"{macs:,}; PyTorch counts none") if none else row


def _steady(networks: Sequence[Predicts]) -> Iterator[Row]:
    """Compare the tensors at all sizes: a state_dict may not depend on the resolution."""
    if len(networks) > 1:
        found = [network.state_dict_shapes() for network in networks]
        same = all(shapes == found[0] for shapes in found)
        note = "" if same else "they change with the size of the input"
        yield Row("keys and shapes", "all", len(found[0]), 0.0 if same else math.inf, note=note)

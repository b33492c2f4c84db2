"""A difference as JSON, whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from archc.escaping import json_text
from archc.graph import Network, Stage
from archc.passes.difference import BlockChange, Difference, StageChange
from archc.passes.difference.model import COUNTED, StepChange


def as_json(differences: Sequence[Difference]) -> str:
    """Write differences as JSON: an object for one, a list of them for several variants."""
    found = [as_dict(difference) for difference in differences]
    whole = found[0] if len(found) == 1 else found
    return json_text(whole) + "\n"


def as_dict(found: Difference) -> dict[str, Any]:
    """Return a difference as plain data: shapes are lists, keys are all there."""
    keys = found.keys
    return {
        "differs": bool(found),
        "before": _network(found.before),
        "after": _network(found.after),
        "text": [asdict(change) for change in found.texts],
        "settings": [asdict(setting) for setting in found.settings],
        "stages": [_stage(stage) for stage in found.stages],
        "blocks": [_block(block) for block in found.blocks],
        **{name: _counts(found.totals(name)) for name in COUNTED},
        "state_dict": {
            "counts": keys.counts,
            "kept": list(keys.kept),
            "reshaped": {k: {"before": a, "after": b} for k, (a, b) in keys.reshaped.items()},
            "renamed": dict(keys.renamed),
            "lost": dict(keys.lost),
            "new": dict(keys.new),
        },
    }


def _network(network: Network) -> dict[str, Any]:
    source = network.document.name.span.source
    return {
        "name": network.name,
        "file": source.name,
        "settings": {k: str(getattr(v, "text", v)) for k, v in network.settings.items()},
        "input": list(network.input.sizes),
        "outputs": [list(value.shape.sizes) for value in network.root.values],
    }


def _stage(stage: StageChange) -> dict[str, Any]:
    return {
        "kind": stage.kind,
        "before": _half(stage.before),
        "after": _half(stage.after),
        **{name: _counts(stage.counts(name)) for name in COUNTED},
        "steps": [_step(step) for step in stage.steps if step.kind != "same"],
    }


def _half(stage: Stage | None) -> dict[str, Any] | None:
    return None if stage is None else {"name": stage.name, "output": list(stage.output.sizes)}


def _block(block: BlockChange) -> dict[str, Any]:
    return {
        "before": block.before.name,
        "after": block.after.name,
        "places": [{"before": a, "after": b} for a, b in block.places],
        "steps": [_step(step) for step in block.steps],
    }


def _step(step: StepChange) -> dict[str, Any]:
    sides = {"before": step.pair.before, "after": step.pair.after}
    return {
        "kind": step.kind,
        "text": step.text,
        **{
            side: node
            and {"path": node.path, "outputs": [list(v.shape.sizes) for v in node.outputs]}
            for side, node in sides.items()
        },
    }


def _counts(pair: tuple[int, int]) -> dict[str, int]:
    before, after = pair
    return {"before": before, "after": after, "difference": after - before}

"""State_dict keys must be unique: two tensors of one key would be one tensor."""

from __future__ import annotations

from archc.diagnostics import Diagnostic, Note
from archc.graph import Module, Network, Node, join


def structure(network: Network) -> list[Diagnostic]:
    """Return a diagnostic for every pair of steps whose state_dict keys collide."""
    return [d for module in network.modules for d in _collisions(module)]


def _collisions(module: Module) -> list[Diagnostic]:
    owners = sorted((n for n in module.nodes if not n.again), key=lambda n: n.path.split("."))
    found: list[Diagnostic] = []
    for k, node in enumerate(owners):
        for other in owners[k + 1 :]:
            inside = not node.path or other.path.startswith(f"{node.path}.")
            if not inside and other.path != node.path:
                break
            if same := keys(node) & keys(other):
                first, second = sorted((node, other), key=lambda n: n.span)
                key = join(module.trail, min(same))
                found.append(
                    Diagnostic(
                        "duplicate-state-dict-key",
                        f"the state_dict key `{key}` stands for two tensors",
                        second.span,
                        notes=(Note(first.span, "the first one"),),
                        help="give one of the steps another name",
                    )
                )
    return found


def keys(node: Node) -> set[str]:
    """Return the state_dict keys of a node, as its module sees them."""
    if node.module is None:
        return {join(node.path, name) for name in node.tensors}
    inside = node.module.leaves(node.path)
    return {join(leaf.path, name) for leaf in inside for name in leaf.node.tensors}

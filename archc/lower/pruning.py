"""Dead work: steps whose values nothing needs, since a choice left them without a reader.

They are no part of the network: not counted, not drawn, not in the file, not in the state_dict.
"""

from __future__ import annotations

from collections.abc import Iterator

from archc.diagnostics import Diagnostic
from archc.graph import Module, Node, join
from archc.lower.marks import NOTHING


def without_dead(root: Module) -> list[Diagnostic]:
    """Leave out what nothing needs, in every block of a network; return a warning for each.

    One is said of the last step of a row: what only a dead step reads goes with it. A step that
    is nothing itself, `none(...)(2 * x)`, needs no word.
    """
    found = []
    for module in _modules(root):
        absent = {step for (step, _), value in module.results.items() if value is NOTHING}
        gone = (n for n in prune(module) if id(n.step) not in absent)
        found += [_warning(module, node) for node in gone]
    return found


def prune(module: Module) -> list[Node]:
    """Leave out the nodes that no output needs; return those that nothing at all read."""
    needed = {id(v) for v in module.values}
    read = needed | {id(v) for n in module.nodes for v in n.inputs}
    kept: set[int] = set()
    for node in reversed(module.nodes):
        if any(id(v) in needed for v in node.outputs):
            kept.add(id(node))
            needed |= {id(v) for v in node.inputs}
    gone = [n for n in module.nodes if id(n) not in kept]
    if not gone:
        return []
    module.nodes = [n for n in module.nodes if id(n) in kept]
    module.applied = {at: n for at, n in module.applied.items() if id(n) in kept}
    owners = {n.path for n in module.nodes if not n.again}
    for node in module.nodes:  # where the first use of a module went, the next is the first
        if node.again and node.path not in owners:
            node.again = False
            owners.add(node.path)
    return [n for n in gone if not any(id(v) in read for v in n.outputs)]


def _modules(root: Module) -> Iterator[Module]:
    """Yield the modules of what is left of a network, each once, outer ones first."""
    modules, seen = [root], {id(root)}
    for module in modules:  # which grows
        yield module
        for node in module.nodes:
            if node.module is not None and id(node.module) not in seen:
                seen.add(id(node.module))
                modules.append(node.module)


def _warning(module: Module, node: Node) -> Diagnostic:
    name = join(module.trail, node.path) or node.name
    what = "value" if len(node.outputs) == 1 else "values"
    return Diagnostic(
        "dead-work",
        f"nothing reads the {what} of `{name}`, which is left out",
        node.span,
        help="if this is meant, make the step absent too, by the choice that took its reader",
        severity="warning",
    )

"""State_dict keys and the modules on the way to them must be unique: two of one name would be one."""

from __future__ import annotations

from collections.abc import Iterator

from archc.diagnostics import Diagnostic, Note, Span
from archc.graph import Module, Network, Node, join
from archc.lower.nesting import DOTTED, spliced


def structure(network: Network) -> list[Diagnostic]:
    """Return a diagnostic for every pair of steps whose state_dict keys or modules collide."""
    faults: list[Diagnostic] = []
    for module in network.modules:
        keyed = _collisions(module)
        faults += keyed.values()
        faults += [
            d
            for path, d in _clashes(module).items()
            if not any(f"{key}.".startswith(f"{path}.") for key in keyed)
        ]
    return faults


Owner = tuple[object, ...]
Made = dict[str, dict[Owner, Span]]


def _clashes(module: Module) -> dict[str, Diagnostic]:
    """Return, by path, a diagnostic for every module that two steps make, outermost ones only."""
    clashes: dict[str, Diagnostic] = {}
    for path, owners in sorted(_made(module).items()):
        leaves = [o[0] for o in owners if o[0] in ("owner", "plain")]
        alone = len(leaves) == len(owners) and leaves.count("owner") < 2  # it gives way to others
        if len(owners) > 1 and not alone and not any(path.startswith(f"{p}.") for p in clashes):
            clashes[path] = _clash(join(module.trail, path), *list(owners.values())[:2])
    return clashes


def _clash(path: str, one: Span, other: Span) -> Diagnostic:
    first, second = sorted((one, other))
    message = f"the module `{path}` is made by two steps"
    if first == second:
        message = f"the module `{path}` is made by two copies of one step"
        help_ = "let the key tell the copies apart, as `{i}` does for a loop over `i`"
        return Diagnostic("duplicate-module", message, second, help=help_)
    return Diagnostic(
        "duplicate-module",
        message,
        second,
        notes=(Note(first, "the first one"),),
        help="write both under one key, or give one another name",
    )


def _made(module: Module) -> Made:
    """Return who makes the module at each path, with its place."""
    owners: Made = {}
    around: dict[int, set[str]] = {}
    for holder in module.holders:
        for node in holder.nodes:
            if _is_module(node):
                owners.setdefault(holder.path, {})[holder.owner] = holder.span
                around.setdefault(id(node), set()).add(holder.path)
    for node in module.nodes:
        if node.again or not (node.tensors or node.module):
            continue
        for path, owner in _own(module, node):
            owners.setdefault(path, {})[owner] = node.span
        for path in _beginnings(node.path) - around.get(id(node), set()):
            owners.setdefault(path, {}).setdefault(DOTTED, node.span)
    return owners


def _own(module: Module, node: Node) -> Iterator[tuple[str, Owner]]:
    """Yield the paths of the modules that a node makes in the one around it, with what tells them."""
    if node.module is not None and spliced(module, node):
        for path, owners in _made(node.module).items():
            yield from ((join(node.path, path), (id(node), *owner)) for owner in owners)
    elif node.held or node.module is not None or "" in node.tensors:
        plain = node.module is not None and not node.module.owns
        yield node.path, ("plain" if plain else "owner", id(node))


def _beginnings(path: str) -> set[str]:
    parts = path.split(".")
    return {".".join(parts[:k]) for k in range(1, len(parts))}


def _collisions(module: Module) -> dict[str, Diagnostic]:
    """Return, by key, a diagnostic for every pair of tensors with one."""
    owners = sorted((n for n in module.nodes if not n.again), key=lambda n: n.path.split("."))
    collisions: dict[str, Diagnostic] = {}
    for k, node in enumerate(owners):
        for other in owners[k + 1 :]:
            inside = not node.path or other.path.startswith(f"{node.path}.")
            if not inside and other.path != node.path:
                break
            if same := keys(node) & keys(other):
                first, second = sorted((node, other), key=lambda n: n.span)
                key = min(same)
                collisions[key] = Diagnostic(
                    "duplicate-state-dict-key",
                    f"the state_dict key `{join(module.trail, key)}` stands for two tensors",
                    second.span,
                    notes=(Note(first.span, "the first one"),),
                    help="give one of the steps another name",
                )
    return collisions


def _is_module(node: Node) -> bool:
    """Whether a node can be a module of its own: the ops of several values are functions."""
    return not node.again and bool(node.tensors or node.module or len(node.inputs) == 1)


def keys(node: Node) -> set[str]:
    """Return the state_dict keys of a node, as its module sees them."""
    if node.module is None:
        return {join(node.path, name) for name in node.tensors}
    inside = node.module.leaves(node.path)
    return {join(leaf.path, name) for leaf in inside for name in leaf.node.tensors}

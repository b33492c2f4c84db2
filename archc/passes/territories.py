"""What belongs to a network and what to those that it imports, each with rules of its own."""

from __future__ import annotations

from collections.abc import Iterator

from archc.graph import Module, join


def own_modules(network: Module) -> tuple[Module, ...]:
    """Return a network and the modules inside, each once, but none of an imported network."""
    modules: dict[int, Module] = {}

    def visit(module: Module) -> None:
        modules[id(module)] = module
        for node in module.nodes:
            inner = node.module
            if inner is not None and not inner.is_network and id(inner) not in modules:
                visit(inner)

    visit(network)
    return tuple(modules.values())


def imported(module: Module, prefix: str = "") -> Iterator[tuple[list[str], Module]]:
    """Yield every imported network inside, none of theirs, with how its paths begin."""
    for node in module.nodes:
        inner, path = node.module, join(prefix, node.path)
        if inner is None or node.again or not inner.networks:
            continue
        if inner.is_network:
            yield [f"{path}."] if node.path else beginnings(inner, prefix), inner
        else:
            yield from imported(inner, path)


def beginnings(module: Module, prefix: str) -> list[str]:
    """Return how the paths begin of what stands in a module that has no name of its own."""
    parts = (leaf.path.partition(".") for leaf in module.leaves() if leaf.node.tensors)
    return list(dict.fromkeys(join(prefix, head) + dot for head, dot, _ in parts))

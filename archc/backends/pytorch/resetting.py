"""Where the classes of a file set their weights: in the constructor, or in `init_weights`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from archc.backends.pytorch.init import network_lines, rules_of
from archc.backends.pytorch.layout import fit
from archc.graph import Module, join
from archc.passes.territories import beginnings

if TYPE_CHECKING:
    from archc.backends.pytorch.templates import Template, Templates

STEP, BODY = " " * 4, " " * 8


def init_lines(templates: Templates, template: Template, own: Sequence[str]) -> list[str]:
    """Write initialisers: a step's `own` come after the rules of the network."""
    module = template.modules[0]
    networks = (m for m in templates.network.modules if m.is_network)
    inside = list(inlined(templates, module))
    rules = [line for m, names in inside for line in network_lines(m, names)]
    if not module.is_network:
        template.has_init = bool(own) and any(rules_of(m) for m in networks)
        if not template.has_init:
            return [line for raw in [*rules, *own] for line in fit(BODY + raw)]
        lines = [line for raw in rules for line in fit(BODY + raw)]
        head = ["", f"{STEP}def init_weights(self):"]
        return [*lines, *head, *(line for raw in own for line in fit(BODY + raw))]
    rules = [*network_lines(module), *rules]
    if any(templates.has_init(m) for m in (module, *(m for m, _ in inside))):
        rules += [
            "for m in self.modules():",
            '    if hasattr(m, "init_weights"):',
            "        m.init_weights()",
        ]
    rules += own
    return ["", *(line for raw in rules for line in fit(BODY + raw))] if rules else []


def inlined(
    templates: Templates, module: Module, prefix: str = ""
) -> Iterator[tuple[Module, list[str]]]:
    """Yield the imported networks that are written inside this class, and their paths."""
    for node in module.nodes:
        inner = node.module
        if inner is None or not inner.networks or not templates.inlined(node, module):
            continue
        if inner.is_network:
            yield inner, beginnings(inner, prefix)
        yield from inlined(templates, inner, join(prefix, node.path))

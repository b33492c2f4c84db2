"""What each node sees of the network's input, wherever it stands: a block has many uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from archc.graph import Module, Node, Value, join
from archc.passes.places import OWN
from archc.passes.receptive import Fields, ReceptiveFields, through
from archc.windows import Windows


@dataclass(frozen=True)
class NodeContext:
    """A node where it stands: its full path, the path around it, what its first value sees."""

    path: str
    prefix: str
    node: Node
    windows: Windows


class Contexts:
    """The places of what is drawn; the receptive fields in a module are reckoned once."""

    def __init__(self, root: Module) -> None:
        self.root = root
        self.fields = ReceptiveFields()
        self.own: Mapping[int, Fields] = self.fields.inside(root)

    def at_top(self, node: Node) -> NodeContext:
        """Return the place of a node of the network's own."""
        return _place(node, "", self.own)

    def below(self, nodes: Sequence[Node]) -> dict[int, list[NodeContext]]:
        """Return the places of the network's own nodes, and of all inside, by the node's identity."""
        contexts: dict[int, list[NodeContext]] = {}
        for place in self._walk(nodes, "", self.own):
            contexts.setdefault(id(place.node), []).append(place)
        return contexts

    def _walk(
        self, nodes: Sequence[Node], prefix: str, fields: Mapping[int, Fields]
    ) -> Iterator[NodeContext]:
        for node in nodes:
            place = _place(node, prefix, fields)
            yield place
            if node.module is not None:
                taken = [fields[id(value)] for value in node.inputs]
                seen = self.fields.below(node)
                inner = {key: through(field, taken) for key, field in seen.items()}
                yield from self._walk(node.module.nodes, place.path, inner)


def _place(node: Node, prefix: str, fields: Mapping[int, Fields]) -> NodeContext:
    first: Value = node.outputs[0]
    return NodeContext(
        join(prefix, node.path) or node.name, prefix, node, fields[id(first)].get(0, OWN)
    )

"""Which values an op may write over."""

from __future__ import annotations

from collections import Counter

from archc.graph import Module, Value


class Overwriting:
    """Who reads each value of a network."""

    def __init__(self) -> None:
        self.counts: dict[int, Counter[int]] = {}

    def overwritable(self, module: Module, value: Value) -> bool:
        """Whether an op may write over a value: nothing else holds it or needs it."""
        while True:
            node = value.node
            counts = self.count(module)
            if node is None or id(node) not in self.own(module) or counts[id(value)] != 1:
                return False
            if node.op is not None and node.op.inputs is None and len(node.inputs) == 1:
                value = node.inputs[0]  # a concatenation of one value is that value
                continue
            if node.module is None:
                return node.op is not None and not node.op.keeps_output
            index = next(k for k, v in enumerate(node.outputs) if v is value)
            module, value = node.module, node.module.values[index]

    def count(self, module: Module) -> Counter[int]:
        """Count how often each value of a module is read."""
        if id(module) not in self.counts:
            found = Counter(id(v) for n in module.nodes for v in n.inputs)
            found.update(id(v) for v in module.values)
            self.counts[id(module)] = found
        return self.counts[id(module)]

    def own(self, module: Module) -> set[int]:
        return {id(n) for n in module.nodes}

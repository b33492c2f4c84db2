"""The memory of activations for one sample, at 32 bits: what backward needs, what inference holds.

Parameters, gradients and the optimizer's state are not counted, nor what a kernel needs while
it runs. Both are reckoned once for each distinct module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from archc.graph import Module, Node, Value, is_source
from archc.ops.backward import FLOAT


@dataclass
class Saved:
    """What the backward pass of a stretch of a network needs, and what it costs.

    `values` are those that are held, by identity; a value that two ops need is held once.
    """

    owners: Mapping[int, Value]
    """The value whose memory another shares, by identity."""
    values: set[int] = field(default_factory=set)
    bytes: int = 0
    ways: set[str] = field(default_factory=set)
    """Which ways PyTorch takes, where it has several."""

    def take(self, value: Value) -> None:
        """Hold a value."""
        owner = self.owner(value)
        if not self.has(owner):
            self.values.add(id(owner))
            self.bytes += FLOAT * owner.shape.numel

    def has(self, value: Value) -> bool:
        """Whether the value is held."""
        return id(self.owner(value)) in self.values

    def owner(self, value: Value) -> Value:
        """Return the value whose memory a value is."""
        return self.owners.get(id(value), value)


@dataclass(frozen=True)
class Kept:
    """What a module holds: bytes of its own, and which of its inputs and outputs."""

    bytes: int
    inputs: tuple[bool, ...]
    outputs: tuple[bool, ...]
    ways: frozenset[str] = frozenset()


@dataclass
class Memory:
    """The memory of a network's modules, each reckoned once."""

    _kept: dict[int, Kept] = field(default_factory=dict)
    _peaks: dict[int, int] = field(default_factory=dict)
    _owners: dict[int, Mapping[int, Value]] = field(default_factory=dict)

    def owners(self, module: Module) -> Mapping[int, Value]:
        """Return, for a module's views and what its blocks hand on, whose memory they share."""
        if id(module) not in self._owners:
            owner: dict[int, Value] = {}
            for node in module.nodes:
                behind = [owner.get(id(v), v) for v in node.inputs]
                if node.op is not None and node.op.views:
                    owner.update((id(v), behind[0]) for v in node.outputs)
                if node.module is not None:
                    inner = self.owners(node.module)
                    outside = {id(v): u for v, u in zip(node.module.inputs, behind, strict=True)}
                    results = [inner.get(id(u), u) for u in node.module.values]
                    pairs = zip(node.outputs, results, strict=True)
                    owner.update((id(v), outside[id(u)]) for v, u in pairs if id(u) in outside)
            self._owners[id(module)] = owner
        return self._owners[id(module)]

    # Training

    def saved(self, module: Module) -> Saved:
        """Return the record of what a module's backward pass needs, with nothing in it yet."""
        return Saved(self.owners(module))

    def run(self, node: Node, saved: Saved) -> None:
        """Add to what is saved what a node of a module needs."""
        if node.module is None:
            self._op(node, saved)
            return
        kept = self.kept(node.module)
        saved.bytes += kept.bytes
        saved.ways |= kept.ways
        for value, held in zip(node.inputs, kept.inputs, strict=True):
            if held:
                saved.take(value)
        for value, held in zip(node.outputs, kept.outputs, strict=True):
            if held:
                saved.take(value)

    @staticmethod
    def _op(node: Node, saved: Saved) -> None:
        assert node.op is not None
        needs = node.op.backward(*node.shapes, learned=tuple(map(is_learned, node.inputs)))
        saved.ways |= {needs.way} - {""}
        for value in (*(node.inputs[k] for k in needs.inputs), *(node.outputs * needs.output)):
            if not is_source(value):
                saved.take(value)
        saved.bytes += needs.bytes

    def kept(self, module: Module) -> Kept:
        """Return what a module holds for its backward pass."""
        if id(module) not in self._kept:
            saved = self.saved(module)
            for node in module.nodes:
                self.run(node, saved)
            ends = {id(v): v for v in (*module.inputs, *module.values) if saved.owner(v) is v}
            outside = sum(FLOAT * v.shape.numel for v in ends.values() if saved.has(v))
            self._kept[id(module)] = Kept(
                saved.bytes - outside,
                tuple(map(saved.has, module.inputs)),
                tuple(saved.owner(v) is v and saved.has(v) for v in module.values),
                frozenset(saved.ways),
            )
        return self._kept[id(module)]

    # Inference

    def peaks(self, module: Module) -> list[int]:
        """Return the most bytes that are held while each node of a module runs.

        What the module is given is held all the time, by its caller.
        """
        owner = self.owners(module)

        def own(values: Iterable[Value]) -> set[int]:
            return {id(owner.get(id(v), v)) for v in values}

        needed = own(module.values)
        after: list[set[int]] = []
        for node in reversed(module.nodes):
            after.append(set(needed))
            needed |= own(node.inputs)
        held = {id(v): v.shape.numel for v in module.inputs}
        always = set(held)
        peaks: list[int] = []
        for node, later in zip(module.nodes, reversed(after), strict=True):
            peaks.append(FLOAT * sum(held.values()) + self._inside(node))
            new = (v for v in node.outputs if id(v) not in owner and not is_source(v))
            held.update((id(v), v.shape.numel) for v in new)
            held = {v: size for v, size in held.items() if v in later or v in always}
        return peaks

    def held(
        self,
        module: Module,
        depth: int | None = None,
        *,
        whole: Callable[[Module], bool] | None = None,
    ) -> Iterator[int]:
        """Yield the most bytes that are held while each node runs, blocks opened to a depth.

        The nodes are those of `unrolled(module, depth, whole=whole)`. What a block was given is
        held by who called it until it is done.
        """
        yield from self._opened(module, 0, 1, depth, whole or (lambda _: False))

    def _opened(
        self,
        module: Module,
        others: int,
        level: int,
        depth: int | None,
        whole: Callable[[Module], bool],
    ) -> Iterator[int]:
        most = self.peaks(module)
        for node, peak in zip(module.nodes, most, strict=True):
            if node.module is None or level == depth or whole(node.module):
                yield others + peak
                continue
            given = FLOAT * sum(v.shape.numel for v in node.module.inputs)
            around = others + peak - self._inside(node) - given
            yield from self._opened(node.module, around, level + 1, depth, whole)

    def _inside(self, node: Node) -> int:
        """Return the most bytes that a node holds while it runs, besides what it is given."""
        if node.module is None:
            views = node.op is not None and (node.op.views or node.op.inputs == 0)
            return 0 if views else FLOAT * sum(v.shape.numel for v in node.outputs)
        module = node.module
        if id(module) not in self._peaks:
            given = FLOAT * sum(v.shape.numel for v in module.inputs)
            self._peaks[id(module)] = max(self.peaks(module), default=given) - given
        return self._peaks[id(module)]


def is_learned(value: Value) -> bool:
    """Whether a value has a gradient: it is computed of the input, or of a parameter."""
    node = value.node
    if node is None or node.op is None:
        return True
    return any(t.trainable for t in node.tensors.values()) or any(map(is_learned, node.read))

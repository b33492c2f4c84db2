"""Where the parts of a network are that those who build on it ask for, found in its graph.

Head and features part at the last value that all paths lead through and that still has
positions: what comes behind pools, flattens and classifies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from archc.graph import Module, Network, Node, Value, flat, join, unrolled
from archc.language.expr import Expr
from archc.language.spec import Modified
from archc.lower.headless import CLASSES, is_zero
from archc.ops.conv import Conv
from archc.ops.drop import Dropout
from archc.ops.linear import Linear
from archc.ops.pool import AdaptivePool, GlobalAvgPool
from archc.passes.receptive import ReceptiveFields
from archc.shapes import Shape


@dataclass(frozen=True)
class Level:
    """A map of features: the last one of its reduction, and the path of what makes it."""

    channels: int
    reduction: int
    module: str
    output: str
    """Its name among the outputs that a network may be asked for."""


@dataclass(frozen=True)
class Landmarks:
    """The parts of a network by the paths of their modules.

    `features` is the shape of what the head takes; `classifier` is the layer that makes the
    classes, None where there is none. `head` and `body` are the paths of all ops on both sides.
    `stages` are the prefixes of the blocks that belong together. `undecayed` are the names that
    learned embeddings have in the modules that own them.
    """

    features: Shape
    classifier: Node | None
    hidden: int
    head: frozenset[str]
    body: frozenset[str]
    levels: tuple[Level, ...]
    blocks: tuple[str, ...]
    stages: tuple[str, ...]
    stem: tuple[str, ...]
    undecayed: tuple[str, ...]
    first: str
    """The path of the first layer with weights."""
    fixed: bool
    """Whether it owns values for each position, which belong to one size of the input."""
    paths: tuple[str, ...]
    """The paths of all ops in the order in which they run."""

    @property
    def classes(self) -> int:
        """The number of classes; 0 without a classifier."""
        return 0 if self.classifier is None else self.classifier.outputs[0].shape.channels


def landmarks(network: Network) -> Landmarks:
    """Find the parts of a network."""
    whole = unrolled(network.root)
    chain = dominators(whole)
    classifier = _classifier(network, chain)
    border = _border(chain, classifier)
    behind = _behind(whole, border)
    paths = {node.path for node in whole.nodes if node.path}
    head = frozenset(node.path for node in behind if node.path)
    owners = [n for n in whole.nodes if n.tensors and n.path]
    roots = _roots(network.root, whole, border)
    blocks = _blocks(network, roots)
    levels = tuple(_levels(network, roots, blocks))
    before = _before(network.root, blocks)
    return Landmarks(
        features=border.shape,
        classifier=classifier,
        hidden=(classifier.shapes[0] if classifier else network.output).channels,
        head=head,
        body=frozenset(paths - head),
        levels=levels,
        blocks=tuple(node.path for node in blocks),
        stages=tuple(dict.fromkeys(_stage_prefix(network, node) for node in blocks)),
        stem=tuple(dict.fromkeys(before)),
        undecayed=tuple(dict.fromkeys(_embeddings(whole))),
        first=owners[0].path if owners else "",
        fixed=any(_owns_positions(node) for node in owners),
        paths=tuple(dict.fromkeys(node.path for node in whole.nodes if node.path)),
    )


def _owns_positions(node: Node) -> bool:
    """Whether an op gives a learned value that has several positions."""
    shape = node.outputs[0].shape
    pairs = zip(shape.layout, shape.sizes, strict=True)
    return not node.inputs and any(dim != "c" and size > 1 for dim, size in pairs)


def dominators(module: Module) -> list[Value]:
    """Return the values that every path from the input to the first output leads through."""
    x = module.inputs[0]
    above: dict[int, Value | None] = {id(x): None}
    depth = {id(x): 0}
    for node in module.nodes:
        taken = [v for v in node.inputs if id(v) in depth]
        if not taken:  # a parameter of its own
            continue
        nearest = taken[0]
        for other in taken[1:]:
            nearest = _meeting(nearest, other, above, depth)
        for value in node.outputs:
            above[id(value)], depth[id(value)] = nearest, depth[id(nearest)] + 1
    first = next((o for o in module.outputs if not o.training), module.outputs[0])
    current: Value | None = flat(first.value)[0]
    found = []
    while current is not None:
        found.append(current)
        current = above.get(id(current))
    return found[::-1]


def _meeting(
    one: Value, other: Value, above: dict[int, Value | None], depth: dict[int, int]
) -> Value:
    """Return the nearest value that lies above two."""
    while one is not other:
        if depth[id(one)] < depth[id(other)]:
            one, other = other, one
        up = above[id(one)]
        assert up is not None
        one = up
    return one


def _has_positions(shape: Shape) -> bool:
    return any(dim != "c" for dim in shape.layout)


def _classifier(network: Network, chain: Sequence[Value]) -> Node | None:
    """Return the last layer on all paths, where it makes classes: of a vector, or by their name."""
    document = network.document
    chosen = next((v for n, v in document.variants.items() if n == network.variant), {})
    texts: dict[Any, Any] = {**document.params, **chosen, **network.settings}
    if is_zero(texts.get(CLASSES)):
        return None
    nodes = [v.node for v in chain if v.node is not None]
    last = next((n for n in reversed(nodes) if n.tensors), None)
    if last is None or not isinstance(last.op, Linear | Conv):
        return None
    of_a_vector = all(
        size == 1 for dim, size in zip(network.output.layout, network.output.sizes, strict=True)
        if dim != "c"
    )  # fmt: skip
    return last if of_a_vector or _names_classes(last.step) else None


def _names_classes(step: object) -> bool:
    if isinstance(step, Modified):
        return _names_classes(step.do)
    return isinstance(step, Expr) and CLASSES in step.names


def _border(chain: Sequence[Value], classifier: Node | None) -> Value:
    """Return the value that the head takes."""
    known = [k for k, v in enumerate(chain) if classifier is not None and v.node is classifier]
    end = known[0] if known else len(chain)
    found = end - 1
    for k in range(1, end):
        if _has_positions(chain[k - 1].shape) and _drops_positions(chain[k]):
            found = k - 1
            break
    while found > 0 and (node := chain[found].node) and isinstance(node.op, Dropout):
        found -= 1
    return chain[max(found, 0)]


def _drops_positions(value: Value) -> bool:
    op = value.node.op if value.node else None
    return isinstance(op, AdaptivePool | GlobalAvgPool) or not _has_positions(value.shape)


def _behind(module: Module, border: Value) -> Iterator[Node]:
    """Yield the nodes that depend on a value."""
    known = {id(border)}
    for node in module.nodes:
        if any(id(v) in known for v in node.inputs):
            known |= {id(v) for v in node.outputs}
            yield node


def _roots(root: Module, whole: Module, border: Value) -> list[Node]:
    """Return the steps of a network itself that end before the head, those for training too."""
    end = next((k for k, n in enumerate(whole.nodes) if n is border.node), -1)
    found, position = [], 0
    for node in root.nodes:
        position += sum(1 for _ in node.module.leaves()) if node.module else 1
        if position > end + 1:
            break
        found.append(node)
    return found


def _blocks(network: Network, roots: Sequence[Node]) -> list[Node]:
    """Return the blocks of the stages; without stages those that come more than once."""
    own = [n for n in roots if n.module is not None and n.module.owns and n.path and not n.again]
    staged = {id(n) for s in network.stages if s.part == "stages" for n in s.nodes}
    if found := [n for n in own if id(n) in staged]:
        return found
    names = [n.name for n in own]
    return [n for n in own if names.count(n.name) > 1] or own


def _before(root: Module, blocks: Sequence[Node]) -> Iterator[str]:
    """Yield the paths of what owns tensors and stands before the first block."""
    for node in root.nodes:
        if blocks and node is blocks[0]:
            break
        owns = node.tensors if node.module is None else node.module.owns
        if owns and node.path:
            yield node.path


def _levels(network: Network, roots: Sequence[Node], blocks: Sequence[Node]) -> Iterator[Level]:
    """Yield the last map of each reduction; of a network with one alone, that of each block."""
    fields, within = ReceptiveFields(), {id(v) for n in roots for v in n.outputs}
    maps: dict[int, list[Value]] = {}
    for value in dominators(network.root):
        alone = value.node is not None and len(value.node.outputs) == 1
        if alone and id(value) in within and _has_positions(value.shape):
            step = round(fields.of(value, network.root)[0].step)
            maps.setdefault(step, []).append(value)
    ends = {id(s.nodes[-1]) for s in network.stages if s.part == "stages"}
    found = {step: values for step, values in maps.items() if step >= 1}
    if len(found) == 1:
        own = {id(n) for n in blocks}
        (step,) = found
        of_blocks = [v for v in found[step] if id(v.node) in own]
        yield from (_level(network, v, step, v.node.path) for v in of_blocks if v.node)
        return
    for step in sorted(found):
        staged = [v for v in found[step] if id(v.node) in ends]
        value = (staged or found[step])[-1]
        assert value.node is not None
        module = _stage_prefix(network, value.node) if staged else value.node.path
        yield _level(network, value, step, module)


def _level(network: Network, value: Value, step: int, module: str) -> Level:
    stage = next((s.name for s in network.stages if value.node is s.nodes[-1]), "")
    path = value.node.path if value.node else ""
    return Level(value.shape.channels, step, module, path or stage)


def _stage_prefix(network: Network, node: Node) -> str:
    """Return how the paths of a step's stage begin; the step's own path where they share nothing."""
    stage = next((s for s in network.stages if any(n is node for n in s.nodes)), None)
    if stage is None or stage.part != "stages":
        return node.path
    parts = [n.path.split(".") for n in stage.nodes if n.path]
    shared: list[str] = []
    for names in zip(*parts, strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    if len(parts) == 1:  # the one block of its stage: what holds it alone is the stage
        holder = node.path.rpartition(".")[0]
        around = [n for n in network.root.nodes if n.path.startswith(f"{holder}.")]
        shared = holder.split(".") if holder and around == [node] else shared
    return ".".join(shared) or node.path


def _embeddings(whole: Module) -> Iterator[str]:
    """Yield the names of learned tensors that no layer owns, vectors apart."""
    for node in whole.nodes:
        for key, tensor in node.tensors.items():
            name = join(node.path, key).rpartition(".")[2]
            if tensor.trainable and len(tensor.shape) > 1 and not name.endswith(("weight", "bias")):
                yield name

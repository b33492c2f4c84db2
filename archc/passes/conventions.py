"""How papers count: conventions by name, each a small function that says what it counts.

A convention either counts op by op, so that tables can show it by row, or reads a figure
from the whole network. To add one, write its function and a line of CONVENTIONS.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from archc.graph import Network, Node, Stage
from archc.language.figures import Count, Digits
from archc.passes.costs import inference, own_buffers, own_params
from archc.passes.depth import depth, weighted


@dataclass(frozen=True)
class Convention:
    """A way to count a quantity; `digits` says how papers that count so shorten the figure."""

    quantity: str
    each: Callable[[Node], int] | None = None
    whole: Callable[[Network], Count] | None = None
    digits: Digits = "rounded"
    once: bool = False
    """Whether a module that is applied again counts once, as its tensors do."""

    def count(self, network: Network) -> Count:
        """Return the figure of a network."""
        return self.whole(network) if self.whole else self.total(network.root.nodes)

    def total(self, nodes: Iterable[Node]) -> int:
        """Add up what some nodes of a module count, blocks with all that is in them."""
        each = self.each
        if each is None:
            return 0
        counted = (n for n in nodes if not (self.once and n.again))
        return sum(
            each(n) if n.module is None else n.module.total(each, reused=not self.once)
            for n in counted
        )

    @property
    def text(self) -> str:
        """What it counts, in a sentence or two."""
        return inspect.getdoc(self.each or self.whole) or ""


# Op by op


def is_batch_norm(node: Node) -> bool:
    return node.op is not None and node.op.facts.normalizes == "batch"


def _convolves(node: Node) -> bool:
    return node.op is not None and node.op.facts.convolves


def params(node: Node) -> int:
    """Trainable parameters, biases and those of norms too."""
    return own_params(node)


def params_without_bn(node: Node) -> int:
    """Trainable parameters without those of batch norms, as He et al. 2016 and Xie et al. 2017."""
    return 0 if is_batch_norm(node) else own_params(node)


def weights(node: Node) -> int:
    """Weights of convolutions and linear layers, no biases: k × k × channels in × channels out."""
    return node.tensors["weight"].numel if weighted(node) and "weight" in node.tensors else 0


def buffers(node: Node) -> int:
    """Elements of buffers, such as the running statistics of batch norms."""
    return own_buffers(node)


def macs(node: Node) -> int:
    """Multiply-adds of convolutions, linear layers and matrix products."""
    return node.macs


def macs_conv(node: Node) -> int:
    """Multiply-adds of convolutions alone: the 15.3 billion of VGG-16 in He et al. 2015."""
    return node.macs if _convolves(node) else 0


def flops(node: Node) -> int:
    """Two for each multiply-add, a product and a sum."""
    return 2 * node.macs


def he2015(node: Node) -> int:
    """Multiply-adds, and two operations (scale, shift) for each element that a batch norm gives.

    The authors of "Deep Residual Learning" state no rule. This one, its digits truncated,
    gives every figure of their Table 1, and is what fvcore counts.
    """
    return 2 * node.outputs[0].shape.numel if is_batch_norm(node) else node.macs


# Of the whole network


def inference_params(network: Network) -> int:
    """Trainable parameters without those that only outputs for training need, as GoogLeNet's."""
    return inference(network).params


def inference_macs(network: Network) -> int:
    """Multiply-adds without those that only outputs for training need: what inference costs."""
    return inference(network).macs


def layers_deep(network: Network) -> int:
    """Weighted layers on the longest path, the depth of He et al. 2015."""
    return depth(network.root)


def conv_depth(network: Network) -> int:
    """Convolutions on the longest path, linear layers left out, as FractalNet's names."""
    return depth(network.root, lambda n: weighted(n) and _convolves(n))


def projections(network: Network) -> int:
    """Weighted layers beside the longest path: the convolutions on shortcuts and of gates."""
    return network.root.total(lambda n: int(weighted(n))) - depth(network.root)


def sizes(network: Network) -> list[int]:
    """Heights of the maps in the order of the text, repeats left out."""
    heights = [n.outputs[0].shape.get("h") for n in network.root.nodes if n.outputs]
    kept = [h for h in heights if h is not None]
    return [h for k, h in enumerate(kept) if k == 0 or h != kept[k - 1]]


def layers(network: Network) -> list[int]:
    """Weighted layers on the longest path, by the height of the map that they give."""

    def at(size: int) -> int:
        return depth(network.root, lambda n: weighted(n) and n.outputs[0].shape.get("h") == size)

    return [count for size in dict.fromkeys(sizes(network)) if (count := at(size))]


def blocks(network: Network) -> list[int]:
    """Blocks of each stage; a block that holds nothing but copies of one counts as those."""
    return [len([b for n in s.nodes for b in copies(n) if b.module]) for s in staged(network)]


def copies(node: Node) -> tuple[Node, ...]:
    """Return a node, or where a block holds nothing but copies of one block, those.

    Copies are what one step of the text gives in a loop: `{repeat: i < depth, do: dense_layer}`.
    """
    module = node.module
    if module is None or not module.nodes or not all(turns for _, turns in module.applied):
        return (node,)
    if any(n.module is None or n.step is not module.nodes[0].step for n in module.nodes):
        return (node,)
    return tuple(each for n in module.nodes for each in copies(n))


def widths(network: Network) -> list[int]:
    """Channels that each stage gives."""
    return [stage.output.channels for stage in staged(network)]


def staged(network: Network) -> list[Stage]:
    """Return the stages that hold blocks, without stem and head; where some are marked, those."""
    inner = [s for s in network.stages if s.part not in ("stem", "head")]
    marked = [s for s in inner if any(n.stage for n in s.nodes)]
    return [s for s in marked or inner if any(n.module is not None for n in s.nodes)]


CONVENTIONS: Mapping[str, Convention] = {
    "params": Convention("params", params, once=True),
    "params_without_bn": Convention("params", params_without_bn, once=True),
    "weights": Convention("params", weights, once=True),
    "inference_params": Convention("params", whole=inference_params),
    "buffers": Convention("buffers", buffers, once=True),
    "macs": Convention("macs", macs),
    "inference_macs": Convention("macs", whole=inference_macs),
    "macs_conv": Convention("macs", macs_conv),
    "flops": Convention("macs", flops),
    "he2015": Convention("macs", he2015, digits="truncated"),
    "depth": Convention("depth", whole=layers_deep),
    "conv_depth": Convention("depth", whole=conv_depth),
    "projections": Convention("projections", whole=projections),
    "sizes": Convention("sizes", whole=sizes),
    "layers": Convention("layers", whole=layers),
    "blocks": Convention("blocks", whole=blocks),
    "widths": Convention("widths", whole=widths),
}


def known(quantity: str) -> dict[str, Convention]:
    """Return the conventions that count a quantity."""
    return {name: c for name, c in CONVENTIONS.items() if c.quantity == quantity}

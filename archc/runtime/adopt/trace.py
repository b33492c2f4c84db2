"""A module run once, every operation of PyTorch recorded: its graph, whoever wrote it."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from archc.runtime.adopt.graph import Edge, Graph, Link, Node, Operand, Piece, normal
from archc.runtime.perturb import REFUSALS

NOTHING = frozenset(["alias", "detach", "clone", "_to_copy", "contiguous", "lift_fresh", "expand"])
RESHAPES = frozenset(
    ["view", "_unsafe_view", "reshape", "_reshape_alias", "unsqueeze", "squeeze", "flatten"]
)
PERMUTES = frozenset(["t", "transpose", "permute"])
PARTS = frozenset(["slice", "select", "split", "split_with_sizes", "unbind", "chunk", "narrow"])
FILLED = frozenset(
    ["new_zeros", "new_ones", "new_full", "new_empty", "zeros_like", "ones_like", "full_like",
     "empty_like", "rand_like", "randn_like", "zero", "fill"]
)  # fmt: skip
"""What has no number of the tensor that it is given."""
UNDONE = NOTHING | RESHAPES | PERMUTES

NORMS = {
    "_native_batch_norm_legit_no_training": "batch_norm",
    "native_batch_norm": "batch_norm",
    "_native_batch_norm_legit": "batch_norm",
    "_batch_norm_no_update": "batch_norm",
    "cudnn_batch_norm": "batch_norm",
    "native_layer_norm": "layer_norm",
    "native_group_norm": "group_norm",
}
COMMUTE = frozenset(["add", "mul", "maximum", "minimum"])
ADDRESSED = frozenset(["stride", "padding", "dilation", "groups", "eps", "group"])
"""Arguments of ops with tensors that change what is computed."""


@dataclass(frozen=True)
class Term:
    """Where a tensor of a run is from: a node of the graph, the network's tensors, or neither."""

    node: int | None = None
    chain: tuple[Link, ...] = ()
    operand: Operand | None = None

    @property
    def constant(self) -> bool:
        """Whether it is neither of the input nor of a weight."""
        return self.node is None and self.operand is None


CONSTANT = Term()


class Recorder(TorchDispatchMode):
    """Builds the graph of all that is run inside it."""

    def __init__(self, tensors: Mapping[str, torch.Tensor], *, marks: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.graph = Graph()
        self.marks = marks
        self.terms: dict[int, Term] = {}
        self.alive: list[torch.Tensor] = []
        for key, tensor in tensors.items():
            if id(tensor) in self.terms:  # one that two keys lead to
                continue
            piece = Piece(key, (), tuple(tensor.shape))
            known = Term(operand=Operand("", (piece,))) if tensor.is_floating_point() else CONSTANT
            self.learn(tensor, known)

    def learn(self, tensor: torch.Tensor, term: Term) -> None:
        """Say where a tensor is from; it is kept, so that no other takes its identity."""
        self.terms[id(tensor)] = term
        self.alive.append(tensor)

    def start(self, x: torch.Tensor) -> None:
        """Begin with the input."""
        self.learn(x, Term(self.add(Node("input", sizes=tuple(x.shape[1:])))))

    def add(self, node: Node) -> int:
        """Add a node; return its number."""
        self.graph.nodes.append(node)
        return len(self.graph.nodes) - 1

    def finish(self, values: Sequence[torch.Tensor]) -> Graph:
        """End with what the network gives."""
        edges = [self._edge(self.terms.get(id(v), CONSTANT), str(k)) for k, v in enumerate(values)]
        self.add(Node("output", edges=tuple(edge for edge in edges if edge is not None)))
        return normal(self.graph)

    @staticmethod
    def _edge(term: Term, slot: str) -> Edge | None:
        return None if term.node is None else Edge(term.node, slot, term.chain)

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run an operation and remember where its results are from."""
        result = func(*args, **(kwargs or {}))
        call = Call.of(func, args, kwargs or {}, self.terms)
        outputs = result if isinstance(result, list | tuple) else (result,)
        for k, (value, term) in enumerate(zip(outputs, self._made(call, outputs), strict=True)):
            if isinstance(value, torch.Tensor):
                self.learn(value, term)
                if self.marks and k == 0 and term.node == len(self.graph.nodes) - 1:
                    self._mark(value, term.node)
        return result

    def _mark(self, value: torch.Tensor, number: int) -> None:
        node = self.graph.nodes[number]
        if not node.mark and value.is_floating_point() and not value.is_meta:
            self.graph.nodes[number] = replace(node, mark=mark(value))

    def _made(self, call: Call, outputs: Sequence[Any]) -> Iterator[Term]:
        """Yield where each result of an operation is from."""
        own = [term for _, term in call.tensors if not term.constant]
        values = {term.node for term in own if term.node is not None}
        operands = [term for term in own if term.operand is not None]
        if not own or (call.op in FILLED and not operands):
            yield from (CONSTANT for _ in outputs)
        elif not values and (joined := call.joined()) is not None:
            yield from (joined for _ in outputs)
        elif len(own) == 1 or (len(values) == 1 and not operands):
            yield from (call.passed(own, k, value) for k, value in enumerate(outputs))
        else:
            node = self.add(call.node(outputs[0]))
            for k in range(len(outputs)):
                yield Term(node, (("result", k),) if k else ())


@dataclass(frozen=True)
class Call:
    """An operation with its arguments by name, and where its tensors are from by slot."""

    op: str
    arguments: Mapping[str, Any]
    tensors: tuple[tuple[str, Term], ...]

    @staticmethod
    def of(func: Any, args: Any, kwargs: Any, terms: Mapping[int, Term]) -> Call:
        """Return a call as its schema names the arguments."""
        names = [argument.name for argument in func._schema.arguments]  # noqa: SLF001 - it has no other
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        tensors: list[tuple[str, Term]] = []
        for name, value in given.items():
            items = value if isinstance(value, list | tuple) else (value,)
            listed = isinstance(value, list | tuple)
            tensors += [
                (f"{name}{k}" if listed else name, terms.get(id(item), CONSTANT))
                for k, item in enumerate(items)
                if isinstance(item, torch.Tensor)
            ]
        op = func.overloadpacket.__name__
        op = op if op.startswith("_") or not op.endswith("_") else op.rstrip("_")
        return Call(op, given, tuple(tensors))

    def joined(self) -> Term | None:
        """Return what a join of the network's own tensors is, where this is one."""
        if self.op != "cat" or self.arguments.get("dim", 0) != 0:
            return None
        sizes = [tuple(t.shape) for t in self.arguments["tensors"]]
        pieces: list[Piece] = []
        for (_, term), size in zip(self.tensors, sizes, strict=True):
            if term.operand is None:
                pieces.append(Piece("", (), size))
            elif term.operand.chain:
                return None
            else:
                pieces += term.operand.pieces
        return Term(operand=Operand("", tuple(pieces)))

    def passed(self, own: Sequence[Term], k: int, value: Any) -> Term:
        """Return where a result is from whose operation reads one thing only."""
        term = own[0]
        if term.operand is not None:
            return Term(operand=self._viewed(term.operand, k, value))
        if self.op in UNDONE:
            return term
        if len({t.chain for t in own}) > 1:  # as x * sigmoid(x)
            common = _common([t.chain for t in own])
            inner = tuple(sorted({link for t in own for link in t.chain[len(common) :]}, key=repr))
            return Term(term.node, (*common, (self.op, *inner)))
        link = (
            self._part(k)
            if self.op in PARTS
            else (self.op, *self._plain(), *(("result", k),) * bool(k))
        )
        return Term(term.node, (*term.chain, link))

    def _viewed(self, operand: Operand, k: int, value: Any) -> Operand:
        if not isinstance(value, torch.Tensor) or self.op in NOTHING:
            return operand
        single = len(operand.pieces) == 1 and not operand.chain
        step: tuple[str, tuple[Hashable, ...]] | None = None
        if self.op in RESHAPES:
            step = ("reshape", tuple(value.shape))
        elif self.op in PERMUTES:
            step = ("permute", self._order(value.dim()))
        if step is None or not single:
            link = self._part(k) if self.op in PARTS else (self.op,)
            return replace(operand, chain=(*operand.chain, link))
        piece = operand.pieces[0]
        viewed = Piece(piece.key, (*piece.views, step), tuple(value.shape))
        return replace(operand, pieces=(viewed,))

    def _order(self, dims: int) -> tuple[int, ...]:
        if self.op == "permute":
            return tuple(d % dims for d in self.arguments["dims"])
        order = list(range(dims))
        a, b = self.arguments.get("dim0", 0), self.arguments.get("dim1", dims - 1)
        order[a], order[b] = order[b], order[a]
        return tuple(order)

    def _part(self, k: int) -> Link:
        """Say which part of a value is taken."""
        given = self.arguments
        match self.op:
            case "slice" | "narrow":
                start = given.get("start") or 0
                return ("part", start) if start or given.get("step", 1) != 1 else ("part", 0)
            case "select":
                return ("part", given["index"])
            case "split":
                return ("part", k * given["split_size"])
            case "split_with_sizes":
                return ("part", sum(given["split_sizes"][:k]))
            case _:
                return ("part", k)

    def _plain(self) -> tuple[Hashable, ...]:
        """Return the arguments of an op between nodes that no layout changes."""
        if self.op in ("mean", "sum", "amax", "_softmax", "roll", "constant_pad_nd"):
            return ()
        return tuple(
            (name, _frozen(value))
            for name, value in self.arguments.items()
            if not _has_tensor(value)
        )

    def node(self, output: Any) -> Node:
        """Return the operation as a node."""
        sizes = tuple(output.shape[1:]) if isinstance(output, torch.Tensor) else ()
        op, slots, arguments = self._named()
        edges: list[Edge] = []
        operands: list[Operand] = []
        for slot, term in slots:
            if term.operand is not None:
                operands.append(replace(term.operand, slot=slot))
            elif term.node is not None:
                edges.append(Edge(term.node, slot, term.chain))
        return Node(op, arguments, tuple(edges), tuple(operands), sizes)

    def _named(
        self,
    ) -> tuple[str, list[tuple[str, Term]], tuple[tuple[str, Hashable], ...]]:
        """Name the op and its slots as aligning does, whoever spelled it."""
        given = self.arguments
        terms = dict(self.tensors)
        if self.op == "convolution":
            return self._convolution(terms)
        if self.op in ("addmm", "mm") and terms[second := "mat2"].operand is not None:
            first = "mat1" if self.op == "addmm" else "self"
            slots = [("value", terms[first]), ("weight", _transposed(terms[second]))]
            if self.op == "addmm":
                slots.append(("bias", terms["self"]))
            return "affine", slots, ()
        if self.op in NORMS:
            names = {"input": "value", "running_mean": "mean", "running_var": "var"}
            slots = [(names.get(name, name), term) for name, term in self.tensors]
            return NORMS[self.op], slots, self._addressed()
        if self.op in COMMUTE:
            slots = [("term" if t.operand else "value", t) for _, t in self.tensors]
            scale = given.get("alpha", 1)
            return self.op, slots, () if scale == 1 else (("alpha", scale),)
        return self.op, list(self.tensors), self._addressed()

    def _convolution(
        self, terms: Mapping[str, Term]
    ) -> tuple[str, list[tuple[str, Term]], tuple[tuple[str, Hashable], ...]]:
        given = self.arguments
        slots = [("value", terms["input"])]
        slots += [(name, terms[name]) for name in ("weight", "bias") if name in terms]
        plain = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
        arguments: list[tuple[str, Hashable]] = []
        for name, default in plain.items():
            value = given[name]
            values = value if isinstance(value, list | tuple) else [value]
            if any(v != default for v in values):
                arguments.append((name, _frozen(value)))
        return "deconv" if given["transposed"] else "affine", slots, tuple(arguments)

    def _addressed(self) -> tuple[tuple[str, Hashable], ...]:
        return tuple((n, _frozen(v)) for n, v in self.arguments.items() if n in ADDRESSED)


def _transposed(term: Term) -> Term:
    """Return the matrix of a product as a layer holds it, its outputs first."""
    operand = term.operand
    assert operand is not None
    if len(operand.pieces) != 1 or operand.chain:
        return term
    (piece,) = operand.pieces
    rows, columns = piece.sizes
    views = piece.views
    if views and views[-1] == ("permute", (1, 0)):
        views = views[:-1]
    else:
        views = (*views, ("permute", (1, 0)))
    return Term(operand=replace(operand, pieces=(Piece(piece.key, views, (columns, rows)),)))


def _common(chains: Sequence[tuple[Link, ...]]) -> tuple[Link, ...]:
    first = min(chains, key=len)
    length = next(
        (k for k, link in enumerate(first) if any(c[k] != link for c in chains)), len(first)
    )
    return first[:length]


def _frozen(value: Any) -> Hashable:
    if isinstance(value, list | tuple):
        return tuple(_frozen(v) for v in value)
    return value if isinstance(value, int | float | bool | str | type(None)) else str(value)


def _has_tensor(value: Any) -> bool:
    items = value if isinstance(value, list | tuple) else (value,)
    return any(isinstance(item, torch.Tensor) for item in items)


def mark(value: torch.Tensor) -> tuple[float, ...]:
    """Return numbers that tell a value from others, in whichever layout it is."""
    x = value.detach().double()
    return (
        float(x.sum()),
        float(x.abs().sum()),
        float(x.square().sum().sqrt()),
        float(x.cos().sum()),
    )


@contextmanager
def plain_attention() -> Iterator[None]:
    """Let attention be products of matrices, as some networks spell it and others do not."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


@torch.no_grad()
def traced(
    model: nn.Module, x: torch.Tensor, *, marks: bool = False
) -> tuple[Graph, list[torch.Tensor]]:
    """Return the graph of a module in eval mode, and what it gives; `marks`: with all values'."""
    recorder = Recorder(model.state_dict(keep_vars=True), marks=marks)
    mode = model.training
    model.eval()
    try:
        with plain_attention(), warnings.catch_warnings(), recorder:
            warnings.simplefilter("ignore")
            recorder.start(x)
            outputs = flat(model(x))
    finally:
        model.train(mode)
    return recorder.finish(outputs), outputs


def graph_of(model: nn.Module, sample: Sequence[int]) -> Graph:
    """Return the graph of a module: without numbers where it can do without, else with them."""
    try:
        with torch.device("meta"):
            return traced(deepcopy(model).to("meta"), torch.empty((1, *sample)))[0]
    except (*REFUSALS, NotImplementedError, TypeError):
        return traced(model, torch.zeros((1, *sample)))[0]


def flat(value: Any) -> list[torch.Tensor]:
    """Return the tensors of what a network gives."""
    if isinstance(value, torch.Tensor):
        return [value]
    if value is None:
        return []
    items = value.values() if isinstance(value, Mapping) else value
    return [tensor for item in items for tensor in flat(item)]

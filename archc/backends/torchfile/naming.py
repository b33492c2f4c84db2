"""The names of a file, given last: of its classes, of what each takes, of variables, of attributes.

Variables of one method that are never needed at once share a name, as the loops of a constructor do.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from archc.backends.torchfile.symbols import MARK, Namer, Symbol, plain
from archc.graph import Network
from archc.language.naming import MODULE

Names = dict[str, str]
CLASSES = frozenset({"OrderedDict"})
"""Names that a file imports beside those of all files."""


@dataclass
class Definition:
    """A class or function: its symbol, its name in the spec, the keys under which it holds modules."""

    symbol: Symbol
    name: str
    tree: ast.ClassDef | ast.FunctionDef
    keys: set[str]
    is_network: bool

    @property
    def hint(self) -> str:
        """What it would be called."""
        return camel(self.name) if isinstance(self.tree, ast.ClassDef) else self.name


def initialising(network: Network) -> str:
    """Return the name of the method of initialisers, which no step of a network has."""
    parts = {part for m in network.modules for n in m.nodes for part in n.path.split(".")}
    name = "init_weights"
    while name in parts:
        name += "_"
    return name


def camel(name: str) -> str:
    """Return the name of the class of a block: `inverted_residual` is InvertedResidual."""
    words = re.split(r"[^A-Za-z0-9]+", name)
    parts = [p for word in words for p in re.split(r"(?<=\w)(?=net$)", word) if p]
    joined = "".join(p[0].upper() + p[1:] for p in parts)
    return joined if joined and not joined[0].isdigit() else f"Block{joined}"


def give(
    definitions: Sequence[Definition],
    helpers: Mapping[str, Symbol],
    known: set[str],
    method: str,
) -> None:
    """Put names in the place of all symbols.

    `known` are the helpers that a file may have, `method` is what initialises the tensors of a class.
    """
    reserved = {*known, *CLASSES, "stage", "stride"}
    top = Namer(reserved=reserved)
    names: Names = {symbol.id: name for name, symbol in helpers.items()}
    blocks = {d.hint.lower() for d in definitions if not d.is_network}
    for definition in sorted(definitions, key=lambda d: not d.is_network):
        clash = definition.is_network and definition.hint.lower() in blocks
        names[definition.symbol.id] = top.name(
            f"{definition.hint}Net" if clash else definition.hint
        )
    outside = {*names.values(), *reserved}
    parameters: Names = {}
    scopes = [(d, [Scope(m, names, outside) for m in _methods(d.tree)]) for d in definitions]
    for _, inside in scopes:
        for scope in inside:
            parameters |= scope.parameters()
    for definition, inside in scopes:
        attributes = Namer({*_members(definition.tree), *definition.keys}, {*MODULE, method})
        own: Names = {}
        for node in ast.walk(definition.tree):
            if isinstance(node, ast.Attribute) and node.attr.startswith(MARK):
                if node.attr not in own:
                    own[node.attr] = attributes.name(Symbol.hints[node.attr])
                node.attr = own[node.attr]
        for scope in inside:
            scope.put({**names, **scope.variables()}, parameters)
        definition.tree.name = names[definition.symbol.id]


def _methods(tree: ast.ClassDef | ast.FunctionDef) -> list[ast.FunctionDef]:
    if isinstance(tree, ast.FunctionDef):
        return [tree]
    return [s for s in tree.body if isinstance(s, ast.FunctionDef)]


def _members(tree: ast.AST) -> Iterator[str]:
    """Yield the names that a class hangs on itself."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                yield name
            case ast.Call(
                func=ast.Attribute(attr="register_buffer" | "add_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name


@dataclass
class Span:
    """From where to where a variable is needed, in the order of the text."""

    first: int
    last: int
    uses: list[int] = field(default_factory=list)


class Scope:
    """The variables of one method or function."""

    def __init__(self, tree: ast.FunctionDef, names: Mapping[str, str], outside: set[str]) -> None:
        self.tree, self.names = tree, names
        self.shares = tree.name != "forward"
        read = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        self.taken = {names[n] for n in read if n in names} | (read & outside)
        self.taken |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and _is_set(n)}
        self.known: Names = {}

    def parameters(self) -> Names:
        """Name the parameters; those whose names can stay as they are come first."""
        arguments = self.tree.args
        ids = [a.arg for a in [*arguments.args, *arguments.kwonlyargs] if a.arg.startswith(MARK)]
        namer = Namer(self.taken)
        hints = {i: Symbol.hints[i] for i in ids}
        for i in sorted(ids, key=lambda i: plain(hints[i]) != hints[i]):
            self.known[i] = namer.name(hints[i])
        return self.known

    def variables(self) -> Names:
        """Name the variables: two have one name where neither is needed while the other is."""
        spans = Spans(self.tree)
        given: list[tuple[Span, str]] = []
        everywhere = {*self.taken, *self.known.values(), *spans.plain}
        found = dict(self.known)
        for symbol, span in spans.of.items():
            if symbol in found or symbol in self.names:
                continue
            if symbol in spans.alone and spans.counts[symbol] == 1:
                found[symbol] = "_"
                continue
            shares = self.shares or symbol in spans.loops
            near = {
                name
                for other, name in given
                if not shares or (span.first <= other.last and other.first <= span.last)
            }
            found[symbol] = Namer({*everywhere, *near}).name(Symbol.hints[symbol])
            given.append((span, found[symbol]))
        return found

    def put(self, names: Mapping[str, str], parameters: Mapping[str, str]) -> None:
        """Put the names into the tree."""
        for node in ast.walk(self.tree):
            match node:
                case ast.Name(id=name) if name in names:
                    node.id = names[name]
                case ast.arg(arg=name) if name in names:
                    node.arg = names[name]
                case ast.keyword(arg=str(name)) if name in parameters:
                    node.arg = parameters[name]


def _is_set(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store) and not name.id.startswith(MARK)


class Spans:
    """Where each symbol of a method is needed; a loop needs to its end what is older than it."""

    def __init__(self, tree: ast.FunctionDef) -> None:
        self.of: dict[str, Span] = {}
        self.loops: set[str] = set()
        self.alone: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.plain: set[str] = set()
        self.around: list[tuple[int, set[str]]] = []
        self.time = 0
        for statement in tree.body:
            self.visit(statement)

    def visit(self, node: ast.AST) -> None:
        """Go through a tree in the order in which it is worked out."""
        match node:
            case ast.Assign(targets=targets, value=value):
                self.visit(value)
                for target in targets:
                    self.target(target)
            case ast.AugAssign(target=target, value=value):
                self.each([value, target])
            case ast.For(target=target, iter=over, body=body, orelse=orelse):
                self.visit(over)
                self.loop(target, lambda: self.each([*body, *orelse]))
            case (
                ast.GeneratorExp(elt=elt, generators=[first])
                | ast.ListComp(elt=elt, generators=[first])
            ):
                self.visit(first.iter)
                self.loop(first.target, lambda: self.each([*first.ifs, elt]))
            case ast.Name(id=name):
                self.name(name, read=True)
            case _:
                self.each(ast.iter_child_nodes(node))

    def target(self, target: ast.expr) -> None:
        """Go through what is set."""
        if isinstance(target, ast.Name):
            self.name(target.id, read=False)
        elif isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                self.target(part)
        else:
            self.visit(target)

    def each(self, nodes: Iterator[ast.AST] | Sequence[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def loop(self, target: ast.expr, body: Callable[[], None]) -> None:
        """Go through a loop, and keep until its end what it needs of before."""
        self.time += 1
        self.around.append((self.time, set()))
        self.loops |= {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
        if isinstance(target, ast.Name):
            self.alone.add(target.id)
        self.target(target)
        body()
        _, read = self.around.pop()
        for symbol in read:
            self.of[symbol].last = self.time
        if self.around:
            self.around[-1][1].update(s for s in read if self.of[s].first < self.around[-1][0])

    def name(self, name: str, *, read: bool) -> None:
        """Note that a name is read or set."""
        if not name.startswith(MARK):
            self.plain.add(name)
            return
        self.time += 1
        self.counts[name] += 1
        if name not in self.of:
            first = self.time
            if read and self.around:  # set later in the turn before
                first = self.around[0][0]
            self.of[name] = Span(first, self.time)
        self.of[name].last = self.time
        for start, needed in self.around:
            if self.of[name].first <= start:
                needed.add(name)

"""Reads an expression without evaluating it: what each name means, what kind each piece is."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, replace

from archc.diagnostics import Diagnostic, nearest
from archc.language.evaluate import CONSTANTS
from archc.language.expr import Expr, Unknown
from archc.language.scalars import Signature, identifier
from archc.ops import Op
from archc.ops.synonyms import framework
from archc.ops.translating import Written, meant
from archc.rules.analysis import Analysis, Call, Def, Entry, Kind, Names, Reference, Step

SIZES = ("channels", "height", "width", "tokens")


@dataclass
class Frame:
    """A place in a body: the names in scope, the value that runs through, the steps around."""

    owner: str
    names: Names
    running: Def | None = None
    path: tuple[Step, ...] = ()

    def inner(self, step: Step | None = None) -> Frame:
        """Return the frame of a nested body, whose names end with it."""
        path = self.path if step is None else (*self.path, step)
        return replace(self, names=self.names.new_child(), path=path)

    def take(self, *, sure: bool = True) -> None:
        """Note that the step takes the running value without naming it; `sure`: not maybe."""
        if self.running is not None:
            self.running.read = True
            if sure:
                self.running.taken.append(self.path)


class NameReader:
    """Reads what names mean in one expression, and what kind of thing each piece of it is."""

    def __init__(self, analysis: Analysis, frame: Frame, expr: Expr) -> None:
        self.analysis, self.frame, self.expr = analysis, frame, expr
        self.names = frame.names
        self.calling: ast.Call | None = None

    def is_step(self, node: ast.expr) -> bool:
        """Whether a piece is a bare name that a step above has."""
        entry = self.names.get(node.id) if isinstance(node, ast.Name) else None
        return entry is not None and entry.role == "step"

    def kind(self, node: ast.expr) -> Kind:
        """Read a piece and return what it can be."""
        match node:
            case Unknown():
                self.analysis.doubtful.append((self.frame.owner, self.expr.text.span))
                return Kind.ANY
            case ast.Name():
                return self.name(node)
            case ast.Call():
                return self.call(node)
            case ast.Attribute():
                return self.attribute(node)
            case ast.IfExp():
                self.kind(node.test)
                return self.kind(node.body).join(self.kind(node.orelse))
            case ast.BinOp():
                return self.arithmetic([self.kind(node.left), self.kind(node.right)])
            case ast.UnaryOp():
                return self.arithmetic([self.kind(node.operand)])
            case ast.Subscript():
                self.all([node.slice])
                return self.kind(node.value)
            case ast.ListComp() | ast.GeneratorExp():
                return self.comprehension(node)
            case ast.Tuple() | ast.List():
                return self.arithmetic(self.all(node.elts))
            case _:
                self.all(c for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr))
                return Kind.DATA

    def call(self, node: ast.Call) -> Kind:
        raise NotImplementedError

    def all(self, nodes: Iterable[ast.expr]) -> list[Kind]:
        """Read several pieces."""
        return [self.kind(node) for node in nodes]

    def arithmetic(self, kinds: list[Kind]) -> Kind:
        """Return what arithmetic on such pieces gives."""
        if Kind.VALUE in kinds:
            return Kind.VALUE
        return Kind.ANY if Kind.ANY in kinds else Kind.DATA

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> Kind:
        outer = self.names
        for loop in node.generators:
            item = self.kind(loop.iter)
            self.names = self.names.new_child(variables(loop.target, item, self.expr))
            self.all(loop.ifs)
        kind = self.kind(node.elt)
        self.names = outer
        return kind

    def attribute(self, node: ast.Attribute) -> Kind:
        """`x.channels` reads no value, `backbone.p3` and `encoder.steps` do."""
        if isinstance(node.value, ast.Name) and self.is_import(node.value.id):
            return self.imported(node, node.value.id)
        if self.is_foreign(node):
            self.unknown(node)
            return self.analysis.unknown_kind
        if (step := self.dotted(node)) is not None:
            text = ast.unparse(node)
            hint = f"the value of the step `{text}` is called `{step}`"
            self.report("unknown-name", f"`{text}` is not known here", node, hint)
            return Kind.ANY
        if node.attr in SIZES and isinstance(node.value, ast.Name):
            self.name(node.value, size=True)
            return Kind.DATA
        kind = self.kind(node.value)
        return Kind.DATA if node.attr in SIZES else kind if node.attr == "steps" else Kind.ANY

    def name(self, node: ast.Name, *, size: bool = False) -> Kind:
        """Read a name that stands inside an expression: values and params go first."""
        if node.id == "prev" and (self.frame.running is not None or self.frame.path):
            if self.frame.running is not None and not size:
                self.frame.running.read = True
            return Kind.VALUE
        if entry := self.names.get(node.id) or self.copy(node.id):
            return self.entry(entry, node, size=size)
        if node.id == "none":
            return Kind.PARAM
        return Kind.DATA if node.id in CONSTANTS else self.op(node)

    def copy(self, name: str) -> Entry | None:
        """Return the step that may have a copy of this name; which there are is seen later."""
        if (
            name in self.analysis.ops
            or name in self.analysis.signatures
            or name in self.analysis.imports
        ):
            return None
        for step in self.analysis.copied:
            entry = self.names.get(step)
            copies = entry.value.copies if entry is not None and entry.value is not None else None
            if copies is not None and copies.fullmatch(name):
                return entry
        return None

    def entry(self, entry: Entry, node: ast.Name, *, size: bool = False) -> Kind:
        """Note that a name of the scope is read."""
        self.analysis.used[id(entry)] = entry
        if entry.value is not None and not size:
            entry.value.named.append(Reference(node.id, self.expr.span(node), self.frame.path))
            entry.value.read = True
        return entry.kind

    def head(self, node: ast.Name) -> Kind:
        """Read a bare step or the head of a call: params, ops and blocks go before values."""
        entry = self.names.get(node.id)
        if entry is not None and entry.value is None:
            return self.entry(entry, node)
        applied = (self.analysis.ops, self.analysis.signatures, self.analysis.imports)
        if node.id == "none" or any(node.id in names for names in applied):
            return Kind.OP if node.id == "none" else self.op(node)
        return self.name(node)

    def op(self, node: ast.Name) -> Kind:
        """Note an op or block, or that a name means nothing here."""
        target = self.analysis.signatures.get(node.id) or self.analysis.ops.get(node.id)
        if target is not None:
            self.callable(node, node.id, target)
            return Kind.OP
        if node.id not in self.analysis.imports:
            self.unknown(node)
        elif self.analysis.imports[node.id] is None:
            self.mention(node.id)
        else:
            message = f"`{node.id}` is a file of blocks, not a block"
            blocks = self.analysis.imports[node.id] or ()
            listed = ", ".join(f"`{node.id}.{b}`" for b in blocks)
            self.report("unknown-name", message, node, f"its blocks: {listed}")
        return self.analysis.unknown_kind

    def callable(self, node: ast.expr, name: str, target: type[Op] | Signature) -> None:
        """Note an op or block that an expression names."""
        self.mention(name)
        self.analysis.calls[id(node)] = Call(
            self.expr, node, name, target, self.frame.owner, self.names
        )

    def mention(self, name: str) -> None:
        """Note that a block, an op or an import is used."""
        self.analysis.mentions.setdefault(self.frame.owner, set()).add(name)

    def is_import(self, name: str) -> bool:
        """Whether a name means an imported file, and nothing nearer."""
        return name in self.analysis.imports and name not in self.names

    def imported(self, node: ast.Attribute, name: str) -> Kind:
        """Read `file.block`: a block of an imported file."""
        self.mention(name)
        blocks = self.analysis.imports[name]
        if blocks is None:
            return Kind.ANY
        if node.attr not in blocks:
            hint = nearest(node.attr, blocks)
            self.report("unknown-name", f"`{name}` has no block `{node.attr}`", node, hint)
            return Kind.ANY
        self.callable(node, f"{name}.{node.attr}", blocks[node.attr])
        return Kind.OP

    def report(self, code: str, message: str, node: ast.AST, help_: str = "") -> None:
        """Note a fault of this expression."""
        self.analysis.report(
            self.frame.owner, Diagnostic(code, message, self.expr.span(node), help=help_)
        )

    def dotted(self, node: ast.Attribute) -> str | None:
        """Return what the value of a step is called whose key is written with its dots."""
        name = identifier(ast.unparse(node))
        entry = self.names.get(name)
        root: ast.expr = node
        while isinstance(root, ast.Attribute):
            root = root.value
        known = not isinstance(root, ast.Name) or self.means(root.id)
        return None if known or entry is None or entry.role != "step" else name

    def is_foreign(self, node: ast.expr) -> bool:
        """Whether a dotted name begins with that of another framework, `nn.Conv2d`."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and framework(node.id) and not self.means(node.id)

    def means(self, name: str) -> bool:
        """Whether a name means something here."""
        known = (
            self.names,
            self.analysis.ops,
            self.analysis.signatures,
            self.analysis.imports,
            CONSTANTS,
        )
        return any(name in names for names in known)

    def is_value(self, node: ast.expr) -> bool:
        """Whether a piece is the bare name of a value."""
        entry = self.names.get(node.id) if isinstance(node, ast.Name) else None
        running = isinstance(node, ast.Name) and node.id == "prev"
        return running or (entry is not None and entry.value is not None)

    def unknown(self, node: ast.Name | ast.Attribute, candidates: Iterable[str] = ()) -> None:
        """Report a name that means nothing, or a value where an op should stand."""
        if isinstance(node, ast.Name) and self.is_step(node):
            self.report(
                "unknown-name",
                f"`{node.id}` is a value, not an op",
                node,
                f"`reuse({node.id})(...)` applies its module again",
            )
        elif {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & self.analysis.lost:
            self.analysis.doubtful.append((self.frame.owner, self.expr.span(node)))
        elif self.analysis.complete:
            name = ast.unparse(node)
            call = self.calling if self.calling is not None and self.calling.func is node else None
            written = Written(name, call, self.is_value)
            hint = self.meant(written, candidates) if self.analysis.helps else ""
            self.report("unknown-name", f"`{name}` is not known here", node, hint)

    def meant(self, written: Written, candidates: Iterable[str]) -> str:
        """Say which known name is meant by one that means nothing."""
        known = {*candidates} or {
            *(n for n, e in self.names.items() if e.value is None or not e.value.copies),
            *self.analysis.ops,
            *self.analysis.signatures,
            *self.analysis.imports,
        }
        return meant(written, known, self.analysis.fields)


def variables(target: ast.expr, found: Kind, expr: Expr) -> dict[str, Entry]:
    """Return the entries of a loop's variables, for a loop over something of a kind."""
    mixed = Kind.ANY if found in (Kind.VALUE, Kind.ANY) else Kind.PARAM
    kind = found if found is Kind.VALUE and isinstance(target, ast.Name) else mixed
    names = [n for n in ast.walk(target) if isinstance(n, ast.Name)]
    return {n.id: Entry("variable", kind, expr.span(n)) for n in names}

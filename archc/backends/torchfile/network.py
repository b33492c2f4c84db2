"""A network as classes: uses of a block share one where their trees merge, inner blocks first."""

from __future__ import annotations

import ast
from typing import Any

from archc.backends.torchfile.blocks import Blocks
from archc.backends.torchfile.classes import Class
from archc.backends.torchfile.groups import by_height, components, loop_left
from archc.backends.torchfile.helpers import known
from archc.backends.torchfile.merge import Parted, Unrollable, items
from archc.backends.torchfile.naming import Definition, give
from archc.backends.torchfile.overwriting import Overwriting
from archc.backends.torchfile.single import named_copies
from archc.backends.torchfile.splice import with_spliced
from archc.backends.torchfile.symbols import Symbol
from archc.backends.torchfile.writing import Writer
from archc.graph import Module, Network

ROUNDS = 500
MAX_AGAIN = 6


class Classes:
    """The classes of a network."""

    def __init__(self, network: Network, settings: set[str]) -> None:
        self.network, self.settings = network, settings
        self.of: dict[int, Class] = {}
        self.whole: dict[int, Module] = {}
        self.trees: dict[int, ast.ClassDef | ast.FunctionDef] = {}
        self.order: list[Class] = []
        self.helpers: dict[str, Symbol] = {}
        self.blocks = Blocks(self.of, self.helpers)
        self.overwriting = Overwriting()
        self.writer = Writer(network, self.order)
        for group in self.groups():
            self.make_all(group)

    def reached(self) -> list[Module]:
        """Return the modules that are used once blocks are put in that can be no class."""
        reached: dict[int, Module] = {}

        def visit(module: Module) -> None:
            for node in self.spliced(module).nodes:
                if node.module is not None and id(node.module) not in reached:
                    visit(node.module)
            reached[id(module)] = module

        visit(self.network.root)
        return [*reached.values()]

    def groups(self) -> list[list[list[Module]]]:
        """Return the uses of each block, inner blocks first; those that are in each other together."""
        uses: dict[int, list[Module]] = {}
        for module in self.reached():
            uses.setdefault(id(module.block), []).append(module)
        inner = {
            key: dict.fromkeys(
                id(n.module.block) for m in ours for n in self.spliced(m).nodes if n.module
            )
            for key, ours in uses.items()
        }
        return [[uses[key] for key in part] for part in components(inner)]

    def make_all(self, group: list[list[Module]]) -> None:
        """Make the classes of blocks; of those that are in themselves one each, if that can be."""
        blocks = {id(m.block) for uses in group for m in uses}
        recursive = len(group) > 1 or any(
            n.module is not None and id(n.module.block) in blocks
            for uses in group
            for m in uses
            for n in self.spliced(m).nodes
        )
        if not recursive:
            self.make(group[0])
        elif not self.make_recursive(group):
            for uses in by_height(group):
                self.make(uses)

    def make_recursive(self, group: list[list[Module]]) -> bool:
        """Make classes that name each other; say whether that can be.

        What a class takes depends on what those inside it take: it is found by doing it again.
        """
        before: list[Class | None] = [None] * len(group)
        for _ in range(MAX_AGAIN):
            classes: list[Class] = []
            try:
                for uses, last in zip(group, before, strict=True):
                    cls = Class(self, [self.spliced(m) for m in uses], named_copies(uses), last)
                    classes.append(cls)
                    for module in uses:
                        self.of.setdefault(id(module), cls)
                for cls in classes:
                    self.trees[id(cls)] = self.writer.write(cls)
            except (Parted, Unrollable, AssertionError):
                for module in (m for ours in group for m in ours):
                    self.of.pop(id(module), None)
                return False
            settled = all(
                last is not None and [n for n, _ in last.takes] == [n for n, _ in cls.takes]
                for cls, last in zip(classes, before, strict=True)
            )
            for uses, cls in zip(group, classes, strict=True):
                for module in uses:
                    self.of[id(module)] = cls
            if settled:
                self.order += classes
                return True
            before = [*classes]
        return False

    def make(self, modules: list[Module]) -> None:
        """Make the classes of the uses of a block: as few as their trees allow."""
        waiting: list[tuple[list[Module], set[int]]] = [(modules, named_copies(modules))]
        for _ in range(ROUNDS):
            if not waiting:
                return
            uses, written_out = waiting.pop(0)
            try:
                made = Class(self, [self.spliced(m) for m in uses], written_out)
                tree = self.writer.write(made)
            except Parted as parted:
                parts: dict[Any, list[Module]] = {}
                for module, label in zip(uses, parted.labels, strict=True):
                    parts.setdefault(label, []).append(module)
                if len(parts) < 2:
                    more = loop_left(uses[0], written_out)
                    if more is None:
                        raise AssertionError(f"{uses[0].name}: {parted}") from parted
                    waiting.insert(0, (uses, {*written_out, more}))
                else:
                    waiting = [*((p, set(written_out)) for p in parts.values()), *waiting]
                continue
            except Unrollable as loop:
                if loop.loop in written_out:
                    raise AssertionError(f"{uses[0].name}: {loop}") from loop
                waiting.insert(0, (uses, {*written_out, loop.loop}))
                continue
            for module in uses:
                self.of[id(module)] = made
            self.trees[id(made)] = tree
            self.order.append(made)
        raise AssertionError("too many rounds")

    def spliced(self, module: Module) -> Module:
        """Return a module with the blocks put in that can be no class."""
        if id(module) not in self.whole:
            self.whole[id(module)] = with_spliced(module)
        return self.whole[id(module)]

    # What classes ask

    def helper(self, name: str) -> Symbol:
        """Return a function of the file that Python lacks."""
        return self.helpers.setdefault(name, Symbol(name))

    # Names

    def definitions(self) -> list[ast.stmt]:
        """Return the classes and functions, with names."""
        definitions = [self.definition_of(cls) for cls in self.order]
        give(definitions, self.helpers, {*known(self.network)}, self.writer.method)
        return [d.tree for d in definitions]

    def definition_of(self, cls: Class) -> Definition:
        """Return a class with what its name is made of."""
        module, tree = cls.modules[0], self.trees[id(cls)]
        name = str(module.scope.file.document.name) if cls.is_network else module.name
        keys = {path.split(".")[0] for item, _, _ in items(cls.body) for path in item.paths}
        return Definition(cls.symbol, name, tree, keys, cls.is_network)

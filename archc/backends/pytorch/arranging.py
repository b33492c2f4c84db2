"""Items laid out as a class: attributes in the constructor, statements in forward."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from archc.backends.pytorch.attributes import Attributes, is_listed
from archc.backends.pytorch.chaining import (
    IDENTITY,
    chained,
    collected,
    copy_pieces,
    copy_texts,
    has_init,
    inits,
    piece_of,
    runs_of,
    sequential,
)
from archc.backends.pytorch.conditions import together, under
from archc.backends.pytorch.context import Split
from archc.backends.pytorch.init import BLANK
from archc.backends.pytorch.items import (
    Apply,
    Choice,
    Group,
    Item,
    Loop,
    Spelling,
    Val,
    applications,
)
from archc.backends.pytorch.lists import filled
from archc.backends.pytorch.relays import Relay, relayed
from archc.backends.pytorch.statements import Branch, Call, Collect, Each, Statement
from archc.graph import join

FEW = 3
"""So many copies that are read by themselves are written out."""


@dataclass
class Arranger(Attributes):
    """Lays out the items of one class.

    `uses` counts the uses of every value, `own_init` are lines of initialisers.
    """

    uses: Counter[Val] = field(default_factory=Counter)
    own_init: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    kept_apart: set[str] = field(default_factory=set)
    lone: Item | None = None

    def prepare(self, items: Sequence[Item]) -> list[Item]:
        """Note all paths of items, and let steps with one dotted beginning be a group."""
        found = list(applications(items))
        self.kept_apart = {a.path for a in found if a.again}
        self.taken = {a.path for a in found if a.owns and not a.again}
        grouped = self.regrouped(list(items), "")
        self.lone = grouped[0] if len(grouped) == 1 else None
        return grouped

    def regrouped(self, items: list[Item], prefix: str) -> list[Item]:
        """Put neighbours whose paths share their next part into groups."""
        for item in items:
            self.regroup_inside(item)
        depth = prefix.count(".") + 1 if prefix else 0
        heads = [self.head(i, depth) for i in items]
        out: list[Item] = []
        k = 0
        while k < len(items):
            end = k + 1
            if heads[k]:
                while end < len(items) and heads[end] == heads[k]:
                    end += 1
            run = items[k:end]
            alone = heads[k] and heads.count(heads[k]) == len(run)
            if alone and all(isinstance(i, Group | Apply | Loop) for i in run):
                path = ".".join([*([prefix] if prefix else []), heads[k]])
                inner = self.regrouped(run, path)
                names = [i.path.removeprefix(f"{path}.") for i in inner]
                numbered = names == [str(n) for n in range(len(names))]
                out.append(
                    Group(
                        path, items=inner, numbered=numbered, plain=not any("." in n for n in names)
                    )
                )
            else:
                out += run
            k = end
        return out

    def regroup_inside(self, item: Item) -> None:
        """Do so with what an item holds."""
        match item:
            case Group() if not item.numbered:
                item.items = self.regrouped(item.items, item.path)
                item.plain = item.plain and all(
                    i.path.rpartition(".")[0] == item.path for i in item.items
                )
            case Group():
                for inner in item.items:
                    self.regroup_inside(inner)
            case Choice():
                for inner in [*item.yes, *item.no]:
                    self.regroup_inside(inner)
            case Loop():
                for inner in [i for copy in item.copies for i in copy]:
                    self.regroup_inside(inner)

    def head(self, item: Item, depth: int) -> str:
        """Return the next part of an item's path, if more follow."""
        if isinstance(item, Apply) and not item.whole and not item.owns:
            return ""
        parts = item.path.split(".")
        return (
            parts[depth]
            if len(parts) > depth + 1 and not (isinstance(item, Loop) and item.spliced)
            else ""
        )

    # Items

    def place(self, items: Sequence[Item]) -> list[Statement]:
        """Lay out items in order."""
        return [
            s
            for item in relayed(items, self.uses)
            for s in (self.relay(item) if isinstance(item, Relay) else self.item(item))
        ]

    def item(self, item: Item) -> list[Statement]:
        """Lay out one item."""
        match item:
            case Apply():
                return [self.application(item)]
            case Group():
                return self.group(item)
            case Choice():
                return self.choice(item)
            case Loop():
                return self.loop(item)
        raise AssertionError(item)

    def application(self, item: Apply) -> Call:
        """Lay out an application: of a function, or of a module that becomes an attribute."""
        if item.buffers and item.spell is not None:
            return self.buffered(item, item.spell)
        if item.spell is not None and not item.again:
            return Call(item.outputs, item.inputs, item.spell, item.ends)
        if item.again:
            attribute = self.attribute(self.paths.get(item.path, item.path))
        else:
            attribute = self.keyed(item) or self.register(self.path_of(item), item.module)
            self.own_init += [line.replace(BLANK, attribute) for line in item.init]
        return Call(item.outputs, item.inputs, lambda xs: item.call(attribute, xs), item.ends)

    def buffered(self, item: Apply, spell: Spelling) -> Call:
        """Lay out a function of values and buffers, which the class registers."""
        if item.varies:
            raise Split({})
        found = [(join(item.path, name), text) for name, text in item.buffers.items()]
        reads = [self.register(path, text, buffer=True) for path, text in found]
        return Call(item.outputs, item.inputs, lambda xs: spell([*xs, *reads]), item.ends)

    def path_of(self, item: Apply) -> str:
        """Return where a module is registered; one without tensors stands where there is room."""
        if item.varies or (item.owns and not item.path):
            raise Split({})
        if item.owns:
            return item.path
        parent, _, last = item.path.rpartition(".")
        if not item.whole or parent in self.taken:  # the dropout inside of `out: x + dropout(y)`
            parent = parent.rpartition(".")[0]
        path = base = join(parent, last) or "y"
        number = 1
        while path in self.taken:
            number += 1
            path = f"{base}_{number}"
        self.taken.add(path)
        self.paths.setdefault(item.path, path)
        return path

    def group(self, item: Group) -> list[Statement]:
        """Lay out a list or named steps: one nn.Sequential where they chain, else step by step."""
        if not item.path:  # all of a block, whose steps are its own
            return self.place(item.items)
        source = self.source(item.items)
        apart = any(p == item.path or p.startswith(f"{item.path}.") for p in self.kept_apart)
        own = inits(item.items, item.path)
        if source is not None and item.plain and not item.varies and not apart and own is not None:
            pieces = chained(item.items, source, item.result, self.uses)
            text = None if pieces is None else sequential(pieces, numbered=item.numbered)
            if pieces is not None and text is None and item.numbered:
                name = item.path.rsplit(".", 1)[-1]
                name = name if name.isidentifier() and not keyword.iskeyword(name) else "layers"
                self.init += collected(pieces, name)
                text = f"nn.Sequential(*{name})"
            if text is not None:
                call = self.called(item.path, text, source, item.result)
                self.own_init += [line.replace(BLANK, self.attribute(item.path)) for line in own]
                return [call]
        return self.place(item.items)

    def called(self, path: str, text: str, source: Val, result: Val) -> Call:
        """Register a module and call it."""
        attribute = self.register(path, text)
        return Call(
            (result,), (source,), lambda xs: f"{attribute}({', '.join(xs)})", ends=True, starts=True
        )

    def source(self, items: Sequence[Item]) -> Val | None:
        """Return the one value that the first of some items reads."""
        if not items:
            return None
        if isinstance(items[0], Loop):
            return items[0].source
        if isinstance(items[0], Group):
            return self.source(items[0].items)
        if isinstance(items[0], Choice):
            return self.source([*items[0].yes, *items[0].no])
        read = items[0].reads()
        return next(iter(read)) if len(read) == 1 else None

    def choice(self, item: Choice) -> list[Statement]:
        """Lay out a choice: in the constructor where it is about modules, else in forward."""
        source = self.source([*item.yes, *item.no])
        made = list(applications([item]))
        modules = any(a.spell is None for a in made)
        plain = (
            not item.varies
            and item.path
            and not has_init([item])
            and not any(a.again for a in made)
        )
        if modules and plain and source is not None and item.merged is not None:
            found = piece_of(item, source, self.uses)
            if found is not None and len(found) == 1 and len(found[0].texts) == 1:
                text = found[0].texts[0]
                text = f"{text} if {found[0].test} else {IDENTITY}" if found[0].test else text
                call = self.called(item.path, text, source, item.result)
                call.ends = call.starts = False
                return [call]
        sides = self.guarded(item)
        if not any(sides) and item.merged is None:
            return []
        return [Branch(item.ask(), sides[0], sides[1], item.merged)]

    def guarded(self, item: Choice) -> list[list[Statement]]:
        """Lay out both sides of a choice; what they register is made only where the test says so."""
        sides, init, own = [], [], []
        outer = self.init, self.own_init
        for items in (item.yes, item.no):
            self.init, self.own_init = [], []
            sides.append(self.place(items))
            init.append(self.init)
            own.append(self.own_init)
        self.init, self.own_init = outer
        self.init += under(item.test, *init)
        if any(own):
            self.own_init += under(item.ask(), *own)
        return sides

    def loop(self, item: Loop) -> list[Statement]:
        """Lay out copies: a Sequential, modules made in a loop, or one by one."""
        inits = has_init([i for copy in item.copies for i in copy])
        apart = any(p.startswith(f"{item.path}.") for p in self.kept_apart)
        if not inits and not apart and not item.spliced:
            if item.key and item.each:
                return self.siblings(item)
            texts = copy_texts(item, self.uses)
            if texts is not None:
                call = self.called(
                    item.path,
                    item.whole or f"nn.Sequential({', '.join(texts)})",
                    item.source,
                    item.result,
                )
                attribute = self.attribute(item.path)
                self.own_init += [line.replace(BLANK, attribute) for line in item.init]
                return [call]
            if made := self.collecting(item):
                return [made]
        if not item.copies or item.init:
            raise Split({})
        return self.place([i for copy in item.copies for i in copy])

    def collecting(self, item: Loop) -> Collect | None:
        """Lay out copies that are read by themselves too: a list of modules, and one of values."""
        copies = None if item.key or len(item.copies) < FEW else copy_pieces(item, self.uses)
        if copies is None:
            return None
        texts = [t for found in runs_of(copies) for t in found]
        listed = f"[{', '.join(texts)}]"
        if len(texts) == 1 and texts[0].startswith("*("):
            listed = texts[0][2:-1]
        attribute = self.register(item.path, f"nn.ModuleList({listed})")
        results = [copy[-1].result for copy in item.copies]
        name = item.path.rpartition(".")[2]
        return Collect(attribute, name, item.source, results)

    def siblings(self, item: Loop) -> list[Statement]:
        """Lay out copies that are attributes of their own, made and called in a loop."""
        parent = item.path.rpartition(".")[0]
        if parent:
            self.container(parent)
        owner = self.attribute(parent) if parent else "self"
        key = re.sub(r'^f"(?:[\w-]+\.)+', 'f"', item.key)  # of a dotted one, what is in its parent
        self.init += [f"{item.head}:", f"    {owner}.add_module({key}, {item.each})"]
        ends = (item.source,), (item.result,)
        if self.lone is item and not parent:
            return [Each("for layer in self.children()", "layer", *ends)]
        return [Each(item.ask(), f"getattr({owner}, {key})", *ends)]

    def relay(self, relay: Relay) -> list[Statement]:
        """Lay out alike modules that hand several values on: made and called in a loop."""
        modules = relay.modules
        after = f"{relay.base}{relay.turns.stop}"
        listed = relay.listed and not any(p == after for p in self.taken)
        apart = any(a.path in self.kept_apart for a in modules)
        if apart or (relay.base.endswith(".") and not listed):
            return [self.application(a) for a in modules]
        ends = modules[0].inputs, modules[-1].outputs
        if listed:
            generator = f"nn.ModuleList({relay.text} {relay.head})"
            return [Each(f"for layer in {self.register(relay.parent, generator)}", "layer", *ends)]
        if relay.parent:
            self.container(relay.parent)
        owner = self.attribute(relay.parent) if relay.parent else "self"
        self.init += [f"{relay.head}:", f"    {owner}.add_module({relay.key}, {relay.text})"]
        return [Each(relay.head, f"getattr({owner}, {relay.key})", *ends)]


def arranged(items: Sequence[Item], uses: Counter[Val]) -> tuple[Arranger, list[Statement]]:
    """Lay out the items of a class.

    What is numbered, as is known only then, is a list in a second layout.
    """
    lists: frozenset[str] = frozenset()
    while True:
        arranger = Arranger(lists, uses=uses)
        statements = arranger.place(arranger.prepare(items))
        found = arranger.children.items()
        numbered = {p for p, names in found if p and is_listed(names)}
        if frozenset(numbered) == lists:
            arranger.init = filled(together(arranger.init))
            return arranger, statements
        lists = frozenset(numbered)

"""The outline of a network as the template reads it: boxes with their texts, drawings and places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from archc.backends.drawing.captions import caption
from archc.backends.drawing.fold import Folding
from archc.backends.drawing.style import Theme
from archc.backends.report.contexts import Contexts
from archc.backends.report.outline import OutlineItem, Stack
from archc.backends.report.pictures import drawn, keyed, part
from archc.backends.report.records import Records
from archc.graph import Network, join
from archc.passes.costs import inferring

View = dict[str, Any]


@dataclass
class Layout:
    """Writes stacks for the template."""

    network: Network
    records: Records
    theme: Theme
    folding: Folding = field(default_factory=Folding)
    rows: int = 0
    lanes: int = 0
    """The most of any stack."""

    def __post_init__(self) -> None:
        self.places = Contexts(self.network.root)
        self.inferring = set(map(id, inferring(self.network)))

    def stack(self, stack: Stack) -> View:
        """Return a stack: its items in rows, the links between them, its arcs in lanes."""
        items = [self.item(item) for item in stack.items]
        rows = []
        for k, item in enumerate(items):
            link = stack.links[k] if k < len(stack.links) else ""
            told = "port" in (item["kind"], *(each["kind"] for each in items[k + 1 : k + 2]))
            more = {
                "row": 2 * k + 1,
                "label": "" if told else link,
                "down": bool(link) or any(arc.tail == k for arc in stack.arcs),
                "up": bool(link) or any(arc.head == k + 1 for arc in stack.arcs),
                "last": k == len(items) - 1,
            }
            rows.append({**item, **more})
        arcs = [
            {"start": 2 * a.tail + 2, "end": 2 * a.head + 1, "lane": a.lane, "label": a.shape}
            for a in stack.arcs
        ]
        self.rows = max(self.rows, 2 * len(rows))
        self.lanes = max(self.lanes, stack.lanes)
        return {"items": rows, "arcs": arcs, "lanes": stack.lanes}

    def item(self, item: OutlineItem) -> View:
        """Return a box: its record's key, its texts, and what it opens to."""
        view: View = {
            "kind": item.kind,
            "title": item.title,
            "times": item.times,
            "lines": item.lines,
            "training": item.training or self.leaves_out(item),
        }
        if item.kind == "port":
            values = list((item.gives or item.reads).values())
            view["shape"] = ", ".join(str(value.shape) for value in values)
        if not item.nodes:
            return view
        view["facts"] = caption(item.nodes)
        view["shape"] = str(item.nodes[-1].outputs[0].shape)
        if item.kind != "ops":
            view["key"] = self.key(item)
        if item.kind == "block":
            view["lines"] = [span(item), *item.lines]
        inside = item.inside
        if inside is not None and len(inside.items) > 1:
            view["stack"] = self.stack(inside)
        else:
            view["svg"] = self.drawing(inside.items[0] if inside else item)
        return view

    def leaves_out(self, item: OutlineItem) -> bool:
        """Whether only outputs for training need an item, so that inference never runs it."""
        return bool(item.nodes) and all(id(node) not in self.inferring for node in item.nodes)

    def key(self, item: OutlineItem) -> str:
        """Return the key of the record of a stage or of a run of blocks."""
        first, last = (self.places.at_top(item.nodes[k]) for k in (0, -1))
        path = span(item)
        times = item.times if item.times > 1 else None
        return self.records.add(item.title, first, item.nodes, last=last, path=path, total=times)

    def drawing(self, item: OutlineItem) -> str:
        """Return the drawing of the layers of an item, the first of those that are alike."""
        root = self.network.root
        nodes, module, prefix = list(item.first), root, ""
        contexts = self.places.below(nodes)
        only = nodes[0]
        if item.kind == "block" and len(nodes) == 1 and only.module is not None:
            prefix, module = join("", only.path) or only.name, only.module
            nodes = only.module.nodes
        scene = part(nodes, module, prefix, self.folding)
        keyed(scene, contexts, self.records)
        return drawn(scene, self.theme)


def span(item: OutlineItem) -> str:
    """Return the path of an item, or the first and the last one: `layer1.1 to layer1.2`."""
    first, last = (item.nodes[k].path or item.nodes[k].name for k in (0, -1))
    return first if first == last else f"{first} to {last}"

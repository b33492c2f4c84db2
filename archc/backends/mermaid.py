"""A picture as Mermaid text, which Markdown on GitHub and elsewhere shows as a diagram."""

from __future__ import annotations

from collections.abc import Iterator

from archc import escaping
from archc.backends.drawing import alt_text
from archc.backends.drawing.scene import Arrow, Box, Frame, Scene, boxes
from archc.backends.drawing.style import Theme

BRACKETS = {
    "port": ("([", "])"), "merge": ("((", "))"), "concat": ("[\\", "/]"), "split": ("[/", "\\]"),
    "source": (">", "]"), "fork": ("((", "))"),
}  # fmt: skip
LINES = {"flow": "-->", "identity": "-->", "projection": "-.->", "gate": "--o"}


def mermaid(scene: Scene, theme: Theme) -> str:
    """Return a picture as the text of a Mermaid flowchart; the same picture, the same text."""
    return "\n".join(Writer(scene, theme).lines()) + "\n"


class Writer:
    """Writes one picture; boxes are called b0, b1, ..., frames f0, f1, ..., in their order."""

    def __init__(self, scene: Scene, theme: Theme) -> None:
        self.scene, self.theme = scene, theme
        self.names = {id(box): f"b{k}" for k, box in enumerate(boxes(scene.items))}
        self.frames = 0

    def lines(self) -> Iterator[str]:
        """Yield the lines of the flowchart."""
        yield "flowchart TB"
        yield f"  accTitle: {escaping.mermaid_line(self.scene.name)}"
        yield f"  accDescr: {escaping.mermaid_line(alt_text.describe(self.scene))}"
        yield from self.items(self.scene.items, "  ")
        yield from map(self.arrow, self.scene.arrows)
        for box in boxes(self.scene.items):
            if box.shortcut != "flow":
                yield f"  {self.names[id(box)]} {LINES[box.shortcut]} {self.names[id(box)]}"
        yield from self.classes()

    def items(self, items: list[Box | Frame], indent: str) -> Iterator[str]:
        """Yield boxes, and frames around theirs."""
        for item in items:
            if isinstance(item, Box):
                yield indent + self.box(item)
                continue
            name = f"f{self.frames}"
            self.frames += 1
            times = [f"×{item.times}"] if item.times > 1 else []
            yield f'{indent}subgraph {name}["{lined([item.title, *times, item.counts])}"]'
            yield from self.items(item.items, indent + "  ")
            yield f"{indent}end"

    def box(self, box: Box) -> str:
        """Write a box with its text."""
        left, right = BRACKETS.get(box.kind, ("(", ")"))
        if box.kind == "merge" and len(box.title) > 1:
            left, right = "(", ")"
        notes = box.notes if box.kind == "block" else [", ".join(box.notes)]
        times = [f"×{box.times}"] if box.times > 1 else []
        return f'{self.names[id(box)]}{left}"{lined([box.title, *notes, *times, box.counts]) or " "}"{right}'

    def arrow(self, arrow: Arrow) -> str:
        """Write an arrow with its text."""
        line = LINES[arrow.kind]
        if arrow.training:
            line = "-.->"
        elif arrow.head.kind == "fork" and arrow.kind in ("flow", "identity"):
            line = "---"
        text = ", ".join(filter(None, (arrow.via, arrow.shape)))
        label = f'|"{escaping.mermaid(text)}"|' if text else ""
        return f"  {self.names[id(arrow.tail)]} {line}{label} {self.names[id(arrow.head)]}"

    def classes(self) -> Iterator[str]:
        """Yield the colours of each kind of box."""
        kinds: dict[str, list[str]] = {}
        for box in boxes(self.scene.items):
            kinds.setdefault(box.kind, []).append(self.names[id(box)])
        training = [self.names[id(b)] for b in boxes(self.scene.items) if b.training]
        for kind, names in kinds.items():
            paint = self.theme.boxes.get(kind, self.theme.boxes["port"])
            yield f"  classDef {kind} fill:{paint.fill},stroke:{paint.line},color:{self.theme.text}"
            yield f"  class {','.join(names)} {kind}"
        if training:
            yield f"  classDef training stroke-dasharray:4 3,color:{self.theme.quiet}"
            yield f"  class {','.join(training)} training"


def lined(parts: list[str]) -> str:
    """Write parts of a label below one another."""
    return "<br/>".join(escaping.mermaid(part) for part in parts if part)

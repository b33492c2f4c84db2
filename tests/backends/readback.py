"""An SVG read back, for the proofs that a picture is whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from archc.backends.drawing.scene import Arrow, Box, Frame

SVG = "{http://www.w3.org/2000/svg}"


@dataclass
class Drawn:
    """Words of each node and frame, ends and words of each edge, by id; and which are broken."""

    vias: dict[str, str] = field(default_factory=dict)
    words: dict[str, list[str]] = field(default_factory=dict)
    edges: dict[str, tuple[str, str]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, svg: str) -> Drawn:
        found = cls()
        for group in ET.fromstring(svg).iter(f"{SVG}g"):  # noqa: S314 - our own picture
            name, kind = group.get("id", ""), group.get("class")
            title = group.findtext(f"{SVG}title") or ""
            if kind in ("node", "cluster"):
                words = [(t.text or "").strip() for t in group.iter(f"{SVG}text")]
                found.words[name] = [word for word in words if word]
            elif kind == "edge":
                path = group.find(f"{SVG}path")
                assert path is not None, f"{title} has no line"
                assert len(path.get("d", "")) > len("M0,0"), f"{title} has no line"
                if "stroke-dasharray" in path.attrib:
                    found.broken.add(name)
                tail, _, head = title.partition("->")
                found.edges[name] = tail, head
                found.vias[name] = " ".join(
                    (t.text or "").strip() for t in group.iter(f"{SVG}text")
                )
        return found

    def joins(self, arrow: Arrow) -> bool:
        """Whether an arrow is drawn from its tail to its head, round a turn perhaps."""
        tail, head = arrow.tail.id, arrow.head.id
        if self.edges.get(arrow.id) == (tail, head):
            return True
        pieces = [self.edges.get(arrow.id + end) for end in ("", "-up", "-over", "-down")]
        if None in pieces:
            return False
        first, up, over, down = (piece or ("", "") for piece in pieces)
        foot, top = first[1], down[0]
        return (first[0], down[1]) == (tail, head) and up == (over[0], foot) and over[1] == top

    def repeats(self, item: Box | Frame) -> bool:
        """Whether a box or frame says how often it is there."""
        return item.times > 1 and f"×{item.times}" in " ".join(self.words[item.id]).split()

"""Blocks alike in form share one drawing, where a picture of each would be too large for a page.

The first block of a form is drawn in a frame. Each later one is a box that bears the name of
the frame and says what its own layers are called.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, zip_longest

from archc.backends.drawing.fold import Folding
from archc.backends.drawing.labels import label
from archc.backends.drawing.scene import Box, Frame
from archc.graph import Module

MOST = 6
"""A block that differs in more layers from the one that is drawn is drawn itself."""


class SharedBlocks:
    """The drawings of a picture that stand for more blocks than their own, by form."""

    def __init__(self, folding: Folding) -> None:
        self.folding = folding
        self.frames: dict[int, tuple[Frame, Module]] = {}
        self.boxes: dict[int, list[Box]] = defaultdict(list)

    def add(self, module: Module, frame: Frame) -> None:
        """Note that a block is drawn in a frame."""
        self.frames.setdefault(self.folding.form(module), (frame, module))

    def drop(self, item: Box | Frame) -> None:
        """Note that a frame is none of the picture after all."""
        self.frames = {f: known for f, known in self.frames.items() if known[0] is not item}

    def drawn(self, module: Module) -> bool:
        """Say whether a block of the form of this one is drawn."""
        return self.folding.form(module) in self.frames

    def refer(self, box: Box, module: Module, *, listed: bool) -> bool:
        """Let a block's box refer to a drawing, and say of each layer that differs what it is.

        Returns whether it can: False where too many differ.
        """
        form = self.folding.form(module)
        box.like, like = self.frames[form]
        differ = layer_changes(like, module)
        if listed:
            words = _words(" ".join(box.notes))
            differ = [each for each in differ if each.weighted and not _words(each.new) <= words]
        if len(differ) > MOST:
            return False
        box.notes = box.notes * listed + [each.text for each in differ]
        self.boxes[form].append(box)
        return True

    def name(self) -> None:
        """Tell forms of one name apart by letters, where boxes refer to them."""
        forms: dict[str, list[int]] = defaultdict(list)
        for form, (frame, _) in self.frames.items():
            forms[frame.title].append(form)
        for title, same in forms.items():
            letters = _letters()
            for form in same:
                if len(same) > 1 and form in self.boxes:
                    frame = self.frames[form][0]
                    frame.title = f"{title} {next(letters)}"
                    for box in self.boxes[form]:
                        box.title = frame.title


@dataclass(frozen=True)
class LayerChange:
    """What a layer is called in a block that is drawn, and in another of its form."""

    old: str
    new: str
    weighted: bool

    @property
    def text(self) -> str:
        """Both, part by part: `1×1, 32 → 64`."""
        parts = zip_longest(self.old.split(", "), self.new.split(", "))
        return ", ".join(_part(a, b) for a, b in parts)


def layer_changes(like: Module, module: Module) -> list[LayerChange]:
    """Return the layers of a block that are not called what they are in one of its form."""
    both = zip(_names(like), _names(module), strict=True)
    changes = dict.fromkeys(LayerChange(old, new, weighted) for (old, _), (new, weighted) in both)
    return [each for each in changes if each.old != each.new]


def _words(text: str) -> set[str]:
    return set(text.replace(",", "").split())


def _part(old: str | None, new: str | None) -> str:
    if new is None:
        return f"no {old}"
    return new if old in (None, new) else f"{old} → {new}"


def _names(module: Module) -> Iterator[tuple[str, bool]]:
    for leaf in module.leaves():
        if leaf.node.op is not None:
            yield label(leaf.node, leaf.node.op).short, leaf.node.op.weighted


def _letters() -> Iterator[str]:
    """Yield A to Z, and numbers behind them."""
    yield from "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    yield from map(str, count(27))

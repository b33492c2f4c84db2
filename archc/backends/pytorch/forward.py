"""The forward method: values as Python expressions, nested where they are used once.

An expression waits until it is used, so that a chain of calls becomes one line. Statements
keep the order of the text: whatever waits from earlier is written before a later statement.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass, field

from archc.backends.pytorch.layout import WIDTH, fit


@dataclass(eq=False)
class Flow:
    """A value in the forward method.

    `text` is the expression that gives it, `name` the variable that it may be put in, and
    `candidates` are expressions, in the constructor, of its channels. A flow that waits is
    not in a variable yet.
    """

    text: str
    name: str = "y"
    candidates: tuple[str, ...] = ()
    waits: bool = False
    overwritable: bool = False
    ends: bool = False


@dataclass
class Forward:
    """The statements of a forward method as they are collected."""

    indent: str = " " * 8
    lines: list[str] = field(default_factory=list)
    waiting: list[Flow] = field(default_factory=list)

    def wait(self, flow: Flow) -> Flow:
        """Let a value wait for its use."""
        flow.waits = True
        self.waiting.append(flow)
        return flow

    def take(self, flow: Flow) -> str:
        """Return the text of a value that is used here for the last time."""
        if flow.waits:
            self.waiting.remove(flow)
            flow.waits = False
        return flow.text

    def settle(self, flow: Flow, name: str | None = None) -> None:
        """Put a value into its variable, after all that waits from before it."""
        if not flow.waits:
            return
        while self.waiting and self.waiting[0] is not flow:
            self.settle(self.waiting[0])
        self.take(flow)
        target = name or flow.name
        self.emit(f"{target} = {flow.text}")
        flow.text = target

    def settle_all(self) -> None:
        """Put everything that waits into variables."""
        while self.waiting:
            self.settle(self.waiting[0])

    def emit(self, statement: str) -> None:
        """Write a statement."""
        self.lines += fit(self.indent + statement)

    def fits(self, text: str, *, room: int = 12) -> bool:
        """Whether an expression still fits a line, with room for its variable."""
        return len(self.indent) + len(text) + room <= WIDTH

    def mentions(self, name: str) -> bool:
        """Whether something that waits reads a variable."""
        return any(re.search(rf"\b{name}\b", f.text) for f in self.waiting)


def variable(name: str, taken: set[str]) -> str:
    """Return a name that Python takes and that is no other's."""
    plain = re.sub(r"\W", "_", name).strip("_") or "y"
    if keyword.iskeyword(plain) or plain[0].isdigit() or plain in taken:
        plain += "_"
    return plain

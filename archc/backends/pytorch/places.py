"""Where a step stands, and what its value is called."""

from __future__ import annotations

from dataclasses import dataclass

from archc.backends.pytorch.context import Context, Contexts
from archc.language.evaluate import EvalFault
from archc.language.scalars import Key
from archc.lower.marks import Poisoned


@dataclass(frozen=True)
class Where:
    """Where a step stands: how deep its body is, and its key, None inside a list.

    `copies` counts the loops that number its copies; `whole` says that it is all of a block.
    """

    depth: int = 0
    key: Key | None = None
    copies: int = 0
    whole: bool = False

    @property
    def silent(self) -> bool:
        """Whether the step adds nothing to the path."""
        return self.key is not None and self.key.silent

    @property
    def inside(self) -> int:
        """The depth of what the step holds."""
        if self.silent or self.whole:
            return self.depth
        return self.depth + self.copies + (1 if self.key is None else self.key.text.count(".") + 1)


def named(key: Key, contexts: Contexts) -> str:
    """Return the name of a step's value: its key, filled in where the uses agree in that."""
    found = {filled(key, c) for c in contexts} if key.exprs else {key.identifier}
    name = found.pop() if len(found) == 1 else key.identifier
    return name.strip("_") or "v"


def filled(key: Key, context: Context) -> str:
    """Return a key with its expressions filled in; its text, outside the loop that it needs."""
    try:
        parts = [p if isinstance(p, str) else context.evaluate(p, p.tree) for p in key.parts]
    except (EvalFault, Poisoned):
        return key.identifier
    return "".join(map(str, parts))

"""Alike modules that hand several values on, one after the other: made and called in a loop."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archc.backends.pytorch.items import Apply, Item, Val
from archc.backends.pytorch.render import parsed

FEW = 3
"""So many modules are written out, more become a loop."""
TURN = "i"


@dataclass(frozen=True)
class Relay:
    """Modules whose paths are `base` and the numbers of `turns`, and one text for all of them."""

    base: str
    turns: range
    text: str
    modules: Sequence[Apply]

    @property
    def parent(self) -> str:
        """The path of what holds the modules."""
        return self.base.rpartition(".")[0]

    @property
    def listed(self) -> bool:
        """Whether the modules are the first of a list."""
        return self.base.endswith(".") and self.turns.start == 0

    @property
    def key(self) -> str:
        """The name of a module, as a formatted string."""
        return f'f"{self.base.rpartition(".")[2]}{{{TURN}}}"'

    @property
    def head(self) -> str:
        """The head of the loop."""
        start = f"{self.turns.start}, " if self.turns.start else ""
        return f"for {TURN if self.counted else '_'} in range({start}{self.turns.stop})"

    @property
    def counted(self) -> bool:
        """Whether a turn's number is read."""
        named = any(isinstance(n, ast.Name) and n.id == TURN for n in ast.walk(parsed(self.text)))
        return named or not self.listed


def relayed(items: Sequence[Item], uses: Counter[Val]) -> Iterator[Item | Relay]:
    """Yield items, with those that are more than a few turns of one loop together."""
    k = 0
    while k < len(items):
        found = relay(items[k:], uses)
        yield items[k] if found is None else found
        k += 1 if found is None else len(found.modules)


def relay(items: Sequence[Item], uses: Counter[Val]) -> Relay | None:
    """Return the longest loop that items begin with, None where that is a few turns."""
    run: list[Apply] = []
    for item in items:
        if not isinstance(item, Apply) or not follows(item, run, uses):
            break
        run.append(item)
    if len(run) <= FEW:
        return None
    base, start = numbered(run[0].path)
    turns = range(start, start + len(run))
    longest = len(run)
    while longest > FEW:
        text = one_text([a.module for a in run[:longest]], start)
        if text is not None:
            return Relay(base, turns[:longest], text, run[:longest])
        longest -= 1
    return None


def follows(item: Apply, run: Sequence[Apply], uses: Counter[Val]) -> bool:
    """Whether a module is the next of a run: it takes what the one before it gives, and all."""
    base, number = numbered(item.path)
    plain = item.owns and item.module and item.spell is None and not item.init and not item.buffers
    several = len(item.outputs) == len(item.inputs) > 1
    if number < 0 or not plain or not several or item.again or item.varies:
        return False
    if not run:
        return True
    last = run[-1]
    alone = all(uses[v] == 1 for v in last.outputs)
    return numbered(last.path) == (base, number - 1) and item.inputs == last.outputs and alone


def numbered(path: str) -> tuple[str, int]:
    """Return a path without the number at its end, and that number, -1 where there is none."""
    found = re.fullmatch(r"(.*?)(0|[1-9]\d*)", path)
    return (found[1], int(found[2])) if found else (path, -1)


def one_text(texts: Sequence[str], start: int) -> str | None:
    """Return one text for all turns: numbers that grow evenly are written over the turn."""
    trees = [parsed(t) for t in texts]
    if len({bare(t) for t in trees}) > 1 or TURN in names(trees[0]):
        return None
    text = texts[0]
    places = zip(*(whole_numbers(t) for t in trees), strict=True)
    for place in sorted(places, key=lambda p: p[0][0].col_offset, reverse=True):
        values = [node.value for node, _ in place]
        step = values[1] - values[0]
        if values != [values[0] + step * k for k in range(len(values))]:
            return None
        node, free = place[0]
        if step and not free:
            return None
        if step:
            said = over_turns(values[0] - step * start, step)
            text = text[: node.col_offset] + said + text[node.end_col_offset :]
    return text


def over_turns(first: int, step: int) -> str:
    """Write `first + step * i`."""
    grows = TURN if abs(step) == 1 else f"{abs(step)} * {TURN}"
    if step < 0:
        return f"{first} - {grows}"
    if first < 0:
        return f"{grows} - {-first}"
    return f"{first} + {grows}" if first else grows


def whole_numbers(tree: ast.expr) -> list[tuple[ast.Constant, bool]]:
    """Return the whole numbers of an expression, and whether a sum may stand for each."""
    return [
        (child, isinstance(parent, ast.Call | ast.keyword | ast.Tuple | ast.List))
        for parent in ast.walk(ast.Expression(tree))
        for child in ast.iter_child_nodes(parent)
        if isinstance(child, ast.Constant) and type(child.value) is int
    ]


def bare(tree: ast.expr) -> str:
    """Return what an expression is but for its whole numbers."""
    copy = parsed(ast.unparse(tree))
    for node, _ in whole_numbers(copy):
        node.value = 0
    return ast.dump(copy)


def names(tree: ast.expr) -> set[str]:
    """Return the names in an expression."""
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}

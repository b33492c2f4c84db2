"""Two networks to their difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from archc.diagnostics import Source, SpecError
from archc.graph import Module, Network, Node, Stage, join
from archc.passes.difference.align import Aligner
from archc.passes.difference.keys import keys
from archc.passes.difference.model import (
    BlockChange,
    Difference,
    Kind,
    Pair,
    Setting,
    StageChange,
    StepChange,
    described,
    value_of,
)
from archc.passes.difference.text import TextChange, text_changes


def difference(before: Network, after: Network) -> Difference:
    """Compare two networks: their text, settings, stages, blocks and state_dict keys."""
    return Comparison(before, after).result()


class Comparison:
    """One comparison; `blocks` are the pairs of blocks that differ, found once each."""

    def __init__(self, before: Network, after: Network) -> None:
        self.before, self.after = before, after
        self.aligner = Aligner()
        self.blocks: dict[tuple[object, ...], BlockChange] = {}
        self._steps: dict[tuple[int, int], tuple[StepChange, ...]] = {}

    def result(self) -> Difference:
        """Compare them."""
        cut = [
            (a, b, self.aligner.nodes(a.nodes if a else (), b.nodes if b else ()))
            for a, b in self.aligner.stages(self.before.stages, self.after.stages)
        ]
        pairs = [pair for _, _, part in cut for pair in part]
        steps = self.steps(self.before.root, self.after.root, pairs)
        by_pair = {id(step.pair): step for step in steps}
        stages = [_stage(a, b, [by_pair[id(p)] for p in part]) for a, b, part in cut]
        self.visit(pairs, "", "")
        texts = tuple(text_changes(_source(self.before), _source(self.after)))
        return Difference(
            self.before,
            self.after,
            texts,
            tuple(_settings(self.before, self.after, texts)),
            tuple(stages),
            tuple(self.blocks.values()),
            keys(self.before, self.after, pairs, self.aligner),
            outputs_differ=_outputs_differ(self.before.root, self.after.root, pairs),
        )

    def steps(self, before: Module, after: Module, pairs: Sequence[Pair]) -> tuple[StepChange, ...]:
        """Say what became of each step of a block."""
        partners = _partners(before, after, pairs)
        kinds = ((pair, self.kind(pair, partners)) for pair in pairs)
        return tuple(StepChange(pair, kind, described(kind, pair)) for pair, kind in kinds)

    def kind(self, pair: Pair, partners: Mapping[int, int]) -> Kind:
        """Say what became of a step."""
        a, b = pair.before, pair.after
        if a is None or b is None:
            return "added" if a is None else "removed"
        if self.aligner.look(a) != self.aligner.look(b):
            return "changed"
        if _rewired(a, b, partners):
            return "rewired"
        if a.path != b.path:
            return "renamed"
        return "same" if _sizes(a) == _sizes(b) else "follows"

    def visit(self, pairs: Iterable[Pair], old: str, new: str) -> None:
        """Note the blocks that differ, with all their places."""
        for pair in pairs:
            a, b = pair.before, pair.after
            if a is None or b is None or a.module is None or b.module is None:
                continue
            if self.aligner.number(a.module) == self.aligner.number(b.module):
                continue
            one, other = join(old, a.path), join(new, b.path)
            inner = self.aligner.modules(a.module, b.module)
            self.note(a.module, b.module, inner, (one, other))
            self.visit(inner, one, other)

    def note(
        self, before: Module, after: Module, pairs: tuple[Pair, ...], place: tuple[str, str]
    ) -> None:
        """Note a place of a block that differs; blocks of which the same is said are one."""
        key = (id(before), id(after))
        if key not in self._steps:
            steps = self.steps(before, after, pairs)
            self._steps[key] = tuple(s for s in steps if s.kind not in ("same", "follows"))
        found = self._steps[key]
        if all(step.inside for step in found):
            return  # what differs is in the blocks in it, which are noted themselves
        looks = (before.name, after.name, *((s.kind, s.pair.path, s.text) for s in found))
        self.blocks.setdefault(looks, BlockChange(before, after, found)).places.append(place)


def _partners(before: Module, after: Module, pairs: Iterable[Pair]) -> dict[int, int]:
    """Return for every value of one module that of the other, by identity; both ways."""
    pairs_of_values = list(zip(before.inputs, after.inputs, strict=False))
    for pair in pairs:
        if pair.before is not None and pair.after is not None:
            pairs_of_values += zip(pair.before.outputs, pair.after.outputs, strict=False)
    return {id(a): id(b) for a, b in pairs_of_values} | {id(b): id(a) for a, b in pairs_of_values}


def _rewired(a: Node, b: Node, partners: Mapping[int, int]) -> bool:
    """Say whether a step reads something else, and not just past what came or went."""
    if len(a.inputs) != len(b.inputs):
        return True
    read = zip(a.inputs, b.inputs, strict=True)
    return any(
        id(x) in partners and id(y) in partners and partners[id(x)] != id(y) for x, y in read
    )


def _sizes(node: Node) -> tuple[object, ...]:
    return (*node.shapes, *(value.shape for value in node.outputs))


def _stage(before: Stage | None, after: Stage | None, steps: Sequence[StepChange]) -> StageChange:
    kind: Kind
    if before is None or after is None:
        kind = "added" if before is None else "removed"
    elif any(s.kind not in ("same", "follows", "renamed") for s in steps):
        kind = "changed"
    elif before.name != after.name or any(s.kind == "renamed" for s in steps):
        kind = "renamed"
    else:
        kind = "follows" if any(s.kind == "follows" for s in steps) else "same"
    return StageChange(before, after, kind, tuple(steps))


def _outputs_differ(before: Module, after: Module, pairs: Iterable[Pair]) -> bool:
    partners = _partners(before, after, pairs)
    names = [[(o.name, o.training) for o in m.outputs] for m in (before, after)]
    if names[0] != names[1] or len(before.values) != len(after.values):
        return True
    return any(
        partners.get(id(x), id(y)) != id(y) or x.shape != y.shape
        for x, y in zip(before.values, after.values, strict=True)
    )


def _source(network: Network) -> Source:
    source: Source = network.document.name.span.source
    return source


def _settings(before: Network, after: Network, texts: Sequence[TextChange]) -> Iterator[Setting]:
    """Yield the params whose values differ, but for those whose text does."""
    changed = {change.path for change in texts}
    old, new = _values(before), _values(after)
    for name in {**old, **new}:
        values = old.get(name), new.get(name)
        if values[0] != values[1] and f"params.{name}" not in changed:
            yield Setting(name, *values)


def _values(network: Network) -> dict[str, str]:
    """Return the values of the params of a network, spelled; those with none are left out."""
    texts: dict[str, str] = {}
    for name in map(str, network.document.params):
        with suppress(SpecError):
            texts[name] = value_of(network.root.scope[name])
    return texts

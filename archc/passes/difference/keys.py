"""What becomes of a state_dict: tensors kept, reshaped, renamed, lost and new.

Two tensors are one where the ops that own them are aligned. So a step that is put in front of
a list renames those behind it, and a weight that merely has the key of another one is not
taken for it. Ops that moved into a block, or out of one, are aligned as they follow one another
in both networks. Tensors of ops that have no partner are compared by their keys.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping

from archc.graph import Network, Node, join, unrolled
from archc.passes.difference.align import Aligner, matched
from archc.passes.difference.model import Keys, Pair


def keys(before: Network, after: Network, pairs: Iterable[Pair], aligner: Aligner) -> Keys:
    """Compare the state_dicts of two networks whose steps are aligned."""
    old, new = before.state_dict_shapes(), after.state_dict_shapes()
    partner: dict[str, str] = {}
    taken: set[str] = set()
    aligned = [*_tensors(pairs, "", "", aligner)]
    equal_keys = {k: k for k in old if old[k] == new.get(k)}
    moved = _moved(before, after, equal_keys | dict(aligned), aligner)
    for one, other in (*aligned, *moved):
        fits = one == other or (one in old and other in new and old[one] == new[other])
        if fits and one in old and other in new and one not in partner and other not in taken:
            partner[one] = other
            taken.add(other)
    for key in old:
        if key not in partner and key in new and key not in taken:
            partner[key] = key
            taken.add(key)
    same = [k for k, other in partner.items() if k == other]
    equal = {k for k in same if old[k] == new[k]}
    return Keys(
        tuple(k for k in old if k in equal),
        {k: (old[k], new[k]) for k in old if k in partner and partner[k] == k and k not in equal},
        {k: partner[k] for k in old if k in partner and partner[k] != k},
        {k: shape for k, shape in old.items() if k not in partner},
        {k: shape for k, shape in new.items() if k not in taken},
    )


def _tensors(
    pairs: Iterable[Pair], old: str, new: str, aligner: Aligner
) -> Iterator[tuple[str, str]]:
    """Yield the keys of tensors that aligned ops own, before and after."""
    for pair in pairs:
        a, b = pair.before, pair.after
        if a is None or b is None:
            continue
        one, other = join(old, a.path), join(new, b.path)
        if a.module is not None and b.module is not None:
            yield from _tensors(aligner.modules(a.module, b.module), one, other, aligner)
        else:
            yield from ((join(one, n), join(other, n)) for n in a.tensors if n in b.tensors)


def _moved(
    before: Network, after: Network, aligned: Mapping[str, str], aligner: Aligner
) -> Iterator[tuple[str, str]]:
    """Yield the keys of tensors whose ops stand in another block, before and after.

    They say the same on equal sizes, read the same kinds of op, and stand beside partners.
    """

    def look(node: Node) -> Hashable:
        shapes = (v.shape for v in node.outputs)
        read = (v.node.name if v.node else "" for v in node.inputs)
        return (aligner.look(node), node.shapes, *shapes, *read)

    old, new = _owners(before), _owners(after)
    partner = {-1: -1, len(old): len(new)}
    places = {key: k for k, n in enumerate(new) for key in _keys(n)}
    for k, node in enumerate(old):
        others = [aligned[key] for key in _keys(node) if key in aligned]
        if others and others[0] in places:
            partner[k] = places[others[0]]
    alone = [k for k in range(len(old)) if k not in partner]
    left = [k for k in range(len(new)) if k not in partner.values()]
    pairs = matched(
        [(k, old[k]) for k in alone], [(k, new[k]) for k in left], [lambda p: look(p[1])]
    )
    moved = {a[0]: b[0] for a, b in pairs if a is not None and b is not None}
    for order, step in ((sorted(moved), 1), (sorted(moved, reverse=True), -1)):
        for k in order:  # beside one that has a partner, or that moved with it
            if partner.get(k - step) == moved[k] - step:
                partner[k] = moved[k]
    for k, other in moved.items():
        if k in partner:
            a, b = old[k], new[other]
            yield from ((join(a.path, n), join(b.path, n)) for n in a.tensors)


def _owners(network: Network) -> list[Node]:
    """Return the ops with tensors of their own, with their full paths."""
    return [n for n in unrolled(network.root).nodes if n.tensors and not n.again]


def _keys(node: Node) -> list[str]:
    return [join(node.path, name) for name in node.tensors]
